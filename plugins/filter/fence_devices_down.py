# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fence_devices_down
short_description: The fence devices of an inventory that do not run where they could
version_added: "0.1.0"
description:
  - Takes from what M(dialtone.ha_pbx.pcs_info) found the fence devices that have failed or run nowhere. A device runs on another
    node than the one that it fences, so while no such node is online and out of standby, that it does not run is no failure.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.pcs_info).
    type: dict
    required: true
  declared:
    description: Names of the devices of the inventory.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Make sure that each fence device answers
  ansible.builtin.assert:
    that: found | dialtone.ha_pbx.fence_devices_down(declared=['fence-pbx1', 'fence-pbx2']) | length == 0
"""

RETURN = r"""
_value:
  description: Those devices, as C(stonith) of M(dialtone.ha_pbx.pcs_info) has them.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import cluster_fencing


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"fence_devices_down": cluster_fencing.devices_down}
