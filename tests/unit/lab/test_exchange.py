"""How the lab judges the exchange: a healthy one has no problems, and every illness is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import exchange
from lab.config import LabError

RECORDED = Path(__file__).parent / "recorded"

HEALTHY = """\
<pacemaker-result>
  <summary>
    <current_dc present="true" name="server1" with_quorum="true"/>
    <cluster_options stonith-enabled="true" maintenance-mode="false"/>
  </summary>
  <nodes>
    <node name="server1" online="true" standby="false" maintenance="false" pending="false" unclean="false"/>
    <node name="server2" online="true" standby="false" maintenance="false" pending="false" unclean="false"/>
  </nodes>
  <resources>
    <resource id="fence-server1" resource_agent="stonith:fence_x" role="Started" managed="true">
      <node name="server2"/>
    </resource>
    <group id="pbx">
      <resource id="pbx-asterisk" resource_agent="ocf:dialtone:asterisk" role="Started" blocked="false" managed="true"
        failed="false"><node name="server1" id="1" cached="true"/></resource>
    </group>
  </resources>
  <fence_history status="0">
    <fence_event action="reboot" target="server2" status="success" completed="2026-11-23 05:20:23.500000Z"/>
    <fence_event action="reboot" target="server1" status="pending"/>
  </fence_history>
</pacemaker-result>
"""


def test_a_healthy_cluster_has_no_problems() -> None:
    cluster = exchange.parse_crm_mon(HEALTHY)
    assert cluster.problems() == []
    resource = cluster.resource("pbx-asterisk")
    assert resource is not None
    assert resource.nodes == ("server1",)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ('online="true"', 'online="false"', "server1 is offline"),
        ('standby="false"', 'standby="true"', "server1 is standby"),
        ('unclean="false"', 'unclean="true"', "server1 is unclean"),
        ('with_quorum="true"', 'with_quorum="false"', "the partition has no quorum"),
        ('maintenance-mode="false"', 'maintenance-mode="true"', "the cluster is in maintenance mode"),
        ('stonith-enabled="true"', 'stonith-enabled="false"', "fencing is disabled"),
        ("stonith:fence_x", "ocf:pacemaker:Dummy", "there is no fence device"),
        ('id="pbx-asterisk"', 'id="other"', "there is no resource pbx-asterisk"),
        ('role="Started" blocked', 'role="Stopped" blocked', "pbx-asterisk is Stopped"),
        ('role="Started" blocked', 'role="Starting" blocked', "pbx-asterisk is Starting"),
        ('failed="false"', 'failed="true"', "pbx-asterisk is failed"),
        ('blocked="false"', 'blocked="true"', "pbx-asterisk is blocked"),
        ('role="Started" managed="true"', 'role="Started" managed="false"', "fence-server1 is unmanaged"),
    ],
)
def test_every_illness_is_named(before: str, after: str, problem: str) -> None:
    assert before in HEALTHY
    assert exchange.parse_crm_mon(HEALTHY.replace(before, after, 1)).problems() == [problem]


def test_a_recorded_cluster_with_a_failure() -> None:
    cluster = exchange.parse_crm_mon((RECORDED / "crm_mon-2.1.5-failed.xml").read_text())
    assert cluster.problems() == [
        "server2 is offline",
        "pbx-asterisk_monitor_10000 on server1: not running SIP is silent",
        "fence-server1 is Stopped",
        "pbx-asterisk is failed",
    ]


def test_a_recorded_cluster_after_a_failover() -> None:
    cluster = exchange.parse_crm_mon((RECORDED / "crm_mon-3.0.1-healthy.xml").read_text())
    assert cluster.problems() == []
    asterisk = cluster.resource("pbx-asterisk")
    assert asterisk is not None
    assert asterisk.nodes == ("server1",)
    assert {(fencing.target, fencing.status) for fencing in cluster.fencings} == {
        ("server1", "success"), ("server2", "success"),
    }  # fmt: skip
    assert all(fencing.completed > 1795411223 for fencing in cluster.fencings)


def test_reads_when_a_node_was_fenced() -> None:
    done, pending = exchange.parse_crm_mon(HEALTHY).fencings
    assert (done.target, done.status, done.completed) == ("server2", "success", 1795411223.5)
    assert (pending.status, pending.completed) == ("pending", 0.0)


@pytest.mark.parametrize("text", ["2026-11-23 05:20:23.500000Z", "2026-11-23 06:20:23.500000 +01:00"])
def test_reads_the_times_of_crm_mon(text: str) -> None:
    assert exchange._seconds_since_1970(text) == 1795411223.5


def test_what_is_no_xml_is_an_error_that_shows_it() -> None:
    with pytest.raises(LabError, match="Connection refused"):
        exchange.parse_crm_mon("crm_mon: Connection refused")


def test_reads_batch_output() -> None:
    text = "src\tdst\tuserfield\n100\t101\t\n100\t102\ta\\tb\\nc\\\\n\n"
    assert exchange.parse_batch(text) == [
        {"src": "100", "dst": "101", "userfield": ""},
        {"src": "100", "dst": "102", "userfield": "a\tb\nc\\n"},
    ]


def test_reads_batch_output_without_rows() -> None:
    assert exchange.parse_batch("") == []


def test_reads_positions() -> None:
    assert exchange._positions("1-1-5,2-2-70") == {"1": 5, "2": 70}
    assert exchange._positions("") == {}


def record(uniqueid: str, **fields: str) -> exchange.Row:
    row = {"uniqueid": uniqueid, "linkedid": uniqueid, "sequence": "0", "src": "100", "dst": "101", "billsec": "3"}
    return {**row, "disposition": "ANSWERED", **fields}


def wait(monkeypatch: pytest.MonkeyPatch, **databases: list[exchange.Row]) -> exchange.Row:
    monkeypatch.setattr(exchange, "records", lambda node: databases[node])
    return exchange.wait_record("100", "101", {("1", "1", "0")}, ["server1", "server2"], seconds=0)


def test_finds_the_new_record_in_both_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [record("1"), record("2", disposition="NO ANSWER"), record("3"), record("4", src="101", dst="100")]
    assert wait(monkeypatch, server1=rows, server2=rows) == record("3")


@pytest.mark.parametrize(
    "second",
    [
        [],
        [record("1")],
        [record("2", billsec="2")],
        [record("2"), record("3")],
    ],
)
def test_a_record_that_is_not_the_same_in_both_does_not_do(
    monkeypatch: pytest.MonkeyPatch, second: list[exchange.Row]
) -> None:
    with pytest.raises(LabError, match="one new record of the answered call 100 -> 101"):
        wait(monkeypatch, server1=[record("2")], server2=second)
