# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The CIB as a tree: parse, find, edit, and describe without what is only presentation.

Everything here is pure. The element and attribute names are those of Pacemaker's CIB schema
(https://clusterlabs.org/projects/pacemaker/doc/, "Pacemaker Explained").
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError

SECRET_MASK = "********"  # noqa: S105 - what stands for a secret

# Options of agents that carry a secret; Kg is the key of IPMI's two-key login. Pacemaker's own pcmk_* never do.
_SECRET = re.compile(
    r"(passw|passphrase|secret|token|credential|community|(^|[_-])((api[_-]?)?key|kg)([_-]|$))", re.IGNORECASE
)

# The scheduler and the controller write these themselves; they are not configuration anybody declared.
BOOKKEEPING_PROPERTIES = frozenset(
    {"dc-version", "cluster-infrastructure", "cluster-name", "have-watchdog", "last-lrm-refresh"}
)

# Meta attributes by which `pcs resource disable`, `unmanage` and maintenance are remembered: the operator's.
OPERATOR_META = frozenset({"target-role", "is-managed", "maintenance"})

# Constraints that are not ours: DRBD's fence handler, and `pcs resource ban|move`.
FOREIGN_CONSTRAINT_PREFIXES = ("drbd-fence", "cli-")

RESOURCE_TAGS = ("primitive", "group", "clone", "master", "bundle")
NVSET_TAGS = ("instance_attributes", "meta_attributes", "utilization", "cluster_property_set")
CONSTRAINT_TAGS = ("rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket")

_TIME = re.compile(r"^\s*([0-9]{1,18})\s*(us|usec|ms|msec|s|sec|m|min|h|hr)?\s*$", re.IGNORECASE)
_TIME_MS = {
    "us": 0.001,
    "usec": 0.001,
    "ms": 1.0,
    "msec": 1.0,
    "": 1000.0,
    "s": 1000.0,
    "sec": 1000.0,
    "m": 60000.0,
    "min": 60000.0,
    "h": 3600000.0,
    "hr": 3600000.0,
}


def is_secret(name: str) -> bool:
    """Whether the value of an agent's option of this name must not be seen by anybody."""
    return not name.startswith("pcmk_") and bool(_SECRET.search(name))


# XML turns line breaks and tabs in an attribute into spaces, Pacemaker 2.1 writes them as a backslash and a letter, and
# the others XML does not know at all.
_UNWRITABLE = re.compile("[\x00-\x1f\ud800-\udfff\ufffe\uffff]")


def as_text(value: object) -> str:
    """A value of YAML as text: true and false in lower case, as Pacemaker writes them. Checks nothing (see text_value)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def text_value(value: object, what: str = "a value") -> str:
    """A value of YAML as the CIB can hold it (see as_text).

    :param what: what it is the value of, for the error. The value itself is not shown, it may be a secret.
    :raises PcsError: for a list, a mapping, and characters that do not arrive in the CIB as they are.
    """
    if isinstance(value, (list, tuple, set, Mapping)):
        kind = "mapping" if isinstance(value, Mapping) else "list"
        raise PcsError(
            f"{what} is a {kind}, and the cluster knows text only: write the text that is meant, such as 'node1 node2'."
            " Nothing was changed."
        )
    text = as_text(value)
    bad = _UNWRITABLE.search(text)
    if bad:
        sign = {"\n": "a line break", "\r": "a carriage return", "\t": "a tab"}.get(bad.group(), f"U+{ord(bad.group()):04X}")
        raise PcsError(
            f"{what} has {sign} in it, which does not arrive in the cluster's configuration as it is. Nothing was changed."
            " Write it without (a text block of YAML ends with a line break: use '|-' instead of '|')."
        )
    return text


def text_values(values: Mapping[str, object] | None, what: str = "value") -> dict[str, str]:
    """A mapping of YAML as names and texts; entries without a value (null) are left out.

    :param what: what the names are, for the errors of text_value.
    """
    return {
        text_value(name, f"the name of a {what}"): text_value(value, f"{what} {name}")
        for name, value in (values or {}).items()
        if value is not None
    }


def check_id(id_: str, what: str) -> str:
    """Return an id that can be one in XML.

    :param what: what it is the id of, for the error.
    :raises PcsError: when it cannot.
    """
    if not re.fullmatch(r"[^\W\d][\w.\-]*", id_):
        raise PcsError(
            f"'{id_}' cannot be the id of {what}: an id begins with a letter or _, and goes on with letters, digits, _, - and"
            " dots. Nothing was changed."
        )
    return id_


def time_ms(value: str) -> float | None:
    """A time of Pacemaker's ("10", "10s", "500ms", "1min") in milliseconds, None when it is not one."""
    match = _TIME.match(value)
    if not match:
        return None
    return int(match.group(1)) * _TIME_MS[(match.group(2) or "").lower()]


def same_time(one: str, two: str) -> bool:
    """Whether two times are equal: "60", "60s" and "1min" are."""
    ms = (time_ms(one), time_ms(two))
    return one == two if None in ms else ms[0] == ms[1]


def parse(text: str, origin: str = "the CIB") -> ET.Element:
    """The tree of a CIB.

    :param text: XML with root element ``cib``.
    :param origin: where it came from, for the error.
    :raises PcsError: when it is not a CIB.
    """
    # With comments: what an operator wrote there must not vanish with the first change.
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))  # noqa: S314 - the cluster's own, read by root
    try:
        root = ET.fromstring(text, parser)  # noqa: S314 - as above
    except ET.ParseError as error:
        raise PcsError(f"{origin} is not XML: {error}") from error
    if root.tag != "cib" or root.find("configuration") is None:
        raise PcsError(f"{origin} is not a CIB: it has no cib/configuration element")
    return root


def dump(root: ET.Element) -> str:
    """The XML text of a tree, indented for people who open the file."""
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def configuration(root: ET.Element) -> ET.Element:
    """The element ``configuration`` of a CIB."""
    found = root.find("configuration")
    if found is None:
        raise PcsError("the CIB has no configuration element")
    return found


def section(root: ET.Element, name: str) -> ET.Element:
    """A section of the configuration (resources, constraints, rsc_defaults, …), made when it is missing."""
    config = configuration(root)
    found = config.find(name)
    return ET.SubElement(config, name) if found is None else found


def empty_like(root: ET.Element) -> ET.Element:
    """A CIB without content of the same schema: pcs chooses its dialect (role names) by that."""
    bare = ET.Element("cib", dict(root.attrib))
    config = ET.SubElement(bare, "configuration")
    for name in ("crm_config", "nodes", "resources", "constraints"):
        ET.SubElement(config, name)
    ET.SubElement(bare, "status")
    return bare


def schema_version(root: ET.Element) -> tuple[int, int]:
    """The schema of a CIB, e.g. (3, 9) of ``pacemaker-3.9``; (99, 0) for ``pacemaker-next``."""
    match = re.match(r"^pacemaker-(\d+)\.(\d+)$", root.get("validate-with", ""))
    return (int(match.group(1)), int(match.group(2))) if match else (99, 0)


def role_for(root: ET.Element, role: str) -> str:
    """A role in the words of this CIB's schema: Promoted and Unpromoted exist since pacemaker-3.7."""
    if schema_version(root) >= (3, 7):  # noqa: PLR2004
        return role
    return {"Promoted": "Master", "Unpromoted": "Slave"}.get(role, role)


def normal_role(role: str | None) -> str | None:
    """A role in today's words. Started is what no role means, so it is None."""
    if not role:
        return None
    name = role.strip().lower()
    return {
        "master": "Promoted",
        "promoted": "Promoted",
        "slave": "Unpromoted",
        "unpromoted": "Unpromoted",
        "started": None,
        "stopped": "Stopped",
    }.get(name, role)


def nodes_of(root: ET.Element) -> list[str]:
    """The names of the cluster's nodes."""
    return [node.get("uname", "") for node in configuration(root).iterfind("nodes/node")]


def ids(root: ET.Element) -> set[str]:
    """Every id in the configuration."""
    return {element.get("id", "") for element in configuration(root).iter() if element.get("id")}


def free_id(root: ET.Element, wanted: str) -> str:
    """An id that nothing else has: the wanted one, or with -1, -2, … after it. Made valid as an XML name."""
    base = re.sub(r"[^A-Za-z0-9_.-]", "_", wanted)
    if not re.match(r"^[A-Za-z_]", base):
        base = "_" + base
    taken = ids(root)
    candidate, number = base, 0
    while candidate in taken:
        number += 1
        candidate = f"{base}-{number}"
    return candidate


def parent_of(root: ET.Element, element: ET.Element) -> ET.Element:
    """The element that holds another one."""
    for candidate in root.iter():
        if element in list(candidate):
            return candidate
    raise PcsError(f"element {element.tag} {element.get('id')} has no parent")


def find_resource(root: ET.Element, resource_id: str) -> ET.Element | None:
    """The primitive, group, clone or bundle with this id."""
    for element in section(root, "resources").iter():
        if element.tag in RESOURCE_TAGS and element.get("id") == resource_id:
            return element
    return None


def is_stonith(root: ET.Element, primitive: ET.Element) -> bool:
    """Whether a primitive is a fence device. One that is made from a template has its agent there."""
    template = primitive.get("template")
    source = primitive if template is None else section(root, "resources").find(f"template[@id='{template}']")
    return source is not None and source.get("class") == "stonith"


def resource_ids(root: ET.Element) -> list[str]:
    """The ids of all primitives, groups, clones and bundles, in the order of the CIB."""
    return [e.get("id", "") for e in section(root, "resources").iter() if e.tag in RESOURCE_TAGS]


def plain_sets(owner: ET.Element, tag: str) -> list[ET.Element]:
    """The sets of name-value pairs that always apply: those without a rule and not a reference to another."""
    return [s for s in owner.findall(tag) if s.find("rule") is None and s.get("id-ref") is None]


def nvpairs(owner: ET.Element | None, tag: str) -> dict[str, str]:
    """Names and values in the sets of an element; where two sets give a name, the first counts.

    :param owner: e.g. a primitive.
    :param tag: instance_attributes, meta_attributes or cluster_property_set.
    """
    found: dict[str, str] = {}
    if owner is None:
        return found
    for nvset in plain_sets(owner, tag):
        for pair in nvset.findall("nvpair"):
            found.setdefault(pair.get("name", ""), pair.get("value", ""))
    return found


def set_nvpair(  # noqa: PLR0917 - one pair, said completely
    root: ET.Element, owner: ET.Element, tag: str, set_id: str, name: str, value: str | None
) -> None:
    """Set one name to a value where it stands, add it, or with None remove it.

    :param set_id: the id of the set when there is none yet.
    A set that becomes empty goes away with its last pair.
    """
    sets = plain_sets(owner, tag)
    done = False
    for nvset in sets:
        for pair in [p for p in nvset.findall("nvpair") if p.get("name", "") == name]:
            if value is not None and not done:
                pair.set("value", value)
                done = True
            else:
                # Removed, or the same name once more in a later set, where it has no effect.
                nvset.remove(pair)
        if value is None and len(nvset) == 0:
            owner.remove(nvset)
    if done or value is None:
        return
    nvset = sets[0] if sets else ET.SubElement(owner, tag, {"id": free_id(root, set_id)})
    pair_id = free_id(root, f"{nvset.get('id')}-{name}")
    ET.SubElement(nvset, "nvpair", {"id": pair_id, "name": name, "value": value})


# --- describing -----------------------------------------------------------------------------------------------


def _attributes(element: ET.Element, leave_out: Iterable[str] = ("id",)) -> str:
    shown = {k: v for k, v in element.attrib.items() if k not in leave_out}
    return " ".join(f"{name}={shown[name]}" for name in sorted(shown))


def _lines(element: ET.Element, depth: int, secrets: bool) -> Iterator[str]:
    pad = "  " * depth
    tag = element.tag
    if not isinstance(tag, str):
        return  # a comment
    if tag == "nvpair":
        name, value = element.get("name", ""), element.get("value", "")
        yield f"{pad}{name}: {SECRET_MASK if is_secret(name) and not secrets else value}"
        return
    if tag in NVSET_TAGS:
        pairs = sorted(element.findall("nvpair"), key=lambda p: p.get("name", ""))
        if len(element) == 0 and element.get("id-ref") is None:
            return
        yield f"{pad}{tag} {_attributes(element)}".rstrip() + ":"
        for child in [c for c in element if c.tag != "nvpair"] + pairs:
            yield from _lines(child, depth + 1, secrets)
        return
    if tag == "primitive":
        agent = ":".join(element.get(k, "") for k in ("class", "provider", "type") if element.get(k))
        yield f"{pad}primitive {element.get('id')}: {agent}"
    elif tag == "op":
        yield f"{pad}op {element.get('name')} {_attributes(element, ('id', 'name'))}".rstrip()
    else:
        yield f"{pad}{tag} {element.get('id', '')} {_attributes(element)}".rstrip()
    blocks = ["\n".join(_lines(child, depth + 1, secrets)) for child in element]
    # Order has a meaning for the members of a group and of a set or a fencing level; nowhere else.
    ordered = tag in ("group", "resource_set", "fencing-topology", "rule")
    if not ordered:
        blocks.sort()
    elif tag == "group":
        members = [b for b, c in zip(blocks, element) if c.tag == "primitive"]
        blocks = sorted(b for b, c in zip(blocks, element) if c.tag != "primitive") + members
    yield from (block for block in blocks if block)


def describe(element: ET.Element | None, secrets: bool = False) -> str:
    """An element as text, the same for elements that mean the same: for comparison and for diffs.

    Ids of sets, pairs and operations, the order of pairs and sections, and empty sets do not show.

    :param secrets: show secrets too. Only for comparing, never for output.
    :returns: lines, "" for None and for a comment.
    """
    lines = [] if element is None else list(_lines(element, 0, secrets))
    return "".join(f"{line}\n" for line in lines)


def _relevant(element: ET.Element) -> bool:
    if element.tag in CONSTRAINT_TAGS:
        return not element.get("id", "").startswith(FOREIGN_CONSTRAINT_PREFIXES)
    if element.tag == "nvpair":
        return element.get("name") not in BOOKKEEPING_PROPERTIES
    return True


def _bookkeeping_only(nvset: ET.Element) -> bool:
    return all(not _relevant(pair) for pair in nvset.findall("nvpair")) and nvset.find("rule") is None


def describe_configuration(root: ET.Element, secrets: bool = False) -> str:
    """The configuration of a cluster as text, without what others write into it.

    Left out: the list of nodes and their attributes (standby, maintenance: the operator's), the cluster's own
    bookkeeping, and the constraints of DRBD's fence handler and of ``pcs resource ban|move``.
    """
    parts: list[str] = []
    for child in configuration(root):
        if child.tag == "nodes":
            continue
        if child.tag == "crm_config":
            for nvset in child:
                kept = ET.Element(nvset.tag, dict(nvset.attrib))
                kept.extend(p for p in nvset if _relevant(p))
                if not _bookkeeping_only(nvset):
                    parts.append(describe(kept, secrets))
        elif child.tag == "constraints":
            parts.extend(sorted(describe(c, secrets) for c in child if _relevant(c)))
        elif child.tag == "resources":
            parts.extend(sorted(describe(c, secrets) for c in child))
        elif len(child):
            parts.append(describe(child, secrets))
    return "".join(parts)


def objects(root: ET.Element) -> dict[str, str]:
    """Every top-level object of the configuration with its description (secrets in it: only for comparing).

    :returns: e.g. ``{"group pbx": "…", "rsc_order o1": "…", "crm_config": "…"}``.
    """
    found: dict[str, str] = {}
    for child in configuration(root):
        if child.tag == "nodes":
            continue
        if child.tag in ("resources", "constraints"):
            for item in child:
                if isinstance(item.tag, str) and _relevant(item):
                    found[f"{item.tag} {item.get('id')}"] = describe(item, secrets=True)
        elif child.tag == "crm_config":
            values = {
                k: v for k, v in nvpairs(child, "cluster_property_set").items() if k not in BOOKKEEPING_PROPERTIES
            }
            for name, value in values.items():
                found[f"property {name}"] = value
        elif len(child):
            found[child.tag] = describe(child, secrets=True)
    return found


def changed_objects(before: ET.Element, after: ET.Element) -> list[str]:
    """What differs between two configurations, one line an object: "+ group pbx", "- …", "~ …"."""
    old, new = objects(before), objects(after)
    lines = []
    for name in sorted(set(old) | set(new)):
        if name not in old:
            lines.append(f"+ {name}")
        elif name not in new:
            lines.append(f"- {name}")
        elif old[name] != new[name]:
            lines.append(f"~ {name}")
    return lines
