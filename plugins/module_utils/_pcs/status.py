# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running cluster says of itself: crm_mon's and crm_simulate's XML as plain data. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError

_BOOL = {"true": True, "false": False}


def _xml(text: str, program: str) -> ET.Element:
    try:
        # The output of a local program of the cluster, run by root.
        return ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise PcsError(f"{program} did not answer in XML ({error}): {text[:200]!r}") from error


def _flag(element: ET.Element | None, name: str) -> bool:
    return element is not None and _BOOL.get(element.get(name, "").lower(), False)


def parse_failures(root: ET.Element) -> list[dict[str, str]]:
    """The failed actions crm_mon reports.

    :returns: dicts with resource, action, node, status, reason, when (text of the last change).
    """
    failures = []
    for failure in root.iterfind("failures/failure"):
        # op_key is <resource>_<action>_<interval in ms>
        parts = failure.get("op_key", "").rsplit("_", 2)
        failures.append(
            {
                "resource": failure.get("id") or parts[0],
                "action": failure.get("task") or (parts[1] if len(parts) == 3 else ""),  # noqa: PLR2004
                "node": failure.get("node", ""),
                "status": failure.get("exitstatus", failure.get("status", "")),
                "reason": failure.get("exitreason", ""),
                "when": failure.get("last-rc-change", ""),
            }
        )
    return failures


def parse_mon(text: str) -> dict[str, Any]:
    """The answer of ``crm_mon --output-as=xml --inactive``.

    :returns: dict with ``dc`` (name or ""), ``quorate``, ``maintenance``, ``nodes`` (list of dicts name, online,
        standby, maintenance, pending, unclean, dc), ``resources`` (list of dicts id, agent, role, nodes, managed,
        failed, blocked, orphaned, group, clone; one entry an instance of a clone) and ``failures``.
    :raises PcsError: when it is not XML.
    """
    root = _xml(text, "crm_mon")
    dc = root.find("summary/current_dc")
    options = root.find("summary/cluster_options")
    nodes = [
        {
            "name": node.get("name", ""),
            "online": _flag(node, "online"),
            "standby": _flag(node, "standby"),
            "maintenance": _flag(node, "maintenance"),
            "pending": _flag(node, "pending"),
            "unclean": _flag(node, "unclean"),
            "dc": _flag(node, "is_dc"),
        }
        for node in root.iterfind("nodes/node")
    ]
    resources: list[dict[str, Any]] = []

    def walk(element: ET.Element, group: str, clone: str) -> None:
        for child in element:
            if child.tag == "resource":
                resources.append(
                    {
                        "id": child.get("id", ""),
                        "agent": child.get("resource_agent", "").replace("::", ":"),
                        "role": child.get("role", ""),
                        "nodes": [n.get("name", "") for n in child.findall("node")],
                        "managed": _flag(child, "managed"),
                        "failed": _flag(child, "failed"),
                        "blocked": _flag(child, "blocked"),
                        "orphaned": _flag(child, "orphaned"),
                        "group": group,
                        "clone": clone,
                    }
                )
            elif child.tag == "group":
                walk(child, child.get("id", ""), clone)
            elif child.tag in ("clone", "bundle", "replica"):
                walk(child, group, child.get("id", "") if child.tag != "replica" else clone)

    found = root.find("resources")
    if found is not None:
        walk(found, "", "")
    return {
        "dc": dc.get("name", "") if dc is not None and _flag(dc, "present") else "",
        "quorate": _flag(dc, "with_quorum"),
        "maintenance": _flag(options, "maintenance-mode"),
        "nodes": nodes,
        "resources": resources,
        "failures": parse_failures(root),
    }


# Exit codes of agents by which a probe says "not running here" or "running": nothing is wrong with those.
_PROBE_FINE = {"0", "7", "8", "190", "191", "193"}
_RC_NAMES = {
    "1": "error",
    "2": "invalid parameter",
    "3": "unimplemented",
    "4": "insufficient privileges",
    "5": "not installed",
    "6": "not configured",
    "9": "failed while promoted",
}


def failed_probes(root: ET.Element, resource: str) -> list[dict[str, str]]:
    """The nodes where a look whether a resource runs came out badly. crm_mon is silent about them, and the cluster
    never starts the resource there.

    :param root: the live CIB.
    :returns: dicts node, status, reason.
    """
    found = []
    for state in root.iterfind("status/node_state"):
        for history in state.iter("lrm_resource"):
            if history.get("id", "").split(":")[0] != resource:
                continue
            probes = [o for o in history.findall("lrm_rsc_op") if o.get("operation_key", "").endswith("_monitor_0")]
            bad = [o for o in probes if o.get("rc-code") not in _PROBE_FINE]
            if bad:
                rc = bad[0].get("rc-code", "")
                found.append(
                    {
                        "node": state.get("uname", ""),
                        "status": _RC_NAMES.get(rc, f"exit code {rc}"),
                        "reason": bad[0].get("exit-reason", ""),
                    }
                )
    return found


def parse_simulation(text: str) -> list[dict[str, str]]:
    """What ``crm_simulate --simulate --output-as=xml`` says the cluster would do.

    :returns: dicts with action (start, stop, move, restart, promote, demote, fence, …), resource (or the node, for
        fence), source, dest and reason ("" where not said).
    """
    root = _xml(text, "crm_simulate")
    actions = []
    for element in root.iterfind("actions/*"):
        if element.tag == "node_action":
            name, what = element.get("node", ""), element.get("task", element.get("action", "fence"))
        else:
            name, what = element.get("resource", ""), element.get("action", "")
        source = element.get("source", "")
        dest = element.get("dest", element.get("node", "") if element.tag != "node_action" else "")
        if what.lower() in ("stop", "demote") and not source:
            source, dest = dest, ""
        if what.lower() in ("promote", "restart", "recover") and not dest:
            # What stays where it is comes with a source only.
            dest = source
        actions.append(
            {
                "action": what.lower(),
                "resource": name,
                "source": source,
                "dest": dest,
                "reason": element.get("reason", ""),
                **({"blocked": "true"} if _flag(element, "blocked") else {}),
            }
        )
    return actions


def simulation_lines(actions: list[dict[str, str]]) -> list[str]:
    """The cluster's actions as lines for people: "move pbx-ip server1 -> server2"."""
    lines = []
    for action in actions:
        way = " -> ".join(dict.fromkeys(part for part in (action["source"], action["dest"]) if part))
        reason = f" (because of: {action['reason']})" if action["reason"] else ""
        blocked = " BLOCKED" if action.get("blocked") else ""
        lines.append(f"{action['action']} {action['resource']} {way}".rstrip() + blocked + reason)
    return lines


#: What the cluster does to a resource that runs, with the operations in which it is away.
_AWAY = {
    "stop": ("stop",),
    "demote": ("demote",),
    "restart": ("stop", "start"),
    "recover": ("stop", "start"),
    "move": ("stop", "start"),
    "migrate": ("migrate_to", "migrate_from"),
}


def remembered_seconds(root: ET.Element) -> dict[tuple[str, str], float]:
    """How long operations took when they last succeeded, as the cluster's history has it.

    Pacemaker keeps one operation of a resource and node beside the recurring ones, so not all are known.

    :param root: a CIB.
    :returns: seconds by (resource, operation); of several nodes the longest.
    """
    found: dict[tuple[str, str], float] = {}
    for history in root.iterfind("status/node_state/lrm/lrm_resources/lrm_resource"):
        name = history.get("id", "").split(":")[0]
        for operation in history.findall("lrm_rsc_op"):
            took = operation.get("exec-time", "")
            if operation.get("rc-code") == "0" and took.isdigit():
                key = (name, operation.get("operation", ""))
                found[key] = max(found.get(key, 0.0), int(took) / 1000)
    return found


def interruptions(root: ET.Element, actions: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What of the service would be away for a while, and how long that took the last time.

    Fence devices are no part of the service: it goes on while they restart.

    :param root: the CIB, with the cluster's history.
    :param actions: from parse_simulation.
    :returns: dicts resource (or the node that would be fenced), action, and seconds: of those operations that are
        remembered, None when none is.
    """
    devices = {e.get("id", "") for e in root.iter("primitive") if e.get("class") == "stonith"}
    took = remembered_seconds(root)
    found: list[dict[str, Any]] = []
    for action in actions:
        name = action["resource"].split(":")[0]
        if name in devices or action.get("blocked"):
            continue
        if action["action"].startswith("fence"):
            found.append({"resource": name, "action": action["action"], "seconds": None})
        elif action["action"] in _AWAY:
            known = [took[name, operation] for operation in _AWAY[action["action"]] if (name, operation) in took]
            found.append({"resource": name, "action": action["action"], "seconds": sum(known) if known else None})
    return found


def interruption_lines(interrupted: list[dict[str, Any]]) -> list[str]:
    """Interruptions as lines for people, the last one with their sum."""
    lines = [
        f"{entry['action']} {entry['resource']}: "
        + ("not known how long" if entry["seconds"] is None else f"{entry['seconds']:.1f} s the last time")
        for entry in interrupted
    ]
    known = [entry["seconds"] for entry in interrupted if entry["seconds"] is not None]
    if len(known) > 1:
        lines.append(f"one after the other: {sum(known):.1f} s")
    return lines
