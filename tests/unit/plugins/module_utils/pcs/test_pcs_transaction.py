# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way of a change into the cluster, and what the cluster says of itself."""

from __future__ import annotations

import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import (
    cib,
    corosync,
    info,
    status,
    transaction,
    values,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Result
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import CommitFailed, Transaction

OK = Result(0, "", "")


@pytest.fixture
def original(fixture_text):
    return fixture_text("cib-3.0.xml")


@pytest.fixture
def edited(original):
    """The pair's CIB with another stickiness."""
    root = cib.parse(original)
    values.apply(root, "resource_default", values.plan("resource_default", {}, {"resource-stickiness": "7"}))
    return root


class Cluster:
    """A live cluster: its CIB changes when a patch is pushed."""

    def __init__(self, live, fixture_text, after=None):
        self.live, self.after, self.original = live, after, live
        self.mon = [fixture_text("crm_mon-3.0.xml")]
        # With the copy, and with what is there.
        self.verify_before = OK
        self.verify, self.simulate = OK, [Result(0, fixture_text("crm_simulate-3.0.xml"), ""), Result(0, "<x><actions/></x>", "")]
        self.wait = OK
        self.push = OK
        self.diff = Result(1, "<diff/>", "")
        self.calls = []

    def __call__(self, argv, stdin=None):
        self.calls.append(" ".join(argv))
        if argv[:2] == ["cibadmin", "--query"]:
            return Result(0, self.live, "") if self.live else Result(102, "", "Connection to the CIB failed")
        if argv[0] == "cibadmin":
            assert stdin == "<diff/>"
            if self.push.rc == 0 and self.after is not None:
                self.live = self.after
            return self.push
        if argv[0] == "crm_verify":
            looked_at, before = cib.parse(Path(argv[-1]).read_text(encoding="utf-8")), cib.parse(self.original)
            if cib.describe_configuration(looked_at) == cib.describe_configuration(before):
                return self.verify_before
        answers = {"crm_diff": self.diff, "crm_verify": self.verify}
        answers["crm_resource"] = self.wait
        if argv[0] == "crm_simulate":
            self.simulate = [*self.simulate[1:], self.simulate[0]]
            return self.simulate[-1]
        if argv[0] == "crm_mon":
            return Result(0, self.mon[0] if len(self.mon) == 1 else self.mon.pop(0), "")
        return answers[argv[0]]

    def pushed(self):
        return any("--patch" in call for call in self.calls)


@pytest.fixture
def cluster(original, edited, fixture_text):
    return Cluster(original, fixture_text, after=cib.dump(edited))


# --- a dry run where no cluster is ----------------------------------------------------------------------------------


@pytest.fixture
def no_cluster_runs(monkeypatch, fixture_path):
    """A host whose cluster does not run; the test says which corosync.conf it has."""

    def run(argv, stdin=None):
        if argv == ["cibadmin", "--empty"]:
            return Result(0, "<cib/>", "")
        assert argv == ["cibadmin", "--query"]
        return Result(102, "", "Connection to the CIB failed")

    def with_conf(name):
        monkeypatch.setattr(corosync, "COROSYNC_CONF", fixture_path / name)
        return run

    return with_conf


@pytest.mark.parametrize("conf", ["no-such-file", "corosync-debian.conf"])
def test_a_dry_run_begins_with_an_empty_configuration_where_there_is_no_cluster(no_cluster_runs, conf):
    assert transaction.live_text(no_cluster_runs(conf), or_empty=True) == "<cib/>"
    with pytest.raises(PcsError, match="cannot be read"):
        transaction.live_text(no_cluster_runs(conf))


def test_a_cluster_that_does_not_run_is_not_taken_for_none(no_cluster_runs):
    with pytest.raises(PcsError, match="cannot be read"):
        transaction.live_text(no_cluster_runs("corosync-pair.conf"), or_empty=True)


# --- commit -------------------------------------------------------------------------------------------------------


def test_nothing_different_is_one_comparison(cluster, original):
    cluster.diff = OK
    outcome = Transaction(cluster, original, cib.parse(original)).commit(check_mode=False, wait=60)
    assert not outcome.changed
    assert len(cluster.calls) == 1


def test_only_ids_different_is_no_change(cluster, original):
    edited = cib.parse(original.replace('id="r1-monitor-interval-10s"', 'id="other"'))
    assert not Transaction(cluster, original, edited).commit(check_mode=False).changed
    assert not cluster.pushed()


def test_a_change_is_verified_simulated_and_pushed_once(cluster, original, edited):
    outcome = Transaction(cluster, original, edited).commit(check_mode=False)
    assert outcome.changed
    assert outcome.changes == ["~ rsc_defaults"]
    assert [a["action"] for a in outcome.actions] == ["demote", "promote", "move", "move", "move", "move"]
    order = [call.split()[0] for call in cluster.calls]
    assert order.index("crm_verify") < order.index("crm_simulate") < cluster.calls.index("cibadmin --patch --xml-pipe")
    assert sum("--patch" in call for call in cluster.calls) == 1


def test_check_mode_says_the_same_and_pushes_nothing(original, edited, fixture_text):
    real = Cluster(original, fixture_text, after=cib.dump(edited))
    dry = Cluster(original, fixture_text, after=cib.dump(edited))
    done = Transaction(real, original, edited).commit(check_mode=False)
    said = Transaction(dry, original, edited).commit(check_mode=True)
    assert (said.changed, said.changes, said.actions, said.diff) == (True, done.changes, done.actions, done.diff)
    assert real.pushed()
    assert not dry.pushed()


def test_an_interruption_is_told_and_can_be_refused(cluster, original, edited):
    told = Transaction(cluster, original, edited).commit(check_mode=True)
    assert [(entry["action"], entry["resource"]) for entry in told.interruptions] == [
        ("demote", "st"), ("move", "r1"), ("move", "r15"), ("move", "r2"), ("move", "ip")
    ]  # fmt: skip
    assert "what is away meanwhile:\n  demote st: " in told.diff[-1]["prepared"]
    for check_mode in (True, False):
        with pytest.raises(PcsError, match="would interrupt the service.*\n  demote st: ") as refused:
            Transaction(cluster, original, edited).commit(check_mode=check_mode, interrupt=False)
        assert "interruption=accept" in str(refused.value)
    assert not cluster.pushed()


def test_what_interrupts_nothing_is_not_refused(cluster, original, edited):
    cluster.simulate = cluster.simulate[1:]
    assert Transaction(cluster, original, edited).commit(check_mode=False, interrupt=False).changed
    assert cluster.pushed()


def test_what_the_cluster_does_anyway_is_no_interruption_by_the_change(cluster, original, edited):
    cluster.simulate = cluster.simulate[:1]
    assert Transaction(cluster, original, edited).commit(check_mode=False, interrupt=False).interruptions == []
    assert cluster.pushed()


def test_an_invalid_configuration_is_refused(cluster, original, edited):
    cluster.verify = Result(78, "", "(unpack_resources) error: no STONITH resources have been defined")
    with pytest.raises(PcsError, match="no STONITH resources"):
        Transaction(cluster, original, edited).commit(check_mode=False)
    assert not cluster.pushed()


def test_single_objects_may_leave_old_errors(cluster, original, edited):
    cluster.verify = Result(78, "", "(unpack_resources) error: no STONITH resources have been defined")
    cluster.verify_before = cluster.verify
    outcome = Transaction(cluster, original, edited).commit(check_mode=False, tolerate_old_errors=True)
    assert outcome.changed
    assert "was invalid before" in outcome.warnings[0]


def test_single_objects_may_not_add_errors(cluster, original, edited):
    answers = [Result(78, "", "error: one\nerror: two"), Result(78, "", "error: one")]

    def run(argv, stdin=None):
        return answers.pop(0) if argv[0] == "crm_verify" else cluster(argv, stdin)

    with pytest.raises(PcsError, match="two"):
        Transaction(run, original, edited).commit(check_mode=False, tolerate_old_errors=True)
    assert not cluster.pushed()


def test_somebody_elses_change_meanwhile_is_not_overwritten(cluster, original, edited):
    live = cib.parse(original)
    values.apply(live, "property", values.plan("property", {}, {"maintenance-mode": "true"}))
    cluster.live = cib.dump(live)
    with pytest.raises(PcsError, match=r"\+ property maintenance-mode"):
        Transaction(cluster, original, edited).commit(check_mode=False)
    assert not cluster.pushed()


def test_an_operators_ban_and_standby_meanwhile_do_not_stop_it(cluster, original, edited):
    ban = '<constraints><rsc_location id="cli-ban-pbx-on-node1" rsc="pbx" node="node1" score="-INFINITY"/>'
    standby = '<node id="2" uname="node2"><instance_attributes id="nodes-2"><nvpair id="nodes-2-standby" name="standby"'
    standby += ' value="on"/></instance_attributes></node>'

    def by_hand(text):
        return text.replace("<constraints>", ban).replace('<node id="2" uname="node2" />', standby)

    cluster.live, cluster.after = by_hand(original), by_hand(cib.dump(edited))
    assert Transaction(cluster, original, edited).commit(check_mode=False).changed
    assert cluster.pushed()


def test_what_is_there_already_is_no_change(cluster, original, edited):
    cluster.live = cib.dump(edited)
    assert not Transaction(cluster, original, edited).commit(check_mode=False).changed
    assert not cluster.pushed()


def test_a_push_that_is_refused_says_so(cluster, original, edited):
    cluster.push = Result(13, "", "Permission denied")
    with pytest.raises(PcsError, match="Permission denied"):
        Transaction(cluster, original, edited).commit(check_mode=False)


def test_a_push_without_effect_is_noticed(original, edited, fixture_text):
    cluster = Cluster(original, fixture_text, after=None)
    with pytest.raises(PcsError, match="not what was pushed"):
        Transaction(cluster, original, edited).commit(check_mode=False)


def test_without_a_cluster_it_says_what_to_do(fixture_text):
    with pytest.raises(PcsError, match="pcs cluster start"):
        transaction.live_text(Cluster("", fixture_text))


def test_old_failures_are_not_blamed_on_the_change(cluster, original, edited):
    outcome = Transaction(cluster, original, edited).commit(check_mode=False, wait=60)
    assert outcome.failed == []
    assert "crm_resource --wait --timeout=60s" in cluster.calls


def test_a_new_failure_of_what_was_touched_has_cause_and_cure(cluster, original, edited, fixture_text):
    mon = fixture_text("crm_mon-3.0.xml")
    bad = '<failure op_key="ip_start_0" node="node2" exitstatus="error" exitreason="no such nic" task="start"/>'
    bad += "</failures>"
    cluster.mon = [mon, mon.replace("</failures>", bad)]
    with pytest.raises(CommitFailed) as caught:
        Transaction(cluster, original, edited).commit(check_mode=False, wait=60)
    (failed,) = caught.value.outcome.failed
    assert (failed["resource"], failed["node"]) == ("ip", "node2")
    assert "no such nic" in failed["cause"]
    assert "pcs resource cleanup ip" in failed["cure"]
    assert caught.value.outcome.changed


def test_what_should_run_and_does_not_is_found(cluster, original, edited, fixture_text):
    mon = fixture_text("crm_mon-3.0.xml")
    start = mon.index('<resource id="ip"')
    end = mon.index("</resource>", start) + len("</resource>")
    stopped = mon[:start] + '<resource id="ip" role="Stopped"/>' + mon[end:]
    cluster.mon = [mon, stopped]
    with pytest.raises(CommitFailed, match="ip on no node: it should run and does not"):
        Transaction(cluster, original, edited).commit(check_mode=False, wait=60)


def test_what_never_starts_after_a_promotion_is_found(original, fixture_text):
    """The simulation does not get that far, and crm_mon is silent about probes."""
    edited = cib.parse(original)
    cib.section(edited, "resources").append(ET.Element("primitive", {"id": "fs", "class": "ocf", "type": "x"}))
    live = cib.parse(cib.dump(edited))
    history = ET.SubElement(live.find("status/node_state"), "lrm_resource", {"id": "fs"})
    ET.SubElement(
        history, "lrm_rsc_op", {"operation_key": "fs_monitor_0", "rc-code": "5", "exit-reason": "no modprobe"}
    )
    cluster = Cluster(original, fixture_text, after=cib.dump(live))
    with pytest.raises(CommitFailed, match="no modprobe"):
        Transaction(cluster, original, edited).commit(check_mode=False, wait=60)


def test_a_bad_probe_is_named(pair):
    probe = '<cib><configuration/><status><node_state uname="node2"><lrm><lrm_resources><lrm_resource id="fs">%s'
    probe += "</lrm_resource></lrm_resources></lrm></node_state></status></cib>"
    op = '<lrm_rsc_op operation_key="fs_monitor_0" rc-code="5" exit-reason="couldn\'t find command: modprobe"/>'
    found = status.failed_probes(cib.parse(probe % op), "fs")
    assert found == [{"node": "node2", "status": "not installed", "reason": "couldn't find command: modprobe"}]
    assert status.failed_probes(cib.parse(probe % op.replace('"5"', '"7"')), "fs") == []


def test_a_cluster_that_does_not_settle_says_who_is_unclean(cluster, fixture_text):
    cluster.wait = Result(124, "", "Pending actions")
    cluster.mon = [fixture_text("crm_mon-3.0.xml").replace('unclean="false"', 'unclean="true"', 1)]
    with pytest.raises(PcsError, match="must be fenced, and is not yet"):
        transaction.wait_settled(cluster, 1)


# --- copies -------------------------------------------------------------------------------------------------------


def test_a_copy_is_private_and_goes_after_the_commit(cluster, tmp_path, edited):
    path = tmp_path / "cib.xml"
    transaction.checkout(cluster, path)
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(list(tmp_path.iterdir())) == 2
    transaction.write_private(path, cib.dump(edited))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert transaction.commit_file(cluster, path, check_mode=False, wait=0).changed
    assert list(tmp_path.iterdir()) == []


def test_a_refused_copy_goes_too(cluster, tmp_path, edited):
    path = tmp_path / "cib.xml"
    transaction.checkout(cluster, path)
    transaction.write_private(path, cib.dump(edited))
    cluster.verify = Result(78, "", "error: bad")
    with pytest.raises(PcsError):
        transaction.commit_file(cluster, path, check_mode=False, wait=0)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_copy_says_what_to_do(cluster, tmp_path):
    with pytest.raises(PcsError, match="state: checkout"):
        transaction.commit_file(cluster, tmp_path / "no.xml", check_mode=False, wait=0)
    assert transaction.discard(tmp_path / "no.xml") is False


# --- what the cluster says ----------------------------------------------------------------------------------------


# That of 2.0 was recorded offline: the same cluster, its CIB in 2.0's schema and words.
@pytest.mark.parametrize("version", ["2.0", "2.1", "3.0"])
def test_crm_mon(fixture_text, version):
    state = status.parse_mon(fixture_text(f"crm_mon-{version}.xml"))
    assert state["dc"] == "node1"
    assert [node["name"] for node in state["nodes"] if node["online"]] == ["node1", "node2"]
    where = {(r["id"], cib.normal_role(r["role"])): r["nodes"] for r in state["resources"]}
    assert where["ip", None] == ["node1"]
    assert where["st", "Promoted"] == ["node1"]
    assert where["st", "Unpromoted"] == ["node2"]
    assert [(f["resource"], f["action"], f["node"]) for f in state["failures"]] == [
        ("bad", "start", "node1"),
        ("bad", "start", "node2"),
    ]
    assert state["failures"][0]["reason"] == "systemd unit nonexistent not found"
    assert {r["group"] for r in state["resources"] if r["id"] in ("r1", "ip")} == {"pbx"}


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_crm_simulate(fixture_text, version):
    lines = status.simulation_lines(status.parse_simulation(fixture_text(f"crm_simulate-{version}.xml")))
    assert lines[:3] == ["demote st:0 node1", "promote st:1 node2", "move r1 node1 -> node2"]


def test_without_xml_of_crm_simulate_nothing_happens(cluster, edited):
    """Pacemaker 2.0.5: exit code 0, and this on stderr."""
    cluster.simulate = [Result(0, "", "crm_simulate: Unknown option --output-as=xml\n")]
    with pytest.raises(PcsError, match=r"Unknown option.*\n?.*Pacemaker 2\.1 or later is needed"):
        Transaction(cluster, cluster.live, edited).commit(check_mode=False)
    assert "cibadmin --patch" not in str(cluster.calls)


def test_a_simulated_fencing_names_the_node():
    text = '<x><actions><node_action task="Fence (reboot)" node="node2" reason="gone"/></actions></x>'
    assert status.simulation_lines(status.parse_simulation(text)) == ["fence (reboot) node2 (because of: gone)"]


HISTORY = """
<cib>
  <configuration><resources><primitive id="fence" class="stonith" type="x"/></resources></configuration>
  <status>
    <node_state uname="node1"><lrm><lrm_resources>
      <lrm_resource id="ip">
        <lrm_rsc_op operation="start" rc-code="0" exec-time="250"/><lrm_rsc_op operation="monitor" rc-code="0" exec-time="99"/>
      </lrm_resource>
      <lrm_resource id="asterisk"><lrm_rsc_op operation="start" rc-code="1" exec-time="60000"/></lrm_resource>
      <lrm_resource id="st:0"><lrm_rsc_op operation="start" rc-code="0" exec-time="unknown"/></lrm_resource>
    </lrm_resources></lrm></node_state>
    <node_state uname="node2"><lrm><lrm_resources>
      <lrm_resource id="ip"><lrm_rsc_op operation="stop" rc-code="0" exec-time="50"/></lrm_resource>
    </lrm_resources></lrm></node_state>
  </status>
</cib>
"""


def test_how_long_an_interruption_takes_is_what_the_cluster_remembers():
    root = cib.parse(HISTORY)
    assert status.remembered_seconds(root) == {("ip", "start"): 0.25, ("ip", "monitor"): 0.099, ("ip", "stop"): 0.05}
    actions = [
        {"action": action, "resource": name, "source": "node1", "dest": "", "reason": ""}
        for action, name in [
            ("restart", "ip"), ("restart", "asterisk"), ("restart", "fence"), ("start", "new"), ("fence (reboot)", "node2"),
        ]
    ]  # fmt: skip
    found = status.interruptions(root, [*actions, {**actions[0], "blocked": "true"}])
    assert [(e["action"], e["resource"], e["seconds"]) for e in found] == [
        ("restart", "ip", pytest.approx(0.3)), ("restart", "asterisk", None), ("fence (reboot)", "node2", None)
    ]  # fmt: skip
    assert status.interruption_lines(found) == [
        "restart ip: 0.3 s the last time",
        "restart asterisk: not known how long",
        "fence (reboot) node2: not known how long",
    ]
    assert status.interruption_lines([found[0], found[0]])[-1] == "one after the other: 0.6 s"


def test_what_is_no_xml_is_refused():
    with pytest.raises(PcsError, match="crm_mon"):
        status.parse_mon("Cluster Summary:")


@pytest.mark.parametrize("version", ["2.0", "3.0"])
def test_info_joins_configuration_and_state(pair, fixture_text, version):
    answer = info.info(pair, status.parse_mon(fixture_text(f"crm_mon-{version}.xml")), None)
    assert answer["cluster"]["name"] == "lab"
    assert answer["cluster"]["online"] == ["node1", "node2"]
    by_id = {entry["id"]: entry for entry in answer["resources"]}
    assert (by_id["ip"]["node"], by_id["ip"]["group"]) == ("node1", "pbx")
    assert (by_id["st"]["role"], by_id["st"]["node"], by_id["st"]["clone"]) == ("Promoted", "node1", "st-clone")
    assert sorted(i["node"] for i in by_id["st"]["instances"]) == ["node1", "node2"]
    assert answer["stonith"][0]["targets"] == ["node2"]
    assert answer["groups"] == {"pbx": ["r1", "r15", "r2", "ip"]}
    assert {c["id"]: c["foreign"] for c in answer["constraints"]}["o1"] is False
    assert [f["resource"] for f in answer["failed_actions"]] == ["bad", "bad"]


def test_info_masks_secrets(pair, fixture_text):
    device = cib.find_resource(pair, "fence-node2")
    cib.set_nvpair(pair, device, "instance_attributes", "x", "password", "SECRET")
    answer = info.info(pair, status.parse_mon(fixture_text("crm_mon-3.0.xml")), None)
    assert "SECRET" not in str(answer)


def test_info_without_a_cluster():
    answer = info.empty_info(None)
    assert answer["cluster"]["configured"] is False
    assert answer["resources"] == []
