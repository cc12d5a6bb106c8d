# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Call records from the spool to two real servers that replicate; the records are those of a real Asterisk."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from .conftest import REPOSITORY, Pair
from .servers import Server, wait_for

ROLE = REPOSITORY / "roles/odbc_cdr"
RECORDED = REPOSITORY / "tests/unit/call_records/recorded"
READ_TIMEOUT = 4


@pytest.fixture(scope="module")
def program() -> Iterator[SimpleNamespace]:
    """The modules of the program, as the role installs them."""
    path, written = list(sys.path), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROLE / "files/call_records"))
    names = ("record", "spool", "rebuild", "database", "loader")
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    sys.path[:], sys.dont_write_bytecode = path, written
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def exchange(pair: Pair, workspace: Path) -> Pair:
    """A pair with the tables of the role, each made on each node; rows in the log, as the role has it."""
    template = jinja2.Environment(loader=jinja2.FileSystemLoader(ROLE / "templates"), autoescape=False).get_template  # noqa: S701
    for server in (pair.one, pair.two):
        server.set(binlog_format="ROW")
        schema = template("schema.sql.j2").render(odbc_cdr_variables=["campaign"])
        statements = "\n".join(line for line in schema.splitlines() if not line.startswith("--")).split(";\n")
        server.run(*(statement for statement in statements if statement.strip()))
    pair.handshake([], workspace / "dump.sql.gz")
    for server in (pair.one, pair.two):
        server.set(read_only="OFF")
    return pair


@pytest.fixture
def service(program: SimpleNamespace, tmp_path: Path) -> Any:
    """Makes the service of a node: its loader and its spool, which is the same on both (the replicated disk)."""
    directory = tmp_path / "records"
    directory.mkdir()

    def make(server: Server) -> SimpleNamespace:
        settings = program.loader.Settings(
            str(directory), 0, 60, server.socket, "root", "asteriskcdr", 2, READ_TIMEOUT,
            status=str(tmp_path / "status"), asterisk_pid=str(tmp_path / "pid"),
        )  # fmt: skip
        spool = program.spool.Spool(str(directory))
        loader = program.loader.Loader(settings, spool, lambda: program.database.Database(settings.access))
        return SimpleNamespace(loader=loader, spool=spool)

    return make


def write(spool: Any, program: SimpleNamespace, kinds: str = "cdr cel") -> None:
    """What Asterisk wrote in some seconds of calls."""
    for name in kinds.split():
        with Path(spool.current(program.record.KINDS[name])).open("ab") as file:
            file.write((RECORDED / f"{name}-22.10.1").read_bytes())


def lines(name: str) -> int:
    return (RECORDED / f"{name}-22.10.1").read_bytes().count(b"\n")


def count(server: Server, table: str) -> int:
    return int(server.value(f"SELECT COUNT(*) FROM asteriskcdr.{table}"))


def test_records_and_events_arrive_on_both(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    node = service(exchange.one)
    write(node.spool, program)
    assert node.loader.once(), node.loader.problem
    for table in ("cdr", "cel"):
        assert count(exchange.one, table) == lines(table)
        exchange.wait_equal(f"asteriskcdr.{table}")
    row = exchange.two.rows("SELECT * FROM asteriskcdr.cdr WHERE uniqueid = '1795887764.1'")[0]
    assert row["clid"] == r'"Ana \"la\" \\\\ ñ" <100>'
    assert (str(row["start"]), row["billsec"], row["node"], row["campaign"]) == ("2026-11-28 17:42:44", 2, "server1", 'spring "x"')
    event = exchange.two.rows("SELECT * FROM asteriskcdr.cel WHERE eventtype = 'BRIDGE_ENTER' ORDER BY eventtime LIMIT 1")[0]
    assert event["eventtime"].microsecond == 726510
    assert json.loads(event["extra"])["bridge_technology"] == "simple_bridge"


def test_a_record_that_both_nodes_load_is_there_once_and_stops_no_replication(
    exchange: Pair, program: SimpleNamespace, service: Any
) -> None:
    """A node died between its commit and its telling the other, which took over and loaded the same files."""
    dying, survivor = service(exchange.one), service(exchange.two)
    exchange.two.run("STOP SLAVE")
    exchange.one.run("STOP SLAVE")
    write(dying.spool, program)
    for kind in program.record.KINDS.values():
        dying.spool.rotate(kind)
    files = {path: Path(path).read_bytes() for _kind, path in dying.spool.all_ready()}
    assert dying.loader.once(), dying.loader.problem
    for path, data in files.items():
        Path(path).write_bytes(data)
    assert survivor.loader.once(), survivor.loader.problem
    for server in (exchange.one, exchange.two):
        server.run("START SLAVE")
    for server in (exchange.one, exchange.two):
        peer = exchange.peer(server)
        wait_for(
            lambda peer=peer, server=server: peer.value("SELECT @@gtid_binlog_pos") in server.value("SELECT @@gtid_slave_pos"),
            20, f"{server.name} has applied everything: {server.replica()}",
        )  # fmt: skip
        status = server.replica()
        assert status is not None
        assert (status["Slave_SQL_Running"], status["Last_SQL_Error"]) == ("Yes", "")
    for table in ("cdr", "cel"):
        assert count(exchange.one, table) == lines(table)
        exchange.wait_equal(f"asteriskcdr.{table}")


def test_a_locked_table_is_waited_for_and_given_up_in_time(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    node = service(exchange.one)
    write(node.spool, program)
    locker = exchange.one.connect()
    with locker.cursor() as cursor:
        cursor.execute("LOCK TABLES asteriskcdr.cdr WRITE")
    begun = time.monotonic()
    assert not node.loader.once()
    assert time.monotonic() - begun < 2 * READ_TIMEOUT
    assert "Lock wait timeout" in node.loader.problem
    locker.close()
    assert wait_for(node.loader.once, 10, "everything is loaded")
    assert (count(exchange.one, "cdr"), count(exchange.one, "cel")) == (lines("cdr"), lines("cel"))


def test_a_frozen_server_has_every_record_once_when_it_goes_on(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    node = service(exchange.one)
    assert node.loader.once(), node.loader.problem
    write(node.spool, program)
    assert exchange.one.process is not None
    os.kill(exchange.one.process.pid, signal.SIGSTOP)
    try:
        assert not node.loader.once()
        assert not node.loader.once()
    finally:
        os.kill(exchange.one.process.pid, signal.SIGCONT)
    assert wait_for(node.loader.once, 10, "everything is loaded")
    for table in ("cdr", "cel"):
        assert count(exchange.one, table) == lines(table)
        exchange.wait_equal(f"asteriskcdr.{table}")


def test_a_server_that_was_not_there_at_the_start(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    node = service(exchange.one)
    exchange.one.stop()
    try:
        write(node.spool, program)
        assert not node.loader.once()
        assert node.spool.pending().files == 2
    finally:
        exchange.one.start()
    exchange.one.set(read_only="OFF")
    assert node.loader.once(), node.loader.problem
    assert (count(exchange.one, "cdr"), count(exchange.one, "cel")) == (lines("cdr"), lines("cel"))


def test_a_table_of_another_shape_loses_nothing(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    node = service(exchange.one)
    exchange.one.run("SET SESSION sql_log_bin = 0", "ALTER TABLE asteriskcdr.cdr RENAME COLUMN src TO source")
    write(node.spool, program)
    assert not node.loader.once()
    assert "src" in node.loader.problem
    exchange.one.run("SET SESSION sql_log_bin = 0", "ALTER TABLE asteriskcdr.cdr RENAME COLUMN source TO src")
    assert node.loader.once(), node.loader.problem
    assert count(exchange.one, "cdr") == lines("cdr")


def test_calls_that_a_crash_cut_off_are_rebuilt_once_on_both(exchange: Pair, program: SimpleNamespace, service: Any) -> None:
    """Two calls were in progress; a third had ended, and only its record was not written any more."""
    node = service(exchange.two)
    recorded = (RECORDED / "cel-22.10.1").read_text().splitlines(keepends=True)
    # odbc_cdr_cel_events leaves these two out.
    events = [line for line in recorded if line.split(",")[1] not in ('"CHAN_END"', '"LINKEDID_END"')]
    cut = [line for line in events if line.split(",")[1] not in ('"HANGUP"', '"BRIDGE_EXIT"')]
    closed = [line.replace("1795887764.4", "1795887764.8").replace("1795887764.5", "1795887764.9") for line in events]
    closed = [line for line in closed if "1795887764.8" in line]
    Path(node.spool.current(program.record.CEL)).write_text("".join(cut + closed))
    # Alive until 17:42:50, started again six seconds later.
    ended = 1795887770.0
    node.spool.write_alive({"started": ended + 6, "ended": ended, "seen": ended + 8})
    for _time in range(2):
        assert node.loader.once(), node.loader.problem
    rebuilt = exchange.two.rows("SELECT * FROM asteriskcdr.cdr ORDER BY uniqueid")
    assert [(row["uniqueid"], row["rebuilt"], row["disposition"], str(row["end"])) for row in rebuilt] == [
        ("1795887764.0", 1, "ANSWERED", "2026-11-28 17:42:50"),
        ("1795887764.4", 1, "ANSWERED", "2026-11-28 17:42:50"),
        ("1795887764.8", 1, "ANSWERED", "2026-11-28 17:42:49"),
    ]
    exchange.wait_equal("asteriskcdr.cdr")
