"""The exchange on virtual machines does what it does on the containers, where far more of it is tested."""

from __future__ import annotations

from lab import exchange, phones
from lab.config import HOSTS
from lab.phones import Phone


def test_a_call_has_audio_both_ways_and_one_record_in_both_databases(caller: Phone, callee: Phone) -> None:
    known = exchange.record_keys()
    call = phones.call(caller, callee, seconds=3.0)
    record = exchange.wait_record("100", "101", known, HOSTS)
    assert min(call.heard_by_caller, call.heard_by_callee) >= 3.0
    assert record["node"] == exchange.active_node()


def test_only_the_nodes_reach_what_the_nodes_share() -> None:
    for node in HOSTS:
        zones = exchange.run(node, ["firewall-cmd", "--list-all-zones"])
        public = zones.split("\npublic", 1)[1].split("\n\n", 1)[0]
        for port in ("3306", "7788", "2224", "high-availability"):
            assert port not in public, f"{node} offers {port} to everybody"
