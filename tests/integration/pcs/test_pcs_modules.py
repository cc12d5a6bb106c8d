# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules against the real pcs and Pacemaker: applied, applied again, changed, removed, refused, simulated."""

from __future__ import annotations

import stat
import xml.etree.ElementTree as ET

import pytest

MONITOR = [{"name": "monitor", "interval": "10s", "timeout": "20s"}]
DUMMY = {"name": "a", "agent": "ocf:pacemaker:Dummy"}
FENCE = {
    "name": "f1",
    "agent": "fence_ipmilan",
    "nodes": ["node1"],
    "options": {"ip": "192.0.2.101", "username": "cluster", "password": "SECRET-1"},
    "operations": [{"name": "monitor", "interval": "60s"}],
}

# (module, as declared first, as declared then): the same object with another value, and with something left out.
OBJECTS = {
    "property": ("pcs_property", {"properties": {"batch-limit": 5}}, {"properties": {"batch-limit": 6}}),
    "property removed": ("pcs_property", {"properties": {"batch-limit": 5}}, {"properties": {"batch-limit": None}}),
    "defaults": (
        "pcs_defaults",
        {"resource": {"resource-stickiness": 1}, "operation": {"timeout": "30s"}},
        {"resource": {"resource-stickiness": 2}, "operation": {"timeout": ""}},
    ),
    "option": (
        "pcs_resource",
        {"name": "a", "agent": "ocf:heartbeat:IPaddr2", "options": {"ip": "192.0.2.1", "cidr_netmask": 24}},
        {"name": "a", "options": {"ip": "192.0.2.2"}},
    ),
    "operation": (
        "pcs_resource",
        {"name": "a", "agent": "ocf:pacemaker:Dummy", "operations": [*MONITOR, {"name": "stop", "timeout": "30s"}]},
        {"name": "a", "operations": [{"name": "monitor", "interval": "11s", "on_fail": "restart"}]},
    ),
    "check level": (
        "pcs_resource",
        {
            "name": "a",
            "agent": "ocf:heartbeat:Filesystem",
            "options": {"device": "/dev/x", "directory": "/mnt", "fstype": "ext4"},
            "operations": [{"name": "monitor", "interval": "20s", "OCF_CHECK_LEVEL": 10}],
        },
        {"name": "a", "operations": [{"name": "monitor", "interval": "20s", "OCF_CHECK_LEVEL": 20}]},
    ),
    "meta": (
        "pcs_resource",
        {"name": "a", "agent": "ocf:pacemaker:Dummy", "meta": {"priority": 5, "migration-threshold": 3}},
        {"name": "a", "meta": {"priority": 6}},
    ),
    "clone": (
        "pcs_resource",
        {"name": "a", "agent": "ocf:pacemaker:Dummy", "clone": {"interleave": True}},
        {"name": "a", "clone": {}},
    ),
    "promotable": (
        "pcs_resource",
        {
            "name": "a",
            "agent": "ocf:pacemaker:Stateful",
            "operations": [
                {"name": "monitor", "interval": "10s", "role": "Promoted"},
                {"name": "monitor", "interval": "11s", "role": "Unpromoted"},
            ],
            "promotable": {"promoted-max": 1, "notify": True},
        },
        {"name": "a", "promotable": {"promoted-max": 2}},
    ),
    "group": (
        "pcs_resource",
        {"name": "a", "agent": "ocf:pacemaker:Dummy", "group": "g"},
        {"name": "a", "group": "h"},
    ),
    "stonith": ("pcs_stonith", FENCE, {**FENCE, "delay": 7, "options": {**FENCE["options"], "lanplus": True}}),
    "secret": ("pcs_stonith", FENCE, {**FENCE, "options": {**FENCE["options"], "password": "SECRET-2"}}),
}


@pytest.mark.parametrize("case", OBJECTS)
def test_each_object(cluster, case):
    module, first, then = OBJECTS[case]
    for declared in (first, then):
        before = cluster.file.read_text()
        said = cluster.good(module, check=True, **declared)
        assert said["changed"]
        assert cluster.file.read_text() == before, "check mode changed the cluster"
        done = cluster.good(module, **declared)
        assert done["changes"] == said["changes"]
        assert done["diff"] == said["diff"]
        assert cluster.file.read_text() != before
        cluster.forget_calls()
        after = cluster.file.read_text()
        assert not cluster.good(module, **declared)["changed"]
        assert cluster.pcs_calls() == [], "an unchanged object costs a call of pcs"
        assert cluster.file.read_text() == after
    cluster.pcs("config")
    assert "SECRET" not in str(done)


CONSTRAINTS = {
    "location": (
        {"type": "location", "resource": "pbx", "node": "node1", "score": 50},
        {"type": "location", "resource": "pbx", "node": "node2", "score": "-INFINITY"},
    ),
    "colocation": (
        {"type": "colocation", "resource": "pbx", "with_resource": "disk-clone", "with_role": "Promoted"},
        {"type": "colocation", "resource": "pbx", "with_resource": "disk-clone", "score": 5},
    ),
    "order": (
        {"type": "order", "first": "disk-clone", "then": "pbx", "kind": "Optional"},
        {"type": "order", "first": "disk-clone", "first_action": "promote", "then": "pbx", "then_action": "start"},
    ),
}


@pytest.mark.parametrize("case", CONSTRAINTS)
def test_each_constraint(exchange, case):
    for declared in CONSTRAINTS[case]:
        assert exchange.good("pcs_constraint", check=True, id="x", **declared)["changed"]
        assert exchange.good("pcs_constraint", id="x", **declared)["changed"]
        assert not exchange.good("pcs_constraint", id="x", **declared)["changed"]
    exchange.verify()
    assert exchange.good("pcs_constraint", id="x", state="absent")["changed"]
    assert not exchange.good("pcs_constraint", id="x", state="absent")["changed"]
    assert exchange.pcs_calls() == []


# --- what pcs itself made is the same -----------------------------------------------------------------------------


def test_what_pcs_made_is_no_difference(cluster):
    """The commands are those that all dialects (0.10, 0.11 and 0.12) know."""
    pcs = cluster.pcs
    known = cluster.good("pcs_info", capabilities=True)["capabilities"]
    promoted, unpromoted = ("Promoted", "Unpromoted") if "pcmk.cib.roles.promoted-unpromoted" in known else ("Master", "Slave")
    pcs("property", "set", "stonith-enabled=false", "no-quorum-policy=stop")
    pcs("resource", "defaults", "update", "resource-stickiness=100")
    pcs("resource", "op", "defaults", "update", "timeout=60s")
    monitor = ["op", "monitor", "interval=10s", "timeout=20s"]
    monitors = ["op", "monitor", "interval=29s", f"role={promoted}", "op", "monitor", "interval=31s", f"role={unpromoted}"]
    pcs("resource", "create", "disk", "ocf:pacemaker:Stateful", *monitors, "--no-default-ops")
    pcs("resource", "promotable", "disk", "meta", "notify=true", "promoted-max=1")
    pcs("resource", "create", "a", "ocf:pacemaker:Dummy", *monitor, "--no-default-ops")
    pcs("resource", "group", "add", "pbx", "a")
    pcs("constraint", "colocation", "add", "pbx", "with", promoted, "disk-clone", "id=c")
    pcs("constraint", "order", "promote", "disk-clone", "then", "start", "pbx", "id=o")
    pcs("constraint", "location", "add", "l", "pbx", "node1", "score=50" if _score_word(cluster) else "50")
    pcs("stonith", "create", "f", "fence_ipmilan", "ip=192.0.2.1", "username=u", "password=p", "pcmk_host_list=node1")
    result = cluster.good(
        "pcs_cib",
        state="apply",
        properties={"stonith-enabled": False, "no-quorum-policy": "stop"},
        resource_defaults={"resource-stickiness": 100},
        operation_defaults={"timeout": "60s"},
        stonith=[
            {
                "name": "f",
                "agent": "fence_ipmilan",
                "nodes": ["node1"],
                "options": {"ip": "192.0.2.1", "username": "u", "password": "p"},
                "operations": [{"name": "monitor", "interval": "60s"}],
            }
        ],
        resources=[
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
                "name": "a",
                "agent": "ocf:pacemaker:Dummy",
                "group": "pbx",
                "operations": MONITOR,
                "options": {},
                "meta": {},
            },
        ],
        constraints=[
            {
                "id": "c",
                "type": "colocation",
                "resource": "pbx",
                "with_resource": "disk-clone",
                "with_role": "Promoted",
            },
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
    )
    assert result["changes"] == []


def _score_word(cluster):
    return (
        "pcmk.constraint.location.simple.options.score" in cluster.good("pcs_info", capabilities=True)["capabilities"]
    )


# --- in place -----------------------------------------------------------------------------------------------------


def test_a_change_keeps_place_and_constraints(exchange):
    constraints = [c.attrib for c in exchange.xml.iterfind("configuration/constraints/*")]
    exchange.good("pcs_resource", name="first", options={"fake": "x"}, meta={"priority": 3})
    assert [p.get("id") for p in exchange.xml.iterfind(".//group/primitive")] == ["first", "ip"]
    assert [c.attrib for c in exchange.xml.iterfind("configuration/constraints/*")] == constraints
    exchange.verify()


def test_members_that_come_later_have_their_place(exchange):
    exchange.good("pcs_resource", name="b", agent="ocf:pacemaker:Dummy", group="pbx", after="first")
    exchange.good("pcs_resource", name="z", agent="ocf:pacemaker:Dummy", group="pbx")
    exchange.good("pcs_resource", name="a", agent="ocf:pacemaker:Dummy", group="pbx", before="first")
    assert [p.get("id") for p in exchange.xml.iterfind(".//group/primitive")] == ["a", "first", "b", "ip", "z"]
    exchange.good("pcs_resource", name="a", group="pbx", after="ip")
    assert [p.get("id") for p in exchange.xml.iterfind(".//group/primitive")] == ["first", "b", "ip", "a", "z"]
    exchange.verify()


def test_what_an_operator_disabled_stays_disabled(exchange, declaration):
    exchange.pcs("resource", "disable", "ip")
    exchange.pcs("resource", "unmanage", "first")
    declared = declaration()
    for entry in declared["resources"]:
        entry["meta"] = {}
    assert not exchange.good("pcs_cib", state="apply", **declared)["changed"]
    assert exchange.xml.find(".//primitive[@id='ip']//nvpair[@name='target-role']").get("value") == "Stopped"


def test_a_removal_leaves_a_valid_cluster(exchange):
    assert exchange.good("pcs_resource", name="disk", state="absent")["changed"]
    assert not exchange.good("pcs_resource", name="disk", state="absent")["changed"]
    assert exchange.xml.find(".//clone") is None
    assert list(exchange.xml.find("configuration/constraints")) == []
    exchange.verify()


# --- what is hard to write, and what goes wrong in the middle -----------------------------------------------------

LETTERS, SIGNS = "José ñandú, ¿100%?", "it's \"one\" <&> $HOME; =x"


def with_strings(option, user, password):
    """A declaration with these as the option of a resource and as account and password of a fence device."""
    return {
        "stonith": [{**FENCE, "options": {**FENCE["options"], "username": user, "password": password}}],
        "resources": [{**DUMMY, "options": {"fake": option}, "operations": MONITOR}],
    }


def values(cluster):
    """The strings of such a declaration, as the cluster has them."""
    found = {e.get("name"): e.get("value") for e in cluster.xml.iter("nvpair")}
    return found.get("fake"), found.get("username"), found.get("password")


@pytest.mark.parametrize("strings", [(LETTERS, SIGNS, f"SECRET {LETTERS}"), (SIGNS, LETTERS, f"SECRET {SIGNS}")])
def test_every_character_arrives(cluster, strings):
    done = cluster.good("pcs_cib", state="apply", **with_strings(*strings))
    assert values(cluster) == strings
    assert "SECRET" not in str(done) + "\n".join(cluster.pcs_calls())
    assert not cluster.good("pcs_cib", state="apply", **with_strings(*strings))["changed"]
    cluster.verify()


def test_letters_and_signs_in_one_string_arrive_or_are_refused(cluster):
    """Pacemaker 2.1.5 loses what follows the sign: then nothing may come into the cluster."""
    strings = (f"{LETTERS}{SIGNS}", "u", f"SECRET {LETTERS}{SIGNS}")
    before = cluster.file.read_text()
    result = cluster.module("pcs_cib", state="apply", **with_strings(*strings))
    assert "SECRET" not in str(result)
    if result.get("failed"):
        assert "cannot write down fake (a-instance_attributes-fake), password (f1-instance_attributes-password)" in result["msg"]
        assert cluster.file.read_text() == before
    else:
        assert values(cluster) == strings
        cluster.verify()


@pytest.mark.parametrize(("program", "word"), [("pcs", "second"), ("crm_verify", "--xml-file"), ("cibadmin", "--patch")])
def test_a_tool_that_fails_in_the_middle_leaves_the_cluster_as_it_was(exchange, program, word):
    exchange.break_tool(program, word)
    resources = [{"name": name, "agent": "ocf:pacemaker:Dummy", "operations": MONITOR} for name in ("one", "second", "third")]
    message = exchange.refused("pcs_cib", state="apply", properties={"batch-limit": 9}, resources=resources)
    assert "broken on purpose" in message


# --- refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("pcs_resource", {"name": "x", "agent": "ocf:heartbeat:NoSuchAgent"}, "NoSuchAgent"),
        ("pcs_resource", {"name": "x", "agent": "ocf:heartbeat:IPaddr2", "options": {"ipp": 1}}, "ipp"),
        ("pcs_resource", {"name": "x", "agent": "ocf:heartbeat:IPaddr2", "options": {}}, "ip"),
        ("pcs_resource", {"name": "ip", "options": {"ip": "192.0.2.1", "bogus": "1"}}, "bogus"),
        ("pcs_resource", {"name": "ip", "agent": "ocf:pacemaker:Dummy"}, "remove ip first"),
        ("pcs_stonith", {"name": "x", "agent": "fence_nobody"}, "fence_nobody"),
        ("pcs_property", {"properties": {"stontih-enabled": False}}, "stontih-enabled"),
        ("pcs_property", {"properties": {"stonith-enabled": "perhaps"}}, "stonith-enabled"),
        ("pcs_constraint", {"id": "x", "type": "location", "resource": "nobody", "node": "node1"}, "nobody"),
        ("pcs_constraint", {"id": "x", "type": "order", "first": "disk", "then": "pbx"}, "disk-clone"),
        ("pcs_constraint", {"id": "cli-ban-x", "state": "absent"}, "leaves them alone"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_happens(exchange, module, arguments, message):
    assert message in exchange.refused(module, **arguments)


def test_the_last_fence_device_stays_while_fencing_is_required(exchange):
    exchange.good("pcs_stonith", name="fence-node1", state="absent")
    assert "STONITH" in exchange.refused("pcs_stonith", name="fence-node2", state="absent").upper()


def test_a_transaction_that_leaves_the_cluster_invalid_is_refused(cluster):
    resource = {"name": "a", "agent": "ocf:pacemaker:Dummy"}
    assert "crm_verify" in cluster.refused("pcs_cib", state="apply", resources=[resource])
    # One by one it must be possible to get there.
    assert cluster.good("pcs_resource", **resource)["changed"]
    assert cluster.good("pcs_stonith", **FENCE)["changed"]
    cluster.verify()


# --- secrets ------------------------------------------------------------------------------------------------------


def test_secrets_are_in_the_cib_and_nowhere_else(exchange, built):
    board = exchange.xml.find(".//primitive[@id='fence-node1']//nvpair[@name='password']")
    assert board.get("value") == "SECRET-OF-THE-BOARD"
    calls = built[1]
    assert [c for c in calls if "stonith create" in c]
    assert "SECRET" not in "\n".join(calls)
    options = {"ip": "192.0.2.101", "username": "cluster", "password": "SECRET-NEW"}
    changed = exchange.good("pcs_stonith", name="fence-node1", options=options, nodes=["node1"], delay=5)
    assert changed["changes"] == ["set fence-node1 option password = ********"]
    assert "a secret value differs" in str(changed["diff"])
    assert "SECRET" not in str(changed) + str(exchange.good("pcs_info")) + "\n".join(exchange.pcs_calls())
    # What is no secret shows: hiding all of the options would hide host names and numbers everywhere.
    assert "192.0.2.101" in str(exchange.good("pcs_info"))


# --- transactions -------------------------------------------------------------------------------------------------


def test_a_whole_declaration_again_costs_no_pcs(exchange, declaration):
    again = exchange.good("pcs_cib", state="apply", **declaration())
    assert (again["changed"], again["changes"], again["actions"]) == (False, [], [])
    assert exchange.pcs_calls() == []


def test_a_declaration_in_check_mode_says_what_a_real_run_does(cluster, declaration):
    said = cluster.good("pcs_cib", check=True, state="apply", **declaration())
    assert cluster.xml.find(".//primitive") is None
    done = cluster.good("pcs_cib", state="apply", **declaration())
    assert said["changes"] == done["changes"]
    assert said["actions"] == done["actions"]
    assert {(a["action"], a["resource"]) for a in done["actions"]} >= {("start", "fence-node1"), ("start", "disk:0")}


def test_a_copy_is_edited_committed_and_gone(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    before = exchange.file.read_text()
    assert not exchange.good("pcs_cib", state="checkout", path=str(copy))["changed"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    edits = [
        ("pcs_property", {"properties": {"batch-limit": 9}}),
        ("pcs_resource", {"name": "z", "agent": "ocf:pacemaker:Dummy", "group": "pbx", "operations": MONITOR}),
        ("pcs_constraint", {"id": "home", "type": "location", "resource": "pbx", "node": "node2", "score": 5}),
    ]
    for module, arguments in edits:
        # Check mode edits the copy too: it is scratch, and the commit has to be able to say what would happen.
        assert exchange.good(module, check=True, cib_file=str(copy), **arguments)["changed"]
        assert not exchange.good(module, cib_file=str(copy), **arguments)["changed"]
    assert exchange.file.read_text() == before
    done = exchange.good("pcs_cib", state="commit", path=str(copy))
    assert done["changed"]
    assert set(done["changes"]) == {"+ property batch-limit", "~ group pbx", "+ rsc_location home"}
    assert not list(tmp_path.glob("copy.xml*"))
    exchange.verify()


def test_a_copy_without_changes_is_no_change(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    exchange.good("pcs_cib", state="checkout", path=str(copy))
    assert not exchange.good("pcs_cib", state="commit", path=str(copy))["changed"]


def test_check_mode_of_a_commit_pushes_nothing(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    exchange.good("pcs_cib", check=True, state="checkout", path=str(copy))
    exchange.good("pcs_property", cib_file=str(copy), properties={"batch-limit": 9})
    before = exchange.file.read_text()
    assert exchange.good("pcs_cib", check=True, state="commit", path=str(copy))["changes"] == ["+ property batch-limit"]
    assert exchange.file.read_text() == before


def test_what_somebody_changed_meanwhile_is_not_overwritten(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    exchange.good("pcs_cib", state="checkout", path=str(copy))
    exchange.good("pcs_property", cib_file=str(copy), properties={"batch-limit": 9})
    exchange.pcs("property", "set", "maintenance-mode=true")
    assert "property maintenance-mode" in exchange.refused("pcs_cib", state="commit", path=str(copy))
    assert not list(tmp_path.glob("copy.xml*"))


# As crm-fence-peer.sh of drbd-utils makes it.
HANDLERS = """<rsc_location rsc="disk-clone" id="drbd-fence-by-handler-pbx-disk-clone">
  <rule role="{role}" score="-INFINITY" id="drbd-fence-by-handler-pbx-rule-disk-clone">
    <expression attribute="#uname" operation="ne" value="node1" id="drbd-fence-by-handler-pbx-expr-disk-clone"/>
  </rule>
</rsc_location>"""


def shut_out(cluster):
    """Have DRBD's handler bar node2 from the disk; returns the constraint's text."""
    role = "Promoted" if "Promoted" in cluster.file.read_text() else "Master"
    cluster.command("cibadmin", "--create", "--scope=constraints", f"--xml-text={HANDLERS.format(role=role)}")
    return handlers(cluster)


def handlers(cluster):
    found = cluster.xml.find(".//rsc_location[@id='drbd-fence-by-handler-pbx-disk-clone']")
    return ET.canonicalize(ET.tostring(found, encoding="unicode"), strip_text=True)


def test_what_drbds_handler_set_stays_through_every_change(exchange, declaration, tmp_path):
    before = shut_out(exchange)
    again = exchange.good("pcs_cib", state="apply", **declaration())
    assert (again["changed"], again["changes"]) == (False, [])
    # Another constraint on the same resource changes, and one of ours goes: only that is a change.
    declared = declaration()
    declared["constraints"][0]["score"] = 5
    declared["constraints"][1] = {"id": "disk-then-pbx", "state": "absent"}
    done = exchange.good("pcs_cib", state="apply", **declared)
    assert [line.split(" constraint")[0] for line in done["changes"]] == ["remove disk-then-pbx", "set pbx-with-disk"]
    assert handlers(exchange) == before
    (entry,) = [c for c in exchange.good("pcs_info")["constraints"] if c["foreign"]]
    assert entry["id"] == "drbd-fence-by-handler-pbx-disk-clone"
    assert "value=node1" in entry["text"]
    exchange.verify()


def test_what_drbds_handler_sets_meanwhile_survives(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    exchange.good("pcs_cib", state="checkout", path=str(copy))
    exchange.good("pcs_property", cib_file=str(copy), properties={"batch-limit": 9})
    before = shut_out(exchange)
    assert exchange.good("pcs_cib", state="commit", path=str(copy))["changed"]
    assert handlers(exchange) == before
    assert exchange.xml.find(".//nvpair[@name='batch-limit']").get("value") == "9"
    # And back: it is gone when the copy is committed that still has it.
    exchange.good("pcs_cib", state="checkout", path=str(copy))
    exchange.good("pcs_property", cib_file=str(copy), properties={"batch-limit": 8})
    exchange.command("cibadmin", "--delete", "--xpath", "//rsc_location[@id='drbd-fence-by-handler-pbx-disk-clone']")
    exchange.good("pcs_cib", state="commit", path=str(copy))
    assert exchange.xml.find(".//rsc_location[@id='drbd-fence-by-handler-pbx-disk-clone']") is None


def test_an_operators_ban_meanwhile_survives(exchange, tmp_path):
    copy = tmp_path / "copy.xml"
    exchange.good("pcs_cib", state="checkout", path=str(copy))
    exchange.good("pcs_property", cib_file=str(copy), properties={"batch-limit": 9})
    score = ["score=-INFINITY"] if _score_word(exchange) else ["-INFINITY"]
    exchange.pcs("constraint", "location", "add", "cli-ban-pbx-on-node1", "pbx", "node1", *score)
    assert exchange.good("pcs_cib", state="commit", path=str(copy))["changed"]
    assert exchange.xml.find(".//rsc_location[@id='cli-ban-pbx-on-node1']") is not None
    assert exchange.xml.find(".//nvpair[@name='batch-limit']").get("value") == "9"


def test_an_interruption_is_foreseen_and_can_be_refused(cluster):
    cluster.good("pcs_stonith", **FENCE)
    cluster.good("pcs_defaults", resource={"resource-stickiness": 100})
    cluster.good("pcs_resource", **DUMMY, operations=MONITOR)
    cluster.remember_start("a", "node1", 1500)
    ban = {"id": "elsewhere", "type": "location", "resource": "a", "node": "node1", "score": "-INFINITY"}
    message = cluster.refused("pcs_cib", state="apply", interruption="refuse", constraints=[ban])
    assert "move a: 1.5 s the last time" in message
    assert not cluster.good("pcs_cib", state="apply", interruption="refuse", properties={"batch-limit": 9})["interruptions"]
    done = cluster.good("pcs_cib", state="apply", constraints=[ban])
    assert done["interruptions"] == [{"resource": "a", "action": "move", "seconds": 1.5}]
    assert "what is away meanwhile" in done["diff"][-1]["prepared"]


def test_waiting_has_an_end_and_names_what_is_left(exchange):
    """Nothing runs behind the file, so a started resource never comes."""
    result = exchange.module("pcs_resource", **{**DUMMY, "wait": 1})
    assert result["failed"]
    assert "had not settled" in result["msg"]
    assert "a_start_0" in result["msg"] or "a_monitor_0" in result["msg"]


def test_a_copy_that_nobody_made_says_what_to_do(exchange, tmp_path):
    message = exchange.refused("pcs_property", cib_file=str(tmp_path / "no.xml"), properties={"batch-limit": 1})
    assert "state: checkout" in message
    assert not exchange.good("pcs_cib", state="discard", path=str(tmp_path / "no.xml"))["changed"]


def test_without_a_cluster_it_says_what_to_do(cluster):
    cluster.file.unlink()
    result = cluster.module("pcs_property", properties={"batch-limit": 1})
    assert "pcs cluster start" in result["msg"]
    assert cluster.good("pcs_info")["cluster"]["running"] is False


# --- info ---------------------------------------------------------------------------------------------------------


def test_info(exchange):
    answer = exchange.good("pcs_info", capabilities=True)
    assert answer["cluster"]["online"] == ["node1", "node2"]
    assert answer["groups"] == {"pbx": ["first", "ip"]}
    assert [s["targets"] for s in answer["stonith"]] == [["node1"], ["node2"]]
    assert {r["id"]: r["clone"] for r in answer["resources"]} == {"disk": "disk-clone", "first": "", "ip": ""}
    assert answer["properties"]["no-quorum-policy"] == "stop"
    assert "pcmk.cib.get" in answer["capabilities"]
    order = next(c for c in answer["constraints"] if c["id"] == "disk-then-pbx")
    assert (order["first"], order["first_action"], order["then"]) == ("disk-clone", "promote", "pbx")
