# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties, defaults and constraints: plans and what they do to a CIB."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, constraint, declaration, values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Result

OK = {"pcs -f": Result(0, "", "")}


# --- properties and defaults --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["property", "resource_default", "operation_default"])
def test_absent_same_other_value_and_removed(empty, kind, fake):
    pcs = fake(OK)
    assert [a.verb for a in values.ensure(pcs, empty, kind, values.desired({"a": True, "b": 1}))] == ["set", "set"]
    assert values.read(empty, kind) == {"a": "true", "b": "1"}
    quiet = fake()
    assert values.ensure(quiet, empty, kind, values.desired({"a": True, "b": 1})) == []
    assert quiet.calls == []
    assert values.ensure(pcs, empty, kind, values.desired({"a": False})) == [
        Action("set", kind, "", "a", "true", "false")
    ]
    # Names that are not declared stay.
    assert values.read(empty, kind) == {"a": "false", "b": "1"}
    assert [a.verb for a in values.ensure(quiet, empty, kind, values.desired({"a": None, "b": ""}))] == [
        "remove",
        "remove",
    ]
    assert values.read(empty, kind) == {}


def test_all_named_are_removed_whatever_their_value():
    assert values.desired({"a": 1, "b": None}, absent=True) == {"a": None, "b": None}


def test_pcs_judges_properties_before_they_are_written(empty, fake):
    pcs = fake({"pcs -f": Result(1, "", "Error: invalid cluster property option 'bogus'")})
    with pytest.raises(PcsError, match="bogus"):
        values.ensure(pcs, empty, "property", {"bogus": "1"})
    assert values.read(empty, "property") == {}


def test_what_the_cluster_writes_itself_is_refused(empty):
    with pytest.raises(PcsError, match="dc-version"):
        values.plan("property", {}, {"dc-version": "1"})


def test_bookkeeping_stays(pair, fake):
    before = values.read(pair, "property")
    values.ensure(fake(OK), pair, "property", {"batch-limit": "7"})
    assert values.read(pair, "property") == {**before, "batch-limit": "7"}


# --- constraints --------------------------------------------------------------------------------------------------

COLOCATION = {"id": "c", "type": "colocation", "resource": "pbx", "with_resource": "st-clone", "with_role": "Promoted"}
ORDER = {
    "id": "o",
    "type": "order",
    "first": "st-clone",
    "first_action": "promote",
    "then": "pbx",
    "then_action": "start",
}
LOCATION = {"id": "l", "type": "location", "resource": "pbx", "node": "node1", "score": "100"}


def means(root, id_):
    """What the constraint of this id means, in the words of today."""
    found = constraint.read(root, id_)
    return found.type, constraint.effective(found.type, found.attributes)


def declared_means(declared):
    wanted = constraint.desired(declared)
    return wanted.type, constraint.effective(wanted.type, wanted.attributes)


@pytest.mark.parametrize("declared", [COLOCATION, ORDER, LOCATION], ids=lambda d: d["type"])
def test_created_read_back_and_nothing_to_do(pair, declared):
    wanted = constraint.desired(declared)
    assert [a.verb for a in constraint.ensure(pair, wanted)] == ["create"]
    assert means(pair, declared["id"]) == declared_means(declared)
    assert constraint.ensure(pair, wanted) == []


@pytest.mark.parametrize(
    ("declared", "change", "name"),
    [
        (COLOCATION, {"score": "-INFINITY"}, "score"),
        (COLOCATION, {"with_role": "Unpromoted"}, "with-rsc-role"),
        (COLOCATION, {"with_role": ""}, "with-rsc-role"),
        (ORDER, {"kind": "Optional"}, "kind"),
        (ORDER, {"symmetrical": False}, "symmetrical"),
        (LOCATION, {"node": "node2"}, "node"),
        (LOCATION, {"score": "5"}, "score"),
    ],
)
def test_another_value_changes_the_constraint_under_its_id(pair, declared, change, name):
    constraint.ensure(pair, constraint.desired(declared))
    number = len(cib.section(pair, "constraints"))
    wanted = constraint.desired({**declared, **change})
    assert [a.name for a in constraint.ensure(pair, wanted)] == [name]
    assert means(pair, declared["id"]) == declared_means({**declared, **change})
    assert len(cib.section(pair, "constraints")) == number


@pytest.mark.parametrize(
    "attributes",
    [
        {"first": "a", "then": "b"},
        {"first": "a", "then": "b", "first-action": "start", "then-action": "start", "kind": "Mandatory"},
        {"first": "a", "then": "b", "symmetrical": "TRUE", "score": "INFINITY"},
    ],
)
def test_defaults_of_an_order_are_no_difference(attributes):
    assert constraint.effective("order", attributes) == constraint.effective("order", {"first": "a", "then": "b"})


@pytest.mark.parametrize(
    ("given", "normal"), [("+INFINITY", "INFINITY"), ("1000000", "INFINITY"), ("-inf", "-INFINITY")]
)
def test_scores(given, normal):
    assert constraint.normal_score(given) == normal


def test_old_role_names_are_no_difference(pair):
    element = ET.SubElement(cib.section(pair, "constraints"), "rsc_colocation", {"id": "c", "score": "INFINITY"})
    element.attrib.update({"rsc": "pbx", "with-rsc": "st-clone", "with-rsc-role": "Master"})
    assert constraint.ensure(pair, constraint.desired(COLOCATION)) == []


@pytest.mark.parametrize("id_", ["drbd-fence-by-handler-pbx", "cli-ban-pbx-on-node1"])
def test_constraints_of_others_are_refused(pair, id_):
    ET.SubElement(cib.section(pair, "constraints"), "rsc_location", {"id": id_, "rsc": "pbx", "node": "node1"})
    with pytest.raises(PcsError, match="leaves them alone"):
        constraint.desired({**LOCATION, "id": id_})
    with pytest.raises(PcsError, match="leaves them alone"):
        constraint.ensure_absent(pair, id_)
    assert constraint.read(pair, id_) is not None


@pytest.mark.parametrize("id_", ["drbd-fence-by-handler-pbx", "cli-ban-pbx-on-node1"])
def test_constraints_of_others_outlive_a_declaration(pair, fake, id_):
    ET.SubElement(cib.section(pair, "constraints"), "rsc_location", {"id": id_, "rsc": "pbx", "node": "node1", "score": "1"})
    declared = {"constraints": [{"id": "o1", "state": "absent"}, {**LOCATION, "id": "mine", "resource": "pbx"}]}
    assert [(a.verb, a.target) for a in declaration.ensure(fake(), pair, declared)] == [("remove", "o1"), ("create", "mine")]
    assert constraint.read(pair, id_) is not None


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({**LOCATION, "resource": "nobody"}, "there is no resource 'nobody'"),
        ({**ORDER, "first": "st"}, "st-clone"),
    ],
)
def test_a_constraint_on_what_is_not_there_is_refused(pair, declared, message):
    with pytest.raises(PcsError, match=message):
        constraint.ensure(pair, constraint.desired(declared))


@pytest.mark.parametrize(
    "declared",
    [
        {"id": "x", "type": "order", "first": "a", "then": "b", "score": "1"},
        {"id": "x", "type": "colocation", "resource": "a", "with_resource": "b", "score": "much"},
        {"id": "x", "type": "order", "first": "a", "then": "b", "kind": "Sometimes"},
        {"id": "x", "type": "ticket"},
    ],
)
def test_an_impossible_constraint_is_refused(declared):
    with pytest.raises(PcsError):
        constraint.desired(declared)


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        ({"type": "location", "resource": "pbx"}, "node"),
        ({"type": "order", "first": "pbx"}, "then"),
        ({"type": "colocation"}, "resource and with_resource"),
        ({"resource": "pbx", "node": "node1"}, "type"),
    ],
)
def test_a_new_constraint_needs_all_of_it(pair, declared, missing):
    with pytest.raises(PcsError, match=missing):
        constraint.ensure(pair, constraint.desired({"id": "x", **declared}))


def test_removed_and_nothing_left_to_do(pair):
    assert [a.verb for a in constraint.ensure_absent(pair, "o1")] == ["remove"]
    assert constraint.ensure_absent(pair, "o1") == []


# --- a whole declaration ------------------------------------------------------------------------------------------


def test_the_list_is_the_order_of_the_group():
    ordered = declaration.with_group_order(
        [
            {"name": "a", "group": "g"},
            {"name": "x"},
            {"name": "gone", "group": "g", "state": "absent"},
            {"name": "b", "group": "g"},
            {"name": "c", "group": "g", "before": "a"},
            {"name": "d", "group": "h"},
        ]
    )
    assert [entry.get("after") for entry in ordered] == [None, None, None, "a", None, None]


def test_a_declaration_that_is_there_costs_no_program(pair, fake):
    declared = {
        "properties": {"stonith-enabled": True},
        "resource_defaults": {"resource-stickiness": 100},
        "stonith": [{"name": "fence-node2", "agent": "fence_dummy", "nodes": ["node2"], "options": {"type": "file"}}],
        "resources": [{"name": "r1", "group": "pbx"}, {"name": "r2", "group": "pbx"}, {"name": "ip", "group": "pbx"}],
        "constraints": [{**ORDER, "id": "o1"}, {**COLOCATION, "id": "c1"}],
    }
    runner = fake()
    assert declaration.ensure(runner, pair, declared) == []
    assert runner.calls == []


def test_absent_entries_go_before_present_ones_come(pair, fake):
    declared = {
        "resources": [{"name": "ip", "state": "absent"}],
        "constraints": [{"id": "o1", "state": "absent"}, LOCATION],
    }
    actions = declaration.ensure(fake(), pair, declared)
    assert [a.target for a in actions] == ["o1", "ip", "l"]


def test_what_pcs_0_10_made_is_no_difference(fixture_text, fake):
    """In its words: Master and Slave, and rsc-role where nothing was said."""
    declared = {
        "properties": {"stonith-enabled": True, "no-quorum-policy": "stop"},
        "resource_defaults": {"resource-stickiness": 100},
        "operation_defaults": {"timeout": "60s"},
        "stonith": [
            {
                "name": "f",
                "agent": "fence_ipmilan",
                "nodes": ["node1"],
                "options": {"ip": "192.0.2.101", "username": "u", "password": "p"},
                "operations": [{"name": "monitor", "interval": "60s"}],
            }
        ],
        "resources": [
            {
                "name": "disk",
                "agent": "ocf:pacemaker:Stateful",
                "options": {},
                "meta": {},
                "operations": [
                    {"name": "monitor", "interval": 29, "role": "Promoted"},
                    {"name": "monitor", "interval": 31, "role": "Unpromoted"},
                ],
                "promotable": {"notify": True, "promoted-max": 1},
            },
            {
                "name": "ip",
                "agent": "ocf:heartbeat:IPaddr2",
                "group": "pbx",
                "options": {"ip": "192.0.2.10", "cidr_netmask": 24},
                "operations": [{"name": "monitor", "interval": "10s", "timeout": "20s"}],
            },
        ],
        "constraints": [
            {"id": "c", "type": "colocation", "resource": "pbx", "with_resource": "disk-clone", "with_role": "Promoted"},
            {
                "id": "o",
                "type": "order",
                "first": "disk-clone",
                "first_action": "promote",
                "then": "pbx",
                "then_action": "start",
            },
            {"id": "l", "type": "location", "resource": "pbx", "node": "node1", "score": 50},
        ],
    }
    root = cib.parse(fixture_text("cib-pcs-0.10.xml"))
    runner = fake()
    assert declaration.ensure(runner, root, declared) == []
    assert runner.calls == []
    # The operator's ban is not among what is compared, and another role is written in the words of this schema.
    assert "cli-ban" not in cib.describe_configuration(root)
    declared["constraints"][0]["with_role"] = "Unpromoted"
    assert [action.name for action in declaration.ensure(runner, root, declared)] == ["with-rsc-role"]
    assert root.find(".//rsc_colocation").get("with-rsc-role") == "Slave"
