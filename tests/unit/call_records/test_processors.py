# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What Asterisk takes of the processors, from files as the kernel writes them."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .test_spool import Clock

TICKS = os.sysconf("SC_CLK_TCK")


class Host:
    """A host of two processors with an Asterisk."""

    def __init__(self, processors: ModuleType, directory: Path, clock: Clock) -> None:
        self.directory = directory
        self.clock = clock
        self.pid_file = directory / "asterisk.pid"
        self.usage: Any = processors.Usage(str(self.pid_file), str(directory), clock)

    def asterisk(self, pid: str, user: float, system: float, name: str = "asterisk") -> None:
        """It runs, and has used so many seconds."""
        self.pid_file.write_text(f"{pid}\n")
        (self.directory / pid).mkdir(exist_ok=True)
        # As proc_pid_stat(5) has it: 10 fields between the state and utime.
        numbers = " ".join(["7"] * 10)
        line = f"{pid} ({name}) S {numbers} {round(user * TICKS)} {round(system * TICKS)} 0 0 -11 0 41 0\n"
        (self.directory / pid / "stat").write_text(line)


@pytest.fixture
def host(program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    return Host(program("processors"), tmp_path, Clock())


@pytest.mark.parametrize("name", ["asterisk", "a (b) c 1 2"])
def test_a_share_is_of_all_processors_since_the_last_look(host: Host, name: str) -> None:
    host.asterisk("42", 100.0, 50.0, name)
    assert host.usage.share() == 0.0
    host.clock.now += 2
    host.asterisk("42", 101.0, 51.0, name)
    assert host.usage.share() == pytest.approx(0.5)
    host.clock.now += 1
    assert host.usage.share() == 0.0


def test_another_asterisk_begins_anew(host: Host) -> None:
    host.asterisk("42", 0.0, 0.0)
    host.usage.share()
    host.clock.now += 1
    host.asterisk("43", 90.0, 0.0)
    assert host.usage.share() == 0.0
    host.clock.now += 1
    host.asterisk("43", 91.0, 0.0)
    assert host.usage.share() == pytest.approx(0.5)


def test_no_asterisk_takes_nothing(host: Host) -> None:
    assert host.usage.share() == 0.0
    host.asterisk("42", 0.0, 0.0)
    host.usage.share()
    (host.directory / "42" / "stat").unlink()
    host.clock.now += 1
    assert host.usage.share() == 0.0
    # Nor is its end compared with what comes after.
    host.asterisk("42", 90.0, 0.0)
    assert host.usage.share() == 0.0


def test_this_process_is_read_from_the_kernel(program: Any, tmp_path: Path) -> None:
    clock = Clock()
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{os.getpid()}\n")
    usage = program("processors").Usage(str(pid_file), clock=clock)
    usage.share()
    begun = sum(os.times()[:2])
    while sum(os.times()[:2]) - begun < 0.1:
        pass
    clock.now += 1
    assert 0.05 / (os.cpu_count() or 1) < usage.share() < 1.0
