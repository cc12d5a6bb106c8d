# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pcs_info returns: the configuration and the state of a cluster, joined. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, corosync, values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.constraint import FIELDS, TAGS, effective
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.resource import agent_of, read

# In this order an instance of a clone stands for the clone.
_ROLES = ("Promoted", "Master", "Started", "Unpromoted", "Slave", "Starting", "Stopping", "Stopped")


def empty_info(config: corosync.Config | None) -> dict[str, Any]:
    """The answer for a node where the cluster does not run.

    :param config: what corosync.conf says, None when there is none or it is a package's.
    """
    names = [node.name for node in config.nodes] if config else []
    return {
        "cluster": {
            "name": config.name if config else "",
            "configured": config is not None,
            "running": False,
            "nodes": names,
            "online": [],
            "standby": [],
            "unclean": [],
            "dc": "",
            "quorate": False,
            "maintenance": False,
        },
        "nodes": [],
        "resources": [],
        "groups": {},
        "constraints": [],
        "properties": {},
        "resource_defaults": {},
        "operation_defaults": {},
        "stonith": [],
        "failed_actions": [],
        "capabilities": [],
    }


def _masked(options: dict[str, str]) -> dict[str, str]:
    return {name: cib.SECRET_MASK if cib.is_secret(name) else value for name, value in options.items()}


def _stopped_by(root: ET.Element, element: ET.Element) -> str:
    """The id of what was told to be stopped: the resource, or what it is inside of. The innermost that says something decides."""
    while element.tag in ("primitive", "group", "clone", "master", "bundle"):
        role = cib.nvpairs(element, "meta_attributes").get("target-role")
        if role is not None:
            return element.get("id", "") if role.lower() == "stopped" else ""
        element = cib.parent_of(root, element)
    return ""


def resources_of(root: ET.Element, state: dict[str, Any]) -> list[dict[str, Any]]:
    """Every primitive, fence devices too, with definition and state.

    :param state: what status.parse_mon returned.
    :returns: dicts id, type, agent, role, node, nodes, instances, managed, failed, blocked, group, clone, options,
        meta, stopped_by, operations. ``role`` and ``node`` are those of the promoted instance, else of one that runs.
    """
    instances: dict[str, list[dict[str, Any]]] = {}
    for entry in state["resources"]:
        instances.setdefault(entry["id"].split(":")[0], []).append(entry)
    found = []
    for element in cib.section(root, "resources").iter("primitive"):
        name = element.get("id", "")
        current = read(root, name)
        if current is None:
            continue
        here = instances.get(name, [])
        here.sort(key=lambda i: _ROLES.index(i["role"]) if i["role"] in _ROLES else len(_ROLES))
        best: dict[str, Any] = here[0] if here else {"role": "Stopped", "nodes": []}
        found.append(
            {
                "id": name,
                "type": "stonith" if element.get("class") == "stonith" else "primitive",
                "agent": agent_of(element),
                "role": cib.normal_role(best["role"]) or best["role"],
                "node": best["nodes"][0] if best["nodes"] else "",
                "nodes": [node for instance in here for node in instance["nodes"]],
                "instances": [
                    {"node": node, "role": cib.normal_role(instance["role"]) or instance["role"]}
                    for instance in here
                    for node in instance["nodes"]
                ],
                "managed": all(instance["managed"] for instance in here),
                "failed": any(instance["failed"] for instance in here),
                "blocked": any(instance["blocked"] for instance in here),
                "group": current.group or "",
                "clone": current.clone_id or "",
                "options": _masked(current.options),
                "meta": current.meta,
                "stopped_by": _stopped_by(root, element),
                "operations": current.operations,
            }
        )
    return found


def constraints_of(root: ET.Element) -> list[dict[str, Any]]:
    """Every constraint in the words of pcs_constraint.

    :returns: dicts id, type, the fields of the type, and ``foreign``: whether it is DRBD's or an operator's.
    """
    types = {tag: type_ for type_, tag in TAGS.items()}
    found = []
    for element in cib.section(root, "constraints"):
        id_ = element.get("id", "")
        type_ = types.get(element.tag, element.tag)
        entry: dict[str, Any] = {"id": id_, "type": type_, "foreign": id_.startswith(cib.FOREIGN_CONSTRAINT_PREFIXES)}
        if type_ in FIELDS and len(element) == 0:
            full = effective(type_, element.attrib)
            entry.update({name: full[attribute] for name, attribute in FIELDS[type_].items() if attribute in full})
        else:
            entry["text"] = cib.describe(element)
        found.append(entry)
    return found


def info(root: ET.Element, state: dict[str, Any], config: corosync.Config | None) -> dict[str, Any]:
    """The answer for a node where the cluster runs.

    :param root: the live CIB.
    :param state: what status.parse_mon returned.
    :param config: what corosync.conf says.
    """
    answer = empty_info(config)
    nodes = state["nodes"]
    properties = values.read(root, "property")
    everything = resources_of(root, state)
    stonith = [
        {**device, "targets": device["options"].get("pcmk_host_list", "").replace(",", " ").split()}
        for device in everything
        if device["type"] == "stonith"
    ]
    answer["cluster"].update(
        {
            "name": (config.name if config else "") or properties.get("cluster-name", ""),
            "configured": True,
            "running": True,
            "nodes": [node["name"] for node in nodes],
            "online": [node["name"] for node in nodes if node["online"] and not node["pending"]],
            "standby": [node["name"] for node in nodes if node["standby"]],
            "unclean": [node["name"] for node in nodes if node["unclean"]],
            "dc": state["dc"],
            "quorate": state["quorate"],
            "maintenance": state["maintenance"],
        }
    )
    answer.update(
        {
            "nodes": nodes,
            "resources": [entry for entry in everything if entry["type"] != "stonith"],
            "groups": {
                group.get("id", ""): [m.get("id", "") for m in group.findall("primitive")]
                for group in cib.section(root, "resources").iter("group")
            },
            "constraints": constraints_of(root),
            "properties": properties,
            "resource_defaults": values.read(root, "resource_default"),
            "operation_defaults": values.read(root, "operation_default"),
            "stonith": stonith,
            "failed_actions": state["failures"],
        }
    )
    return answer
