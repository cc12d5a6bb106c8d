# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_links
short_description: Names and addresses of the nodes, as pcs_cluster takes them
version_added: "0.1.0"
description:
  - Gives each node's name and addresses - one, or two where it has a second link.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The nodes, each with C(name), C(address) and optionally C(address2), as in C(pbx_nodes).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Form the cluster
  dialtone.ha_pbx.pcs_cluster:
    name: exchange
    nodes: "{{ pbx_nodes | dialtone.ha_pbx.node_links }}"
"""

RETURN = r"""
_value:
  description: A dictionary with C(name) and C(addresses) for each node.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import node_links


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"node_links": node_links.links}
