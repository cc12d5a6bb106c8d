"""The handshake and what comes after it, between two real servers."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pymysql
import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.mariadb_pair import mariadb_pair

from .conftest import PASSWORD, RECORDS, Pair
from .servers import Server, expire, wait_for

NODES = [{"name": "one", "address": "127.0.0.1"}, {"name": "two", "address": "127.0.0.1"}]


def verdict(pair: Pair, wait: int = 0) -> dict[str, object]:
    infos = {server.name: pair.info(server, wait=wait) for server in (pair.one, pair.two)}
    return mariadb_pair(infos, NODES, ["records"])


def test_handshake_both_ways(pair: Pair, workspace: Path) -> None:
    one, two = pair.one, pair.two
    one.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('a'), ('b'), ('c')")
    judged = verdict(pair)
    assert (judged["state"], judged["source"], judged["target"], judged["seed"]) == ("fresh", "one", "two", ["records"])

    pair.handshake(["records"], workspace / "dump.sql.gz")

    for server in (one, two):
        status = server.replica()
        assert status is not None
        assert status["Slave_IO_Running"] == status["Slave_SQL_Running"] == "Yes"
        assert status["Using_Gtid"] == "Slave_Pos"
        assert status["Master_SSL_Allowed"] == status["Master_SSL_Verify_Server_Cert"] == "Yes"
        assert (status["Connect_Retry"], status["Slave_heartbeat_period"]) == (1, 2.0)
    one.run("INSERT INTO records.cdr (note) VALUES ('from one')")
    two.run("INSERT INTO records.cdr (note) VALUES ('from two')")
    pair.wait_equal("records.cdr")
    wait_for(lambda: len(one.rows("SELECT * FROM records.cdr")) == 5, 10, "rows of both are on one")
    pair.wait_equal("records.cdr")
    # Their automatic numbers have different parity, so they can never be the same.
    numbers = {row["note"]: row["id"] for row in one.rows("SELECT * FROM records.cdr")}
    assert numbers["from one"] % 2 == 1
    assert numbers["from two"] % 2 == 0
    assert verdict(pair)["state"] == "healthy"


def test_handshake_of_empty_servers(pair: Pair, workspace: Path) -> None:
    assert verdict(pair)["state"] == "fresh"
    pair.handshake([], workspace / "dump.sql.gz")
    pair.two.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('x')")
    pair.wait_equal("records.cdr")


def test_handshake_leaves_the_targets_past_behind(pair: Pair, workspace: Path) -> None:
    """What the target wrote before it was seeded, and what is gone since, must not come to the source."""
    pair.one.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('kept')")
    pair.two.run(
        "CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('past')", "DROP DATABASE records"
    )
    pair.handshake(["records"], workspace / "dump.sql.gz")
    pair.two.run("INSERT INTO records.cdr (note) VALUES ('new')")
    pair.wait_equal("records.cdr")
    assert [row["note"] for row in pair.one.rows("SELECT note FROM records.cdr ORDER BY id")] == ["kept", "new"]


def test_a_handshake_can_be_repeated_after_a_reset(running_pair: Pair, workspace: Path) -> None:
    """What mariadb_discard.yml does: remove the replicas, drop the database on one, make the pair again."""
    running_pair.one.run("INSERT INTO records.cdr (note) VALUES ('from one')")
    running_pair.two.run("INSERT INTO records.cdr (note) VALUES ('from two')")
    running_pair.wait_equal("records.cdr")
    for server in (running_pair.one, running_pair.two):
        server.run("STOP SLAVE", "RESET SLAVE ALL")
    running_pair.one.run("INSERT INTO records.cdr (note) VALUES ('alone')")
    assert verdict(running_pair)["state"] == "broken"
    running_pair.two.run("SET sql_log_bin=0", "DROP DATABASE records")
    judged = verdict(running_pair)
    assert (judged["state"], judged["source"]) == ("fresh", "one")
    running_pair.handshake(["records"], workspace / "dump.sql.gz")
    running_pair.two.run("INSERT INTO records.cdr (note) VALUES ('last')")
    running_pair.wait_equal("records.cdr")
    assert len(running_pair.one.rows("SELECT * FROM records.cdr")) == 7


def test_a_reinstalled_server_begins_a_new_pair(running_pair: Pair, workspace: Path) -> None:
    """Its binary log begins again below what the other one remembers of it."""
    running_pair.two.run(*["INSERT INTO records.cdr (note) VALUES ('from two')"] * 5)
    running_pair.wait_equal("records.cdr")
    for server in (running_pair.one, running_pair.two):
        server.forget_replicas()
    running_pair.two.forget_everything()
    running_pair.accounts(running_pair.two)
    assert running_pair.one.value("SELECT @@gtid_slave_pos") != ""
    assert verdict(running_pair)["state"] == "fresh"
    running_pair.handshake(["records"], workspace / "dump.sql.gz")
    running_pair.two.run("INSERT INTO records.cdr (note) VALUES ('new life')")
    running_pair.wait_equal("records.cdr")
    assert running_pair.one.value("SELECT @@gtid_slave_pos") == "2-2-1"


def test_coordinates_need_their_gtid(pair: Pair) -> None:
    assert "until_gtid must be" in pair.replicate_failing(pair.two, log_file="pbx-bin.000001", log_pos=4)
    assert pair.replicate(pair.two, log_file="pbx-bin.000001", log_pos=4, use_gtid="no")["replica"]["use_gtid"] == "no"
    # Later it changes to GTIDs, and stays where it is.
    pair.one.run("CREATE DATABASE records", RECORDS)
    pair.wait_equal("records.cdr")
    assert not pair.replicate(pair.two)["changed"]
    assert pair.replicate(pair.two, use_gtid="slave_pos")["replica"]["use_gtid"] == "slave_pos"
    pair.one.run("INSERT INTO records.cdr (note) VALUES ('x')")
    pair.wait_equal("records.cdr")


def test_applied_again_nothing_changes(running_pair: Pair) -> None:
    before = running_pair.two.replica()
    assert before is not None
    result = running_pair.replicate(running_pair.two)
    assert (result["changed"], result["executed_queries"], result["steps"]) == (False, [], [])
    assert result["diff"]["before"] == result["diff"]["after"]
    # Coordinates are for a new replica: an existing one does not go back to them.
    result = running_pair.replicate(running_pair.two, log_file="pbx-bin.000001", log_pos=4)
    assert not result["changed"]


def test_check_mode_says_and_does_not(running_pair: Pair) -> None:
    two = running_pair.two
    before = two.replica()
    result = running_pair.replicate(two, check=True, connect_retry=7)
    assert result["changed"]
    assert result["executed_queries"] == []
    assert "connect_retry: 1\n" in result["diff"]["before"]
    assert "connect_retry: 7\n" in result["diff"]["after"]
    after = two.replica()
    assert before is not None
    assert after is not None
    assert after["Connect_Retry"] == before["Connect_Retry"] == 1


def test_another_value_is_applied_and_nothing_else(running_pair: Pair) -> None:
    two = running_pair.two
    result = running_pair.replicate(two, connect_retry=7)
    assert result["changed"]
    changes = [query for query in result["executed_queries"] if query.startswith("CHANGE MASTER")]
    assert changes == ["CHANGE MASTER TO MASTER_HEARTBEAT_PERIOD=2.0, MASTER_CONNECT_RETRY=7"]
    status = two.replica()
    assert status is not None
    assert (status["Connect_Retry"], status["Slave_heartbeat_period"]) == (7, 2.0)
    assert status["Slave_IO_Running"] == status["Slave_SQL_Running"] == "Yes"
    assert not running_pair.replicate(two, connect_retry=7)["changed"]
    # What is not given is left alone.
    assert not running_pair.modules("mariadb_replica", two)["changed"]
    running_pair.one.run("INSERT INTO records.cdr (note) VALUES ('after')")
    running_pair.wait_equal("records.cdr")


def test_password_is_changed_where_it_differs(running_pair: Pair) -> None:
    one, two, other = running_pair.one, running_pair.two, "another 'secret' \\ 2"
    assert running_pair.accounts(one, password=other)["changed"]
    # The running connection is not affected; the next one would be refused.
    message = running_pair.replicate_failing(two, password="wrong")
    assert "1045" in message
    assert "Nothing was changed" in message
    assert not running_pair.replicate(two, password=other, update_password="on_create")["changed"]
    assert running_pair.replicate(two, password=other)["changed"]
    assert not running_pair.replicate(two, password=other)["changed"]
    two.run("STOP SLAVE", "START SLAVE")
    assert running_pair.info(two, wait=10)["replicas"][0]["healthy"]


def test_stopped_started_absent(running_pair: Pair) -> None:
    two = running_pair.two

    def state(wanted: str, check: bool = False) -> bool:
        return bool(running_pair.modules("mariadb_replica", two, check, state=wanted)["changed"])

    def running() -> tuple[str, str] | None:
        status = two.replica()
        return (status["Slave_IO_Running"], status["Slave_SQL_Running"]) if status else None

    assert state("stopped", check=True)
    assert running() == ("Yes", "Yes")
    assert state("stopped")
    assert running() == ("No", "No")
    assert not state("stopped")
    running_pair.one.run("INSERT INTO records.cdr (note) VALUES ('meanwhile')")
    assert state("started")
    assert running() == ("Yes", "Yes")
    running_pair.wait_equal("records.cdr")
    assert state("absent", check=True)
    assert running() == ("Yes", "Yes")
    assert state("absent")
    assert running() is None
    assert not state("absent")


def test_a_start_with_nothing_to_apply_waits_for_no_longer_than_a_heartbeat(running_pair: Pair) -> None:
    two = running_pair.two
    for arguments in ({}, {"password": None}):
        two.run("STOP SLAVE")
        begun = time.monotonic()
        assert running_pair.replicate(two, **arguments)["replica"]["healthy"]
        # A heartbeat comes after 2 s; the module's time is 20 s.
        assert time.monotonic() - begun < 15


def test_named_connection(pair: Pair) -> None:
    result = pair.replicate(pair.two, connection="site a")
    assert result["replica"]["connection"] == "site a"
    assert not pair.replicate(pair.two, connection="site a", update_password="on_create")["changed"]
    assert pair.replicate(pair.two, connection="site a", connect_retry=3, update_password="on_create")["changed"]
    assert pair.modules("mariadb_replica", pair.two, connection="site a", state="absent")["changed"]
    assert pair.two.replica() is None


def test_demote_takes_in_what_the_server_wrote(pair: Pair) -> None:
    """A server that was primary follows its successor, in the same domain."""
    one, two = pair.one, pair.two
    for server in (one, two):
        server.set(gtid_domain_id=7)
    one.run("CREATE DATABASE records", RECORDS)
    pair.replicate(two)
    wait_for(lambda: two.value("SELECT @@gtid_slave_pos") == "7-1-2", 10, "two has what one wrote")
    pair.modules("mariadb_replica", two, state="absent")
    two.run("INSERT INTO records.cdr (note) VALUES ('from two')")
    result = pair.replicate(one, demote_to_slave=True)
    assert any("MASTER_DEMOTE_TO_SLAVE=1" in query for query in result["executed_queries"])
    pair.wait_equal("records.cdr")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"password": "wrong"}, "1045"),
        ({"user": "nobody"}, "1698"),
        ({"ssl": False, "ssl_ca": None, "ssl_cert": None, "ssl_key": None}, "1045"),
        ({"ssl_ca": "{other}"}, "certificate"),
        ({"port": 1}, "2003"),
    ],
)
def test_what_cannot_work_is_found_before_anything_is_touched(
    pair: Pair, workspace: Path, arguments: dict[str, object], expected: str
) -> None:
    # An authority that signed neither certificate: any other certificate will do.
    filled = {key: str(pair.pki["two"]) if value == "{other}" else value for key, value in arguments.items()}
    for state in ("testable", "started"):
        result = pair.modules.attempt(
            "mariadb_replica", pair.two, **pair.replica_arguments(pair.two, **filled, state=state)
        )
        assert result.get("failed")
        assert expected in result["msg"]
        assert "127.0.0.1:" in result["msg"]
        assert result["executed_queries"] == []
    assert pair.two.replica() is None


def test_own_server_id_is_refused(pair: Pair) -> None:
    pair.two.set(server_id=1)
    assert "both have server_id 1" in pair.replicate_failing(pair.two)
    assert pair.two.replica() is None


def test_a_start_that_fails_is_a_failure_and_leaves_nothing(pair: Pair) -> None:
    pair.two.run("SET GLOBAL gtid_slave_pos = '5-5-5'")
    message = pair.replicate_failing(pair.two, log_file="pbx-bin.004711", log_pos=4, until_gtid="")
    assert pair.two.value("SELECT @@gtid_slave_pos") == "5-5-5"
    assert "1236" in message
    assert "IO thread" in message
    assert "removed again" in message
    assert pair.two.replica() is None


def test_password_too_long_for_the_server_is_refused(pair: Pair) -> None:
    assert "MDEV-29994" in pair.replicate_failing(pair.two, password="x" * 33)
    assert pair.two.replica() is None


def test_broken_replication_is_reported(running_pair: Pair) -> None:
    """Both sides wrote the same key. The thread, the error, the place and a cure are told; nothing is skipped."""
    one, two = running_pair.one, running_pair.two
    two.run("SET sql_log_bin=0", "INSERT INTO records.cdr VALUES (77, 'mine')")
    one.run("INSERT INTO records.cdr VALUES (77, 'yours')")
    wait_for(lambda: (two.replica() or {})["Slave_SQL_Running"] == "No", 10, "the SQL thread stops")
    [replica] = running_pair.info(two)["replicas"]
    assert not replica["healthy"]
    assert replica["io_running"] == "Yes"
    for part in (f"127.0.0.1:{one.port}", "SQL thread", "1062", "77", replica["applied_file"], "re-seed"):
        assert part in replica["problem"]
    judged = verdict(running_pair)
    assert judged["state"] == "broken"
    assert judged["problems"] == [f"two: {replica['problem']}"]
    message = running_pair.replicate_failing(two)
    assert "1062" in message
    # The same where everything is fetched anew, and where the module cannot ask the primary how far it is.
    two.run("STOP SLAVE")
    assert "1062" in running_pair.replicate_failing(two)
    two.run("STOP SLAVE")
    assert "1062" in running_pair.modules.failing("mariadb_replica", two)
    assert two.rows("SELECT note FROM records.cdr WHERE id = 77") == [{"note": "mine"}]
    # Somebody looked and decided: the row here was wrong.
    two.run("SET sql_log_bin=0", "DELETE FROM records.cdr WHERE id = 77")
    assert running_pair.replicate(two)["changed"]
    running_pair.wait_equal("records.cdr")


def test_a_dead_primary_and_its_return(running_pair: Pair) -> None:
    one, two = running_pair.one, running_pair.two
    one.kill()
    wait_for(lambda: (two.replica() or {})["Slave_IO_Running"] == "Connecting", 20, "two notices")
    info = running_pair.info(two)
    assert "IO thread: Connecting" in info["replicas"][0]["problem"]
    alone = mariadb_pair({"two": info}, NODES, ["records"])
    assert alone["state"] == "peer_away"
    two.run("INSERT INTO records.cdr (note) VALUES ('meanwhile')")
    one.start()
    assert running_pair.info(two, wait=20)["replicas"][0]["healthy"]
    assert running_pair.info(one, wait=20)["replicas"][0]["healthy"]
    running_pair.wait_equal("records.cdr")


def test_one_direction_can_be_completed(running_pair: Pair) -> None:
    """A handshake that was interrupted goes on; one direction that was lost later is not guessed about."""
    running_pair.modules("mariadb_replica", running_pair.one, state="absent")
    judged = verdict(running_pair)
    assert (judged["state"], judged["source"], judged["target"]) == ("half", "one", "two")
    running_pair.two.run("INSERT INTO records.cdr (note) VALUES ('from two')")
    assert verdict(running_pair)["state"] == "broken"


def test_a_server_set_up_anew_is_noticed(running_pair: Pair) -> None:
    """Its replica goes on without an error until it writes for the first time: nobody else would notice before."""
    one, two = running_pair.one, running_pair.two
    one.run(*["INSERT INTO records.cdr (note) VALUES ('x')"] * 5)
    running_pair.wait_equal("records.cdr")
    one.forget_replicas()
    two.run("STOP SLAVE")
    one.run("RESET MASTER")
    two.run("START SLAVE")
    assert running_pair.info(two, wait=10)["replicas"][0]["healthy"]
    judged = verdict(running_pair)
    assert judged["state"] == "broken"
    assert "one was set up anew" in str(judged["problems"])
    one.run("INSERT INTO records.cdr (note) VALUES ('first')")
    wait_for(lambda: not running_pair.info(two)["replicas"][0]["healthy"], 10, "the replica stops")
    judged = verdict(running_pair)
    assert judged["state"] == "broken"
    print(judged["problems"])
    assert "1236" in str(judged["problems"])


def wait_refused(pair: Pair, server: Server, errno: int) -> None:
    """Wait until a server's replica reports that it is refused."""
    wait_for(lambda: pair.info(server)["replicas"][0]["io_errno"] == errno, 20, f"{server.name} is refused ({errno})")


def test_a_password_that_was_changed_while_a_node_was_away(running_pair: Pair) -> None:
    """A deployment of the other node alone changed it there: the pair is not broken, and what a full one does ends it."""
    one, two, other = running_pair.one, running_pair.two, "another 'secret' \\ 2"
    two.stop()
    running_pair.accounts(one, password=other)
    two.start()
    wait_refused(running_pair, two, 1045)
    # The other direction was interrupted too, and is tried again once a second.
    wait_for(lambda: running_pair.info(one)["replicas"][0]["healthy"], 20, "one replicates two again")
    one.run("INSERT INTO records.cdr (note) VALUES ('meanwhile')")
    judged = verdict(running_pair)
    assert (judged["state"], len(judged["problems"])) == ("refused", 1)  # type: ignore[arg-type]
    running_pair.accounts(two, password=other)
    for server in (one, two):
        assert running_pair.replicate(server, password=other)["changed"]
    assert verdict(running_pair, wait=10)["state"] == "healthy"
    running_pair.wait_equal("records.cdr")


@pytest.mark.parametrize(("whose", "errno"), [("one", 2026), ("two", 2013)])
def test_a_certificate_that_is_over(running_pair: Pair, whose: str, errno: int) -> None:
    """The primary's or the replica's own: a new one in its place is enough."""
    two, certificate = running_pair.two, running_pair.pki[whose]
    good = certificate.read_text()
    server = running_pair.one if whose == "one" else two
    expire(certificate)
    try:
        server.run("FLUSH LOCAL SSL")
        two.run("STOP SLAVE", "START SLAVE")
        wait_refused(running_pair, two, errno)
        assert verdict(running_pair)["state"] == "refused"
    finally:
        certificate.write_text(good)
        server.run("FLUSH LOCAL SSL")
    # It tries again by itself.
    assert not running_pair.replicate(two)["changed"]
    assert verdict(running_pair, wait=10)["state"] == "healthy"


def test_both_have_rows_and_neither_replicates(pair: Pair) -> None:
    for server in (pair.one, pair.two):
        server.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('mine')")
    judged = verdict(pair)
    assert judged["state"] == "broken"
    assert "both have rows of their own" in str(judged["problems"])


def test_settings_are_compared_with_the_running_server(pair: Pair) -> None:
    info = pair.info(
        pair.one,
        settings={
            "server-id": 1,
            "log_bin": True,
            "gtid_strict_mode": "ON",
            "log_basename": "other",
            "innodb_log_file_size": "16M",
            "bind_address": "127.0.0.1",
            "sync_binlog": 1,
            "read_only": 1,
            "log_slave_updates": "OFF",
        },
    )
    assert info["settings_differing"] == {"sync_binlog": {"running": "0", "wanted": "1"}}
    assert info["read_only"]
    assert info["semi_sync"]["sound"]


def test_the_start_is_the_same_whenever_it_is_asked(pair: Pair, workspace: Path) -> None:
    """A file that was written before it is in force, one that was written after it is not."""
    pair.one.stop()
    file = workspace / "written"
    file.touch()
    before = file.stat().st_mtime
    pair.one.start()
    started = {pair.info(pair.one)["started"] for _time in range(3)}
    assert len(started) == 1
    assert int(before) <= started.pop() <= time.time()


def test_acknowledged_rows_survive_kill_minus_nine(pair: Pair) -> None:
    """Writers insert on the active node; it is killed; every row a client was told is safe is on the other one."""
    for server in (pair.one, pair.two):
        server.set(
            rpl_semi_sync_master_wait_point="AFTER_SYNC",
            rpl_semi_sync_master_timeout=30000,
            rpl_semi_sync_master_wait_no_slave="OFF",
            sync_binlog=1,
            innodb_flush_log_at_trx_commit=1,
            sync_relay_log=1,
            rpl_semi_sync_master_enabled="ON",
            rpl_semi_sync_slave_enabled="ON",
        )
        server.run("SET sql_log_bin=0", "CREATE DATABASE records", RECORDS)
    pair.handshake([], Path("/nonexistent"))
    wait_for(lambda: pair.info(pair.one)["semi_sync"]["primary_active"], 10, "one waits for two")
    assert pair.info(pair.two)["semi_sync"]["replica_active"]

    acknowledged: list[int] = []
    ended = threading.Event()

    def write() -> None:
        connection = pair.one.connect()
        try:
            with connection.cursor() as cursor:
                while not ended.is_set():
                    cursor.execute("INSERT INTO records.cdr (note) VALUES ('call')")
                    acknowledged.append(cursor.lastrowid)
        except pymysql.err.Error:
            pass  # the server is gone

    writers = [threading.Thread(target=write) for _writer in range(4)]
    for writer in writers:
        writer.start()
    wait_for(lambda: len(acknowledged) > 500, 60, "500 rows are acknowledged")
    pair.one.kill()
    ended.set()
    for writer in writers:
        writer.join(30)
    # The survivor applies what it has received; then it may be written to.
    wait_for(lambda: pair.info(pair.two)["replicas"][0]["caught_up"], 20, "two has applied everything")
    there = {row["id"] for row in pair.two.rows("SELECT id FROM records.cdr")}
    assert set(acknowledged) - there == set()
    # It does not wait for its dead peer.
    pair.two.run("INSERT INTO records.cdr (note) VALUES ('alone')")
    pair.one.start()
    for server in (pair.one, pair.two):
        assert pair.info(server, wait=20)["replicas"][0]["healthy"]
    pair.wait_equal("records.cdr")


def test_through_ansible(running_pair: Pair) -> None:
    """As users call them, with the most talkative output: no password in it (see Modules.through_ansible)."""
    two = running_pair.two
    arguments = running_pair.replica_arguments(two)
    assert arguments["password"] == PASSWORD
    result = running_pair.modules.through_ansible(
        "mariadb_replica", two, "-vvv", "--diff", **arguments, connect_retry=9
    )
    assert result["changed"]
    assert result["replica"]["connect_retry"] == 9
    result = running_pair.modules.through_ansible("mariadb_replica", two, "--check", **arguments, connect_retry=9)
    assert not result["changed"]
    info = running_pair.modules.through_ansible("mariadb_info", two)
    assert info["replicas"][0]["healthy"]
    assert info["version"]["full"] == two.value("SELECT VERSION()")
