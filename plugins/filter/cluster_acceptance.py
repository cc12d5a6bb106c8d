# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_acceptance
short_description: Whether a cluster is as it should be
version_added: "0.1.0"
description:
  - Judges what M(dialtone.ha_pbx.pcs_info) found of the cluster of an exchange.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.pcs_info).
    type: dict
    required: true
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
    required: true
  unfenced_allowed:
    description: Whether a cluster without fencing is no problem.
    type: bool
    default: false
  paths:
    description: The replicated paths of the inventory. Left out, it is not said which mounts are missing or too many.
    type: list
    elements: str
  devices:
    description: Names of the fence devices of the inventory. Left out, it is not said which are too many.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ (found | dialtone.ha_pbx.cluster_acceptance(nodes=['pbx1', 'pbx2'])).problems }}"
"""

RETURN = r"""
_value:
  description: >-
    C(problems), each with C(found) and C(cure); C(active), the nodes with the service; C(unfenced), the nodes that nothing can switch
    off; C(waiting), whether some of the problems may end by themselves; C(decided), whether a person decided some of them, so that
    waiting is in vain.
  type: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import acceptance


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"cluster_acceptance": acceptance.judge_cluster}
