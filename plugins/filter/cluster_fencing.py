# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_fencing
short_description: Fence devices of a cluster of two, as pcs_cib is told of them
version_added: "0.1.0"
description:
  - Makes of the fence devices of an inventory what M(dialtone.ha_pbx.pcs_cib) takes. Each device is watched from the node that would
    use it, and the first node's waits before it fences, where nobody has chosen another delay and there is no third vote.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The devices, each with C(name), C(node), C(agent), and optionally C(options) and C(delay) (seconds).
    type: list
    elements: dict
    required: true
  nodes:
    description: Names of the nodes.
    type: list
    elements: str
    required: true
  quorum_device:
    description: The third vote; empty for none.
    type: dict
    default: {}
  delay:
    description: Seconds that the device of one node waits.
    type: int
    required: true
  interval:
    description: Seconds between two checks of a device.
    type: int
    required: true
  timeout:
    description: Seconds that a check may take.
    type: int
    required: true
seealso:
  - plugin: dialtone.ha_pbx.cluster_service
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Declare the fence devices
  dialtone.ha_pbx.pcs_cib:
    state: apply
    stonith: "{{ fencing.devices }}"
    constraints: "{{ fencing.constraints }}"
  vars:
    fencing: "{{ devices | dialtone.ha_pbx.cluster_fencing(nodes=['pbx1', 'pbx2'], delay=1, interval=60, timeout=60) }}"
"""

RETURN = r"""
_value:
  description: C(devices) for the option C(stonith) of M(dialtone.ha_pbx.pcs_cib), and C(constraints).
  type: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import cluster_fencing


def fencing(devices, nodes, delay, interval, timeout, quorum_device=None):
    """Return the declarations; see DOCUMENTATION."""
    return {
        "devices": cluster_fencing.fence_devices(devices, nodes, quorum_device or {}, int(delay), int(interval), int(timeout)),
        "constraints": cluster_fencing.fence_constraints(devices),
    }


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"cluster_fencing": fencing}
