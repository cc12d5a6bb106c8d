"""What servers said (recorded from MariaDB 10.11.19 and 11.8.9), how it is read, and what is planned from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_replication as replication
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Statement, identifier
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_replication import Wanted

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"

WANTED = Wanted(
    host="127.0.0.1", port=33061, user="repl", password="it's", connect_retry=1, heartbeat_period=2.0,
    use_gtid="slave_pos", ssl=True, ssl_ca="/srv/pki/ca.pem", ssl_cert="/srv/pki/two.pem", ssl_key="/srv/pki/two.key",
    ssl_verify=True,
)  # fmt: skip


@pytest.fixture(params=["10.11", "11.8"])
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"mariadb_{request.param}.json").read_text())
    return found


def status(recorded: dict[str, Any], name: str = "healthy") -> dict[str, Any]:
    return replication.replica_status(recorded[name], recorded[name]["Gtid_Slave_Pos"])


def texts(steps: list[replication.Step]) -> list[str]:
    return [str(step.statement) if step.statement else step.kind for step in steps]


def plan(current: dict[str, Any] | None, wanted: Wanted, state: str = "started", **more: Any) -> list[str]:
    return texts(replication.plan_replica(current, wanted, state, **more))


# Reading


def test_a_healthy_replica(recorded: dict[str, Any]) -> None:
    found = status(recorded)
    assert {name: found[name] for name in (*replication.CLAUSES, "use_gtid")} == {
        name: getattr(WANTED, name) for name in (*replication.CLAUSES, "use_gtid")
    }
    assert found["healthy"]
    assert found["caught_up"]
    assert found["problem"] is None
    assert found["seconds_behind"] == 0
    assert found["gtid_io_pos"] == "1-1-4"


@pytest.mark.parametrize(
    ("changes", "there", "expected"),
    [
        # Nothing has arrived yet, so nothing is left to apply, and the SQL thread runs: an error may await it.
        ({}, None, False),
        ({}, "1-1-5", False),
        ({"gtid_io_pos": "1-1-5"}, "1-1-5", False),
        ({"gtid_io_pos": "1-1-5", "heartbeats": 3}, "1-1-5", False),
        # The primary has nothing more.
        ({}, "1-1-4", True),
        ({}, "", True),
        # A transaction was applied, of many.
        ({"gtid_slave_pos": "1-1-5", "gtid_io_pos": "1-1-9"}, "1-1-99", True),
        # It was told its position, and has applied nothing.
        ({"gtid_slave_pos": "1-1-5", "use_gtid": "no"}, None, False),
        # All that the primary had was received, and applied.
        ({"heartbeats": 3}, None, True),
        ({"heartbeats": 2}, None, False),
        # What it said before it stopped counts for nothing.
        ({"heartbeats": 3, "healthy": False}, "1-1-4", False),
    ],
)
def test_a_started_replica_gets_on(
    recorded: dict[str, Any], changes: dict[str, Any], there: str | None, expected: bool
) -> None:
    found = {**status(recorded), "gtid_slave_pos": "1-1-4", "heartbeats": 2, **changes}
    found["caught_up"] = replication.caught_up(found)
    assert replication.gets_on(found, "1-1-4", 2, there) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stopped", ["IO thread: No", "SQL thread: No", "it was stopped, with no error", "START SLAVE"]),
        ("never_started", ["IO thread: No", "read up to pbx-bin.000001:4", "GTID none"]),
        ("duplicate", ["SQL thread: No", "error 1062", "Duplicate entry '7'", "re-seed", "applied up to pbx-bin.000001:"]),
        ("primary_gone", ["IO thread: Connecting", "error 2003", "firewall"]),
        ("unknown_gtid", ["IO thread: No", "error 1236", "Re-seed"]),
        ("wrong_password", ["IO thread: Connecting", "error 1045", "MASTER_PASSWORD"]),
    ],
)
def test_a_replica_with_a_problem(recorded: dict[str, Any], name: str, expected: list[str]) -> None:
    found = status(recorded, name)
    assert not found["healthy"]
    for part in ("127.0.0.1:33061", *expected):
        assert part in found["problem"]


def test_received_and_not_applied_is_not_caught_up(recorded: dict[str, Any]) -> None:
    assert not status(recorded, "duplicate")["caught_up"]
    assert not status(recorded, "stopped")["caught_up"]
    assert status(recorded, "coordinates")["caught_up"]
    behind = {**status(recorded), "gtid_io_pos": "1-1-5"}
    assert not replication.caught_up(behind)
    behind = {**status(recorded, "coordinates"), "read_position": 99999}
    assert not replication.caught_up(behind)
    # A dead primary does not matter: what was received is what there is.
    assert status(recorded, "primary_gone")["caught_up"]


def test_the_position_is_the_variable_and_not_the_column(recorded: dict[str, Any]) -> None:
    assert replication.replica_status(recorded["healthy"], "9-9-9")["gtid_slave_pos"] == "9-9-9"


def test_primary_status(recorded: dict[str, Any]) -> None:
    assert replication.primary_status(recorded["primary_status"][0], recorded["variables"]) == {
        "file": "pbx-bin.000001", "position": 809, "binlog_do_db": [], "binlog_ignore_db": [],
        "gtid_binlog_pos": recorded["variables"]["gtid_binlog_pos"],
    }  # fmt: skip
    assert replication.primary_status(None, {}) is None
    # 12.3 has a column of its own.
    newer = {**recorded["primary_status"][0], "Gtid_Binlog_Pos": "1-1-99", "Binlog_Do_DB": "a,b"}
    found = replication.primary_status(newer, recorded["variables"])
    assert found is not None
    assert (found["gtid_binlog_pos"], found["binlog_do_db"]) == ("1-1-99", ["a", "b"])


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("10.11.19-MariaDB-0+deb12u1-log", (10, 11, 19)),
        ("11.8.9-MariaDB-2 from Debian-log", (11, 8, 9)),
        ("5.5.5-10.5.27-MariaDB", (10, 5, 27)),
    ],
)
def test_version(text: str, numbers: tuple[int, int, int]) -> None:
    assert replication.parse_version(text) == numbers


def test_version_of_something_else() -> None:
    with pytest.raises(MariaDBError):
        replication.parse_version("unknown")


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((10, 11, 13), False), ((10, 11, 14), True), ((11, 4, 7), False), ((11, 4, 8), True), ((11, 8, 2), False),
        ((11, 8, 3), True), ((12, 3, 1), True), ((10, 5, 27), False), ((11, 6, 2), False),
    ],
)  # fmt: skip
def test_semi_sync_soundness(version: tuple[int, int, int], sound: bool) -> None:
    assert replication.semi_sync_sound(version) is sound


def test_statement_of_each_release() -> None:
    assert replication.primary_status_statement((10, 5, 1)) == "SHOW MASTER STATUS"
    assert replication.primary_status_statement((10, 5, 2)) == "SHOW BINLOG STATUS"
    assert replication.primary_status_statement((11, 8, 9)) == "SHOW BINLOG STATUS"


# GTIDs


@pytest.mark.parametrize(
    ("position", "target", "covered"),
    [
        ("1-1-5,2-2-7", "1-1-5", True),
        ("1-1-5", "1-1-6", False),
        ("1-2-9", "1-1-6", True),
        ("2-2-9", "1-1-1", False),
        ("", "1-1-1", False),
        ("", "", True),
        ("1-1-1", None, True),
        # A binlog state names each server of a domain.
        ("1-1-5,1-2-9", "1-1-8", True),
    ],
)
def test_covers(position: str, target: str | None, covered: bool) -> None:
    assert replication.covers(position, target) is covered


def test_what_is_no_gtid() -> None:
    with pytest.raises(MariaDBError, match="1-1"):
        replication.parse_gtids("1-1")


# master.info


def test_password_in_master_info(recorded: dict[str, Any]) -> None:
    text = recorded["master_info"]
    assert replication.replication_password(text, "127.0.0.1", "repl") == "it's"
    assert replication.replication_password(text, "192.0.2.1", "repl") is None
    assert replication.replication_password(text, "127.0.0.1", "other") is None
    assert replication.replication_password("", "127.0.0.1", "repl") is None
    assert replication.replication_password("<xml>\n\n\n\n\n\n\n\n", "", "") is None


# Plans


def test_nothing_to_do(recorded: dict[str, Any]) -> None:
    assert plan(status(recorded), WANTED) == []
    assert plan(status(recorded), Wanted()) == []
    assert plan(status(recorded, "stopped"), WANTED, "stopped") == []
    assert plan(None, Wanted(), "absent") == []


def test_coordinates_are_never_compared(recorded: dict[str, Any]) -> None:
    assert plan(status(recorded), WANTED, coordinates=("pbx-bin.000009", 4), gtid_there="1-1-99") == []


def test_only_what_differs_is_sent(recorded: dict[str, Any]) -> None:
    # And the heartbeat, which the server would set back otherwise.
    assert plan(status(recorded), replace(WANTED, connect_retry=5)) == [
        "STOP SLAVE",
        "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_CONNECT_RETRY=5",
        "START SLAVE",
        "run",
    ]
    assert plan(status(recorded), replace(WANTED, heartbeat_period=3.0))[1] == "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=3.0"


def test_another_login_is_tried_first(recorded: dict[str, Any]) -> None:
    assert plan(status(recorded), replace(WANTED, user="new"))[0] == "test"
    steps = plan(status(recorded), WANTED, password_differs=True)
    assert steps == [
        "test", "STOP SLAVE", "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_PASSWORD='********'", "START SLAVE",
        "run",
    ]  # fmt: skip


def test_stopped_stays_stopped_when_it_is_changed(recorded: dict[str, Any]) -> None:
    steps = plan(status(recorded), replace(WANTED, connect_retry=5), "stopped")
    assert steps == ["STOP SLAVE", "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_CONNECT_RETRY=5"]


@pytest.mark.parametrize(("name", "steps"), [
    ("stopped", ["START SLAVE", "run"]),
    ("duplicate", ["START SLAVE", "run"]),
    # It is trying already: there is nothing to do but to wait.
    ("primary_gone", ["run"]),
])  # fmt: skip
def test_what_does_not_run_is_started(recorded: dict[str, Any], name: str, steps: list[str]) -> None:
    assert plan(status(recorded, name), WANTED) == steps


def test_to_gtid_from_coordinates(recorded: dict[str, Any]) -> None:
    assert plan(status(recorded, "coordinates"), WANTED) == [
        "position", "STOP SLAVE", "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_USE_GTID=slave_pos",
        "START SLAVE", "run",
    ]  # fmt: skip


def test_a_move_that_would_lose_the_coordinates_is_refused(recorded: dict[str, Any]) -> None:
    with pytest.raises(MariaDBError, match="would make it forget"):
        plan(status(recorded, "coordinates"), replace(WANTED, host="192.0.2.1", use_gtid=None))
    assert "MASTER_HOST='192.0.2.1'" in plan(status(recorded), replace(WANTED, host="192.0.2.1"))[2]


def test_a_new_replica_by_gtid() -> None:
    steps = plan(None, WANTED)
    assert steps[0] == "test"
    assert steps[1] == (
        "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=33061, MASTER_USER='repl', MASTER_CONNECT_RETRY=1, "
        "MASTER_HEARTBEAT_PERIOD=2.0, MASTER_SSL=1, MASTER_SSL_CA='/srv/pki/ca.pem', MASTER_SSL_CERT='/srv/pki/two.pem', "
        "MASTER_SSL_KEY='/srv/pki/two.key', MASTER_SSL_VERIFY_SERVER_CERT=1, MASTER_PASSWORD='********', "
        "MASTER_USE_GTID=slave_pos"
    )
    assert steps[2:] == ["START SLAVE", "run"]
    assert "MASTER_DEMOTE_TO_SLAVE=1" in plan(None, WANTED, demote=True)[1]


def test_a_new_replica_with_nothing_but_a_login() -> None:
    change = plan(None, Wanted(host="a", user="u", password="p"))[1]
    assert "MASTER_PORT=3306" in change
    assert "MASTER_CONNECT_RETRY=1," in change
    assert "MASTER_SSL=0" in change
    assert "SSL_CA" not in change


def test_a_new_replica_by_coordinates() -> None:
    steps = plan(None, WANTED, coordinates=("pbx-bin.000003", 15174), gtid_there="1-1-9", stale_position="2-2-5")
    assert steps[0] == "test"
    assert steps[1] == "SET GLOBAL gtid_slave_pos = ''"
    assert steps[2].endswith("MASTER_PASSWORD='********', MASTER_LOG_FILE='pbx-bin.000003', MASTER_LOG_POS=15174")
    # Both in one statement, and the server would ignore the coordinates.
    assert "USE_GTID" not in steps[2]
    assert steps[3:] == [
        "START SLAVE", "run", "position", "STOP SLAVE",
        "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_USE_GTID=slave_pos", "START SLAVE", "run",
    ]  # fmt: skip
    only = plan(None, replace(WANTED, use_gtid="no"), coordinates=("pbx-bin.000003", 15174))
    assert [step.split(" ")[0] for step in only] == ["test", "CHANGE", "START", "run"]


@pytest.mark.parametrize(("state", "gtid_there"), [("started", None), ("stopped", "1-1-9")])
def test_coordinates_without_their_gtid_are_refused(state: str, gtid_there: str | None) -> None:
    with pytest.raises(MariaDBError, match="until_gtid"):
        plan(None, WANTED, state, coordinates=("pbx-bin.000003", 4), gtid_there=gtid_there)


@pytest.mark.parametrize("state", ["started", "stopped"])
def test_an_incomplete_new_replica_is_refused(state: str) -> None:
    with pytest.raises(MariaDBError, match="user and password"):
        plan(None, Wanted(host="a"), state)


def test_absent(recorded: dict[str, Any]) -> None:
    assert plan(status(recorded), Wanted(), "absent") == ["STOP SLAVE", "RESET SLAVE ALL"]
    assert plan(status(recorded, "stopped"), Wanted(), "absent") == ["RESET SLAVE ALL"]


def test_a_named_connection(recorded: dict[str, Any]) -> None:
    wanted = replace(WANTED, connection="site 'a'", connect_retry=9)
    steps = replication.plan_replica(status(recorded), wanted, "started")
    assert [(step.statement.sql, step.statement.values) for step in steps if step.statement] == [
        ("STOP SLAVE %s", ("site 'a'",)),
        ("CHANGE MASTER %s TO MASTER_HEARTBEAT_PERIOD=%s, MASTER_CONNECT_RETRY=%s", ("site 'a'", 2.0, 9)),
        ("START SLAVE %s", ("site 'a'",)),
    ]


@pytest.mark.parametrize(
    ("ssl", "asked", "becomes"),
    [(False, None, True), (False, False, False), (False, True, True), (True, None, None), (True, False, False)],
)
def test_a_connection_that_begins_to_use_tls_verifies(
    recorded: dict[str, Any], ssl: bool, asked: bool | None, becomes: bool | None
) -> None:
    current = {**status(recorded), "ssl": ssl, "ssl_verify": False}
    assert replication.verified(Wanted(ssl=True, ssl_verify=asked), current).ssl_verify is becomes
    # A new one verifies by default, and what is not given stays.
    assert replication.completed(replication.verified(Wanted(ssl=True), None), None).ssl_verify is True
    assert replication.verified(Wanted(ssl_verify=None), current).ssl_verify is None


@pytest.mark.parametrize(
    ("current", "wanted", "told"),
    [
        ({"ssl": True, "ssl_verify": False}, Wanted(ssl=True), "does not verify"),
        ({"ssl": True, "ssl_verify": False}, Wanted(ssl=True, ssl_verify=False), ""),
        ({"ssl": True, "ssl_verify": True}, Wanted(ssl=True), ""),
        ({"ssl": False, "ssl_verify": False}, Wanted(ssl_ca="/ca.pem"), "does not use TLS"),
        ({"ssl": False, "ssl_verify": False}, Wanted(ssl=False, ssl_ca="/ca.pem"), ""),
        ({"ssl": False, "ssl_verify": False}, Wanted(), ""),
    ],
)
def test_what_a_declaration_seems_to_say_of_tls_is_told(
    recorded: dict[str, Any], current: dict[str, Any], wanted: Wanted, told: str
) -> None:
    found = replication.tls_warnings(wanted, {**status(recorded), **current})
    assert told in str(found)
    assert len(found) == bool(told)


def back(before: dict[str, Any], now: dict[str, Any], stopped: dict[str, Any] | None = None, password: str | None = None) -> list[str]:
    return texts(replication.plan_return(before, now, stopped or before, "", password))


BEAT = "CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0"


def test_what_does_not_start_goes_back(recorded: dict[str, Any]) -> None:
    before = status(recorded)
    trying = {**before, "io_running": "Connecting", "user": "nobody", "connect_retry": 9}
    assert back(before, trying) == ["STOP SLAVE", f"{BEAT}, MASTER_USER='repl', MASTER_CONNECT_RETRY=1", "START SLAVE"]
    assert back(before, trying, password="it's") == [
        "STOP SLAVE", f"{BEAT}, MASTER_USER='repl', MASTER_CONNECT_RETRY=1, MASTER_PASSWORD='********'", "START SLAVE",
    ]  # fmt: skip
    # The server refused the change: it is only stopped.
    halted = {**before, "io_running": "No", "sql_running": "No"}
    assert back(before, halted) == ["START SLAVE"]
    assert back(before, before) == []
    # It was stopped before.
    assert back(halted, trying)[-1] == f"{BEAT}, MASTER_USER='repl', MASTER_CONNECT_RETRY=1"
    assert back(halted, before) == ["STOP SLAVE"]


def test_coordinates_come_back_only_where_nothing_was_applied_since(recorded: dict[str, Any]) -> None:
    gtid = {**status(recorded), "io_running": "No"}
    before = {**gtid, "use_gtid": "no", "io_running": "Yes"}
    stopped = {**before, "applied_file": "pbx-bin.000007", "applied_position": 815}
    coordinates = f"{BEAT}, MASTER_LOG_FILE='pbx-bin.000007', MASTER_LOG_POS=815, MASTER_USE_GTID=no"
    assert back(before, gtid, stopped) == ["STOP SLAVE", coordinates, "START SLAVE"]
    assert back(before, {**gtid, "gtid_slave_pos": "1-1-99"}, stopped) == []
    assert back(gtid, before)[1] == f"{BEAT}, MASTER_USE_GTID=slave_pos"


def test_the_password_is_a_value_and_never_text() -> None:
    password = "it's \\ 100% %s"
    [create] = [
        step.statement
        for step in replication.plan_replica(None, replace(WANTED, password=password), "started")
        if step.statement and "MASTER_PASSWORD" in step.statement.sql
    ]
    assert password in create.values
    assert password not in create.sql
    assert "it's" not in str(create)


# Settings


def test_settings(recorded: dict[str, Any]) -> None:
    variables = recorded["variables"]
    same = {
        "log_bin": "ON", "sync-binlog": 0, "bind_address": "127.0.0.1", "log_slave_updates": False, "long_query_time": 10,
        "innodb_buffer_pool_size": "32M", "slave_net_timeout": "10", "log_basename": "anything", "gtid_strict_mode": 1,
    }  # fmt: skip
    assert replication.settings_differing(same, variables) == {}
    assert replication.settings_differing({"sync_binlog": 1, "innodb_buffer_pool_size": "1G"}, variables) == {
        "sync_binlog": {"running": "0", "wanted": "1"},
        "innodb_buffer_pool_size": {"running": "33554432", "wanted": "1G"},
    }


# Statements


def test_a_statement_for_people() -> None:
    statement = Statement("SET x = %s, y = %s, z = 100%% of %s", ("a", 1, "secret"), frozenset({2}))
    assert str(statement) == "SET x = 'a', y = 1, z = 100% of '********'"


def test_identifiers() -> None:
    assert identifier("a`b%c") == "`a``b%%c`"
    assert str(Statement(f"DROP DATABASE {identifier('100%')}")) == "DROP DATABASE `100%`"
