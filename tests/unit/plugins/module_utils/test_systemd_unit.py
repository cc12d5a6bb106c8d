"""What systemd says of a unit, and which files are newer than a service."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _systemd_unit as systemd_unit
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result

ACTIVE = "LoadState=loaded\nActiveState=active\nNeedDaemonReload=no\nActiveEnterTimestampMonotonic=40000000\n"


def test_since_when_a_service_is_active() -> None:
    unit = systemd_unit.parse(ACTIVE, now=1000.0, monotonic=100.0)
    assert unit == systemd_unit.Unit(known=True, active=True, since=940.0, stale=False)


def test_a_unit_whose_files_are_newer_is_stale() -> None:
    assert systemd_unit.parse(ACTIVE.replace("Reload=no", "Reload=yes"), 1000.0, 100.0).stale


def test_a_unit_that_does_not_run_or_is_not_there() -> None:
    text = "LoadState=not-found\nActiveState=inactive\nNeedDaemonReload=no\nActiveEnterTimestampMonotonic=0\n"
    assert systemd_unit.parse(text, 1000.0, 100.0) == systemd_unit.Unit(False, False, 0.0, False)
    # In the chroot of an image systemctl says so and prints nothing.
    assert not systemd_unit.read(lambda _argv: Result(0, "", "Running in chroot, ignoring command 'show'"), "x.service").known
    assert not systemd_unit.read(lambda _argv: Result(1, ACTIVE, "System has not been booted with systemd"), "x.service").known


def test_files_that_were_written_after_a_service_started(tmp_path: Path) -> None:
    path = tmp_path / "written"
    path.write_text("x")
    # A file that was put back with its old date is newer all the same.
    os.utime(path, (1, 1))
    paths = [str(path), str(tmp_path / "gone")]
    assert systemd_unit.newer(paths, time.time() - 60) == [str(path)]
    assert systemd_unit.newer(paths, time.time() + 60) == []
