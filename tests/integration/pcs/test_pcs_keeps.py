# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not given stays, nothing of another kind is removed, no failure leaves less than before: against the real pcs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

DUMMY = {"agent": "ocf:pacemaker:Dummy", "operations": [{"name": "monitor", "interval": "10s", "timeout": "20s"}]}


def insert(cluster, section, *texts):
    """Put XML into a section of the live CIB, as somebody with cibadmin would."""
    root = cluster.xml
    config = root.find("configuration")
    holder = config.find(section)
    if holder is None:
        holder = ET.SubElement(config, section)
    for text in texts:
        holder.append(ET.fromstring(text))  # noqa: S314 - of this test
    cluster.file.write_text(ET.tostring(root, encoding="unicode"))


def upgraded(cluster):
    """Have the configuration of a cluster that was made with Pacemaker 2.1, whose schema knows words that 3.0 has no more."""
    root = cluster.xml
    root.set("validate-with", "pacemaker-3.9")
    cluster.file.write_text(ET.tostring(root, encoding="unicode"))


def options(cluster, name):
    pairs = cluster.xml.iterfind(f".//primitive[@id='{name}']/instance_attributes/nvpair")
    return {pair.get("name"): pair.get("value") for pair in pairs}


def find(cluster, id_):
    return cluster.xml.find(f".//*[@id='{id_}']")


def warnings(result):
    return str(result.get("warnings", []))


# --- what is not given stays ---------------------------------------------------------------------------------------

DEVICE = {
    "ip": "192.0.2.101", "username": "cluster", "password": "SECRET-OF-THE-BOARD", "pcmk_host_list": "node1", "pcmk_delay_base": "5s",
}  # fmt: skip


@pytest.mark.parametrize("through", ["pcs_stonith", "pcs_cib"])
@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ({"delay": 7}, {"pcmk_delay_base": "7s"}),
        ({"delay": 0}, {"pcmk_delay_base": None}),
        ({"nodes": ["node1", "node2"]}, {"pcmk_host_list": "node1 node2"}),
        ({"nodes": []}, {"pcmk_host_list": None}),
        # A dict that is given is complete, but for what has a parameter of its own.
        ({"options": {"ip": "192.0.2.9", "username": "cluster"}}, {"ip": "192.0.2.9", "password": None}),
        (
            {"options": {"ip": "192.0.2.9"}, "delay": 0},
            {"ip": "192.0.2.9", "username": None, "password": None, "pcmk_delay_base": None},
        ),
    ],
    ids=str,
)
def test_a_fence_device_keeps_what_is_not_given(exchange, through, given, becomes):
    assert options(exchange, "fence-node1") == DEVICE
    declared = {"name": "fence-node1", **given}
    arguments = declared if through == "pcs_stonith" else {"state": "apply", "stonith": [declared]}
    result = exchange.good(through, **arguments)
    wanted = {name: value for name, value in {**DEVICE, **becomes}.items() if value is not None}
    assert options(exchange, "fence-node1") == wanted
    assert "SECRET" not in str(result)
    assert not exchange.good(through, **arguments)["changed"]
    exchange.verify()


def test_a_device_whose_nodes_are_given_twice_differently_is_refused(exchange):
    message = exchange.refused("pcs_stonith", name="fence-node1", nodes=["node1"], options={**DEVICE, "pcmk_host_list": "node2"})
    assert "give one" in message
    same = {**DEVICE, "pcmk_host_list": "node1"}
    assert not exchange.good("pcs_stonith", name="fence-node1", nodes=["node1"], options=same)["changed"]


RARE = {
    "location": (
        '<rsc_location id="x" rsc="pbx" node="node1" score="50" resource-discovery="exclusive"/>',
        {"score": 60},
        {"score": "60"},
    ),
    "location, another node": (
        '<rsc_location id="x" rsc="pbx" node="node1" score="50" role="Started"/>',
        {"type": "location", "resource": "pbx", "node": "node2"},
        {"node": "node2"},
    ),
    "lifetime": (
        '<rsc_location id="x" rsc="pbx" node="node1" score="50"><lifetime><rule id="r" score="0">'
        '<date_expression id="d" operation="gt" start="2001-01-01"/></rule></lifetime></rsc_location>',
        {"score": 60},
        {"score": "60"},
    ),
    "colocation": (
        '<rsc_colocation id="x" rsc="pbx" with-rsc="disk-clone" with-rsc-role="Promoted" score="5" influence="0"'
        ' node-attribute="site"/>',
        {"type": "colocation", "resource": "pbx", "with_resource": "disk-clone", "score": 6},
        {"score": "6"},
    ),
    "order": (
        '<rsc_order id="x" first="disk-clone" first-action="promote" then="pbx" then-action="start" kind="Optional"'
        ' require-all="false"/>',
        {"kind": "Mandatory"},
        {"kind": "Mandatory"},
    ),
}


@pytest.mark.parametrize("case", RARE)
def test_a_constraint_keeps_what_is_not_given(exchange, case):
    text, given, becomes = RARE[case]
    upgraded(exchange)
    insert(exchange, "constraints", text)
    before = find(exchange, "x")
    assert exchange.good("pcs_constraint", id="x", **given)["changed"]
    after = find(exchange, "x")
    assert after.attrib == {**before.attrib, **becomes}
    assert [child.tag for child in after] == [child.tag for child in before]
    assert not exchange.good("pcs_constraint", id="x", **given)["changed"]
    exchange.pcs("config")


def test_comments_of_the_configuration_stay(exchange):
    text = exchange.file.read_text().replace("<resources>", "<resources><!-- who changes this asks Ana -->", 1)
    exchange.file.write_text(text)
    assert exchange.good("pcs_resource", name="first", meta={"priority": 3})["changed"]
    assert exchange.good("pcs_resource", name="b", group="pbx", after="first", **DUMMY)["changed"]
    assert exchange.good("pcs_resource", name="c", **DUMMY)["changed"]
    assert exchange.good("pcs_resource", name="c", state="absent")["changed"]
    assert "<!-- who changes this asks Ana -->" in exchange.file.read_text()
    assert [p.get("id") for p in exchange.xml.iterfind(".//group/primitive")] == ["first", "b", "ip"]
    exchange.verify()


# --- nothing of another kind ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("pcs_stonith", {"name": "pbx", "state": "absent"}, "pbx is a group of first, ip"),
        ("pcs_stonith", {"name": "disk-clone", "state": "absent"}, "disk-clone is a clone of disk"),
        ("pcs_stonith", {"name": "ip", "state": "absent"}, "ip is a resource"),
        ("pcs_resource", {"name": "fence-node1", "state": "absent"}, "use pcs_stonith"),
        ("pcs_resource", {"name": "fence-node1", "meta": {"priority": 1}}, "use pcs_stonith"),
        ("pcs_resource", {"name": "fence-node1", "group": "pbx"}, "use pcs_stonith"),
        ("pcs_stonith", {"name": "ip", "delay": 5}, "use pcs_resource"),
        ("pcs_stonith", {"name": "pbx", "delay": 5}, "pbx is a group"),
        ("pcs_cib", {"state": "apply", "stonith": [{"name": "pbx", "state": "absent"}]}, "pbx is a group"),
        ("pcs_constraint", {"id": "disk-then-pbx", "type": "colocation", "state": "absent"}, "is an order"),
        ("pcs_constraint", {"id": "disk-then-pbx", "type": "location", "resource": "pbx", "node": "node1"}, "is an order"),
        ("pcs_constraint", {"id": "pbx", "type": "location", "resource": "pbx", "node": "node1"}, "something else"),
    ],
)
def test_what_is_of_another_kind_is_left_alone(exchange, module, arguments, message):
    assert message in exchange.refused(module, **arguments)


def test_fence_devices_in_a_clone_are_no_resource(exchange):
    insert(exchange, "resources", '<clone id="all"><primitive id="f3" class="stonith" type="fence_ipmilan"/></clone>')
    assert "with fence devices in it (f3)" in exchange.refused("pcs_resource", name="all", state="absent")


OTHERS = {
    "rule": (
        '<rsc_location id="x" rsc="pbx"><rule id="r" score="-INFINITY"><expression id="e" attribute="ping" operation="lt" value="1"/>'
        "</rule></rsc_location>",
        "location with a rule",
    ),
    "ticket": ('<rsc_ticket id="x" rsc="pbx" ticket="t"/>', "x is a ticket"),
    "pattern": ('<rsc_location id="x" rsc-pattern="p.*" node="node1" score="5"/>', "location with a pattern"),
    "sets": (
        '<rsc_location id="x" node="node1" score="5"><resource_set id="s"><resource_ref id="pbx"/></resource_set></rsc_location>',
        "location with sets",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_a_constraint_of_another_kind_is_not_replaced(exchange, case):
    text, message = OTHERS[case]
    insert(exchange, "constraints", text)
    declared = {"id": "x", "type": "location", "resource": "pbx", "node": "node2", "score": 5}
    assert message in exchange.refused("pcs_constraint", **declared)
    assert message in exchange.refused("pcs_cib", state="apply", constraints=[declared])
    if case == "ticket":
        assert "Nothing was removed" in exchange.refused("pcs_constraint", id="x", state="absent")


BUNDLE = """<bundle id="b"><docker image="i"/><network ip-range-start="192.0.2.50"><port-mapping id="p" port="80"/></network>
  <primitive id="in" class="ocf" provider="pacemaker" type="Dummy"/></bundle>"""


@pytest.mark.parametrize("given", [{"group": "pbx"}, {"group": "new"}, {"clone": {}}, {"promotable": {}}], ids=str)
def test_a_resource_stays_in_its_bundle(exchange, given):
    insert(exchange, "resources", BUNDLE)
    assert "inside the bundle b" in exchange.refused("pcs_resource", name="in", **given)
    assert not exchange.good("pcs_resource", name="in", group="")["changed"]


def test_a_group_that_would_vanish_keeps_what_names_it(exchange):
    exchange.good("pcs_resource", name="z", group="g", **DUMMY)
    insert(exchange, "constraints", '<rsc_location id="operators" rsc="g" node="node1" score="5"/>')
    for group in ("pbx", ""):
        message = exchange.refused("pcs_resource", name="z", group=group)
        assert "constraint operators names g, which is not in the cluster any more" in message
    # Whoever takes care of it in the same transaction may.
    done = exchange.good(
        "pcs_cib",
        state="apply",
        resources=[{"name": "z", "group": ""}],
        constraints=[{"id": "operators", "resource": "z"}],
    )
    assert done["changed"]
    assert find(exchange, "operators").attrib == {"id": "operators", "rsc": "z", "node": "node1", "score": "5"}
    exchange.verify()


def test_a_group_that_goes_with_its_last_member_is_named(exchange):
    exchange.good("pcs_resource", name="z", group="g", **DUMMY)
    done = exchange.good("pcs_resource", name="z", group="pbx")
    assert done["changes"] == ["set z group pbx: g -> first ip z", "remove g"]


def test_a_removal_says_what_else_goes(exchange):
    insert(exchange, "fencing-topology", '<fencing-level id="l" target="node1" index="1" devices="fence-node1,fence-node2"/>')
    insert(exchange, "tags", '<tag id="night"><obj_ref id="ip"/></tag>', '<tag id="all"><obj_ref id="ip"/><obj_ref id="disk"/></tag>')
    insert(exchange, "constraints", '<rsc_location id="tagged" rsc="night" node="node1" score="5"/>')
    insert(exchange, "acls", '<acl_role id="watch"><acl_permission id="w" kind="read" reference="ip"/></acl_role>')
    done = exchange.good("pcs_resource", name="pbx", state="absent")
    assert done["changes"][:3] == ["remove pbx", "remove first", "remove ip"]
    assert sorted(done["changes"][3:]) == [
        "remove pbx reference constraint disk-then-pbx",
        "remove pbx reference constraint pbx-with-disk",
        "remove pbx reference constraint tagged",
        "remove pbx reference ip in tag all",
        "remove pbx reference read of ip in ACL role watch",
        "remove pbx reference tag night",
    ]
    assert [tag.get("id") for tag in exchange.xml.iterfind(".//tag")] == ["all"]
    done = exchange.good("pcs_stonith", name="fence-node1", state="absent")
    assert done["changes"] == [
        "remove fence-node1", "remove fence-node1 reference fence-node1 in fencing level l",
    ]  # fmt: skip
    assert find(exchange, "l").get("devices") == "fence-node2"
    exchange.verify()


def test_what_others_have_parts_of_is_not_removed(exchange):
    exchange.good("pcs_resource", name="a", meta={"priority": 5}, **DUMMY)
    insert(
        exchange, "resources",
        '<primitive id="s" class="ocf" provider="pacemaker" type="Dummy"><meta_attributes id-ref="a-meta_attributes"/></primitive>',
    )  # fmt: skip
    assert "meta_attributes a-meta_attributes" in exchange.refused("pcs_resource", name="a", state="absent")


# --- what does not concern the change does not stop it -------------------------------------------------------------


@pytest.mark.parametrize("way", ["apply", "commit", "object"])
@pytest.mark.parametrize("what", ["deprecated", "lifetime", "roles", "error"])
def test_what_the_cluster_is_warned_of_does_not_stop_a_change(exchange, tmp_path, way, what):
    upgraded(exchange)
    exchange.good("pcs_property", properties={"stonith-action": "reboot"})
    text = exchange.file.read_text()
    if what == "deprecated":
        exchange.file.write_text(text.replace('name="stonith-action" value="reboot"', 'name="stonith-action" value="poweroff"'))
    elif what == "lifetime":
        insert(exchange, "constraints", RARE["lifetime"][0])
    elif what == "roles":
        exchange.file.write_text(text.replace('"Promoted"', '"Master"').replace('"Unpromoted"', '"Slave"'))
    else:
        # Pacemaker itself says "error" of a value that it does not know, and goes on with its own.
        exchange.file.write_text(text.replace('name="stonith-enabled" value="true"', 'name="stonith-enabled" value="perhaps"'))
    if way == "apply":
        result = exchange.good("pcs_cib", state="apply", properties={"batch-limit": 9})
    elif way == "commit":
        copy = str(tmp_path / "copy.xml")
        exchange.good("pcs_cib", state="checkout", path=copy)
        exchange.good("pcs_property", cib_file=copy, properties={"batch-limit": 9})
        result = exchange.good("pcs_cib", state="commit", path=copy)
    else:
        result = exchange.good("pcs_property", properties={"batch-limit": 9})
    assert result["changed"]
    assert find(exchange, "cib-bootstrap-options-batch-limit").get("value") == "9"
    word = {"deprecated": "poweroff", "lifetime": "lifetime", "roles": "Master", "error": "was invalid before"}[what]
    # 2.1 says nothing of the roles, 3.0.1 nothing of poweroff: it rewrites an old schema's words silently.
    assert (word in warnings(result)) == (what == "error" or word in exchange.judgement())


def test_an_error_beside_old_warnings_is_refused(exchange):
    upgraded(exchange)
    exchange.good("pcs_property", properties={"stonith-action": "reboot"})
    exchange.file.write_text(exchange.file.read_text().replace('value="reboot"', 'value="poweroff"'))
    exchange.good("pcs_stonith", name="fence-node1", state="absent")
    message = exchange.refused("pcs_cib", state="apply", stonith=[{"name": "fence-node2", "state": "absent"}])
    assert "STONITH" in message
    assert "poweroff" not in message


# --- what cannot be written is refused beforehand ------------------------------------------------------------------

BAD = ["two\nlines", "a\ttab", "back\rward", "vertical\x0btab", ["first", "second"], {"first": "mapping"}]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_a_value_that_does_not_arrive_is_refused(exchange, value):
    calls = [
        ("pcs_resource", {"name": "ip", "options": {"ip": "192.0.2.10", "nic": value}}),
        ("pcs_resource", {"name": "ip", "meta": {"x": value}}),
        ("pcs_resource", {"name": "ip", "operations": [{"name": "monitor", "interval": "10s", "description": value}]}),
        ("pcs_resource", {"name": "disk", "promotable": {"x": value}}),
        ("pcs_stonith", {"name": "fence-node1", "options": {"ip": "192.0.2.10", "password": value}}),
        ("pcs_property", {"properties": {"x": value}}),
        ("pcs_defaults", {"resource": {"x": value}}),
        ("pcs_defaults", {"operation": {"x": value}}),
    ]
    if isinstance(value, str):
        calls += [
            ("pcs_stonith", {"name": "fence-node1", "nodes": [value]}),
            ("pcs_constraint", {"id": "disk-then-pbx", "first": value}),
            ("pcs_constraint", {"id": value, "type": "location", "resource": "pbx", "node": "node1"}),
            ("pcs_resource", {"name": value, "agent": "ocf:pacemaker:Dummy"}),
        ]
    for module, arguments in calls:
        result = exchange.refused(module, **arguments)
        assert "Nothing was changed" in result, (module, arguments)
    assert exchange.pcs_calls() == []


def test_a_list_as_a_secret_is_not_shown(exchange):
    result = exchange.module("pcs_stonith", name="fence-node1", options={"password": ["SECRET-A", "SECRET-B"]})
    assert "password is a list" in result["msg"]
    assert "SECRET" not in str(result)


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("pcs_resource", {"name": "ip", "group": "two words"}, "'two words' cannot be the id of a group"),
        ("pcs_resource", {"name": "1st", "agent": "ocf:pacemaker:Dummy"}, "'1st' cannot be the id of a resource"),
        ("pcs_constraint", {"id": "a b", "type": "location", "resource": "pbx", "node": "node1"}, "cannot be the id of a constraint"),
        ("pcs_constraint", {"id": "x", "type": "colocation", "resource": "pbx", "with_resource": "pbx"}, "related to itself"),
        ("pcs_constraint", {"id": "x", "type": "order", "first": "pbx", "then": "pbx"}, "related to itself"),
    ],
)
def test_what_pacemaker_refuses_in_its_schemas_words_is_refused_in_a_sentence(exchange, module, arguments, message):
    assert message in exchange.refused(module, **arguments)


def test_a_constraint_on_what_is_then_cloned(exchange):
    exchange.good("pcs_resource", name="a", **DUMMY)
    exchange.good("pcs_constraint", id="home", type="location", resource="a", node="node1", score=5)
    message = exchange.refused("pcs_resource", name="a", clone={})
    assert "constraint home names a, which is inside the clone a-clone: it must name a-clone instead" in message
    assert exchange.good(
        "pcs_cib",
        state="apply",
        resources=[{"name": "a", "clone": {}}],
        constraints=[{"id": "home", "resource": "a-clone"}],
    )["changed"]
    exchange.verify()


def test_the_only_member_of_a_cloned_group_stays(exchange):
    exchange.good("pcs_resource", name="z", group="g", **DUMMY)
    exchange.pcs("resource", "clone", "g")
    for group in ("", "pbx"):
        message = exchange.refused("pcs_resource", name="z", group=group)
        assert "only member of group g, which is cloned (g-clone)" in message


def test_an_old_master_becomes_an_ordinary_clone(cluster):
    upgraded(cluster)
    insert(
        cluster, "resources",
        '<primitive id="f" class="stonith" type="fence_ipmilan"/>',
        '<master id="m"><primitive id="st" class="ocf" provider="pacemaker" type="Stateful"/></master>',
    )  # fmt: skip
    assert cluster.good("pcs_resource", name="st", clone={})["changed"]
    assert find(cluster, "m").tag == "clone"
    assert not cluster.good("pcs_resource", name="st", clone={})["changed"]
    assert cluster.good("pcs_resource", name="st", promotable={})["changed"]
    assert not cluster.good("pcs_resource", name="st", promotable={})["changed"]


# --- what has no effect is told -------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [False, True])
def test_a_location_on_a_node_that_is_not_there_is_told(exchange, check):
    declared = {"id": "x", "type": "location", "resource": "pbx", "node": "server9", "score": 5}
    told = "the cluster has no node server9 (it has node1, node2)"
    assert told in warnings(exchange.good("pcs_cib", check, state="apply", constraints=[declared]))
    for _again in range(2):
        assert told in warnings(exchange.good("pcs_constraint", check, **declared))
    assert told not in warnings(exchange.good("pcs_constraint", check, **{**declared, "node": "node1"}))
