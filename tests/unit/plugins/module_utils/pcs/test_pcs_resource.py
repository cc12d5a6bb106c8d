# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources and fence devices: plans and what they do to a CIB."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, resource
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.resource import Current, Desired
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Result

IP = Desired(
    name="ip",
    agent="ocf:heartbeat:IPaddr2",
    options={"ip": "192.0.2.10", "cidr_netmask": "24"},
    meta={"priority": "10"},
    operations=[{"name": "monitor", "interval": "10s", "timeout": "20s"}],
    group="pbx",
)
HAVE = Current(
    name="ip",
    agent="ocf:heartbeat:IPaddr2",
    options={"ip": "192.0.2.10", "cidr_netmask": "24"},
    meta={"priority": "10"},
    operations=[{"name": "monitor", "interval": "10s", "timeout": "20s"}],
    group="pbx",
    members=["fs", "ip"],
)


class PcsThatCreates:
    """pcs as far as it matters here: puts the primitive of its command line into the scratch file."""

    def __init__(self, capabilities="pcmk.cib.roles.promoted-unpromoted"):
        self.calls = []
        self.capabilities = capabilities

    def __call__(self, argv, stdin=None):
        assert stdin is None
        self.calls.append(list(argv))
        if argv[1] == "--version":
            return Result(0, f"0.11.5\n{self.capabilities}\n", "")
        scratch, kind, name, agent = Path(argv[2]), argv[3], argv[5], argv[6]
        parts = ["stonith", agent] if kind == "stonith" else agent.split(":")
        keys = ("class", "type") if len(parts) == 2 else ("class", "provider", "type")
        root = cib.parse(scratch.read_text())
        made = cib.section(root, "resources").makeelement("primitive", {"id": name, **dict(zip(keys, parts))})
        operations = made.makeelement("operations", {})
        operations.append(made.makeelement("op", {"id": f"{name}-m", "name": "monitor", "interval": "60s"}))
        made.append(operations)
        cib.section(root, "resources").append(made)
        scratch.write_text(cib.dump(root))
        return Result(0, "", "Warning: something to say")


class NoPcs:
    """Whoever calls it has done something that costs time."""

    def __call__(self, argv, stdin=None):
        raise AssertionError(f"nothing has to change, and yet: {argv}")


# --- plans ------------------------------------------------------------------------------------------------------


def test_absent_is_created_with_all_that_is_declared():
    actions = resource.plan(None, IP, ["fs"])
    assert actions[0] == Action("create", "resource", "ip", "ocf:heartbeat:IPaddr2")
    assert {(a.verb, a.kind, a.name) for a in actions[1:]} == {
        ("set", "option", "ip"),
        ("set", "option", "cidr_netmask"),
        ("set", "meta", "priority"),
        ("set", "op", "monitor"),
        ("set", "group", "pbx"),
    }


def test_the_same_is_nothing_to_do():
    assert resource.plan(HAVE, IP, HAVE.members) == []


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        (HAVE, replace(IP, operations=[{"name": "monitor", "interval": "10", "timeout": "20"}])),
        (HAVE, Desired("ip")),
        (HAVE, Desired("ip", agent="IPaddr2")),
        (replace(HAVE, meta={"priority": "10", "target-role": "Stopped", "is-managed": "false"}), IP),
        (HAVE, replace(IP, after="fs")),
    ],
    ids=["other words for a time", "nothing declared", "agent without its class", "the operator's meta", "right place"],
)
def test_what_is_no_difference(current, desired):
    assert resource.plan(current, desired, current.members) == []


def test_another_value_is_set():
    actions = resource.plan(HAVE, replace(IP, options={"ip": "192.0.2.11", "cidr_netmask": "24"}), HAVE.members)
    assert actions == [Action("set", "option", "ip", "ip", "192.0.2.10", "192.0.2.11")]


def test_what_is_no_longer_declared_is_removed():
    desired = replace(IP, options={"ip": "192.0.2.10"}, meta={}, operations=[])
    actions = resource.plan(HAVE, desired, HAVE.members)
    assert [(a.verb, a.kind, a.name) for a in actions] == [
        ("remove", "option", "cidr_netmask"),
        ("remove", "meta", "priority"),
        ("remove", "op", "monitor"),
    ]


def test_another_interval_changes_the_operation_instead_of_adding_one():
    have = [{"name": "monitor", "interval": "10s"}, {"name": "start", "interval": "0s", "timeout": "30"}]
    want = resource.normal_ops([{"name": "monitor", "interval": "15s"}, {"name": "start", "timeout": 30}])
    assert resource.plan_ops("r", have, want) == [Action("set", "op", "r", "monitor", have[0], want[0])]


def test_monitors_of_two_roles_are_two_operations():
    have = [
        {"name": "monitor", "interval": "10s", "role": "Promoted"},
        {"name": "monitor", "interval": "11s", "role": "Unpromoted"},
    ]
    want = resource.normal_ops(
        [
            {"name": "monitor", "interval": "11s", "role": "Slave"},
            {"name": "monitor", "interval": "9s", "role": "Master"},
        ]
    )
    actions = resource.plan_ops("r", have, want)
    assert actions == [Action("set", "op", "r", "monitor", have[0], {**have[0], "interval": "9s"})]


def test_an_operation_twice_is_refused():
    with pytest.raises(PcsError, match="declared twice"):
        resource.normal_ops([{"name": "monitor", "interval": "10"}, {"name": "monitor", "interval": "10s"}])


def test_an_operation_in_the_words_of_the_cib():
    assert resource.normal_op({"name": "monitor", "interval": 10, "on_fail": "restart", "OCF_CHECK_LEVEL": 10}) == {
        "name": "monitor",
        "interval": "10",
        "on-fail": "restart",
        "OCF_CHECK_LEVEL": "10",
    }


@pytest.mark.parametrize("op", [{"interval": "10s"}, {"name": "monitor", "timeout": "soon"}])
def test_an_impossible_operation_is_refused(op):
    with pytest.raises(PcsError):
        resource.normal_op(op)


def test_another_agent_is_refused():
    with pytest.raises(PcsError, match="remove ip first"):
        resource.plan(HAVE, replace(IP, agent="ocf:heartbeat:IPaddr"), HAVE.members)


def test_without_an_agent_nothing_is_created():
    with pytest.raises(PcsError, match="without an agent"):
        resource.plan(None, Desired("new"))


def test_one_that_stands_wrong_is_moved():
    current = replace(HAVE, members=["ip", "fs"])
    actions = resource.plan(current, replace(IP, after="fs"), ["ip", "fs"])
    assert actions == [Action("move", "position", "ip", "pbx", "ip fs", "fs ip")]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [({}, "a b c new"), ({"after": "a"}, "a new b c"), ({"before": "c"}, "a b new c"), ({"before": "a"}, "new a b c")],
)
def test_a_member_that_comes_later_has_its_place(change, wanted):
    actions = resource.plan(None, Desired("new", "ocf:x:y", group="g", **change), ["a", "b", "c"])
    assert actions[-1] == Action("set", "group", "new", "g", None, wanted)


@pytest.mark.parametrize("change", [{"after": "nobody"}, {"after": "c", "before": "a"}])
def test_an_impossible_place_is_refused(change):
    with pytest.raises(PcsError):
        resource.plan(None, Desired("new", "ocf:x:y", group="g", **change), ["a", "b", "c"])


def test_a_clone_gets_meta_attributes_and_keeps_the_operators():
    current = Current(
        "st", "ocf:pacemaker:Stateful", clone_id="st-clone", clone={"notify": "true", "is-managed": "false"}
    )
    actions = resource.plan(current, Desired("st", clone={"promotable": "true"}))
    assert [(a.verb, a.name) for a in actions] == [("remove", "notify"), ("set", "promotable")]


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        (Current("r", "ocf:a:b", clone_id="r-clone", clone={}), Desired("r", group="g")),
        (Current("r", "ocf:a:b", group="g", members=["r"]), Desired("r", clone={})),
    ],
)
def test_clone_and_group_exclude_each_other(current, desired):
    with pytest.raises(PcsError):
        resource.plan(current, desired, [])


# --- declarations -----------------------------------------------------------------------------------------------


def test_a_fence_device_in_the_words_of_pacemaker():
    desired = resource.desired_stonith(
        {"name": "f", "agent": "fence_x", "options": {"ip": "1"}, "nodes": ["a", "b"], "delay": 5, "operations": None}
    )
    whole = resource.options_after(Current("f", ""), desired)
    assert whole == {"ip": "1", "pcmk_host_list": "a b", "pcmk_delay_base": "5s"}
    assert desired.agent == "stonith:fence_x"


def test_no_delay_is_no_option():
    desired = resource.desired_stonith({"name": "f", "agent": "fence_x", "options": {}, "nodes": ["a"], "delay": 0})
    assert resource.options_after(Current("f", ""), desired) == {"pcmk_host_list": "a"}


@pytest.mark.parametrize(
    "params",
    [
        {"name": "r", "clone": {}, "promotable": {}},
        {"name": "r", "clone": {}, "group": "g"},
        {"name": "r", "after": "x"},
    ],
)
def test_contradictions_are_refused(params):
    with pytest.raises(PcsError):
        resource.desired_resource(params)


# --- on a CIB ---------------------------------------------------------------------------------------------------


def test_created_read_back_and_nothing_to_do(empty):
    pcs = PcsThatCreates()
    assert resource.ensure(pcs, empty, IP)
    assert resource.read(empty, "ip") == replace(HAVE, members=["ip"])
    assert resource.ensure(NoPcs(), empty, IP) == []


def test_what_pcs_adds_by_itself_does_not_stay(empty):
    resource.ensure(PcsThatCreates(), empty, Desired("r", "ocf:a:b", operations=[]))
    assert resource.read(empty, "r").operations == []


def test_without_operations_the_agents_monitor_stays(empty):
    resource.ensure(PcsThatCreates(), empty, Desired("r", "ocf:a:b"))
    assert resource.read(empty, "r").operations == [{"name": "monitor", "interval": "60s"}]


def test_a_change_leaves_the_resource_where_it_is(pair):
    constraints = cib.describe(cib.section(pair, "constraints"))
    desired = Desired("r15", options={"fake": "1"}, operations=[{"name": "monitor", "interval": "12s"}], group="pbx")
    resource.ensure(PcsThatCreates(), pair, desired)
    assert resource.read(pair, "r15").members == ["r1", "r15", "r2", "ip"]
    assert resource.read(pair, "r15").options == {"fake": "1"}
    assert cib.describe(cib.section(pair, "constraints")) == constraints
    assert resource.ensure(NoPcs(), pair, desired) == []


def test_a_move_costs_no_pcs_and_is_right(pair):
    resource.ensure(NoPcs(), pair, Desired("r15", group="pbx", after="r2"))
    assert resource.read(pair, "r15").members == ["r1", "r2", "r15", "ip"]


def test_a_new_member_comes_behind_its_neighbour(pair):
    resource.ensure(PcsThatCreates(), pair, Desired("new", "ocf:a:b", group="pbx", after="r2"))
    assert resource.read(pair, "new").members == ["r1", "r15", "r2", "new", "ip"]


def test_out_of_the_group(pair):
    resource.ensure(NoPcs(), pair, Desired("r15", group=""))
    assert resource.read(pair, "r15").group is None
    assert resource.read(pair, "r1").members == ["r1", "r2", "ip"]


def test_promotable_clone(empty):
    desired = resource.desired_resource(
        {
            "name": "disk",
            "agent": "ocf:linbit:drbd",
            "options": {"drbd_resource": "pbx"},
            "operations": [
                {"name": "monitor", "interval": "29s", "role": "Promoted"},
                {"name": "monitor", "interval": "31s", "role": "Unpromoted"},
            ],
            "promotable": {"promoted-max": 1, "notify": True},
        }
    )
    resource.ensure(PcsThatCreates(), empty, desired)
    current = resource.read(empty, "disk")
    assert current.clone_id == "disk-clone"
    assert current.clone == {"promotable": "true", "promoted-max": "1", "notify": "true"}
    assert resource.ensure(NoPcs(), empty, desired) == []


def test_old_roles_of_an_old_schema_are_the_same_roles(empty):
    empty.set("validate-with", "pacemaker-3.0")
    ops = resource.normal_ops([{"name": "monitor", "interval": "29s", "role": "Promoted"}])
    pcs = PcsThatCreates(capabilities="pcmk.resource.create")
    resource.ensure(pcs, empty, Desired("disk", "ocf:linbit:drbd", operations=ops, clone={"promotable": "true"}))
    assert cib.find_resource(empty, "disk").find("operations/op").get("role") == "Master"
    assert "role=Master" in pcs.calls[-1]
    assert resource.read(empty, "disk").operations == ops


def test_what_is_declared_goes_to_pcs_for_judgement():
    argv = resource.create_argv("/x", IP)
    assert argv[:7] == ["pcs", "-f", "/x", "resource", "create", "ip", "ocf:heartbeat:IPaddr2"]
    assert argv[-1] == "--no-default-ops"
    assert argv[argv.index("op") : argv.index("meta")] == ["op", "monitor", "interval=10s", "timeout=20s"]


def test_a_secret_is_in_the_cib_and_on_no_command_line(empty):
    pcs = PcsThatCreates()
    options = {"ip": "192.0.2.1", "password": "SECRET"}
    desired = resource.desired_stonith({"name": "f", "agent": "fence_x", "options": options})
    actions = resource.ensure(pcs, empty, desired)
    assert resource.read(empty, "f").options["password"] == "SECRET"
    assert "password=placeholder" in pcs.calls[0]
    assert "SECRET" not in str(pcs.calls)
    assert "SECRET" not in str([action.text() for action in actions])


def test_a_changed_secret_is_a_change_that_shows_nothing(empty):
    desired = resource.desired_stonith({"name": "f", "agent": "fence_x", "options": {"password": "OLD"}})
    resource.ensure(PcsThatCreates(), empty, desired)
    changed = resource.desired_stonith({"name": "f", "agent": "fence_x", "options": {"password": "NEW"}})
    assert [a.text() for a in resource.ensure(PcsThatCreates(), empty, changed)] == ["set f option password = ********"]
    assert resource.read(empty, "f").options["password"] == "NEW"


def test_what_pcs_refuses_changes_nothing(empty):
    before = cib.dump(empty)

    def pcs(argv, stdin=None):
        return Result(1, "", "Error: invalid resource option 'ipp'")

    with pytest.raises(PcsError, match="invalid resource option 'ipp'"):
        resource.ensure(pcs, empty, replace(IP, options={"ipp": "1"}))
    assert cib.dump(empty) == before


def test_a_fence_agent_that_is_not_installed_is_named_with_what_installs_it(empty):
    def pcs(argv, stdin=None):
        return Result(1, "", "Error: Agent 'stonith:fence_apc' is not installed or does not provide valid metadata")

    desired = resource.desired_stonith({"name": "f", "agent": "fence_apc", "options": {}, "nodes": ["a"]})
    with pytest.raises(PcsError, match=r"on every node \(its package: the role's pacemaker_cluster_fence_packages\)\.$"):
        resource.ensure(pcs, empty, desired)


def test_a_removal_takes_references_and_empty_wrappers_along(pair):
    actions = resource.ensure_absent(pair, "st")
    assert cib.find_resource(pair, "st-clone") is None
    left = {c.get("id") for c in cib.section(pair, "constraints")}
    assert not {"c1", "o1"} & left
    assert {a.name for a in actions if a.kind == "reference"} >= {"constraint c1", "constraint o1"}
    assert resource.ensure_absent(pair, "st") == []


def test_a_member_that_goes_leaves_the_groups_constraints(pair):
    resource.ensure_absent(pair, "r2")
    assert {"c1", "o1"} <= {c.get("id") for c in cib.section(pair, "constraints")}
    assert resource.read(pair, "r1").members == ["r1", "r15", "ip"]


def test_the_wrong_module_for_a_removal_is_refused(pair):
    with pytest.raises(PcsError, match="pcs_stonith"):
        resource.ensure_absent(pair, "fence-node2")
    with pytest.raises(PcsError, match="pcs_resource"):
        resource.ensure_absent(pair, "r1", stonith=True)


def test_a_group_is_no_resource(pair):
    with pytest.raises(PcsError, match="is a group"):
        resource.read(pair, "pbx")
