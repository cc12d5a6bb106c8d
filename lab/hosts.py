"""The lab's hosts, whatever they are: their power, and commands on them.

`config.KIND` says what they are: containers (lab/nspawn.py) or virtual machines (lab/vm/machines.py).
"""

from __future__ import annotations

import shlex
import subprocess
from typing import Protocol

from . import nspawn
from .command import run as run_here
from .command import wait_for
from .config import HOSTS, KIND, Host, LabError, patience
from .vm import machines


class Kind(Protocol):
    """What each kind of host has to offer; `name` is one of HOSTS."""

    def running(self, name: str) -> bool:
        """Tell whether the host runs (its power is on)."""

    def start(self, name: str) -> None:
        """Switch the host on; it returns when the host begins to boot."""

    def kill(self, name: str) -> None:
        """End the host in one instant, as pulling its plug does: nothing in it is told."""

    def ssh_argv(self, name: str, command: str = "") -> list[str]:
        """Return the command line that reaches the host by ssh as root, with a remote command or for a terminal."""


_KINDS: dict[str, Kind] = {"containers": nspawn, "vms": machines}
_kind = _KINDS[KIND]


def host(name: str) -> Host:
    """Return the host called `name`. Raises LabError when the lab has none."""
    if name not in HOSTS:
        raise LabError(f"the lab has no host {name!r}: it has {', '.join(HOSTS)}")
    return HOSTS[name]


def running(name: str) -> bool:
    """Tell whether the host runs (its power is on)."""
    return _kind.running(host(name).name)


def start(name: str) -> None:
    """Switch the host on. It returns when the host begins to boot; `wait_booted` waits for the end of that."""
    _kind.start(host(name).name)


def wait_booted(name: str, seconds: float = 60) -> None:
    """Wait until ssh answers on the host."""
    wait_for(f"ssh to {name}", lambda: run(name, ["true"]).returncode == 0, seconds * patience(), every=0.2)


def kill(name: str) -> None:
    """End the host in one instant, as pulling its plug does: nothing in it is told."""
    _kind.kill(host(name).name)


def run(name: str, argv: list[str], stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `argv` as root on the host over ssh and return its result as text (exit code 255: ssh itself failed)."""
    return run_here(ssh_argv(name, argv), check=False, stdin=stdin)


def ssh_argv(name: str, argv: list[str]) -> list[str]:
    """Return the command line that runs `argv` as root on the host, for who reads its output while it runs."""
    return _kind.ssh_argv(host(name).name, shlex.join(argv))


def shell(name: str) -> int:
    """Give the terminal a shell on the host; return its exit code."""
    return subprocess.call(_kind.ssh_argv(host(name).name))
