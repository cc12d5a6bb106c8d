# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether systemd and a service have read what is written: unit files, drop-ins, and the configuration that the service reads."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Runner

PROPERTIES = ("LoadState", "ActiveState", "NeedDaemonReload", "ActiveEnterTimestampMonotonic")

#: Seconds by which a file's clock (a tick of the kernel) may be behind.
CLOCK_SECONDS = 0.05


@dataclass(frozen=True)
class Unit:
    """A unit: whether systemd runs here and knows it, whether it is active and since when (seconds since 1970), whether systemd's
    idea of it is older than its files.
    """

    known: bool
    active: bool
    since: float
    stale: bool


def parse(text: str, now: float, monotonic: float) -> Unit:
    """Read `systemctl show --property=…` of a unit.

    :param now: the clock, in seconds since 1970.
    :param monotonic: CLOCK_MONOTONIC at that moment, in seconds: by it systemd says when a unit became active (microseconds).
    """
    values = dict(line.partition("=")[::2] for line in text.splitlines())
    entered = int(values.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
    return Unit(
        known=values.get("LoadState") == "loaded",
        active=values.get("ActiveState") in ("active", "reloading"),
        since=now - (monotonic - entered) if entered else 0.0,
        stale=values.get("NeedDaemonReload") == "yes",
    )


def read(run: Runner, name: str) -> Unit:
    """Read a unit; one that is not known where systemd does not run, as in the chroot of an image."""
    result = run(["systemctl", "show", f"--property={','.join(PROPERTIES)}", name])
    return parse(result.out if result.rc == 0 else "", time.time(), time.clock_gettime(time.CLOCK_MONOTONIC))


def newer(files: Sequence[str], since: float) -> list[str]:
    """Return the files whose content, owner or mode changed after a moment (seconds since 1970); those that are gone do not count."""
    found = []
    for path in files:
        try:
            changed = os.stat(path).st_ctime
        except OSError:
            continue
        if changed > since - CLOCK_SECONDS:
            found.append(path)
    return found
