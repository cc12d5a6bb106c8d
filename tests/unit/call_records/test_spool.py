# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The spool's directory: what is renamed, read, kept, and how much room there is."""

from __future__ import annotations

import os
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .test_record import cdr


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1764345600.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def spool(spool_module: ModuleType, tmp_path: Path, clock: Clock) -> Any:
    return spool_module.Spool(str(tmp_path), clock=clock)


def append(spool: Any, kind: Any, data: bytes) -> None:
    """As Asterisk does it: open, write, close."""
    with Path(spool.current(kind)).open("ab") as file:
        file.write(data)


def test_an_empty_spool_has_nothing_to_rename(spool: Any, record: ModuleType) -> None:
    assert spool.rotate(record.CDR) is None
    append(spool, record.CDR, b"")
    assert spool.rotate(record.CDR) is None


def test_names_are_in_the_order_of_writing_also_when_the_clock_is_set_back(
    spool: Any, record: ModuleType, clock: Clock
) -> None:
    names = []
    for step in (0.0, 1.0, -3600.0, 0.0):
        clock.now += step
        append(spool, record.CDR, cdr())
        names.append(spool.rotate(record.CDR))
    assert names == sorted(set(names)) == spool.ready(record.CDR)


def test_what_asterisk_still_has_open_is_not_read(spool: Any, record: ModuleType) -> None:
    """Between its open() and its close() the file can be renamed; what it writes then must not be lost."""
    append(spool, record.CDR, cdr())
    with Path(spool.current(record.CDR)).open("ab") as late:
        path = spool.rotate(record.CDR)
        assert spool.read(path) is None
        late.write(cdr(userfield="late"))
    assert spool.read(path) == cdr() + cdr(userfield="late")


def test_without_leases_a_file_counts_as_closed_when_it_is_quiet(
    spool: Any, spool_module: ModuleType, record: ModuleType, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_leases(*_arguments: Any) -> None:
        raise OSError(spool_module.errno.EINVAL, "no leases")

    monkeypatch.setattr(spool_module.fcntl, "fcntl", no_leases)
    append(spool, record.CDR, cdr())
    path = spool.rotate(record.CDR)
    os.utime(path, (clock.now, clock.now))
    assert spool.read(path) is None
    clock.now += spool_module.QUIET
    assert spool.read(path) == cdr()


def test_what_was_appended_is_written_to_the_disk_once(
    spool: Any, spool_module: ModuleType, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(spool_module.os, "fsync", synced.append)
    for expected in (0, 1, 1):
        if expected and not synced:
            append(spool, record.CDR, cdr())
        spool.sync()
        assert len(synced) == expected


def test_a_name_is_on_the_disk_before_the_file_is_read(
    spool: Any, spool_module: ModuleType, record: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is a part of an event's key: after a power cut the events must not be found under another one."""
    synced: list[bool] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").is_dir())
        real(descriptor)

    monkeypatch.setattr(spool_module.os, "fsync", fsync)
    append(spool, record.CEL, b"x")
    spool.rotate(record.CEL)
    assert synced == [True]


def test_what_waits(spool: Any, record: ModuleType, clock: Clock) -> None:
    assert spool.pending() == spool.pending().__class__(0, 0, 0.0)
    append(spool, record.CDR, cdr(end=str(int(clock.now) - 90)))
    spool.rotate(record.CDR)
    append(spool, record.CDR, cdr(end=str(int(clock.now) - 5)))
    found = spool.pending()
    assert (found.files, found.bytes, found.oldest) == (2, len(cdr()) * 2, 90.0)


def test_the_age_of_the_file_in_use_counts_where_nothing_was_renamed(spool: Any, record: ModuleType, clock: Clock) -> None:
    append(spool, record.CDR, cdr(end=str(int(clock.now) - 7)))
    assert spool.pending().oldest == 7.0


def test_what_was_rejected_is_kept(spool: Any, record: ModuleType) -> None:
    path = f"{spool.path}/cdr-0000000000000001"
    pieces = [(record.Raw(0, b"torn"), "why"), (record.Raw(9, b"line\n"), "why")]
    for _time in range(2):
        kept = spool.reject(path, pieces)
    assert Path(kept).read_bytes() == b"torn\nline\n"
    assert spool.rejected_files() == ["cdr-0000000000000001"]
    assert spool.ready(record.CDR) == []


def test_a_reserve_is_given_up_on_a_full_disk_and_comes_back(
    spool_module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = spool_module.Spool(str(tmp_path), reserve=1 << 20)
    free = 10 << 20
    monkeypatch.setattr(
        spool_module.os, "statvfs", lambda _path: types.SimpleNamespace(f_bavail=free // 4096, f_frsize=4096)
    )
    low = 1 << 20
    assert spool.keep_reserve(low)
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 1 << 20
    free = low - 4096
    assert not spool.keep_reserve(low)
    assert not (tmp_path / "reserve").exists()
    # Its own room is no reason to make it again.
    free += 1 << 20
    assert not spool.keep_reserve(low)
    free = 3 << 20
    assert spool.keep_reserve(low)


def test_signs_of_life(spool: Any) -> None:
    assert spool.read_alive() == {}
    spool.write_alive({"started": 1.5})
    assert spool.read_alive() == {"started": 1.5}
    Path(spool.alive_file).write_text("{")
    assert spool.read_alive() == {}
