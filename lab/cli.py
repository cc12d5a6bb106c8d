"""What the command lines of both labs have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable

from . import hosts
from .config import HOSTS, LabError


def status() -> None:
    """Print which hosts run."""
    for name, host in HOSTS.items():
        print(f"{name}  {host.address}  {'on' if hosts.running(name) else 'off'}")


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command and return its exit code (0 for None); a LabError is said in one line and makes it 1."""
    try:
        return command() or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
