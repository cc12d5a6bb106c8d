"""What acceptance.py says of an exchange: a healthy one passes, and each thing that can be wrong is named, with its cure."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import acceptance

ROOT = Path(__file__).resolve().parents[4]
NODES = ["server1", "server2"]


def resource(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name, "type": "primitive", "role": "Started", "node": "server1", "managed": True,
        "failed": False, "blocked": False, "group": "", "clone": "", "stopped_by": "", **changes,
    }  # fmt: skip


HEALTHY: dict[str, Any] = {
    "cluster": {
        "name": "lab", "configured": True, "running": True, "nodes": ["server1", "server2"],
        "online": ["server1", "server2"], "standby": [], "unclean": [], "dc": "server1", "quorate": True,
        "maintenance": False,
    },
    "resources": [
        resource("pbx-drbd", clone="pbx-drbd-clone", role="Promoted"),
        *(resource(name, group="pbx") for name in ("pbx-fs", "pbx-bind-etc-asterisk", "pbx-ip", "pbx-asterisk")),
        resource("pbx-db"),
        resource("pbx-records"),
        resource("fence-server1", type="stonith", node="server2"),
    ],
    "stonith": [
        {"id": "fence-server1", "role": "Started", "targets": ["server1"]},
        {"id": "fence-server2", "role": "Started", "targets": ["server2"]},
    ],
    "properties": {"stonith-enabled": "true"},
    "constraints": [{"id": "fence-server1-avoids-server1"}],
    "failed_actions": [],
}  # fmt: skip


DATABASE: dict[str, Any] = {
    "host": "server1",
    "read_only": False,
    "semi_sync": {"primary_active": True, "clients": 1},
    "replicas": [{"connection": "", "healthy": True, "problem": None, "seconds_behind": 0, "ssl": True}],
}


def judged(cluster: dict[str, Any], **more: Any) -> dict[str, Any]:
    return acceptance.judge_cluster(cluster, NODES, **more)


def told(problems: list[dict[str, str]]) -> list[str]:
    """Return the findings as the operator reads them."""
    return [f"{problem['found']} -> {problem['cure']}" for problem in problems]


def judge(cluster: dict[str, Any], **more: Any) -> list[str]:
    return told(judged(cluster, **more)["problems"])


def judge_database(
    database: dict[str, Any], host: str = "server1", cluster: dict[str, Any] | None = None
) -> list[str]:
    return told(acceptance.judge_database(database, host, judged(cluster or HEALTHY)["active"]))


def maintained(nodes: tuple[str, ...], whole: bool) -> dict[str, Any]:
    """Return the cluster in maintenance, or nodes of it, as crm_mon shows it: what is left alone is not managed."""
    cluster = copy.deepcopy(HEALTHY)
    cluster["cluster"]["maintenance"] = whole
    cluster["nodes"] = [{"name": name, "maintenance": name in nodes} for name in ("server1", "server2")]
    for entry in cluster["resources"]:
        entry["managed"] = not whole and entry["node"] not in nodes
    return cluster


def test_maintenance_is_one_report_with_one_cure() -> None:
    (said,) = judge(maintained((), whole=True))
    assert "`pcs property set maintenance-mode=false`" in said
    (said,) = judge(maintained(("server1",), whole=False))
    assert said.startswith("in maintenance, so nobody watches what runs there: server1 -> ")
    assert "`pcs node unmaintenance <node>`" in said
    # What somebody took out by itself is said beside it, and only that.
    cluster = maintained(("server2",), whole=False)
    cluster["resources"][1]["managed"] = False
    assert [report.partition(":")[2].partition(" -> ")[0].strip() for report in judge(cluster)] == ["server2", "pbx-fs"]


def test_a_healthy_exchange_has_nothing_to_report() -> None:
    assert judge(HEALTHY) == []
    assert judge_database(DATABASE) == []
    assert judge_database({**DATABASE, "read_only": True, "semi_sync": {"primary_active": False}}, "server2") == []


def of(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda cluster: next(entry for entry in cluster["resources"] if entry["id"] == name)


def whole(cluster: dict[str, Any]) -> dict[str, Any]:
    return cluster["cluster"]


@pytest.mark.parametrize(
    ("where", "changes", "found"),
    [
        (whole, {"online": ["server1"]}, "not online in the cluster: server2 -> There, see"),
        (whole, {"quorate": False}, "no quorum"),
        (whole, {"unclean": ["server2"]}, "waiting for fencing: server2"),
        (whole, {"maintenance": True}, "maintenance-mode=false"),
        (whole, {"standby": ["server2"]}, "pcs node unstandby"),
        (of("pbx-asterisk"), {"role": "Stopped", "node": ""}, "resources not well: pbx-asterisk is Stopped"),
        (of("pbx-asterisk"), {"failed": True}, "resources not well: pbx-asterisk is Started"),
        (of("pbx-db"), {"role": "Stopped", "node": ""}, "resources not well: pbx-db is Stopped"),
        (of("pbx-db"), {"node": "server2"}, "spread over server1 and server2"),
        (of("pbx-ip"), {"managed": False}, "not to manage: pbx-ip"),
        (of("pbx-db"), {"role": "Stopped", "node": "", "stopped_by": "pbx-db"},
         "has stopped: pbx-db -> When the work is done, `pcs resource enable pbx-db`"),
        (lambda cluster: cluster["constraints"][0], {"id": "cli-ban-pbx-on-server2"}, "barred them from one: cli-ban-pbx-on-server2"),
        (
            lambda cluster: cluster["constraints"][0], {"id": "drbd-fence-by-handler-pbx-pbx-drbd-clone"},
            "the standby cannot take over (drbd-fence-by-handler-pbx-pbx-drbd-clone) -> Wait until DRBD has fetched",
        ),
        (of("pbx-fs"), {"id": "something"}, "does not have: pbx-fs"),
        (of("pbx-drbd"), {"blocked": True}, "pbx-drbd is Promoted"),
        (lambda cluster: cluster["properties"], {"stonith-enabled": "false"}, "fencing is switched off"),
        (lambda cluster: cluster["stonith"][1], {"role": "Stopped"}, "could switch off server2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    where: Callable[[dict[str, Any]], dict[str, Any]], changes: dict[str, Any], found: str
) -> None:
    cluster = copy.deepcopy(HEALTHY)
    where(cluster).update(changes)
    (report,) = judge(cluster)
    assert found in report


def decided(cluster: dict[str, Any]) -> bool:
    """Return whether acceptance.py takes what it found for a decision of a person, and does not wait for its end."""
    return bool(judged(cluster)["decided"])


@pytest.mark.parametrize(
    ("id_", "by_a_person"),
    [("cli-ban-pbx-on-server2", True), ("cli-prefer-pbx", True), ("drbd-fence-by-handler-pbx-pbx-drbd-clone", False), ("mine", False)],
)
def test_what_ends_by_itself_is_waited_for(id_: str, by_a_person: bool) -> None:
    assert decided({**HEALTHY, "constraints": [{"id": id_}]}) is by_a_person


def test_what_drbd_and_what_a_person_told_the_cluster_are_two_findings() -> None:
    ids = ["cli-ban-pbx-on-server2", "drbd-fence-by-handler-pbx-pbx-drbd-clone"]
    by_a_person, by_drbd = sorted(judge({**HEALTHY, "constraints": [{"id": id_} for id_ in ids]}), reverse=True)
    assert ids[0] in by_a_person
    assert "pcs resource clear" in by_a_person
    assert ids[1] in by_drbd
    assert "pcs resource clear" not in by_drbd
    # The page that it names has the heading that it names.
    assert "docs/disk.md, When the nodes lose sight of each other" in by_drbd
    assert "\n## When the nodes lose sight of each other\n" in (ROOT / "docs/disk.md").read_text(encoding="utf-8")


def test_a_failure_is_reported_with_its_reason() -> None:
    failure = {
        "resource": "pbx-asterisk", "action": "monitor", "node": "server1", "status": "not running",
        "reason": "no answer to OPTIONS", "when": "Mon Nov 23 05:00:00 2026",
    }  # fmt: skip
    (report,) = judge({**HEALTHY, "failed_actions": [failure]})
    assert "monitor of pbx-asterisk on server1 (not running: no answer to OPTIONS, Mon Nov 23 05:00:00 2026)" in report


def test_a_host_outside_the_cluster_says_so_and_not_everything_that_follows_from_it() -> None:
    cluster = {**HEALTHY, "cluster": {**HEALTHY["cluster"], "running": False, "online": [], "quorate": False},
               "resources": [], "stonith": [], "properties": {}}  # fmt: skip
    assert [report.split(" -> ")[0] for report in judge(cluster)] == [
        "the cluster does not run here",
        "not online in the cluster: server1, server2",
    ]


def replica(**changes: Any) -> dict[str, Any]:
    return {**DATABASE, "replicas": [{**DATABASE["replicas"][0], **changes}]}


@pytest.mark.parametrize(
    ("database", "host", "found"),
    [
        ({"msg": "server1: cannot connect"}, "server1", "could not be asked: server1: cannot connect"),
        ({**DATABASE, "replicas": []}, "server1", "replicates from nowhere"),
        (replica(healthy=False, problem="It stopped. Do this."), "server1", "from the peer: It stopped. Do this."),
        (replica(seconds_behind=31), "server1", "31 s late"),
        (replica(ssl=False), "server1", "not encrypted"),
        ({**DATABASE, "read_only": True}, "server1", "read-only on the node in service"),
        (DATABASE, "server2", "writable on the standby"),
        ({**DATABASE, "semi_sync": {"primary_active": False}}, "server1", "although the peer does not have it"),
    ],
)
def test_what_is_wrong_with_a_database_is_named(database: dict[str, Any], host: str, found: str) -> None:
    (report,) = judge_database(database, host)
    assert found in report


WRITERS = """
cdr_custom.so                  Customizable Comma Separated Values CDR  0          Running              core
cel_custom.so                  Customizable Comma Separated Values CEL  0          Running              core
  Logging:                    Enabled
* Registered Backends
    CDR File custom bac
CEL Logging: Enabled
CEL Event Subscriber: CEL Custom CSV Logging
"""
SPOOL: dict[str, Any] = {
    "spool": "/var/spool/asterisk/records", "pending": {"files": 1, "bytes": 900, "oldest": 0.4}, "rejected": [], "free": 10**9,
    "loader_age": 0.3, "loader": {"database": "", "reserve": True},
}  # fmt: skip


def judge_records(spool: dict[str, Any] | None, writers: str = WRITERS) -> list[str]:
    """What is said of the call records, given the program's answer (None: it failed) and what Asterisk has loaded."""
    said = {"rc": 0, "stdout": json.dumps(spool), "stderr": ""} if spool else {"rc": 1, "stdout": "", "stderr": "no such file"}
    return told(acceptance.judge_records(said, writers, 60, "/srv/pbx"))


def test_records_that_arrive_are_nothing_to_report() -> None:
    assert judge_records(SPOOL) == []


@pytest.mark.parametrize(
    ("spool", "writers", "found"),
    [
        (None, WRITERS, "cannot be looked at: no such file -> Run site.yml"),
        ({"no": "status"}, WRITERS, 'cannot be looked at: {"no": "status"} -> Run site.yml'),
        ({**SPOOL, "loader": None, "loader_age": None}, WRITERS, "does not run, so they wait in /var/spool/asterisk/records"),
        ({**SPOOL, "loader_age": 31}, WRITERS, "does not run"),
        ({**SPOOL, "pending": {"files": 3, "bytes": 9, "oldest": 61.2},
          "loader": {"database": "(2002) gone", "reserve": True}}, WRITERS,
         "3 files with call records (9 bytes) wait for the database, the oldest record for 61 s; the database says (2002) gone"),
        ({**SPOOL, "rejected": ["cdr-1"]}, WRITERS, "could not be read are kept in /var/spool/asterisk/records/rejected: cdr-1"),
        ({**SPOOL, "loader": {"database": "", "reserve": False}}, WRITERS, "is full"),
        (SPOOL, WRITERS.replace("cdr_custom.so", ""), "Asterisk writes no call records"),
        (SPOOL, WRITERS.replace("  Logging:                    Enabled", "  Logging:   Disabled"),
         "Asterisk writes no call records"),
        (SPOOL, WRITERS.replace("cel_custom.so", ""), "Asterisk writes no channel events"),
        (SPOOL, WRITERS.replace("CEL Logging: Enabled", "CEL Logging: Disabled"), "Asterisk writes no channel events"),
    ],
)  # fmt: skip
def test_what_keeps_records_from_arriving_is_named(spool: dict[str, Any] | None, writers: str, found: str) -> None:
    (report,) = judge_records(spool, writers)
    assert found in report


def test_where_nobody_serves_nobody_is_told_what_to_be() -> None:
    stopped = {**HEALTHY, "resources": [resource("pbx-db", role="Stopped", node="")]}
    assert judge_database(DATABASE, "server1", stopped) == []
    assert judge_database({**DATABASE, "read_only": True}, "server1", stopped) == []


def test_a_deployment_without_fencing_passes_only_where_it_is_allowed() -> None:
    cluster = {**HEALTHY, "stonith": [], "properties": {"stonith-enabled": "false"}}
    assert len(judge(cluster)) == 2
    assert judge(cluster, unfenced_allowed=True) == []


@pytest.mark.parametrize(
    ("certificate", "found"),
    [
        ({"path": "/etc/mysql/pbx-cert.pem", "loaded": True, "seconds_left": -3 * 86400 + 60},
         "the database's certificate ended 3 days ago: the peer gets no call records once its connection breaks"),
        ({"path": "/etc/mysql/pbx-cert.pem", "loaded": True, "seconds_left": 86400 * 6}, "the database's certificate ends in 6 days"),
        ({"path": "/etc/mysql/pbx-cert.pem", "loaded": False, "seconds_left": 86400 * 90},
         "the database still shows its former certificate, or its former authority's, and not what is in /etc/mysql/pbx-cert.pem"),
    ],
)  # fmt: skip
def test_a_certificate_that_is_over_or_not_loaded_is_named(certificate: dict[str, Any], found: str) -> None:
    (said,) = judge_database({**DATABASE, "certificate": certificate})
    assert found in said
    assert "un site.yml" in said


@pytest.mark.parametrize("seconds", [86400 * 8, None])
def test_a_certificate_that_is_valid_or_none_is_no_fault(seconds: int | None) -> None:
    assert judge_database({**DATABASE, "certificate": {"path": "", "loaded": True, "seconds_left": seconds}}) == []


def test_a_group_that_somebody_stopped_is_one_finding_with_its_own_cure() -> None:
    cluster = copy.deepcopy(HEALTHY)
    for entry in cluster["resources"]:
        if entry["group"]:
            entry.update(role="Stopped", node="", stopped_by="pbx")
    # What waits for the group stops with it, and is not broken.
    of("pbx-db")(cluster).update(role="Stopped", node="")
    (report,) = judge(cluster)
    assert report == "resources that somebody has stopped: pbx -> When the work is done, `pcs resource enable pbx`."
    assert judged(cluster)["decided"]


def test_what_left_the_inventory_is_named() -> None:
    mount, device = ["/etc/asterisk"], ["fence-server1", "fence-server2"]
    assert judge(HEALTHY, paths=mount, devices=device) == []
    (report,) = judge(HEALTHY, paths=[], devices=device)
    assert "pbx_replicated_paths does not: pbx-bind-etc-asterisk" in report
    assert "`pcs resource delete pbx-bind-etc-asterisk`" in report
    assert "for it ends all calls" in report
    (report,) = judge(HEALTHY, paths=mount, devices=["fence-server2"])
    assert "the inventory does not: fence-server1 -> " in report
    assert "`pcs stonith delete fence-server1`" in report
    # One that nobody deployed, for both nodes: the inventory has no words for it.
    by_hand = {**HEALTHY, "stonith": [*HEALTHY["stonith"], {"id": "sbd", "role": "Started", "targets": ["server1", "server2"]}]}
    assert judge(by_hand, paths=mount, devices=device) == []
    # A path that came into the inventory, and is not in the cluster yet.
    (report,) = judge(HEALTHY, paths=[*mount, "/srv/tftp"], devices=device)
    assert report.startswith("resources that the cluster does not have: pbx-bind-srv-tftp -> Deploy")
    # A dry run's inventory is not in force.
    assert judge(HEALTHY) == []
    # No waiting ends any of it, so nobody waits.
    assert not judged(HEALTHY, paths=[], devices=[])["waiting"]
    assert judged({**HEALTHY, "cluster": {**HEALTHY["cluster"], "unclean": ["server2"]}})["waiting"]


def test_a_path_may_be_written_in_another_way() -> None:
    assert judge(HEALTHY, paths=["/etc//asterisk/"]) == []


def test_where_the_cluster_could_not_be_asked_nothing_is_said_of_it() -> None:
    assert judged({"msg": "pcs is not there"}) == {"problems": [], "active": [], "unfenced": NODES, "waiting": False, "decided": False}


@pytest.mark.parametrize(
    ("sip", "odbc", "found"),
    [
        ({"rc": 0, "stdout": "200 OK", "stderr": ""}, {"rc": 0, "stdout": "0", "stderr": ""}, []),
        ({"skipped": True}, {"rc": 0, "stdout": "0", "stderr": ""}, []),
        ({"rc": 1, "stdout": "", "stderr": "no answer"}, {"rc": 0, "stdout": "0", "stderr": ""},
         ["SIP OPTIONS from here to 192.0.2.10, which server1 has: no answer"]),
        ({"skipped": True}, {"rc": 1, "stdout": "", "stderr": "[ISQL]ERROR: no connection"},
         ["the table of call records is not reachable through ODBC: [ISQL]ERROR: no connection"]),
        ({"skipped": True}, {"rc": 0, "stdout": "[S1000] ERROR", "stderr": ""},
         ["the table of call records is not reachable through ODBC: [S1000] ERROR"]),
        ({}, {}, ["SIP OPTIONS from here to 192.0.2.10, which server1 has:",
                  "the table of call records is not reachable through ODBC: "]),
    ],
)  # fmt: skip
def test_what_does_not_answer_is_named(sip: dict[str, Any], odbc: dict[str, Any], found: list[str]) -> None:
    assert [problem["found"] for problem in acceptance.judge_answers(sip, odbc, "192.0.2.10", ["server1"])] == found


@pytest.mark.parametrize(
    ("free", "files", "size", "left"),
    [
        (3 * 2**30, 10**6, 100 * 2**30, None),
        (2**30, 10**6, 5 * 2**30, None),
        (2**30, 10**6, 100 * 2**30, "1024 MiB are left"),
        (50 * 2**20, None, 2**30, "50 MiB are left"),
        (50 * 2**30, 1999, 100 * 2**30, "1999 files are left"),
    ],
)
def test_a_file_system_that_is_nearly_full_is_named(free: int, files: int | None, size: int, left: str | None) -> None:
    room = {"path": "/var", "bytes": free, "files": files, "size": size, "read_only": False}
    found = [problem["found"] for problem in acceptance.judge_space({"space": [room]})]
    assert found == ([f"the file system of /var is nearly full: {left}"] if left else [])


def test_room_that_could_not_be_read_is_said() -> None:
    (report,) = told(acceptance.judge_space({"failed": True, "msg": "server1: no ip"}))
    assert report.startswith("how much room there is could not be read: server1: no ip -> ")
