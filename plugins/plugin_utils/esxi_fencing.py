# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence devices of machines on ESXi, out of the variables that made them."""

from __future__ import annotations

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
    """Return a fence device for each node.

    :param nodes: the nodes, each with its C(name).
    :param hostvars: node -> its variables.
    :param cluster: name of the cluster.
    :param delay: seconds that the first node's device waits before it fences.
    :returns: a list for pacemaker_cluster_fence_devices.
    :raises AnsibleFilterError: a variable is missing, or its value is of no use.
    """
    devices = [device(node["name"], hostvars[node["name"]], cluster) for node in nodes]
    return [{**devices[0], "delay": delay}, *devices[1:]] if devices else []
