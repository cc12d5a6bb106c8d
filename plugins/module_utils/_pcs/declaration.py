# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All objects of one declaration on one tree: what pcs_cib (state: apply) does in one transaction."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import constraint, resource, values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Runner


def with_group_order(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The list's order is the order in a group: each member comes behind the one declared before it.

    A member that says ``after`` or ``before`` itself is left as it is.
    """
    last: dict[str, str] = {}
    ordered = []
    for entry in resources:
        item = dict(entry)
        group = item.get("group")
        if group and item.get("state", "present") == "present":
            if not item.get("after") and not item.get("before") and group in last:
                item["after"] = last[group]
            last[group] = item["name"]
        ordered.append(item)
    return ordered


def ensure(run: Runner, root: ET.Element, params: Mapping[str, Any]) -> list[Action]:
    """Apply a declaration to a tree.

    :param params: ``properties``, ``resource_defaults``, ``operation_defaults`` (dicts), ``stonith``, ``resources``,
        ``constraints`` (lists of dicts in the words of the modules, each with ``state``); all may be missing.
    :returns: the actions; [] costs no program call.
    """
    actions: list[Action] = []
    for kind, name in (
        ("property", "properties"),
        ("resource_default", "resource_defaults"),
        ("operation_default", "operation_defaults"),
    ):
        actions += values.ensure(run, root, kind, values.desired(params.get(name)))
    constraints = params.get("constraints") or []
    # Constraints go before the resources they name, and come after them.
    for entry in constraints:
        if entry.get("state") == "absent":
            actions += constraint.ensure_absent(root, entry["id"], entry.get("type"))
    for entry in params.get("stonith") or []:
        if entry.get("state") == "absent":
            actions += resource.ensure_absent(root, entry["name"], stonith=True)
        else:
            actions += resource.ensure(run, root, resource.desired_stonith(entry))
    for entry in with_group_order(params.get("resources") or []):
        if entry.get("state") == "absent":
            actions += resource.ensure_absent(root, entry["name"])
        else:
            actions += resource.ensure(run, root, resource.desired_resource(entry))
    for entry in constraints:
        if entry.get("state") != "absent":
            actions += constraint.ensure(root, constraint.desired(entry))
    return actions


def warnings(root: ET.Element, params: Mapping[str, Any]) -> list[str]:
    """What a declaration says that means nothing in the tree on which it was applied, though it is allowed.

    :param params: as for ensure().
    """
    declared = [e["id"] for e in params.get("constraints") or [] if e.get("state") != "absent"]
    return [warning for id_ in declared for warning in constraint.warnings(root, id_)]
