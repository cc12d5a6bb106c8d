# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: idle_node
short_description: A node of a cluster that can be fenced without ending anything
version_added: "0.1.0"
description:
  - Takes from what M(dialtone.ha_pbx.pcs_info) found a node that is online, as the other one is, and runs nothing but instances of
    clones.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.pcs_info).
    type: dict
    required: true
  nodes:
    description: Names of the two nodes.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Find a node that runs nothing
  ansible.builtin.set_fact:
    fence_target: "{{ found | dialtone.ha_pbx.idle_node(nodes=['pbx1', 'pbx2']) }}"
"""

RETURN = r"""
_value:
  description: Its name; empty when there is none, or when nothing runs that should.
  type: str
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import cluster_fencing


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"idle_node": cluster_fencing.idle_node}
