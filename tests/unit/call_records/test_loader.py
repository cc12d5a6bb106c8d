# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the service does while the database is there, away, and back; the database is a list here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from .test_record import cdr
from .test_spool import Clock, append

EVENT = ["", "", "", "", "", "", "", "", "", "", "", "3", "", "", "lab-1.0", "lab-1.0", "", "", ""]


class FakeDatabase:
    """Rows by their key, as the table has them; `down` says why it takes nothing."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error
        self.down = ""
        self.tables: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {"cdr": {}, "cel": {}}
        self.widths = {"cdr": {"userfield": 255}, "cel": {}}
        self.closed = 0
        self.open_calls: list[str] = []
        self.asked: list[tuple[str, str, str]] = []

    def connect(self) -> FakeDatabase:
        if self.down:
            raise self.error(self.down)
        return self

    def insert(self, kind: Any, rows: list[dict[str, Any]]) -> int:
        before = len(self.tables[kind.name])
        for row in rows:
            # It goes away in the middle of a file.
            if self.down:
                raise self.error(self.down)
            self.tables[kind.name].setdefault(tuple(row[column] for column in kind.key), row)
        return len(self.tables[kind.name]) - before

    def unfinished(self, since: str, before: str, suspect: str) -> list[str]:
        self.asked.append((since, before, suspect))
        return self.open_calls

    def events(self, _linkedid: str) -> list[dict[str, Any]]:
        return []

    def record_ends(self, _linkedid: str) -> dict[str, Any]:
        return {}

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def service(
    loader_module: ModuleType, program: Callable[[str], ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> SimpleNamespace:
    clock = Clock()
    directory = tmp_path / "records"
    directory.mkdir()
    settings = loader_module.Settings(
        str(directory), 0, 60, "", "", "", 3, 40, status=str(tmp_path / "status"), asterisk_pid=str(tmp_path / "pid")
    )
    database = FakeDatabase(program("database").DatabaseError)
    spool = program("spool").Spool(str(directory), clock=clock)
    loader = loader_module.Loader(settings, spool, database.connect, clock)
    keeper = loader_module.Keeper(settings, spool, loader, clock)
    return SimpleNamespace(
        clock=clock, settings=settings, database=database, spool=spool, loader=loader, keeper=keeper, pid=tmp_path / "pid",
        said=lambda: capsys.readouterr().err,
    )  # fmt: skip


def record_number(number: int) -> bytes:
    return cdr(sequence=str(number), end="1764345599")


def test_what_was_written_is_in_the_database_and_gone_from_the_spool(service: SimpleNamespace, record: ModuleType) -> None:
    append(service.spool, record.CDR, record_number(1) + record_number(2))
    assert service.loader.once()
    assert len(service.database.tables["cdr"]) == 2
    assert service.spool.pending().files == 0


def test_a_database_that_is_away_loses_nothing(service: SimpleNamespace, record: ModuleType) -> None:
    service.database.down = "(2002) not there"
    for number in range(5):
        append(service.spool, record.CDR, record_number(number))
        assert not service.loader.once()
        service.clock.now += 1
    # Neither a file for each second.
    assert service.spool.pending().files == 1
    assert service.said().count("takes no call records") == 1
    service.database.down = ""
    assert service.loader.once()
    assert len(service.database.tables["cdr"]) == 5
    assert "takes call records again" in service.said()


def test_a_database_that_goes_away_in_the_middle_has_everything_once_afterwards(
    service: SimpleNamespace, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(service.spool, record.CDR, b"".join(map(record_number, range(4))))
    calls = iter([False, False, True])

    def row(*arguments: Any) -> Any:
        if next(calls, False):
            service.database.down = "(2013) lost"
        return real(*arguments)

    real = service.loader.load.__globals__["parse"].__globals__["row"]
    monkeypatch.setitem(service.loader.load.__globals__["parse"].__globals__, "row", row)
    assert not service.loader.once()
    assert service.database.closed == 1
    service.database.down = ""
    assert service.loader.once()
    assert len(service.database.tables["cdr"]) == 4


def test_without_a_database_a_large_or_old_file_is_renamed(
    service: SimpleNamespace, loader_module: ModuleType, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.database.down = "away"
    monkeypatch.setattr(loader_module, "ROTATE_SIZE", 100)
    append(service.spool, record.CDR, record_number(1))
    service.loader.once()
    assert len(service.spool.ready(record.CDR)) == 1
    append(service.spool, record.CEL, b"x")
    service.clock.now += loader_module.ROTATE_AGE + 1
    service.loader.once()
    assert len(service.spool.ready(record.CEL)) == 1


def test_the_same_file_again_changes_nothing(service: SimpleNamespace, record: ModuleType) -> None:
    """The power was cut after the commit and before the file was removed."""
    append(service.spool, record.CDR, record_number(1))
    path = service.spool.rotate(record.CDR)
    data = Path(path).read_bytes()
    service.loader.once()
    Path(path).write_bytes(data)
    service.loader.once()
    assert len(service.database.tables["cdr"]) == 1
    assert not Path(path).exists()


def test_a_torn_record_is_kept_and_told(service: SimpleNamespace, record: ModuleType) -> None:
    append(service.spool, record.CDR, record_number(1)[:40] + record_number(2))
    assert service.loader.once()
    assert [key[2] for key in service.database.tables["cdr"]] == [2]
    kept = service.spool.rejected_files()
    assert len(kept) == 1
    said = service.said()
    assert said.startswith("<2>")
    assert kept[0] in said
    assert "records-missing" in said


# Calls come first


def take(service: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    """Asterisk takes so much of the processors from now on."""
    monkeypatch.setattr(service.loader, "usage", SimpleNamespace(share=lambda: share))


@pytest.fixture
def hurry(loader_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the loader's patience."""
    clock = Clock()
    clock.now = loader_module.time.monotonic()
    monkeypatch.setattr(loader_module.time, "monotonic", clock)
    return clock


def test_records_wait_while_calls_need_the_processors_and_not_for_ever(
    service: SimpleNamespace, loader_module: ModuleType, record: ModuleType, monkeypatch: pytest.MonkeyPatch, hurry: Clock
) -> None:
    take(service, monkeypatch, 0.5)
    append(service.spool, record.CDR, record_number(1))
    assert service.loader.once()
    hurry.now += loader_module.CALLS_FIRST_SECONDS - 0.1
    assert service.loader.once()
    assert service.database.tables["cdr"] == {}
    assert service.spool.pending().files == 1
    hurry.now += 0.2
    assert service.loader.once()
    assert len(service.database.tables["cdr"]) == 1
    # And again: the next ones wait as long.
    append(service.spool, record.CDR, record_number(2))
    hurry.now += 0.5
    service.loader.once()
    assert len(service.database.tables["cdr"]) == 1
    take(service, monkeypatch, 0.3)
    service.loader.once()
    assert len(service.database.tables["cdr"]) == 2


def test_records_that_wait_for_calls_are_no_sign_of_a_loader_that_hangs(
    service: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, hurry: Clock
) -> None:
    take(service, monkeypatch, 0.5)
    hurry.now += 10
    service.loader.once()
    assert service.loader.turn == hurry.now


def test_a_large_file_is_renamed_while_records_wait_for_calls(
    service: SimpleNamespace, loader_module: ModuleType, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(service, monkeypatch, 0.5)
    monkeypatch.setattr(loader_module, "ROTATE_SIZE", 100)
    append(service.spool, record.CDR, record_number(1))
    assert service.loader.once()
    assert len(service.spool.ready(record.CDR)) == 1
    assert service.database.tables["cdr"] == {}


def test_a_database_that_is_away_is_still_away_after_a_burst_of_calls(
    service: SimpleNamespace, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.database.down = "(2002) not there"
    append(service.spool, record.CDR, record_number(1))
    assert not service.loader.once()
    take(service, monkeypatch, 0.5)
    service.loader.once()
    assert service.loader.problem == "(2002) not there"


# Alerts


def test_records_that_wait_are_an_alert_and_then_its_end(service: SimpleNamespace, record: ModuleType) -> None:
    service.database.down = "(2002) not there"
    append(service.spool, record.CDR, cdr(end=str(int(service.clock.now))))
    service.loader.once()
    service.said()
    service.clock.now += 60
    service.keeper.once()
    assert service.said() == ""
    service.clock.now += 1
    service.keeper.once()
    said = service.said()
    assert "the oldest for 61 s" in said
    assert "(2002) not there" in said
    assert "records-missing" in said
    service.keeper.once()
    assert service.said() == ""
    service.database.down = ""
    service.loader.once()
    service.said()
    service.keeper.once()
    assert "empty again" in service.said()


def test_a_full_disk_is_an_alert(service: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.spool, "keep_reserve", lambda _low: False)
    service.keeper.once()
    assert "is full" in service.said()


def test_the_status(service: SimpleNamespace, loader_module: ModuleType, record: ModuleType) -> None:
    append(service.spool, record.CDR, cdr(end="1764345599"))
    service.keeper.once()
    found = loader_module.status(service.settings)
    assert found["pending"]["files"] == 1
    assert found["loader"]["pending"] == {"files": 1, "bytes": len(cdr()), "oldest": 1.0}
    assert "1 files" in loader_module.readable(found)
    Path(service.settings.status).unlink()
    assert "does not run here" in loader_module.readable(loader_module.status(service.settings))


# Calls that a crash cut off


def start_asterisk(service: SimpleNamespace, at: float) -> None:
    """Its file with the process id; the process is this one."""
    service.pid.write_text(f"{os.getpid()}\n")
    os.utime(service.pid, (at, at))


def alive(service: SimpleNamespace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(service.spool.alive_file).read_text())
    return found


def test_calls_are_looked_for_once_after_each_start_of_asterisk(
    service: SimpleNamespace, loader_module: ModuleType
) -> None:
    begun = service.clock.now
    start_asterisk(service, begun)
    service.keeper.once()
    service.loader.once()
    assert service.database.asked == []
    service.clock.now += 100
    service.keeper.once()
    seen = service.clock.now
    service.clock.now += 3
    start_asterisk(service, service.clock.now)
    service.clock.now += loader_module.ALIVE_INTERVAL
    service.keeper.once()
    assert alive(service)["ended"] == seen
    for _time in range(2):
        service.loader.once()
    assert len(service.database.asked) == 1
    since, before, suspect = service.database.asked[0]
    assert before == "2025-11-28 16:01:43.000000"
    assert suspect == "2025-11-28 16:01:25.000000"
    assert since == "2025-11-27 16:01:43.000000"
    assert "ended" not in alive(service)


def test_the_first_start_of_all_looks_for_nothing(service: SimpleNamespace) -> None:
    start_asterisk(service, service.clock.now)
    service.keeper.once()
    service.loader.once()
    assert service.database.asked == []


def test_they_wait_until_everything_older_is_loaded(service: SimpleNamespace, record: ModuleType) -> None:
    service.spool.write_alive({"started": service.clock.now, "ended": service.clock.now - 9, "seen": service.clock.now})
    service.clock.now += 20
    append(service.spool, record.CDR, cdr(end=str(int(service.clock.now) - 25)))
    path = service.spool.rotate(record.CDR)
    with Path(path).open("ab"):
        service.loader.once()
        assert service.database.asked == []
    service.loader.once()
    assert len(service.database.asked) == 1


def test_a_second_crash_before_that_keeps_the_first_end(service: SimpleNamespace, loader_module: ModuleType) -> None:
    start_asterisk(service, service.clock.now)
    service.spool.write_alive({"started": 1.0, "ended": 500.0, "seen": 600.0})
    service.keeper.once()
    assert alive(service)["ended"] == 500.0


def test_no_asterisk_is_no_sign_of_life(service: SimpleNamespace) -> None:
    service.keeper.once()
    assert not Path(service.spool.alive_file).exists()
    # A number that nobody has: above what the kernel gives out.
    service.pid.write_text("4999999\n")
    service.keeper.once()
    assert not Path(service.spool.alive_file).exists()
