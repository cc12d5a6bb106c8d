# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_ports
short_description: The ports by which a node of the pair has to reach the others
version_added: "0.1.0"
description:
  - Gives what M(dialtone.ha_pbx.peer_ports_info) is to try before a deployment. Where a cluster exists, only pcsd is tried.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The other nodes, each with C(name), C(address) and optionally C(address2), as in C(pbx_nodes).
    type: list
    elements: dict
    required: true
  clustered:
    description: Whether a cluster exists.
    type: bool
    required: true
  database:
    description: Port of MariaDB.
    type: int
    required: true
  drbd:
    description: Port of DRBD; 0 where there is none.
    type: int
    default: 0
  drbd_address:
    description: Which address of a node DRBD takes, V(address) or V(address2).
    type: str
    default: address
"""

EXAMPLES = r"""
- name: Try the ports of the other node
  dialtone.ha_pbx.peer_ports_info:
    ports: "{{ peers | dialtone.ha_pbx.node_ports(clustered=false, database=3306) }}"
"""

RETURN = r"""
_value:
  description: A dictionary with C(address), C(port), C(protocol) and C(service) for each port.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import node_links


def node_ports(peers, clustered, database, drbd=0, drbd_address="address"):
    """Return the ports; see DOCUMENTATION."""
    return node_links.ports(peers, bool(clustered), int(database), int(drbd), drbd_address)


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"node_ports": node_ports}
