# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ocf:dialtone:mariadb_writer against a MariaDB and a systemd that are a script."""

from __future__ import annotations

import re
import time

import pytest

# SHOW ALL SLAVES STATUS of MariaDB 10.11.19, `mariadb --batch --vertical`, shortened
ALL_SLAVES = """\
*************************** 1. row ***************************
               Connection_name: peer
               Slave_SQL_State: Slave has read all relay log; waiting for more updates
                Slave_IO_State: Waiting for master to send event
               Master_Log_File: server2-bin.000003
           Read_Master_Log_Pos: 4711
                Relay_Log_File: server1-relay-bin-peer.000002
         Relay_Master_Log_File: server2-bin.000003
              Slave_IO_Running: Yes
             Slave_SQL_Running: {running}
                    Last_Errno: {errno}
                    Last_Error: {error}
           Exec_Master_Log_Pos: {executed}
                 Last_IO_Errno: 0
                Last_SQL_Errno: {errno}
                Last_SQL_Error: {error}
                    Using_Gtid: {using}
                   Gtid_IO_Pos: {io_pos}
           Replicate_Do_Domain_Ids:
                 Gtid_Slave_Pos: 1-1-5,2-2-90
"""


def slaves(io_pos="1-1-5,2-2-90", running="Yes", errno="0", error="", using="Slave_Pos", executed="4711") -> str:
    return ALL_SLAVES.format(io_pos=io_pos, running=running, errno=errno, error=error, using=using, executed=executed)


@pytest.mark.parametrize(
    ("position", "expected"),
    [("", {}), ("0-1-42", {0: 42}), ("1-1-7,2-2-90", {1: 7, 2: 90}), (" 1-1-7 , 2-2-90", {1: 7, 2: 90})],
)
def test_parse_gtid(writer, position: str, expected: dict[int, int]) -> None:
    assert writer.parse_gtid(position) == expected


@pytest.mark.parametrize("position", ["1-1", "a-b-c", "1-1-1-1", "1"])
def test_parse_gtid_refuses_what_is_none(writer, position: str) -> None:
    with pytest.raises(ValueError):
        writer.parse_gtid(position)


@pytest.mark.parametrize(
    ("received", "applied", "expected"),
    [
        ("", "", {}),
        ("", "1-1-5", {}),
        ("2-2-90", "2-2-90", {}),
        ("2-2-90", "2-2-91", {}),
        ("2-2-90", "2-2-85", {2: 5}),
        ("2-2-90", "", {2: 90}),
        ("2-2-90", "1-1-100", {2: 90}),
        # numbers, not text: 100 is more than 99
        ("2-2-100", "2-2-99", {2: 1}),
        ("2-2-99", "2-2-100", {}),
        ("1-1-5,2-2-90", "1-1-4,2-2-80", {1: 1, 2: 10}),
        # after a move of the right to write the same domain continues with another server id
        ("2-1-91", "2-2-90", {2: 1}),
    ],
)
def test_missing(writer, received: str, applied: str, expected: dict[int, int]) -> None:
    assert writer.missing(received, applied) == expected


def test_parse_connections(writer) -> None:
    text = slaves(errno="1062", error="Duplicate entry '5'", running="No") + slaves().replace("peer", "", 1).replace(
        "1. row", "2. row"
    )
    broken, whole = writer.parse_connections(text)
    assert (broken.name, broken.sql_running, broken.sql_errno) == ("peer", False, 1062)
    assert broken.sql_error == "Duplicate entry '5'"
    assert broken.gtid_io_pos == "1-1-5,2-2-90"
    assert (whole.name, whole.sql_running, whole.sql_errno) == ("(default)", True, 0)
    assert writer.parse_connections("") == []


def test_without_gtid_the_log_positions_decide(writer) -> None:
    done, behind = writer.parse_connections(
        slaves(using="No", io_pos="") + slaves(using="No", io_pos="", executed="4000")
    )
    assert writer.undrained(done, "") == ""
    assert "received up to server2-bin.000003:4711, applied up to server2-bin.000003:4000" in writer.undrained(
        behind, ""
    )


class Host:
    """Stands for mariadb (the client) and systemctl: a server with a state, and what statements make of it."""

    def __init__(self, ocf, read_only: str = "1") -> None:
        self.ocf = ocf
        self.read_only = read_only
        self.state = "up"  # up, down, silent, denied
        self.unit = "active"
        self.pid = 100
        self.slave_pos = ["1-1-5,2-2-90"]
        self.slaves_text = slaves()
        self.dump_threads: list[str] = []
        self.obeys_read_only = True
        self.obeys_kill = True
        self.comes_up_after = 0.0
        self.born = time.monotonic()
        self.log: list[str] = []

    def __call__(self, argv: list[str], timeout: float, stdin: str | None):
        if argv[0] == "systemctl":
            return self.systemctl(argv[1])
        assert argv[0] == "mariadb"
        if "--version" in argv:
            return self.ocf.Result(0, "mariadb  Ver 15.1")
        # No statement, and nothing that could be a secret, belongs in the list of processes.
        assert all(argument.startswith("--") for argument in argv[1:])
        assert argv[1] == "--no-defaults"
        assert stdin
        state = self.state
        if state == "starting":
            state = "up" if time.monotonic() - self.born > self.comes_up_after else "down"
        if state == "down":
            return self.ocf.Result(
                1, "", "ERROR 2002 (HY000): Can't connect to local server through socket '/run/x.sock' (2)"
            )
        if state == "silent":
            return self.ocf.Result(None)
        if state == "denied":
            return self.ocf.Result(1, "", "ERROR 1698 (28000): Access denied for user 'root'@'localhost'")
        return self.sql(stdin)

    def systemctl(self, command: str):
        if command == "kill":
            self.log.append("SIGKILL")
            if self.obeys_kill:
                self.unit, self.pid, self.state = "activating", 0, "down"
        text = f"LoadState=loaded\nActiveState={self.unit}\nSubState=x\nResult=success\nMainPID={self.pid}\n"
        return self.ocf.Result(0, text)

    def sql(self, statement: str):
        if "PROCESSLIST" in statement:
            return self.ocf.Result(0, "\n".join(self.dump_threads))
        if "SHOW ALL SLAVES" in statement:
            return self.ocf.Result(0, self.slaves_text)
        if "gtid_slave_pos" in statement:
            return self.ocf.Result(0, (self.slave_pos.pop(0) if len(self.slave_pos) > 1 else self.slave_pos[0]) + "\n")
        if "SELECT @@global.read_only" in statement:
            return self.ocf.Result(0, self.read_only + "\n")
        self.log.append(statement)
        wanted = re.search(r"SET GLOBAL read_only = (\d)", statement)
        if wanted and self.obeys_read_only:
            self.read_only = wanted.group(1)
        return self.ocf.Result(0)


@pytest.fixture
def make(writer):
    def agent(host: Host, **env: str):
        full = {
            "HA_LOGFACILITY": "none",
            "OCF_RESKEY_CRM_meta_timeout": "5000",
            "OCF_RESKEY_CRM_meta_interval": "5000",
            "OCF_RESKEY_start_wait": "1",
            "OCF_RESKEY_drain_timeout": "1",
            **env,
        }
        return writer.MariadbWriter(full, host)

    return agent


@pytest.mark.parametrize(
    ("state", "read_only", "expected"),
    [
        ("up", "0", "OCF_SUCCESS"),
        ("up", "OFF", "OCF_SUCCESS"),
        ("up", "1", "OCF_NOT_RUNNING"),
        ("up", "ON", "OCF_NOT_RUNNING"),
        ("up", "NO_LOCK_NO_ADMIN", "OCF_NOT_RUNNING"),
        ("down", "0", "OCF_NOT_RUNNING"),
        ("silent", "0", "OCF_ERR_GENERIC"),
        ("denied", "0", "OCF_ERR_PERM"),
    ],
)
def test_monitor(ocf, make, state: str, read_only: str, expected: str) -> None:
    host = Host(ocf, read_only)
    host.state = state
    assert make(host).perform("monitor") == getattr(ocf, expected)


def test_start_of_a_writer_changes_nothing(ocf, make) -> None:
    host = Host(ocf, "0")
    host.dump_threads = ["17"]
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert host.log == []


def test_start_clears_read_only_at_once_when_all_is_applied(ocf, make) -> None:
    host = Host(ocf)
    started = time.monotonic()
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert host.read_only == "0"
    assert time.monotonic() - started < 0.2


def test_start_waits_for_the_relay_log(ocf, make, capsys) -> None:
    host = Host(ocf)
    host.slave_pos = ["1-1-5,2-2-80", "1-1-5,2-2-85", "1-1-5,2-2-90"]
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert host.slave_pos == ["1-1-5,2-2-90"]
    assert "CRIT" not in capsys.readouterr().err


def test_start_does_not_wait_for_ever_and_says_what_is_missing(ocf, make, capsys) -> None:
    host = Host(ocf)
    host.slave_pos = ["1-1-5,2-2-80"]
    started = time.monotonic()
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert 0.9 < time.monotonic() - started < 2
    assert host.read_only == "0"
    said = capsys.readouterr().err
    assert "CRIT" in said
    assert "connection peer: 10 transactions of domain 2 (received 1-1-5,2-2-90, applied 1-1-5,2-2-80)" in said


def test_start_does_not_wait_for_a_broken_thread(ocf, make, capsys) -> None:
    host = Host(ocf)
    host.slave_pos = ["1-1-5,2-2-80"]
    host.slaves_text = slaves(running="No", errno="1062", error="Duplicate entry")
    started = time.monotonic()
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert time.monotonic() - started < 0.3
    assert "stopped on error 1062: Duplicate entry" in capsys.readouterr().err


def test_start_ends_the_threads_of_replicas_before_it_writes(ocf, make) -> None:
    host = Host(ocf)
    host.dump_threads = ["17", "23"]
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert host.log == ["KILL 17", "KILL 23", "SET GLOBAL read_only = 0"]


def test_start_waits_for_a_server_that_systemd_starts(ocf, make) -> None:
    host = Host(ocf)
    host.state, host.unit, host.comes_up_after = "starting", "activating", 0.5
    assert make(host).perform("start") == ocf.OCF_SUCCESS
    assert host.read_only == "0"


def test_start_fails_at_once_when_nobody_starts_the_server(ocf, make, capsys) -> None:
    host = Host(ocf)
    host.state, host.unit = "down", "failed"
    started = time.monotonic()
    assert make(host).perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - started < 0.3
    assert "systemd is not starting it" in capsys.readouterr().err


def test_start_gives_up_on_a_silent_server(ocf, make) -> None:
    host = Host(ocf)
    host.state = "silent"
    started = time.monotonic()
    assert make(host).perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - started < 2


def test_start_that_stays_read_only_fails(ocf, make) -> None:
    host = Host(ocf)
    host.obeys_read_only = False
    assert make(host).perform("start") == ocf.OCF_ERR_GENERIC


def test_stop_sets_read_only(ocf, make) -> None:
    host = Host(ocf, "0")
    assert make(host).perform("stop") == ocf.OCF_SUCCESS
    assert host.read_only == "1"
    assert "SIGKILL" not in host.log


@pytest.mark.parametrize("state", ["up", "down"])
def test_stop_of_what_does_not_write_does_nothing(ocf, make, state: str) -> None:
    host = Host(ocf, "1")
    host.state = state
    assert make(host).perform("stop") == ocf.OCF_SUCCESS
    assert host.log == []


def test_stop_kills_a_server_that_does_not_answer(ocf, make, capsys) -> None:
    host = Host(ocf, "0")
    host.state = "silent"
    assert make(host).perform("stop") == ocf.OCF_SUCCESS
    assert host.log == ["SIGKILL"]
    assert "CRIT" in capsys.readouterr().err


def test_stop_kills_a_server_that_stays_writable(ocf, make) -> None:
    host = Host(ocf, "0")
    host.obeys_read_only = False
    assert make(host).perform("stop") == ocf.OCF_SUCCESS
    assert host.log[-1] == "SIGKILL"


def test_stop_fails_when_the_server_survives(ocf, make, capsys) -> None:
    host = Host(ocf, "0")
    host.state, host.obeys_kill = "silent", False
    assert make(host, OCF_RESKEY_CRM_meta_timeout="2000").perform("stop") == ocf.OCF_ERR_GENERIC
    assert "has to be fenced" in capsys.readouterr().err


def test_a_broken_connection_is_silence_and_not_absence(ocf, make) -> None:
    """A server that broke off may still write; only one that is not there certainly does not."""
    host = Host(ocf, "0")
    host.sql = lambda _statement: ocf.Result(1, "", "ERROR 2013 (HY000): Lost connection to server at 'handshake'")
    assert make(host).perform("monitor") == ocf.OCF_ERR_GENERIC
    assert make(host).perform("stop") == ocf.OCF_SUCCESS
    assert host.log == ["SIGKILL"]


@pytest.mark.parametrize("name", ["start_wait", "drain_timeout"])
def test_validate_refuses_nonsense(ocf, make, name: str) -> None:
    assert make(Host(ocf), **{f"OCF_RESKEY_{name}": "soon"}).perform("validate-all") == ocf.OCF_ERR_CONFIGURED
    assert make(Host(ocf), OCF_RESKEY_socket="here").perform("validate-all") == ocf.OCF_ERR_CONFIGURED
    assert make(Host(ocf)).perform("validate-all") == ocf.OCF_SUCCESS
