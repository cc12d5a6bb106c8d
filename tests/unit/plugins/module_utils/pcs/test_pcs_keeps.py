# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not given stays, nothing of another kind is removed, what cannot be written is refused beforehand."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import (
    cib,
    constraint,
    declaration,
    module,
    resource,
    values,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.resource import Current, Desired
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError

DEVICE = Current(
    "f",
    "stonith:fence_ipmilan",
    stonith=True,
    options={"ip": "192.0.2.101", "password": "SECRET", "pcmk_host_list": "node1", "pcmk_delay_base": "5s"},
)


def planned(**given):
    return {(a.verb, a.name, a.after) for a in resource.plan(DEVICE, resource.desired_stonith({"name": "f", **given}))}


@pytest.mark.parametrize(
    ("given", "actions"),
    [
        ({}, set()),
        ({"delay": 5, "nodes": ["node1"]}, set()),
        ({"delay": 7}, {("set", "pcmk_delay_base", "7s")}),
        ({"delay": 0}, {("remove", "pcmk_delay_base", None)}),
        ({"nodes": ["node1", "node2"]}, {("set", "pcmk_host_list", "node1 node2")}),
        ({"nodes": []}, {("remove", "pcmk_host_list", None)}),
        ({"options": {"ip": "192.0.2.101"}}, {("remove", "password", None)}),
        ({"options": {"ip": "192.0.2.101", "password": "SECRET"}}, set()),
        ({"options": {}, "nodes": [], "delay": 0}, {("remove", name, None) for name in DEVICE.options}),
        ({"meta": {}}, set()),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
)
def test_a_fence_device_keeps_what_is_not_given(given, actions):
    assert planned(**given) == actions


def test_pcs_judges_a_device_as_it_will_be():
    desired = resource.desired_stonith({"name": "f", "delay": 7})
    whole = resource._complete(desired, DEVICE)
    assert whole.options == {**DEVICE.options, "pcmk_delay_base": "7s"}
    new = resource.desired_stonith({"name": "f", "agent": "fence_x", "nodes": ["a"], "delay": 3})
    assert resource._complete(new, None).options == {"pcmk_host_list": "a", "pcmk_delay_base": "3s"}


# --- constraints -----------------------------------------------------------------------------------------------------


def with_constraint(root, text):
    cib.section(root, "constraints").append(ET.fromstring(text))  # noqa: S314 - of this test
    return root


def test_a_constraint_keeps_what_is_not_given_and_what_cannot_be(pair):
    with_constraint(
        pair,
        '<rsc_colocation id="x" rsc="pbx" with-rsc="st-clone" with-rsc-role="Master" score="5" influence="0" node-attribute="a"/>',
    )
    before = dict(next(e for e in cib.section(pair, "constraints") if e.get("id") == "x").attrib)
    actions = constraint.ensure(pair, constraint.desired({"id": "x", "score": 6}))
    assert [(a.verb, a.name, a.before, a.after) for a in actions] == [("set", "score", "5", "6")]
    after = next(e for e in cib.section(pair, "constraints") if e.get("id") == "x")
    assert after.attrib == {**before, "score": "6"}
    assert [a.name for a in constraint.ensure(pair, constraint.desired({"id": "x", "with_role": ""}))] == ["with-rsc-role"]
    with pytest.raises(PcsError, match="cannot be without with_resource"):
        constraint.ensure(pair, constraint.desired({"id": "x", "with_resource": ""}))


def test_an_order_in_the_old_words_gets_a_kind_instead_of_its_score(pair):
    with_constraint(pair, '<rsc_order id="x" first="st-clone" then="pbx" score="0" require-all="false"/>')
    constraint.ensure(pair, constraint.desired({"id": "x", "kind": "Mandatory"}))
    after = next(e for e in cib.section(pair, "constraints") if e.get("id") == "x")
    assert after.attrib == {"id": "x", "first": "st-clone", "then": "pbx", "kind": "Mandatory", "require-all": "false"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('<rsc_location id="x" rsc="pbx"><rule id="r" score="5"/></rsc_location>', "location with a rule"),
        ('<rsc_location id="x" rsc-pattern="p.*" node="node1" score="5"/>', "location with a pattern"),
        ('<rsc_location id="x" node="node1"><resource_set id="s"/></rsc_location>', "location with sets"),
        ('<rsc_ticket id="x" rsc="pbx" ticket="t"/>', "x is a ticket"),
        ('<rsc_order id="x" first="st-clone" then="pbx"/>', "x is an order"),
    ],
)
def test_a_constraint_of_another_kind_is_not_replaced(pair, text, kind):
    before = cib.dump(with_constraint(pair, text))
    with pytest.raises(PcsError, match=kind):
        constraint.ensure(pair, constraint.desired({"id": "x", "type": "location", "resource": "pbx", "node": "node2"}))
    assert cib.dump(pair) == before


def test_only_a_constraint_of_the_type_that_is_meant_is_removed(pair):
    before = cib.dump(with_constraint(pair, '<rsc_ticket id="x" rsc="pbx" ticket="t"/>'))
    for id_, type_ in (("x", None), ("x", "location"), ("o1", "location")):
        with pytest.raises(PcsError, match="Nothing was removed"):
            declaration.ensure(None, pair, {"constraints": [{"id": id_, "type": type_, "state": "absent"}]})
    assert cib.dump(pair) == before
    assert constraint.ensure_absent(pair, "o1", "order")


def test_what_names_something_gone_or_inside_a_clone_is_found(pair):
    assert constraint.faults(pair) == {}
    with_constraint(pair, '<rsc_location id="x" rsc="gone" node="node1"/>')
    with_constraint(pair, '<rsc_location id="y"><resource_set id="s"><resource_ref id="st"/></resource_set></rsc_location>')
    cib.section(pair, "tags").append(ET.fromstring('<tag id="t"><obj_ref id="away"/></tag>'))  # noqa: S314
    assert list(constraint.faults(pair).values()) == [
        "constraint x names gone, which is not in the cluster any more",
        "constraint y names st, which is inside the clone st-clone: it must name st-clone instead",
        "tag t names away, which is not in the cluster any more",
    ]


@pytest.mark.parametrize(("node", "told"), [("node1", False), ("far", False), ("guest", False), ("server9", True)])
def test_a_location_on_a_node_that_is_not_there_is_told(pair, node, told):
    remote = '<primitive id="far" class="ocf" provider="pacemaker" type="remote"/>'
    meta = '<meta_attributes id="m"><nvpair id="n" name="remote-node" value="guest"/></meta_attributes>'
    guest = f'<primitive id="vm">{meta}</primitive>'
    cib.section(pair, "resources").extend(ET.fromstring(text) for text in (remote, guest))  # noqa: S314
    constraint.ensure(pair, constraint.desired({"id": "x", "type": "location", "resource": "pbx", "node": node}))
    assert bool(constraint.warnings(pair, "x")) == told


def test_where_no_cluster_is_yet_no_node_is_missed(empty):
    with_constraint(empty, '<rsc_location id="x" rsc="pbx" node="node1"/>')
    assert constraint.warnings(empty, "x") == []


# --- resources -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stonith", "message"),
    [
        ("pbx", True, "pbx is a group of r1, r15, r2, ip"),
        ("st-clone", True, "st-clone is a clone of st"),
        ("r1", True, "r1 is a resource"),
        ("fence-node2", False, "fence-node2 is a fence device"),
    ],
)
def test_nothing_of_another_kind_is_removed(pair, name, stonith, message):
    before = cib.dump(pair)
    with pytest.raises(PcsError, match=message):
        resource.ensure_absent(pair, name, stonith=stonith)
    assert cib.dump(pair) == before


def test_a_device_from_a_template_and_one_in_a_clone_are_devices(pair):
    template = '<template id="t" class="stonith" type="fence_x"/>'
    clone = '<clone id="c"><primitive id="f9" template="t"/></clone>'
    cib.section(pair, "resources").extend(ET.fromstring(text) for text in (template, clone))  # noqa: S314
    for name in ("f9", "c"):
        with pytest.raises(PcsError, match="pcs_stonith"):
            resource.ensure_absent(pair, name)
    assert [a.target for a in resource.ensure_absent(pair, "f9", stonith=True)] == ["f9", "c"]
    assert cib.find_resource(pair, "c") is None


@pytest.mark.parametrize(("name", "desired"), [
    ("fence-node2", Desired("fence-node2", meta={"priority": "1"})),
    ("fence-node2", Desired("fence-node2", group="pbx")),
    ("ip", Desired("ip", single={"pcmk_delay_base": "5s"}, stonith=True)),
])  # fmt: skip
def test_a_device_is_no_resource_and_a_resource_no_device(pair, name, desired):
    with pytest.raises(PcsError, match="use pcs_"):
        resource.plan(resource.read(pair, name), desired, ["r1"])


def test_what_is_in_a_bundle_stays_there(pair):
    text = '<bundle id="b"><primitive id="in" class="ocf" provider="pacemaker" type="Dummy"/></bundle>'
    cib.section(pair, "resources").append(ET.fromstring(text))  # noqa: S314
    current = resource.read(pair, "in")
    assert current.bundle == "b"
    for desired in (Desired("in", group="pbx"), Desired("in", clone={})):
        with pytest.raises(PcsError, match="inside the bundle b"):
            resource.plan(current, desired, ["r1"])
    assert resource.plan(current, Desired("in", group="")) == []


def test_the_only_member_of_a_cloned_group_cannot_leave_it(empty):
    text = '<clone id="c"><group id="g"><primitive id="a" class="ocf" provider="x" type="y"/></group></clone>'
    cib.section(empty, "resources").append(ET.fromstring(text))  # noqa: S314
    for group in ("", "h"):
        with pytest.raises(PcsError, match=r"cloned \(c\)"):
            resource.plan(resource.read(empty, "a"), Desired("a", group=group), [])
    assert resource.plan(resource.read(empty, "a"), Desired("a", group="g"), ["a"]) == []


def test_a_group_that_goes_with_its_last_member_is_named_and_what_names_it_stays(pair):
    text = '<group id="g"><primitive id="a" class="ocf" provider="x" type="y"/></group>'
    cib.section(pair, "resources").append(ET.fromstring(text))  # noqa: S314
    with_constraint(pair, '<rsc_location id="x" rsc="g" node="node1"/>')
    assert [a.text() for a in resource.ensure(None, pair, Desired("a", group=""))] == ["remove a group g", "remove g"]
    assert "constraint x names g" in str(constraint.faults(pair))


def test_a_removal_takes_along_what_names_it_and_what_names_that(pair):
    config = cib.configuration(pair)
    for section, text in (
        ("tags", '<tag id="one"><obj_ref id="ip"/></tag>'),
        ("tags", '<tag id="two"><obj_ref id="ip"/><obj_ref id="x"/></tag>'),
        ("constraints", '<rsc_location id="x" rsc="one" node="node1"/>'),
        (
            "acls",
            '<acl_role id="r"><acl_permission id="p" kind="read" reference="two"/>'
            '<acl_permission id="q" kind="read" reference="r1"/></acl_role>',
        ),
    ):
        cib.section(pair, section).append(ET.fromstring(text))  # noqa: S314
    actions = resource.ensure_absent(pair, "ip")
    assert sorted(a.name for a in actions if a.kind == "reference") == [
        "constraint x", "read of two in ACL role r", "tag one", "tag two"
    ]  # fmt: skip
    assert [e.get("id") for e in config.iter("acl_permission")] == ["q"]
    assert constraint.faults(pair) == {}


def test_what_others_have_parts_of_is_not_removed(pair):
    text = '<primitive id="s" class="ocf" provider="x" type="y"><operations id-ref="shared"/></primitive>'
    cib.section(pair, "resources").append(ET.fromstring(text))  # noqa: S314
    cib.find_resource(pair, "ip").append(ET.Element("operations", {"id": "shared"}))
    with pytest.raises(PcsError, match="operations shared"):
        resource.ensure_absent(pair, "pbx")


def test_a_master_becomes_a_clone_in_deed(empty):
    text = '<master id="m"><primitive id="a" class="ocf" provider="x" type="y"/></master>'
    cib.section(empty, "resources").append(ET.fromstring(text))  # noqa: S314
    assert resource.ensure(None, empty, Desired("a", clone={"promotable": "true"})) == []
    assert resource.ensure(None, empty, Desired("a", clone={}))
    assert cib.find_resource(empty, "m").tag == "clone"
    assert resource.ensure(None, empty, Desired("a", clone={})) == []


def test_comments_stay_and_are_no_difference(fixture_text):
    text = fixture_text("cib-3.0.xml")
    noted = text.replace("<resources>", "<resources><!-- ask Ana -->", 1).replace("<constraints>", "<constraints><!-- and Luis -->", 1)
    root = cib.parse(noted)
    assert cib.describe_configuration(root) == cib.describe_configuration(cib.parse(text))
    assert cib.changed_objects(root, cib.parse(text)) == []
    resource.ensure_absent(root, "st")
    constraint.ensure(root, constraint.desired({"id": "x", "type": "location", "resource": "pbx", "node": "node1"}))
    assert "<!-- ask Ana -->" in cib.dump(root)
    assert "<!-- and Luis -->" in cib.dump(root)
    assert constraint.faults(root) == {}


# --- values ----------------------------------------------------------------------------------------------------------

BAD = ["two\nlines", "end\n", "a\ttab", "back\rward", "bell\x07", "\ud800", ["a"], ("a",), {"a": 1}]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_does_not_arrive_is_refused_wherever_it_is_written(value):
    text = value if isinstance(value, str) else "x"
    calls = [
        lambda: resource.desired_resource({"name": "a", "options": {"x": value}}),
        lambda: resource.desired_resource({"name": "a", "meta": {"x": value}}),
        lambda: resource.desired_resource({"name": "a", "clone": {"x": value}}),
        lambda: resource.desired_resource({"name": "a", "promotable": {"x": value}}),
        lambda: resource.desired_resource({"name": "a", "operations": [{"name": "monitor", "timeout": value}]}),
        lambda: resource.desired_stonith({"name": "a", "options": {"password": value}}),
        lambda: values.desired({"x": value}),
    ]
    if isinstance(value, str):
        calls += [
            lambda: resource.desired_resource({"name": "a", "options": {text: 1}}),
            lambda: resource.desired_resource({"name": text}),
            lambda: resource.desired_resource({"name": "a", "group": text}),
            lambda: resource.desired_stonith({"name": text}),
            lambda: resource.desired_stonith({"name": "a", "nodes": [text]}),
            lambda: constraint.desired({"id": text, "type": "location"}),
            lambda: constraint.desired({"id": "x", "type": "location", "node": text}),
            lambda: values.desired({text: 1}),
        ]
    for call in calls:
        with pytest.raises(PcsError, match="Nothing was changed"):
            call()


@pytest.mark.parametrize("value", ["", " spaces ", "José ñandú", "it's \"one\" <&> $HOME; =x", "\x7f", "\u2028"])
def test_every_other_value_is_taken(value):
    assert cib.text_value(value) == value


@pytest.mark.parametrize("id_", ["a b", "1st", "", "-x", "a/b", "a:b", "é\n"])
def test_what_is_no_id(id_):
    with pytest.raises(PcsError, match="cannot be the id"):
        cib.check_id(id_, "a group")


def test_what_is_an_id():
    assert [cib.check_id(id_, "a group") for id_ in ("a", "_x.y-1", "señal")] == ["a", "_x.y-1", "señal"]


def test_the_parts_of_a_secret_list_are_secrets():
    assert module.secrets_in({"options": {"password": ["A1", "B2"], "token": True, "ip": ["C3"]}}) == {"A1", "B2", "true"}
