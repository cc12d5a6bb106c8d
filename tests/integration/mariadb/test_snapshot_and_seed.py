"""A dump that belongs to its position, and what a server is protected from when it is seeded."""

from __future__ import annotations

import gzip
import shutil
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from .conftest import RECORDS, Modules, Pair
from .servers import ROOT, wait_for


@pytest.fixture
def directory(workspace: Path) -> Iterator[Path]:
    """Not pytest's own: the programs of another root see the same path."""
    path = workspace / "dumps"
    path.mkdir()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def records(pair: Pair) -> Pair:
    pair.one.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('a'), ('b'), ('c')")
    return pair


def with_dump_program(modules: Modules, directory: Path, script: str) -> Modules:
    """Modules that find this script as mariadb-dump. `$real` in it is the real program."""
    programs = directory / "programs"
    programs.mkdir()
    program = programs / "mariadb-dump"
    real = "/usr/bin/mariadb-dump" if Path("/") == ROOT else f"chroot {ROOT} /usr/bin/mariadb-dump"
    program.write_text(f'#!/bin/sh\nreal="{real}"\n{script}\n')
    program.chmod(0o755)
    return replace(modules, path=f"{programs}:{modules.path}")


def try_insert(pair: Pair) -> int:
    """Insert with a second's patience; return the error's number, 0 for none."""
    connection = pair.one.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION lock_wait_timeout = 1")
            cursor.execute("INSERT INTO records.cdr (note) VALUES ('late')")
    except pymysql.err.Error as error:
        return int(error.args[0])
    finally:
        connection.close()
    return 0


def test_the_lock_is_held_while_the_dump_is_made(records: Pair, directory: Path) -> None:
    begun, go = directory / "begun", directory / "go"
    modules = with_dump_program(
        records.modules, directory, f'touch {begun}\nwhile [ ! -e {go} ]; do sleep 0.1; done\nexec $real "$@"'
    )
    position = records.one.rows("SHOW MASTER STATUS")[0]
    answers: list[dict[str, object]] = []
    dump = directory / "dump.sql"
    thread = threading.Thread(
        target=lambda: answers.append(modules("mariadb_snapshot", records.one, databases=["records"], dest=str(dump)))
    )
    thread.start()
    try:
        wait_for(begun.exists, 60, "the dump begins")
        assert try_insert(records) == 1205
        # Readers are not held up, and a file that is not complete has another name.
        assert len(records.one.rows("SELECT * FROM records.cdr")) == 3
        assert not dump.exists()
    finally:
        go.touch()
        thread.join(120)
    [answer] = answers
    assert (answer["file"], answer["position"]) == (position["File"], position["Position"])
    assert answer["gtid_binlog_pos"] == "1-1-3"
    assert answer["changed"]
    assert answer["executed_queries"][-1] == "UNLOCK TABLES"  # type: ignore[index]
    assert try_insert(records) == 0
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert answer["size"] == dump.stat().st_size
    assert "late" not in dump.read_text()


def test_every_row_once_under_load(records: Pair, directory: Path) -> None:
    """Rows written before, during and after the snapshot are all on the replica, each once."""
    ended = threading.Event()
    written: list[int] = []

    def write() -> None:
        connection = records.one.connect()
        try:
            with connection.cursor() as cursor:
                while not ended.is_set():
                    cursor.execute("INSERT INTO records.cdr (note) VALUES ('call')")
                    written.append(cursor.lastrowid)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _writer in range(3)]
    for writer in writers:
        writer.start()
    try:
        wait_for(lambda: len(written) > 200, 30, "rows before the snapshot")
        records.handshake(["records"], directory / "dump.sql.gz")
        count = len(written)
        wait_for(lambda: len(written) > count + 200, 30, "rows after it")
    finally:
        ended.set()
        for writer in writers:
            writer.join(30)
    records.wait_equal("records.cdr")
    there = [row["id"] for row in records.two.rows("SELECT id FROM records.cdr")]
    assert len(there) == len(set(there)) == len(written) + 3
    assert set(written) <= set(there)


def test_a_dump_that_fails_leaves_nothing(records: Pair, directory: Path) -> None:
    dump = directory / "dump.sql.gz"
    for script, said in (
        ("echo the disk is tired >&2; exit 3", "the disk is tired"),
        ("echo SELECT 1", "without the end"),
    ):
        modules = with_dump_program(records.modules, directory, script)
        message = modules.failing("mariadb_snapshot", records.one, databases=["records"], dest=str(dump))
        assert said in message
        assert list(directory.glob("dump*")) == []
        assert try_insert(records) == 0
        (directory / "programs/mariadb-dump").unlink()
        (directory / "programs").rmdir()


def test_snapshot_asks_before_it_locks(records: Pair, directory: Path) -> None:
    dump = directory / "dump.sql"
    failing = records.modules.failing
    assert "no database nothing" in failing("mariadb_snapshot", records.one, databases=["nothing"], dest=str(dump))
    assert "dest is missing" in failing("mariadb_snapshot", records.one, databases=["records"])
    dump.write_text("precious")
    assert "exists already" in failing("mariadb_snapshot", records.one, databases=["records"], dest=str(dump))
    assert dump.read_text() == "precious"
    assert records.modules("mariadb_snapshot", records.one, databases=["records"], dest=str(dump), force=True)[
        "changed"
    ]
    assert "CREATE TABLE" in dump.read_text()


def test_snapshot_does_not_wait_for_ever(records: Pair, directory: Path) -> None:
    connection = records.one.connect()
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLES records.cdr WRITE")
        message = records.modules.failing(
            "mariadb_snapshot", records.one, databases=["records"], dest=str(directory / "dump"), lock_timeout=1
        )
    connection.close()
    assert "lock_timeout (1 s)" in message


def test_snapshot_in_check_mode(records: Pair, directory: Path) -> None:
    dump = directory / "dump.sql"
    answer = records.modules("mariadb_snapshot", records.one, check=True, databases=["records"], dest=str(dump))
    assert answer["changed"]
    assert answer["executed_queries"] == []
    assert str(dump) in answer["diff"]["after"]
    assert not dump.exists()


def test_position_alone(records: Pair) -> None:
    answer = records.modules("mariadb_snapshot", records.one, databases=[])
    assert not answer["changed"]
    assert answer["dest"] is None
    status = records.modules("mariadb_primary_status", records.one)
    assert status["is_primary"]
    for key in ("file", "position", "gtid_binlog_pos"):
        assert answer[key] == status[key]
    raw = records.one.rows("SHOW MASTER STATUS")[0]
    assert (status["file"], status["position"]) == (raw["File"], raw["Position"])


@pytest.fixture
def dump(records: Pair, directory: Path) -> Path:
    path = directory / "dump.sql.gz"
    records.modules("mariadb_snapshot", records.one, databases=["records"], dest=str(path))
    return path


def test_seed(records: Pair, dump: Path) -> None:
    before = records.two.rows("SHOW MASTER STATUS")[0]["Position"]
    answer = records.modules("mariadb_seed", records.two, src=str(dump), databases=["records"], gtid_slave_pos="1-1-3")
    assert answer["changed"]
    assert answer["databases"] == {"records": {"tables": 1, "has_rows": True}}
    assert answer["gtid_slave_pos"] == "1-1-3"
    records.wait_equal("records.cdr")
    # Nothing of it goes back to where it came from.
    assert records.two.rows("SHOW MASTER STATUS")[0]["Position"] == before
    assert records.two.value("SELECT @@gtid_binlog_pos") == ""


def test_seed_in_check_mode(records: Pair, dump: Path) -> None:
    answer = records.modules("mariadb_seed", records.two, check=True, src=str(dump), databases=["records"])
    assert answer["changed"]
    assert records.two.rows("SHOW DATABASES LIKE 'records'") == []


def test_seed_refuses_rows_of_its_own(records: Pair, dump: Path) -> None:
    records.two.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr VALUES (99, 'mine')")
    message = records.modules.failing("mariadb_seed", records.two, src=str(dump), databases=["records"])
    assert "has rows of its own" in message
    assert records.two.rows("SELECT * FROM records.cdr") == [{"id": 99, "note": "mine"}]
    records.modules("mariadb_seed", records.two, src=str(dump), databases=["records"], force=True)
    records.wait_equal("records.cdr")


def test_seed_into_tables_without_rows(records: Pair, dump: Path) -> None:
    records.two.run("CREATE DATABASE records", RECORDS)
    records.modules("mariadb_seed", records.two, src=str(dump), databases=["records"])
    records.wait_equal("records.cdr")


def test_seed_refuses_while_it_replicates(records: Pair, dump: Path) -> None:
    records.replicate(records.two)
    assert "Stop the replica first" in records.modules.failing(
        "mariadb_seed", records.two, src=str(dump), databases=["records"]
    )


def test_seed_refuses_half_a_dump(records: Pair, dump: Path, directory: Path) -> None:
    whole = gzip.decompress(dump.read_bytes())
    plain, short = directory / "half.sql", directory / "half.sql.gz"
    plain.write_bytes(whole[: len(whole) - 40])
    short.write_bytes(dump.read_bytes()[:-40])
    for path in (plain, short):
        message = records.modules.failing("mariadb_seed", records.two, src=str(path), databases=["records"])
        assert "cut short" in message
    assert "no dump at" in records.modules.failing(
        "mariadb_seed", records.two, src=str(directory / "nothing"), databases=["records"]
    )
    assert records.two.rows("SHOW DATABASES LIKE 'records'") == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_seed_that_fails_leaves_the_server_as_it_was(
    records: Pair, dump: Path, directory: Path, existing: bool
) -> None:
    bad = directory / "bad.sql"
    lines = gzip.decompress(dump.read_bytes()).decode().replace("UNLOCK TABLES;", "UNLOCK TABLES; NONSENSE;")
    bad.write_text(lines)
    if existing:
        records.two.run("CREATE DATABASE records", RECORDS)
    message = records.modules.failing("mariadb_seed", records.two, src=str(bad), databases=["records"])
    assert "NONSENSE" in message
    if existing:
        assert records.two.rows("SELECT * FROM records.cdr") == []
    else:
        assert records.two.rows("SHOW DATABASES LIKE 'records'") == []
    # And so it can be tried again.
    records.modules("mariadb_seed", records.two, src=str(dump), databases=["records"])
    records.wait_equal("records.cdr")
