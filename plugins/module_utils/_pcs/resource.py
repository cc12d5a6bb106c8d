# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources and fence devices: primitives with options, meta attributes, operations, group, clone."""

from __future__ import annotations

import re
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action, Op, plan_values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import (
    PcsError,
    Runner,
    capabilities,
    hostname,
)

# Attributes of <op> in the schema; what else is declared for an operation is an option of the agent for it.
OP_ATTRIBUTES = frozenset(
    {"name", "interval", "interval-origin", "start-delay", "timeout", "enabled", "record-pending", "role", "on-fail"}
    | {"description"}
)
OP_TIMES = frozenset({"interval", "start-delay", "timeout"})

# Options of a fence device that have a parameter of their own: that parameter not given, they stay.
OWN_PARAMETERS = {"nodes": "pcmk_host_list", "delay": "pcmk_delay_base"}

# pcs validates what it is given against the agent's metadata; a secret's place is taken by this.
PLACEHOLDER = "placeholder"


@dataclass(frozen=True)
class Desired:
    """A primitive as it is declared. None means: leave that as it is.

    ``options``, ``meta``, ``operations``, ``clone``: complete; what is there and not declared is removed, but for
    the operator's meta attributes (cib.OPERATOR_META) and OWN_PARAMETERS. ``single``: options that are declared one by
    one, whatever ``options`` is; None removes one. ``group`` "" means in no group.
    """

    name: str
    agent: str | None = None
    options: dict[str, str] | None = None
    single: dict[str, str | None] = field(default_factory=dict)
    meta: dict[str, str] | None = None
    operations: list[Op] | None = None
    group: str | None = None
    after: str | None = None
    before: str | None = None
    clone: dict[str, str] | None = None
    stonith: bool = False


@dataclass(frozen=True)
class Current:
    """A primitive as it is. ``bundle`` is the id of the one that it is inside of, ``group_clone`` that of its group's clone."""

    name: str
    agent: str
    stonith: bool = False
    options: dict[str, str] = field(default_factory=dict)
    meta: dict[str, str] = field(default_factory=dict)
    operations: list[Op] = field(default_factory=list)
    group: str | None = None
    members: list[str] = field(default_factory=list)
    clone_id: str | None = None
    clone: dict[str, str] | None = None
    bundle: str | None = None
    group_clone: str | None = None


def normal_op(declared: Mapping[str, object]) -> Op:
    """An operation as the CIB writes it: on_fail becomes on-fail, roles today's names, the interval is there."""
    op: Op = {}
    for key, value in declared.items():
        if value is None:
            continue
        name = key.replace("_", "-") if key.replace("_", "-") in OP_ATTRIBUTES else key
        op[name] = cib.text_value(value, f"operation {declared.get('name', '')}: {name}")
    if not op.get("name"):
        raise PcsError(f"an operation needs a name (monitor, start, stop, …): {dict(declared)}")
    if "role" in op:
        role = cib.normal_role(op.pop("role"))
        if role is not None:
            op["role"] = role
    # What pcs and Pacemaker assume when nothing is said.
    op.setdefault("interval", "60s" if op["name"] == "monitor" else "0s")
    for name in OP_TIMES & set(op):
        if cib.time_ms(op[name]) is None:
            raise PcsError(f"operation {op['name']}: {name} '{op[name]}' is not a time (10, 10s, 500ms, 1min)")
    return op


def normal_ops(declared: list[dict[str, Any]] | None) -> list[Op] | None:
    """All operations of a resource; two of the same name, interval and role are refused."""
    if declared is None:
        return None
    ops = [normal_op(op) for op in declared]
    seen = set()
    for op in ops:
        key = (op["name"], cib.time_ms(op["interval"]))
        if key in seen:
            raise PcsError(
                f"operation {op['name']} with interval {op['interval']} is declared twice: Pacemaker tells operations"
                " apart by name and interval, so the monitors of two roles need different intervals"
            )
        seen.add(key)
    return ops


def desired_resource(params: Mapping[str, Any]) -> Desired:
    """The declaration of pcs_resource (name, agent, options, operations, meta, group, …) as data."""
    clone, promotable = params.get("clone"), params.get("promotable")
    if clone is not None and promotable is not None:
        raise PcsError(f"{params['name']}: clone and promotable exclude each other")
    if promotable is not None:
        clone = {**promotable, "promotable": "true"}
    if clone is not None and params.get("group"):
        raise PcsError(f"{params['name']}: a member of a group cannot be cloned by itself")
    if (params.get("after") or params.get("before")) and not params.get("group"):
        raise PcsError(f"{params['name']}: after and before say the place in a group; group is missing")
    if params.get("group"):
        cib.check_id(params["group"], "a group")
    return Desired(
        name=cib.check_id(params["name"], "a resource"),
        agent=params.get("agent"),
        options=_texts(params, "options"),
        meta=_texts(params, "meta"),
        operations=normal_ops(params.get("operations")),
        group=params.get("group"),
        after=params.get("after"),
        before=params.get("before"),
        clone=None if clone is None else cib.text_values(clone, f"{params['name']}: meta attribute of the clone"),
    )


def _texts(params: Mapping[str, Any], which: str) -> dict[str, str] | None:
    """A parameter of names and values as text; None when it is not given."""
    word = {"options": "option", "meta": "meta attribute"}[which]
    return None if params.get(which) is None else cib.text_values(params[which], f"{params['name']}: {word}")


def desired_stonith(params: Mapping[str, Any]) -> Desired:
    """The declaration of pcs_stonith (name, agent, options, nodes, delay, operations, meta) as data.

    :raises PcsError: when nodes and options name different nodes.
    """
    name, options = cib.check_id(params["name"], "a fence device"), _texts(params, "options")
    single: dict[str, str | None] = {}
    if params.get("nodes") is not None:
        nodes = [cib.text_value(node, f"{name}: nodes") for node in params["nodes"]]
        named = re.split(r"[ ,;]+", (options or {}).get("pcmk_host_list", " ".join(nodes)).strip())
        if nodes and sorted(named) != sorted(nodes):
            raise PcsError(f"{name}: nodes is {' '.join(nodes)}, and options say pcmk_host_list is {' '.join(named)}: give one")
        single["pcmk_host_list"] = " ".join(nodes) or None
    if params.get("delay") is not None:
        # No delay is Pacemaker's own value and needs no option.
        single["pcmk_delay_base"] = f"{params['delay']}s" if params["delay"] else None
    agent = params.get("agent")
    return Desired(
        name=name,
        agent=None if agent is None else f"stonith:{agent.split(':')[-1]}",
        options=options,
        single=single,
        meta=_texts(params, "meta"),
        operations=normal_ops(params.get("operations")),
        stonith=True,
    )


def options_after(current: Current, desired: Desired) -> dict[str, str]:
    """The options that a primitive is to have: of what is not declared, what it has."""
    kept = current.options
    if desired.options is not None:
        own = OWN_PARAMETERS.values() if desired.stonith else ()
        kept = {**{n: v for n, v in kept.items() if n in own}, **desired.options}
    merged: dict[str, str | None] = {**kept, **desired.single}
    return {name: value for name, value in merged.items() if value is not None}


# --- reading --------------------------------------------------------------------------------------------------


def agent_of(primitive: ET.Element) -> str:
    """The agent of a primitive: ocf:heartbeat:IPaddr2, systemd:asterisk, stonith:fence_ipmilan."""
    return ":".join(primitive.get(k, "") for k in ("class", "provider", "type") if primitive.get(k))


def _read_op(element: ET.Element) -> Op:
    op = {name: value for name, value in element.attrib.items() if name != "id"}
    op.update(cib.nvpairs(element, "instance_attributes"))
    op.update(cib.nvpairs(element, "meta_attributes"))
    role = cib.normal_role(op.pop("role", None))
    if role is not None:
        op["role"] = role
    op.setdefault("interval", "0s")
    return op


def read(root: ET.Element, name: str) -> Current | None:
    """The primitive of this name, None when there is none.

    :raises PcsError: when a group, clone or bundle has the name.
    """
    element = cib.find_resource(root, name)
    if element is None:
        return None
    if element.tag != "primitive":
        raise PcsError(f"{name} is a {element.tag} in the cluster, not a resource of its own: choose another name")
    parent = cib.parent_of(root, element)
    bundle = parent.get("id") if parent.tag == "bundle" else None
    group = parent if parent.tag == "group" else None
    clone = parent if parent.tag in ("clone", "master") else None
    around = None if group is None else cib.parent_of(root, group)
    clone_meta = None
    if clone is not None:
        clone_meta = cib.nvpairs(clone, "meta_attributes")
        if clone.tag == "master":
            clone_meta["promotable"] = "true"
    return Current(
        name=name,
        agent=agent_of(element),
        stonith=cib.is_stonith(root, element),
        options=cib.nvpairs(element, "instance_attributes"),
        meta=cib.nvpairs(element, "meta_attributes"),
        operations=[_read_op(op) for op in element.iterfind("operations/op")],
        group=None if group is None else group.get("id"),
        members=[] if group is None else [m.get("id", "") for m in group.findall("primitive")],
        clone_id=None if clone is None else clone.get("id"),
        clone=clone_meta,
        bundle=bundle,
        group_clone=around.get("id") if around is not None and around.tag in ("clone", "master") else None,
    )


# --- planning -------------------------------------------------------------------------------------------------


def _same_op(one: Op, two: Op) -> bool:
    if set(one) != set(two):
        return False
    return all(cib.same_time(one[k], two[k]) if k in OP_TIMES else one[k] == two[k] for k in one)


def _match_ops(current: list[Op], desired: list[Op]) -> list[tuple[int | None, Op | None]]:
    """Pairs of the index of an operation that exists and the declared one; either can be None."""

    def strict(op: Op) -> tuple[object, ...]:
        return (op.get("name"), cib.time_ms(op.get("interval", "0s")), op.get("role"))

    def loose(op: Op) -> tuple[object, ...]:
        return (op.get("name"), op.get("role"))

    left = list(range(len(current)))
    todo = list(desired)
    pairs: list[tuple[int | None, Op | None]] = []
    for key in (strict, loose):
        for op in list(todo):
            hit = next((i for i in left if key(current[i]) == key(op)), None)
            if hit is not None:
                pairs.append((hit, op))
                left.remove(hit)
                todo.remove(op)
    return [*pairs, *((i, None) for i in left), *((None, op) for op in todo)]


def plan_ops(name: str, current: list[Op], desired: list[Op]) -> list[Action]:
    """What turns the operations of a resource into the declared ones.

    An operation is recognised by name, interval and role, otherwise by name and role, so that a new interval
    changes the operation instead of leaving two.
    """
    actions = []
    for index, op in _match_ops(current, desired):
        before = None if index is None else current[index]
        if op is None:
            if before is None:
                raise AssertionError("an operation is wanted, or there, or both")
            actions.append(Action("remove", "op", name, before["name"], before, None))
        elif before is None or not _same_op(before, op):
            actions.append(Action("set", "op", name, op["name"], before, op))
    return actions


def _plan_place(current: Current | None, desired: Desired, members: list[str]) -> list[Action]:
    """Group membership and the place in the group.

    :param members: the members of the wanted group now.
    """
    name, group = desired.name, desired.group
    if group is None:
        return []
    now = current.group if current else None
    if current and current.bundle and group:
        raise PcsError(
            f"{name} is inside the bundle {current.bundle}, and would leave its container to become a member of group {group}."
            f" Nothing was changed. When that is meant, remove the bundle first (pcs_resource, name: {current.bundle}, state:"
            " absent)."
        )
    vanishes: list[Action] = []
    if current and now and now != group and current.members == [name]:
        if current.group_clone:
            raise PcsError(
                f"{name} is the only member of group {now}, which is cloned ({current.group_clone}), and a clone cannot be empty."
                f" Nothing was changed. Remove {current.group_clone} (state: absent) and create {name} anew where it is to be."
            )
        vanishes = [Action("remove", "resource", now, "group")]
    if group == "":
        return [Action("remove", "group", name, now), *vanishes] if now else []
    if current and current.clone is not None:
        raise PcsError(f"{name} is cloned ({current.clone_id}): it cannot become a member of group {group}")
    others = [m for m in members if m != name]
    for neighbour in (desired.after, desired.before):
        if neighbour and neighbour not in others:
            raise PcsError(
                f"{name}: '{neighbour}' is not a member of group {group} (members: {', '.join(others) or 'none'})"
            )
    if desired.after and desired.before and others.index(desired.after) > others.index(desired.before):
        raise PcsError(f"{name}: {desired.after} stands behind {desired.before} in group {group}")
    wanted = list(others)
    if desired.after:
        wanted.insert(others.index(desired.after) + 1, name)
    elif desired.before:
        wanted.insert(others.index(desired.before), name)
    else:
        wanted.append(name)
    if now == group:
        place = members.index(name)
        after_ok = not desired.after or members.index(desired.after) < place
        before_ok = not desired.before or members.index(desired.before) > place
        if after_ok and before_ok:
            # Without a neighbour, or on the right side of it: where it stands is where it stays.
            return []
        return [Action("move", "position", name, group, " ".join(members), " ".join(wanted))]
    return [Action("set", "group", name, group, now, " ".join(wanted)), *vanishes]


def _same_agent(current: str, desired: str) -> bool:
    return current == desired or (":" not in desired and current.rsplit(":", 1)[-1] == desired)


def _refuse_other_kind(name: str, is_device: bool, wants_device: bool, agent: str) -> None:
    """Refuse a fence device where a resource is meant, and the other way round."""
    if is_device != wants_device:
        raise PcsError(
            f"{name} is {'a fence device' if is_device else 'a resource'} in the cluster ({agent or 'from a template'}): use"
            f" {'pcs_stonith' if is_device else 'pcs_resource'}. Nothing was changed."
        )


def plan(current: Current | None, desired: Desired, members: list[str] | None = None) -> list[Action]:
    """What turns a primitive as it is into the declared one.

    :param current: as it is, None when there is none.
    :param members: the members of the group that ``desired`` names, in their order.
    :returns: the actions, [] when there is nothing to do.
    :raises PcsError: when what is declared cannot be reached without stopping the resource under the wrong agent,
        or contradicts itself.
    """
    name = desired.name
    if current is None:
        if not desired.agent:
            raise PcsError(f"there is no resource {name} yet, and without an agent it cannot be created")
        actions = [Action("create", "resource", name, desired.agent)]
        current = Current(name, desired.agent)
    else:
        actions = []
        _refuse_other_kind(name, current.stonith, desired.stonith, current.agent)
        if desired.agent and not _same_agent(current.agent, desired.agent):
            raise PcsError(
                f"{name} exists with the agent {current.agent}, and {desired.agent} is declared. Pacemaker would stop"
                f" what runs with an agent that did not start it: remove {name} first (state: absent), then create it"
            )
    actions += plan_values("option", name, current.options, dict(options_after(current, desired)), complete=True)
    if desired.meta is not None:
        actions += plan_values("meta", name, current.meta, dict(desired.meta), complete=True, keep=cib.OPERATOR_META)
    if desired.operations is not None:
        actions += plan_ops(name, current.operations, desired.operations)
    actions += _plan_place(current, desired, members or [])
    if desired.clone is not None:
        if current.group and desired.group != "":
            raise PcsError(f"{name} is a member of group {current.group} and cannot be cloned by itself")
        if current.bundle:
            raise PcsError(f"{name} is inside the bundle {current.bundle}, which says how often it runs: it cannot be cloned")
        if current.clone is None:
            actions.append(Action("set", "clone", name, f"{name}-clone"))
        actions += plan_values(
            "clone_meta", name, current.clone or {}, dict(desired.clone), complete=True, keep=cib.OPERATOR_META
        )
    return actions


def plan_absent(root: ET.Element, name: str) -> list[Action]:
    """What removes a resource, group, clone or bundle, with all that is in it, and all that refers to it.

    :raises PcsError: when another object takes options from what would go.
    """
    element = cib.find_resource(root, name)
    if element is None:
        return []
    removed = _outermost(root, element)
    objects = [e for e in removed.iter() if e.tag in cib.RESOURCE_TAGS and e is not element]
    gone = _ids(removed)
    _refuse_shared(root, removed, gone)
    return [
        Action("remove", "resource", name, element.tag),
        *(Action("remove", "resource", e.get("id", ""), e.tag) for e in objects),
        *(Action("remove", "reference", name, text) for text, _holder, _child in _references(root, gone)),
        *(
            Action("remove", "reference", name, f"{device} in fencing level {level.get('id')}")
            for level, left in _levels(root, gone)
            for device in left
        ),
    ]


# --- applying -------------------------------------------------------------------------------------------------


def _op_argv(op: Op, promoted_words: bool) -> list[str]:
    words = [op["name"]]
    older = {} if promoted_words else {"Promoted": "Master", "Unpromoted": "Slave"}
    for name, value in op.items():
        if name != "name":
            words.append(f"{name}={older.get(value, value) if name == 'role' else value}")
    return words


def create_argv(scratch: str, desired: Desired, promoted_words: bool = True) -> list[str]:
    """The pcs command that makes the primitive on an empty CIB. Secrets are replaced by PLACEHOLDER."""
    argv = ["pcs", "-f", scratch, "stonith" if desired.stonith else "resource", "create", desired.name]
    agent = desired.agent or ""
    argv.append(agent.split(":")[-1] if desired.stonith else agent)
    for name, value in (desired.options or {}).items():
        argv.append(f"{name}={PLACEHOLDER if cib.is_secret(name) else value}")
    for op in desired.operations or []:
        argv += ["op", *_op_argv(op, promoted_words)]
    if desired.meta:
        argv += ["meta", *(f"{name}={value}" for name, value in desired.meta.items())]
    # What is declared is what is there: no operations that the agent's author thought of.
    return [*argv, "--no-default-ops"] if not desired.stonith else argv


def made_by_pcs(run: Runner, root: ET.Element, desired: Desired) -> ET.Element:
    """The primitive as pcs makes it on an empty CIB, checked by pcs against the agent's metadata.

    :raises PcsError: with pcs's words when the agent is missing here, or an option is unknown or required.
    """
    if not desired.agent:
        raise PcsError(
            f"{desired.name} is made from a template of the cluster, which pcs cannot check against an agent: change it with"
            " `pcs cluster edit`. Nothing was changed."
        )
    # Only a role needs to know which words this pcs understands, so only then it is asked.
    roles = any("role" in op for op in desired.operations or [])
    promoted_words = not roles or "pcmk.cib.roles.promoted-unpromoted" in capabilities(run)
    with tempfile.TemporaryDirectory(prefix="pcs-") as directory:
        scratch = Path(directory) / "cib.xml"
        scratch.write_text(cib.dump(cib.empty_like(root)), encoding="utf-8")
        result = run(create_argv(str(scratch), desired, promoted_words))
        if result.rc != 0:
            what = "fence device" if desired.stonith else "resource"
            package = " (its package: the role's pacemaker_cluster_fence_packages)" if desired.stonith else ""
            raise PcsError(
                f"{hostname()}: pcs refuses the {what} {desired.name} ({desired.agent}): {result.text}\n"
                f"Nothing was changed. `pcs {'stonith' if desired.stonith else 'resource'} describe"
                f" {(desired.agent or '').replace('stonith:', '')}` lists what the agent takes; it must be installed"
                f" on every node{package}."
            )
        made = cib.find_resource(cib.parse(scratch.read_text(encoding="utf-8"), "what pcs made"), desired.name)
    if made is None:
        raise PcsError(f"pcs reported success for {desired.name} but made nothing")
    return made


def needs_pcs(actions: list[Action]) -> bool:
    """Whether a plan changes what pcs can check against the agent: not so for group, place and clone."""
    return any(
        action.kind in ("resource", "op", "meta", "option") and (action.verb != "remove" or action.kind == "option")
        for action in actions
    )


def _write_op(root: ET.Element, primitive: ET.Element, op: Op, element: ET.Element | None) -> None:
    operations = primitive.find("operations")
    if operations is None:
        operations = ET.SubElement(primitive, "operations")
    if element is None:
        suffix = f"{op['name']}-interval-{op['interval']}"
        element = ET.SubElement(operations, "op", {"id": cib.free_id(root, f"{primitive.get('id')}-{suffix}")})
    for name in [n for n in element.attrib if n != "id" and n not in op]:
        del element.attrib[name]
    extra: dict[str, str | None] = {}
    for name, value in op.items():
        if name in OP_ATTRIBUTES:
            element.set(name, cib.role_for(root, value) if name == "role" else value)
        else:
            extra[name] = value
    for tag in ("instance_attributes", "meta_attributes"):
        for name in cib.nvpairs(element, tag):
            if name not in extra or tag == "meta_attributes":
                cib.set_nvpair(root, element, tag, "", name, None)
    for name, wanted in extra.items():
        cib.set_nvpair(root, element, "instance_attributes", f"{element.get('id')}-params", name, wanted)


def _find_op(primitive: ET.Element, op: Op) -> ET.Element | None:
    return next((e for e in primitive.iterfind("operations/op") if _same_op(_read_op(e), op)), None)


def _drop_if_empty_group(root: ET.Element, group: ET.Element) -> None:
    # What names the group stays: a declaration may give it another name next. What does not is refused with the
    # whole (transaction.Transaction.commit).
    if group.find("primitive") is None:
        cib.parent_of(root, group).remove(group)


def _place(root: ET.Element, primitive: ET.Element, group_id: str, order: list[str]) -> None:
    old = cib.parent_of(root, primitive)
    group = cib.find_resource(root, group_id)
    if group is None:
        if group_id in cib.ids(root):
            raise PcsError(f"the group {group_id} cannot be made: something else in the CIB has that id")
        group = ET.Element("group", {"id": group_id})
        # A primitive that stood alone becomes the group's first member where it stood.
        if old.tag == "resources":
            old.insert(list(old).index(primitive), group)
        else:
            cib.section(root, "resources").append(group)
    elif group.tag != "group":
        raise PcsError(f"{group_id} is a {group.tag} in the cluster, not a group")
    old.remove(primitive)
    behind = order[order.index(primitive.get("id", "")) + 1 :]
    following = next((m for m in group.findall("primitive") if m.get("id") in behind), None)
    if following is None:
        group.append(primitive)
    else:
        group.insert(list(group).index(following), primitive)
    if old.tag == "group" and old is not group:
        _drop_if_empty_group(root, old)


def apply(root: ET.Element, desired: Desired, actions: list[Action], made: ET.Element | None) -> None:  # noqa: PLR0912
    """Carry out a plan on a tree.

    :param made: the primitive as pcs made it; needed when the plan creates one.
    """
    name = desired.name
    for action in actions:
        primitive = cib.find_resource(root, name)
        if action.verb == "create":
            if made is None:
                raise PcsError(f"{name} cannot be created without what pcs made of it")
            primitive = made
            # Options and the like follow as actions of their own, so that nothing pcs added survives; but the
            # agent's own monitor stays when no operations are declared.
            for child in list(primitive):
                if child.tag != "operations" or desired.operations is not None:
                    primitive.remove(child)
            cib.section(root, "resources").append(primitive)
            continue
        if primitive is None:
            raise PcsError(f"the resource {name} has vanished from the CIB")
        if action.kind == "option":
            value = action.after if isinstance(action.after, str) else None
            cib.set_nvpair(root, primitive, "instance_attributes", f"{name}-instance_attributes", action.name, value)
        elif action.kind == "meta":
            value = action.after if isinstance(action.after, str) else None
            cib.set_nvpair(root, primitive, "meta_attributes", f"{name}-meta_attributes", action.name, value)
        elif action.kind == "op":
            element = _find_op(primitive, action.before) if isinstance(action.before, dict) else None
            if isinstance(action.after, dict):
                _write_op(root, primitive, action.after, element)
            elif element is not None:
                operations = primitive.find("operations")
                if operations is not None:
                    operations.remove(element)
        elif action.kind in ("group", "position"):
            if action.verb == "remove":
                old = cib.parent_of(root, primitive)
                old.remove(primitive)
                cib.section(root, "resources").append(primitive)
                _drop_if_empty_group(root, old)
            else:
                _place(root, primitive, action.name, str(action.after).split())
        elif action.kind == "clone":
            parent = cib.parent_of(root, primitive)
            clone = ET.Element("clone", {"id": cib.free_id(root, action.name)})
            parent.insert(list(parent).index(primitive), clone)
            parent.remove(primitive)
            clone.append(primitive)
        elif action.kind == "clone_meta":
            clone = cib.parent_of(root, primitive)
            clone_id = clone.get("id", "")
            if clone.tag == "master" and action.name == "promotable":
                # The element itself says that it is promotable; without it, or with the word, it is a clone.
                clone.tag = "clone"
            value = action.after if isinstance(action.after, str) else None
            cib.set_nvpair(root, clone, "meta_attributes", f"{clone_id}-meta_attributes", action.name, value)


def _outermost(root: ET.Element, element: ET.Element) -> ET.Element:
    """What goes away with an element: itself, or the group, clone or bundle around it that would be empty."""
    parent = cib.parent_of(root, element)
    while parent.tag in ("group", "clone", "master"):
        if any(c is not element and c.tag in cib.RESOURCE_TAGS for c in parent):
            break
        element, parent = parent, cib.parent_of(root, parent)
    return element


def _ids(element: ET.Element) -> set[str]:
    return {e.get("id", "") for e in element.iter() if e.get("id")}


def _refuse_shared(root: ET.Element, removed: ET.Element, gone: set[str]) -> None:
    """Refuse to remove what others have parts of: sets of options and operations can be shared (id-ref)."""
    inside = set(removed.iter())
    users = sorted(
        f"{element.tag} {element.get('id-ref')}"
        for element in cib.configuration(root).iter()
        if element.get("id-ref") in gone and element not in inside
    )
    if users:
        raise PcsError(
            f"{removed.get('id')} cannot be removed: other objects use parts of it ({', '.join(users)}). Nothing was changed. Give"
            " them their own (`pcs cluster edit`; id-ref says where), then run this again."
        )


Reference = tuple[str, ET.Element, ET.Element]


def _direct_references(root: ET.Element, gone: set[str]) -> list[Reference]:
    """What refers to ids that go away, and has to go too: (description, holder, child to remove)."""
    found: list[Reference] = []
    config = cib.configuration(root)
    for constraint in config.iterfind("constraints/*"):
        holder = cib.section(root, "constraints")
        named = {constraint.get(a) for a in ("rsc", "with-rsc", "first", "then")}
        sets = constraint.findall("resource_set")
        refs = [r for s in sets for r in s.findall("resource_ref")]
        if named & gone or (refs and all(r.get("id") in gone for r in refs)):
            found.append((f"constraint {constraint.get('id')}", holder, constraint))
            continue
        for rset in sets:
            if len(rset) and all(r.get("id") in gone for r in rset.findall("resource_ref")):
                found.append((f"set {rset.get('id')} in constraint {constraint.get('id')}", constraint, rset))
                continue
            for ref in rset.findall("resource_ref"):
                if ref.get("id") in gone:
                    found.append((f"{ref.get('id')} in constraint {constraint.get('id')}", rset, ref))
    for tag in config.iterfind("tags/tag"):
        refs = tag.findall("obj_ref")
        if refs and all(ref.get("id") in gone for ref in refs):
            found.append((f"tag {tag.get('id')}", cib.section(root, "tags"), tag))
            continue
        found += [(f"{ref.get('id')} in tag {tag.get('id')}", tag, ref) for ref in refs if ref.get("id") in gone]
    for role in config.iterfind("acls/acl_role"):
        for permission in role.findall("acl_permission"):
            if permission.get("reference") in gone:
                what = f"{permission.get('kind')} of {permission.get('reference')} in ACL role {role.get('id')}"
                found.append((what, role, permission))
    for level in config.iterfind("fencing-topology/fencing-level"):
        if all(device in gone for device in level.get("devices", "").split(",")):
            found.append((f"fencing level {level.get('id')}", cib.section(root, "fencing-topology"), level))
    return found


def _references(root: ET.Element, gone: set[str]) -> list[Reference]:
    """The same for what refers to a reference, too: a constraint that names a tag which goes with its only object."""
    gone = set(gone)
    found: list[Reference] = []
    while True:
        known = {child for _text, _holder, child in found}
        # A set that goes as a whole, or its parts one by one: what goes as a whole is enough.
        new = [entry for entry in _direct_references(root, gone) if entry[2] not in known and entry[1] not in known]
        if not new:
            return found
        whole = {child for _text, _holder, child in new}
        found = [entry for entry in found if entry[1] not in whole] + new
        for _text, _holder, child in new:
            if child.tag not in ("obj_ref", "resource_ref", "resource_set"):
                gone |= _ids(child)


def _levels(root: ET.Element, gone: set[str]) -> list[tuple[ET.Element, list[str]]]:
    """Fencing levels that lose devices and keep others: (level, devices that it loses)."""
    found = []
    for level in cib.configuration(root).iterfind("fencing-topology/fencing-level"):
        devices = level.get("devices", "").split(",")
        lost = [device for device in devices if device in gone]
        if lost and len(lost) < len(devices):
            found.append((level, lost))
    return found


def remove(root: ET.Element, name: str) -> None:
    """Remove a resource, group, clone or bundle, wrappers that become empty, and what refers to them."""
    element = cib.find_resource(root, name)
    if element is None:
        return
    removed = _outermost(root, element)
    gone = _ids(removed)
    for level, lost in _levels(root, gone):
        level.set("devices", ",".join(d for d in level.get("devices", "").split(",") if d not in lost))
    for _text, holder, child in _references(root, gone):
        holder.remove(child)
    cib.parent_of(root, removed).remove(removed)


def ensure(run: Runner, root: ET.Element, desired: Desired) -> list[Action]:
    """Read, plan and apply one resource on a tree.

    :returns: the actions that were carried out; [] costs no program call.
    """
    current = read(root, desired.name)
    group = cib.find_resource(root, desired.group) if desired.group else None
    members = [] if group is None else [m.get("id", "") for m in group.findall("primitive")]
    actions = plan(current, desired, members)
    if not actions:
        return actions
    made = None
    if needs_pcs(actions):
        made = made_by_pcs(run, root, _complete(desired, current))
    apply(root, desired, actions, made)
    return actions


def _complete(desired: Desired, current: Current | None) -> Desired:
    """The declaration with what it leaves open taken from what exists, so that pcs judges the whole."""
    if current is None:
        return replace(desired, options=options_after(Current(desired.name, ""), desired))
    return Desired(
        name=desired.name,
        agent=current.agent,
        options=options_after(current, desired),
        # Meta attributes that only the operator set are not the agent's matter.
        meta=desired.meta,
        operations=current.operations if desired.operations is None else desired.operations,
        stonith=desired.stonith,
    )


def ensure_absent(root: ET.Element, name: str, stonith: bool = False) -> list[Action]:
    """Remove a resource (or fence device) on a tree; [] when there is none.

    :param stonith: a fence device is meant, and nothing else is removed; otherwise a resource, or a group, clone or bundle
        of resources.
    :raises PcsError: when something of another kind has the name.
    """
    element = cib.find_resource(root, name)
    if element is not None and element.tag == "primitive":
        _refuse_other_kind(name, cib.is_stonith(root, element), stonith, agent_of(element))
    elif element is not None:
        inside = [e.get("id", "") for e in element.iter("primitive")]
        devices = [e.get("id", "") for e in element.iter("primitive") if cib.is_stonith(root, e)]
        if stonith:
            raise PcsError(
                f"{name} is a {element.tag} of {', '.join(inside) or 'nothing'} in the cluster, and no fence device. Nothing was"
                " removed. pcs_resource removes it, with all that is in it."
            )
        if devices:
            raise PcsError(
                f"{name} is a {element.tag} with fence devices in it ({', '.join(devices)}): remove those by their names, with"
                " pcs_stonith. Nothing was removed."
            )
    actions = plan_absent(root, name)
    if actions:
        remove(root, name)
    return actions
