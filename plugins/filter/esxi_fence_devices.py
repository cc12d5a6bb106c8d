# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: esxi_fence_devices
short_description: The fence devices of machines that the role esxi_vm made
version_added: "0.1.0"
description:
  - Makes the value of C(pacemaker_cluster_fence_devices) out of the variables with which the role C(esxi_vm) makes the machines,
    so that what made them fences them - C(fence_vmware_soap) on a standalone ESXi host, C(fence_vmware_rest) on a vCenter
    (where C(esxi_vm_esxi_host) is set).
  - On a standalone host the machine is named by its uuid, which no other machine has. vCenter's REST API knows names only.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The nodes, each with C(name), as in C(pbx_nodes).
    type: list
    elements: dict
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  cluster:
    description: Name of the cluster, as in C(pbx_cluster_name).
    type: str
    required: true
  delay:
    description:
      - Seconds by which fencing the first node is delayed, so that two nodes that lose sight of each other do not fence each
        other at the same moment. It has to be longer than what the time of the two fencing requests differs by, and every failover
        of the first node takes as much longer.
    type: int
    default: 2
"""

EXAMPLES = r"""
- name: Fence the nodes through the API that made them
  ansible.builtin.set_fact:
    pacemaker_cluster_fence_devices: "{{ pbx_nodes | dialtone.ha_pbx.esxi_fence_devices(hostvars, pbx_cluster_name) }}"
"""

RETURN = r"""
_value:
  description: A device for each node, with C(name), C(node), C(agent), C(options), and C(delay) on the first.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.esxi_fencing import esxi_fence_devices


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"esxi_fence_devices": esxi_fence_devices}
