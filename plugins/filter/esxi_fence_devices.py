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

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.plugins.filter.core import to_uuid

NEEDED = ("esxi_vm_hostname", "esxi_vm_username", "esxi_vm_password")


def device(node: str, variables: Mapping[str, Any], cluster: str) -> dict[str, Any]:
    """Return the fence device of one node.

    :param node: its name.
    :param variables: its variables.
    :param cluster: name of the cluster.
    :raises AnsibleFilterError: a variable is missing.
    """
    missing = [name for name in NEEDED if not variables.get(name)]
    if missing:
        raise AnsibleFilterError(
            f"{node}: {', '.join(missing)} not set, and a machine on ESXi is fenced with what made it. Set it in the inventory, or"
            " give the node another device in pacemaker_cluster_fence_devices."
        )
    vcenter = bool(variables.get("esxi_vm_esxi_host"))
    if vcenter and not str(variables["esxi_vm_password"]).isascii():
        # pycurl, through which the agent logs in, takes its account and password as ASCII only.
        raise AnsibleFilterError(
            f"{node}: esxi_vm_password has letters outside ASCII, with which fence_vmware_rest cannot log in. Give the account"
            " another one."
        )
    name = str(variables.get("esxi_vm_name") or node)
    options = {
        "ip": str(variables["esxi_vm_hostname"]),
        "ipport": str(variables.get("esxi_vm_port") or 443),
        "username": str(variables["esxi_vm_username"]),
        "password": str(variables["esxi_vm_password"]),
        # `ssl` verifies the certificate, with what the node's system trusts.
        ("ssl" if variables.get("esxi_vm_validate_certs", True) else "ssl_insecure"): "1",
    }
    if vcenter:
        # More than a thousand machines without a filter are an error to vCenter.
        options |= {"plug": name, "filter": f"filter.names={name}"}
    else:
        options["plug"] = to_uuid(f"{cluster}/{node}")
    return {
        "name": f"fence-{node}",
        "node": node,
        "agent": "fence_vmware_rest" if vcenter else "fence_vmware_soap",
        "options": options,
    }


def esxi_fence_devices(
    nodes: list[dict[str, Any]], hostvars: Mapping[str, Mapping[str, Any]], cluster: str, delay: int = 2
) -> list[dict[str, Any]]:
    """Return a fence device for each node; see DOCUMENTATION."""
    devices = [device(node["name"], hostvars[node["name"]], cluster) for node in nodes]
    return [{**devices[0], "delay": delay}, *devices[1:]] if devices else []


class FilterModule:
    """Filters for fencing through VMware."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"esxi_fence_devices": esxi_fence_devices}
