# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence devices of a cluster of two, as M(dialtone.ha_pbx.pcs_cib) is told of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Declaration = dict[str, Any]


def waiting_node(devices: Sequence[Mapping[str, Any]], nodes: Sequence[str], quorum_device: Mapping[str, Any]) -> str:
    """Return the node whose device waits before it fences, "" for none.

    Two nodes that lose sight of each other must not fence each other at the same moment. Somebody may have chosen already; and with a
    third vote only one of two has quorum, and so may fence.

    :param devices: as the inventory has them: C(name), C(node), C(agent), C(options) and C(delay) (seconds; the last two optional).
    :param nodes: names of the nodes.
    :param quorum_device: the third vote, empty for none.
    """
    chosen = any("delay" in device for device in devices)
    return "" if chosen or quorum_device or not nodes else nodes[0]


def fence_devices(
    devices: Sequence[Mapping[str, Any]],
    nodes: Sequence[str],
    quorum_device: Mapping[str, Any],
    delay: int,
    interval: int,
    timeout: int,
) -> list[Declaration]:
    """Return the declarations of the devices.

    :param devices: as the inventory has them, see waiting_node.
    :param nodes: names of the nodes.
    :param quorum_device: the third vote, empty for none.
    :param delay: seconds that the device of one node waits.
    :param interval: seconds between two checks of a device.
    :param timeout: seconds that a check may take.
    """
    waits = waiting_node(devices, nodes, quorum_device)
    return [
        {
            "name": device["name"],
            "agent": device["agent"],
            "nodes": [device["node"]],
            "options": dict(device.get("options") or {}),
            # A power switch that was out of reach for a moment is tried again soon, whatever the others' failure-timeout is.
            "meta": {"failure-timeout": f"{interval}s"},
            "delay": int(device.get("delay", delay if device["node"] == waits else 0)),
            "operations": [
                {"name": "monitor", "interval": f"{interval}s", "timeout": f"{timeout}s"},
                {"name": "start", "timeout": f"{timeout}s"},
            ],
        }
        for device in devices
    ]


def fence_constraints(devices: Sequence[Mapping[str, Any]]) -> list[Declaration]:
    """Return the constraints by which each device is watched from the node that would use it: the other one.

    :param devices: as the inventory has them, see waiting_node.
    """
    return [
        {
            "id": f"{device['name']}-avoids-{device['node']}", "type": "location", "resource": device["name"], "node": device["node"],
            "score": "-INFINITY", "role": "",
        }
        for device in devices
    ]  # fmt: skip


def devices_down(found: Mapping[str, Any], declared: Sequence[str]) -> list[Declaration]:
    """Return the devices that have failed, or run nowhere although there is a place for them.

    A device runs on another node than the one that it fences. While none is online and out of standby, it has no place.

    :param found: the result of M(dialtone.ha_pbx.pcs_info).
    :param declared: names of the devices of the inventory; others are not looked at.
    :returns: a part of C(stonith) of `found`.
    """
    usable = set(found["cluster"]["online"]) - set(found["cluster"]["standby"])
    return [
        device
        for device in found["stonith"]
        if device["id"] in declared and (device["failed"] or not device["node"]) and usable - set(device["targets"])
    ]


def idle_node(found: Mapping[str, Any], nodes: Sequence[str]) -> str:
    """Return a node that can be fenced without ending anything, "" for none.

    Both nodes are online, and nothing that is there once runs on it: instances of a clone do not count, for the other node has one.
    Where resources exist and none runs, something is wrong already, and no node is given.

    :param found: the result of M(dialtone.ha_pbx.pcs_info).
    :param nodes: names of the two nodes.
    """
    single = [resource for resource in found["resources"] if not resource["clone"]]
    busy = {node for resource in single for node in resource["nodes"]}
    if set(nodes) - set(found["cluster"]["online"]) or (single and not busy):
        return ""
    return next((node for node in reversed(nodes) if node not in busy), "")
