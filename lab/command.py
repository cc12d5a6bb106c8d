"""Commands of this machine, with an error that tells what failed."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from .config import LabError

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    """Return what a program printed without the colours in it."""
    return _COLOUR.sub("", text)


def run(argv: list[str], *, check: bool = True, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `argv` and return its result as text.

    Raises LabError with the command, its exit code and what it wrote when `check` is set and it fails.
    """
    result = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise LabError(f"{' '.join(argv)}: exit code {result.returncode}: {said}")
    return result


def wait_for(what: str, condition: Callable[[], bool], seconds: float, every: float = 0.05) -> None:
    """Wait until `condition` holds, asking every `every` seconds, at most `seconds`.

    Raises LabError naming `what` was waited for when the time is over.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s for {what}, in vain")
        time.sleep(every)
