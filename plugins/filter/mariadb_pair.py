# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: mariadb_pair
short_description: What state a replicating pair of MariaDB servers is in, and what may be done about it
version_added: "0.1.0"
description:
  - Judges the two servers of an exchange from what M(dialtone.ha_pbx.mariadb_info) says of each.
  - It decides nothing that could lose a row. Where it is not certain, the state is V(broken) and a person decides.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description:
      - Name of each node that is in the run to its result of M(dialtone.ha_pbx.mariadb_info).
    type: dict
    required: true
  nodes:
    description:
      - The two nodes, each with C(name) and C(address), as in C(pbx_nodes).
    type: list
    elements: dict
    required: true
  databases:
    description:
      - Databases that the pair shares.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Judge the pair
  ansible.builtin.set_fact:
    pair: "{{ infos | dialtone.ha_pbx.mariadb_pair(nodes=pbx_nodes, databases=['asteriskcdr']) }}"
"""

RETURN = r"""
_value:
  description: >-
    C(state) is one of V(healthy) - both directions run; V(fresh) - neither direction is set up and it may be;
    V(half) - one direction runs, the other was never set up and may be; V(refused) - both are set up and nothing is wrong
    with the data, but a primary refuses a replica's password, or TLS between them fails; V(peer_away) - the node that is
    in the run is well but for its peer, which is not; V(broken) - a person has to look. C(source) is the node whose data count and
    C(target) the other one (V(fresh), V(half)), C(seed) the databases that the target has to be seeded with,
    C(problems) what is wrong, where, and what to do. C(foreign) names each database that replication would not find on the other
    node - one that nobody listed as shared, where the pair is to be set up, and what to do about it.
  type: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.mariadb_pair import mariadb_pair


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"mariadb_pair": mariadb_pair}
