# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much of the host Asterisk needs now: a caller can't wait, a record can."""

from __future__ import annotations

import os
import time
from collections.abc import Callable


class Usage:
    """What Asterisk takes of the processors.

    :param pid_file: file with its process id.
    :param proc: where the kernel tells of processes.
    :param clock: seconds, from anywhere.
    """

    def __init__(self, pid_file: str, proc: str = "/proc", clock: Callable[[], float] = time.monotonic) -> None:
        self.pid_file = pid_file
        self.proc = proc
        self.clock = clock
        self._seen: tuple[str, float, float] | None = None

    def share(self) -> float:
        """Part of the time of all processors that Asterisk took since the last call of this, 0.0 to 1.0.

        0.0 when there is nothing to compare with: the first call, no Asterisk, or another one than the last time.
        """
        found = self._processor_seconds()
        before, self._seen = self._seen, None
        if found is None:
            return 0.0
        pid, used = found
        now = self.clock()
        self._seen = (pid, used, now)
        if before is None or before[0] != pid or now <= before[2]:
            return 0.0
        return max(0.0, (used - before[1]) / (now - before[2]) / (os.cpu_count() or 1))

    def _processor_seconds(self) -> tuple[str, float] | None:
        try:
            with open(self.pid_file, encoding="ascii") as file:
                pid = file.read().strip()
            with open(f"{self.proc}/{pid}/stat", encoding="utf-8", errors="replace") as file:
                # Behind the name, which may have blanks and brackets: utime and stime are fields 14 and 15 (proc_pid_stat(5)).
                fields = file.read().rpartition(")")[2].split()
            return pid, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return None
