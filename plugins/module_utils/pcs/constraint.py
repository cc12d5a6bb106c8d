# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Location, colocation and order constraints. Pure: they concern nothing outside the CIB, so no pcs is asked."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils.pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils.pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils.pcs.runner import PcsError

TAGS = {"location": "rsc_location", "colocation": "rsc_colocation", "order": "rsc_order"}

# Field of the module: attribute of the CIB.
FIELDS = {
    "location": {"resource": "rsc", "node": "node", "score": "score", "role": "role"},
    "colocation": {
        "resource": "rsc",
        "with_resource": "with-rsc",
        "resource_role": "rsc-role",
        "with_role": "with-rsc-role",
        "score": "score",
    },
    "order": {
        "first": "first",
        "first_action": "first-action",
        "then": "then",
        "then_action": "then-action",
        "kind": "kind",
        "symmetrical": "symmetrical",
    },
}
REQUIRED = {
    "location": ("resource", "node"),
    "colocation": ("resource", "with_resource"),
    "order": ("first", "then"),
}
REFERENCES = ("rsc", "with-rsc", "first", "then")
ACTIONS = ("start", "stop", "promote", "demote")
KINDS = ("Optional", "Mandatory", "Serialize")


@dataclass(frozen=True)
class Constraint:
    """A constraint with its attributes in the CIB's words; ``plain`` is False when it has sets or rules."""

    id: str
    type: str
    attributes: dict[str, str]
    plain: bool = True


def normal_score(score: str) -> str:
    """A score as the CIB writes it: an integer, INFINITY or -INFINITY (a million and more is infinite)."""
    text = str(score).strip()
    match = re.match(r"^([+-]?)INF(INITY)?$", text, re.IGNORECASE)
    if match:
        return ("-" if match.group(1) == "-" else "") + "INFINITY"
    if not re.match(r"^[+-]?[0-9]{1,18}$", text):
        raise PcsError(f"'{score}' is not a score: an integer, INFINITY or -INFINITY")
    number = int(text)
    if abs(number) >= 1000000:  # noqa: PLR2004 - Pacemaker's definition of infinity
        return "INFINITY" if number > 0 else "-INFINITY"
    return str(number)


def effective(type_: str, attributes: Mapping[str, str]) -> dict[str, str]:
    """Attributes with Pacemaker's defaults filled in and one way to write each value, so that equal is equal."""
    full = {name: value for name, value in attributes.items() if name != "id" and value != ""}
    if type_ == "order":
        full.setdefault("first-action", "start")
        full.setdefault("then-action", full["first-action"])
        full.setdefault("symmetrical", "false" if full.get("kind") == "Serialize" else "true")
        full["symmetrical"] = full["symmetrical"].lower()
        if "score" in full and "kind" not in full:
            full["kind"] = "Optional" if normal_score(full.pop("score")) == "0" else "Mandatory"
        full.setdefault("kind", "Mandatory")
    else:
        full["score"] = normal_score(full.get("score", "INFINITY"))
        for name in ("role", "rsc-role", "with-rsc-role"):
            role = cib.normal_role(full.pop(name, None))
            if role:
                full[name] = role
    return full


def desired(params: Mapping[str, Any]) -> Constraint:
    """The declaration of pcs_constraint as data.

    :raises PcsError: for a field that is missing, does not belong to the type, or has an impossible value.
    """
    id_, type_ = params["id"], params.get("type")
    _refuse_foreign(id_)
    if type_ not in TAGS:
        raise PcsError(f"constraint {id_}: type must be one of {', '.join(TAGS)}")
    missing = [name for name in REQUIRED[type_] if not params.get(name)]
    if missing:
        raise PcsError(f"constraint {id_}: type {type_} needs {' and '.join(missing)}")
    known = {name for fields in FIELDS.values() for name in fields}
    strange = sorted(n for n in known - set(FIELDS[type_]) if params.get(n) is not None)
    if strange:
        raise PcsError(f"constraint {id_}: {', '.join(strange)} does not belong to type {type_}")
    attributes = {
        attribute: cib.text_value(params[name])
        for name, attribute in FIELDS[type_].items()
        if params.get(name) is not None
    }
    full = effective(type_, attributes)
    if full.get("kind", KINDS[0]) not in KINDS:
        raise PcsError(f"constraint {id_}: kind '{full['kind']}' is not one of {', '.join(KINDS)}")
    for name in ("first-action", "then-action"):
        if full.get(name, ACTIONS[0]) not in ACTIONS:
            raise PcsError(f"constraint {id_}: {name} '{full[name]}' is not one of {', '.join(ACTIONS)}")
    return Constraint(id_, type_, full)


def _refuse_foreign(id_: str) -> None:
    if id_.startswith(cib.FOREIGN_CONSTRAINT_PREFIXES):
        raise PcsError(
            f"{id_}: constraints with ids {' and '.join(p + '*' for p in cib.FOREIGN_CONSTRAINT_PREFIXES)} belong to"
            " DRBD's fence handler and to the operator's ban and move (`pcs resource clear` ends those), and this"
            " module leaves them alone"
        )


def read(root: ET.Element, id_: str) -> Constraint | None:
    """The constraint with this id, None when there is none."""
    for element in cib.section(root, "constraints"):
        if element.get("id") == id_:
            type_ = next((t for t, tag in TAGS.items() if tag == element.tag), element.tag)
            if type_ not in TAGS:
                return Constraint(id_, type_, {}, plain=False)
            return Constraint(id_, type_, effective(type_, element.attrib), plain=len(element) == 0)
    return None


def plan(current: Constraint | None, wanted: Constraint) -> list[Action]:
    """What turns a constraint as it is into the declared one, under the same id."""
    if current is None:
        shown = " ".join(f"{k}={v}" for k, v in sorted(wanted.attributes.items()))
        return [Action("create", "constraint", wanted.id, wanted.type, None, shown)]
    if current.type != wanted.type or not current.plain:
        before = current.type if current.plain else f"{current.type} with sets or rules"
        return [Action("create", "constraint", wanted.id, wanted.type, before, wanted.type)]
    return [
        Action(
            "set" if name in wanted.attributes else "remove",
            "constraint",
            wanted.id,
            name,
            current.attributes.get(name),
            wanted.attributes.get(name),
        )
        for name in sorted(set(current.attributes) | set(wanted.attributes))
        if current.attributes.get(name) != wanted.attributes.get(name)
    ]


def check_references(root: ET.Element, wanted: Constraint) -> None:
    """Refuse a constraint on something that is not there, or on the inside of a clone.

    :raises PcsError: Pacemaker itself would only log that and ignore the constraint.
    """
    for attribute in REFERENCES:
        name = wanted.attributes.get(attribute)
        if name is None:
            continue
        element = cib.find_resource(root, name)
        if element is None:
            there = ", ".join(cib.resource_ids(root)) or "none"
            raise PcsError(f"constraint {wanted.id}: there is no resource '{name}' in the cluster (there: {there})")
        holder = cib.parent_of(root, element)
        while holder.tag == "group":
            holder = cib.parent_of(root, holder)
        if holder.tag in ("clone", "master", "bundle"):
            raise PcsError(
                f"constraint {wanted.id}: {name} is inside the {holder.tag} {holder.get('id')}; a constraint needs"
                f" that id: {holder.get('id')}"
            )


def apply(root: ET.Element, wanted: Constraint) -> None:
    """Write the declared constraint into a tree, in the place of what has its id."""
    constraints = cib.section(root, "constraints")
    attributes = {
        name: cib.role_for(root, value) if name.endswith("role") else value for name, value in wanted.attributes.items()
    }
    element = next((e for e in constraints if e.get("id") == wanted.id), None)
    if element is None:
        if wanted.id in cib.ids(root):
            raise PcsError(f"constraint {wanted.id}: something else in the CIB has that id")
        element = ET.SubElement(constraints, TAGS[wanted.type])
    element.clear()
    element.tag = TAGS[wanted.type]
    element.attrib.update({"id": wanted.id, **attributes})


def ensure(root: ET.Element, wanted: Constraint) -> list[Action]:
    """Read, plan and apply on a tree; returns the actions."""
    actions = plan(read(root, wanted.id), wanted)
    if actions:
        check_references(root, wanted)
        apply(root, wanted)
    return actions


def ensure_absent(root: ET.Element, id_: str) -> list[Action]:
    """Remove a constraint from a tree; returns the actions."""
    _refuse_foreign(id_)
    current = read(root, id_)
    if current is None:
        return []
    constraints = cib.section(root, "constraints")
    for element in [e for e in constraints if e.get("id") == id_]:
        constraints.remove(element)
    return [Action("remove", "constraint", id_, current.type)]
