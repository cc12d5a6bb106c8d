"""Processes of the lab that go on when the command that started them ends: started, found again, ended by their id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path

from .command import wait_for

#: A shell's program: write the process id to the file $0 and into the control groups named before `--`, then exec.
ENTER_AND_EXEC = """
echo $$ > "$0"
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec "$@"
"""


def start(argv: list[str], pid_file: Path, log: Path, *, groups: Iterable[Path] = (), cwd: Path | None = None,
          variables: dict[str, str] | None = None) -> None:  # fmt: skip
    """Start a process that outlives its starter.

    Args:
        argv: the command.
        pid_file: where its process id is written; `pid` reads it.
        log: the file to which its output is appended.
        groups: control groups (directories) to put it into.
        cwd: its working directory; None for this process' own.
        variables: environment variables it has beside those of this process.
    """
    for path in (pid_file, log):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with log.open("ab") as out:
        subprocess.run(
            ["setsid", "--fork", "sh", "-c", ENTER_AND_EXEC, str(pid_file), *map(str, groups), "--", *argv],
            cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=True,
            env={**os.environ, **(variables or {})},
        )  # fmt: skip


def pid(pid_file: Path, word: str) -> int | None:
    """Return the id of a process that was started with `start`, or None when it does not run.

    Args:
        pid_file: what `start` was given.
        word: an argument of its command line that no other process has: the number may belong to another one by now.
    """
    try:
        number = int(pid_file.read_text())
        command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return None
    return number if word.encode() in command else None


def stop(pid_file: Path, word: str, what: str, seconds: float = 10) -> None:
    """End such a process, if it runs, and wait until it is gone. Raises LabError when it does not go."""
    number = pid(pid_file, word)
    if number is not None:
        os.kill(number, signal.SIGTERM)
        wait_for(f"{what} to end", lambda: pid(pid_file, word) is None, seconds)
