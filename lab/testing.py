"""What the tests of every scenario share: telephones that are registered, and playbooks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from . import exchange
from .config import HOSTS
from .phones import Phone
from .playbooks import invocation

SERVICES = ("asterisk", "chrony", "corosync", "firewalld", "mariadb", "pacemaker", "pcsd")


def playbook(inventory: str, name: str, *arguments: str, everything: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection on a lab, as its user does, and return its result as text.

    Args:
        inventory: directory in lab/inventories.
        name: file in playbooks/.
        arguments: further arguments of ansible-playbook.
        everything: with the results of tasks that changed nothing, without which what a failed assertion shows is shorter.
    """
    shown = {"ANSIBLE_DISPLAY_OK_HOSTS": str(int(everything))}
    return subprocess.run(
        **invocation(inventory, f"playbooks/{name}", *arguments, **shown), capture_output=True, text=True, check=False
    )


def verify() -> tuple[int, str]:
    """Run verify.yml on the containers without waiting; return its exit code and what it says, each run of blanks as one."""
    result = playbook("containers", "verify.yml", "--extra-vars", "verify_wait=0")
    return result.returncode, " ".join((result.stdout + result.stderr).split())


def processes() -> dict[str, str]:
    """Return the main process and the time of the last start of every service of the exchange, by node."""
    argv = ["systemctl", "show", "--property=Id,MainPID,ActiveEnterTimestampMonotonic", *SERVICES]
    return {node: exchange.run(node, argv) for node in HOSTS}


@pytest.fixture
def caller() -> Iterator[Phone]:
    """Give telephone 100, registered."""
    with Phone("100", 440) as phone:
        yield phone


@pytest.fixture
def callee() -> Iterator[Phone]:
    """Give telephone 101, registered; it answers by itself."""
    with Phone("101", 620) as phone:
        yield phone
