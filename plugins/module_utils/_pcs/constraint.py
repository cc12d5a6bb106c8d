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

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError

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


# What a constraint may have beside the fields of its type and is still one of that type; a set or a rule makes it another.
_PLAIN_CHILDREN = ("lifetime",)


@dataclass(frozen=True)
class Constraint:
    """A constraint with its attributes in the CIB's words.

    ``attributes``: of one that is there all it has, of one that is declared what was given; "" means that it must not be there.
    ``special`` says what keeps it from being one with these fields ("a rule", "sets", "a pattern"), "" is none.
    """

    id: str
    type: str
    attributes: dict[str, str]
    special: str = ""


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
    """The declaration of pcs_constraint as data. What is not given is not in it: of a constraint that exists it stays.

    :raises PcsError: for a field that does not belong to the type, or has an impossible value.
    """
    id_, type_ = cib.check_id(params["id"], "a constraint"), params.get("type") or ""
    _refuse_foreign(id_)
    known = {name for fields in FIELDS.values() for name in fields}
    given = {name for name in known if params.get(name) is not None}
    if type_ and type_ not in TAGS:
        raise PcsError(f"constraint {id_}: type must be one of {', '.join(TAGS)}")
    if not type_:
        # Of a constraint that exists the type is known: any that has all these fields will do to read them.
        type_ = next((t for t in TAGS if given <= set(FIELDS[t])), "")
        if not type_:
            raise PcsError(f"constraint {id_}: {', '.join(sorted(given))} belong to no one type of {', '.join(TAGS)}")
    strange = sorted(given - set(FIELDS[type_]))
    if strange:
        raise PcsError(f"constraint {id_}: {', '.join(strange)} does not belong to type {type_}")
    attributes = {
        attribute: cib.text_value(params[name], f"constraint {id_}: {name}")
        for name, attribute in FIELDS[type_].items()
        if name in given
    }
    if attributes.get("score"):
        attributes["score"] = normal_score(attributes["score"])
    if attributes.get("kind", KINDS[0]) not in KINDS:
        raise PcsError(f"constraint {id_}: kind '{attributes['kind']}' is not one of {', '.join(KINDS)}")
    for name in ("first-action", "then-action"):
        if attributes.get(name, ACTIONS[0]) not in ACTIONS:
            raise PcsError(f"constraint {id_}: {name} '{attributes[name]}' is not one of {', '.join(ACTIONS)}")
    return Constraint(id_, params.get("type") or "", attributes)


def _refuse_foreign(id_: str) -> None:
    if id_.startswith(cib.FOREIGN_CONSTRAINT_PREFIXES):
        raise PcsError(
            f"{id_}: constraints with ids {' and '.join(p + '*' for p in cib.FOREIGN_CONSTRAINT_PREFIXES)} belong to"
            " DRBD's fence handler and to the operator's ban and move (`pcs resource clear` ends those), and this"
            " module leaves them alone"
        )


def _special(element: ET.Element) -> str:
    if element.get("rsc-pattern") is not None:
        return "a pattern"
    if element.find("resource_set") is not None:
        return "sets"
    others = [child for child in element if isinstance(child.tag, str) and child.tag not in _PLAIN_CHILDREN]
    return "a rule" if others else ""


def read(root: ET.Element, id_: str) -> Constraint | None:
    """The constraint with this id, None when there is none."""
    for element in cib.section(root, "constraints"):
        if element.get("id") == id_:
            type_ = next((t for t, tag in TAGS.items() if tag == element.tag), element.tag)
            attributes = {name: value for name, value in element.attrib.items() if name != "id"}
            return Constraint(id_, type_, attributes, _special(element))
    return None


def _overlaid(current: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The attributes that a constraint is to have: those it has, and over them the declared ones."""
    merged = {**current, **wanted}
    if wanted.get("kind"):
        # The old way to say it, and the two exclude each other.
        merged.pop("score", None)
    return {name: value for name, value in merged.items() if value != ""}


def plan(current: Constraint | None, wanted: Constraint) -> list[Action]:
    """What turns a constraint as it is into the declared one, under the same id.

    :raises PcsError: when something of another kind has the id, or a new one is not described completely.
    """
    if current is None:
        if wanted.type not in TAGS:
            raise PcsError(f"constraint {wanted.id} does not exist yet: type must be one of {', '.join(TAGS)}")
        missing = [name for name in REQUIRED[wanted.type] if not wanted.attributes.get(FIELDS[wanted.type][name])]
        if missing:
            raise PcsError(f"constraint {wanted.id}: type {wanted.type} needs {' and '.join(missing)}")
        full = effective(wanted.type, wanted.attributes)
        _refuse_itself(wanted.id, full)
        shown = " ".join(f"{k}={v}" for k, v in sorted(full.items()))
        return [Action("create", "constraint", wanted.id, wanted.type, None, shown)]
    _refuse_other(current, wanted)
    merged = _overlaid(current.attributes, wanted.attributes)
    lost = [name for name in REQUIRED[current.type] if not merged.get(FIELDS[current.type][name])]
    if lost:
        raise PcsError(f"constraint {wanted.id}: type {current.type} cannot be without {' and '.join(lost)}")
    before, after = effective(current.type, current.attributes), effective(current.type, merged)
    _refuse_itself(wanted.id, after)
    return [
        Action("set" if name in after else "remove", "constraint", wanted.id, name, before.get(name), after.get(name))
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _refuse_itself(id_: str, attributes: Mapping[str, str]) -> None:
    for one, two in (("rsc", "with-rsc"), ("first", "then")):
        if attributes.get(one) and attributes.get(one) == attributes.get(two):
            same_action = attributes.get("first-action") == attributes.get("then-action")
            if one == "rsc" or same_action:
                raise PcsError(f"constraint {id_}: {attributes[one]} is related to itself: name two different resources")


def _kind(current: Constraint) -> str:
    """What a constraint is, in words: a location with a rule, an order, a ticket."""
    word = current.type.replace("rsc_", "")
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}" + (f" with {current.special}" if current.special else "")


def _refuse_other(current: Constraint, wanted: Constraint) -> None:
    """Refuse to make a constraint of another kind of one that somebody made."""
    if current.type not in TAGS or (wanted.type and current.type != wanted.type) or current.special:
        raise PcsError(
            f"constraint {current.id} is {_kind(current)} in the cluster, which would be lost. Nothing was changed. Choose another id,"
            f" or remove it first (`pcs constraint delete {current.id}`)."
        )
    strange = sorted(set(wanted.attributes) - set(FIELDS[current.type].values()))
    if strange:
        raise PcsError(f"constraint {current.id} is of type {current.type}: {', '.join(strange)} does not belong to it")


def faults(root: ET.Element) -> dict[str, str]:
    """What names something that is not there, or the inside of a clone or bundle: Pacemaker refuses or ignores it.

    :returns: the name of each such reference to a sentence about it.
    """
    found: dict[str, str] = {}
    config = cib.configuration(root)
    # In these the attribute id is the name of something else.
    there = {e.get("id") for e in config.iter() if e.tag not in ("resource_ref", "obj_ref", "role")}
    named: list[tuple[str, str]] = []
    for element in config.iterfind("constraints/*"):
        what = f"constraint {element.get('id')}"
        names = [element.get(attribute) for attribute in REFERENCES]
        names += [ref.get("id") for ref in element.iterfind("resource_set/resource_ref")]
        named += [(what, name) for name in names if name is not None]
    for tag in config.iterfind("tags/tag"):
        named += [(f"tag {tag.get('id')}", ref.get("id", "")) for ref in tag.findall("obj_ref")]
    for role in config.iterfind("acls/acl_role"):
        references = [permission.get("reference") for permission in role.findall("acl_permission")]
        named += [(f"ACL role {role.get('id')}", reference) for reference in references if reference is not None]
    for what, id_ in named:
        if id_ not in there:
            found[f"{what} {id_}"] = f"{what} names {id_}, which is not in the cluster any more"
        elif what.startswith("constraint "):
            wrapper = _wrapper(root, id_)
            if wrapper is not None:
                found[f"{what} {id_}"] = (
                    f"{what} names {id_}, which is inside the {wrapper.tag} {wrapper.get('id')}: it must name"
                    f" {wrapper.get('id')} instead"
                )
    return found


def _wrapper(root: ET.Element, name: str) -> ET.Element | None:
    """The clone or bundle that a resource is inside of, None when it is in none."""
    element = cib.find_resource(root, name)
    if element is None:
        return None
    holder = cib.parent_of(root, element)
    while holder.tag == "group":
        holder = cib.parent_of(root, holder)
    return holder if holder.tag in ("clone", "master", "bundle") else None


def node_names(root: ET.Element) -> set[str]:
    """The names that a location can mean: the cluster's nodes, remote nodes and guests."""
    names = set(cib.nodes_of(root))
    for primitive in cib.section(root, "resources").iter("primitive"):
        guest = cib.nvpairs(primitive, "meta_attributes").get("remote-node")
        remote = primitive.get("provider") == "pacemaker" and primitive.get("type") == "remote"
        names |= {name for name in (guest, primitive.get("id") if remote else None) if name}
    names |= {b.get("id", "") for b in cib.section(root, "resources").iter("bundle")}
    return names


def warnings(root: ET.Element, id_: str) -> list[str]:
    """What a constraint of a tree says that means nothing, though it is allowed."""
    current, nodes = read(root, id_), node_names(root)
    node = None if current is None or current.type != "location" else current.attributes.get("node")
    # Without a node there is no cluster yet: a dry run.
    if node is None or not cib.nodes_of(root) or node in nodes:
        return []
    return [
        f"constraint {id_}: the cluster has no node {node} (it has {', '.join(sorted(cib.nodes_of(root)))}), so the constraint has"
        " no effect until one joins."
    ]


def check_references(root: ET.Element, wanted: Constraint) -> None:
    """Refuse a constraint on something that is not there, or on the inside of a clone.

    :raises PcsError: Pacemaker itself would only log that and ignore the constraint.
    """
    for attribute in REFERENCES:
        name = wanted.attributes.get(attribute)
        if not name:
            continue
        if cib.find_resource(root, name) is None:
            there = ", ".join(cib.resource_ids(root)) or "none"
            raise PcsError(f"constraint {wanted.id}: there is no resource '{name}' in the cluster (there: {there})")
        wrapper = _wrapper(root, name)
        if wrapper is not None:
            raise PcsError(
                f"constraint {wanted.id}: {name} is inside the {wrapper.tag} {wrapper.get('id')}; a constraint needs"
                f" that id: {wrapper.get('id')}"
            )


def apply(root: ET.Element, wanted: Constraint) -> None:
    """Write the declared constraint into a tree. Of one that exists only what is declared is touched."""
    constraints = cib.section(root, "constraints")
    element = next((e for e in constraints if e.get("id") == wanted.id), None)
    if element is None:
        if wanted.id in cib.ids(root):
            raise PcsError(f"constraint {wanted.id}: something else in the CIB has that id")
        element = ET.SubElement(constraints, TAGS[wanted.type], {"id": wanted.id})
        attributes = effective(wanted.type, wanted.attributes)
    else:
        attributes = _overlaid(element.attrib, wanted.attributes)
    for name in [n for n in element.attrib if n not in attributes and n != "id"]:
        del element.attrib[name]
    for name, value in attributes.items():
        role = cib.normal_role(value) if name.endswith("role") and name in wanted.attributes else None
        element.set(name, value if role is None else cib.role_for(root, role))


def ensure(root: ET.Element, wanted: Constraint) -> list[Action]:
    """Read, plan and apply on a tree; returns the actions."""
    actions = plan(read(root, wanted.id), wanted)
    if actions:
        check_references(root, wanted)
        apply(root, wanted)
    return actions


def ensure_absent(root: ET.Element, id_: str, type_: str | None = None) -> list[Action]:
    """Remove a constraint from a tree; returns the actions.

    :param type_: the type that it must have, None for any.
    :raises PcsError: when it is of another type, or of a kind that pcs_constraint does not know.
    """
    _refuse_foreign(id_)
    current = read(root, id_)
    if current is None:
        return []
    if current.type not in TAGS or (type_ and current.type != type_):
        raise PcsError(
            f"constraint {id_} is {_kind(current)} in the cluster, and no {type_ or ' or '.join(TAGS)}. Nothing was removed. When that"
            f" is meant: `pcs constraint delete {id_}`."
        )
    constraints = cib.section(root, "constraints")
    for element in [e for e in constraints if e.get("id") == id_]:
        constraints.remove(element)
    return [Action("remove", "constraint", id_, current.type)]
