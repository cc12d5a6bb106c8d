"""What the tests of every scenario share: telephones that are registered, and playbooks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from . import exchange
from .config import HOSTS, REPOSITORY
from .phones import Phone

SERVICES = ("asterisk", "chrony", "corosync", "firewalld", "mariadb", "pacemaker", "pcsd")


def playbook(inventory: str, name: str, *arguments: str, everything: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection on a lab, as its user does, and return its result as text.

    Args:
        inventory: directory in inventories/.
        name: file in playbooks/.
        arguments: further arguments of ansible-playbook.
        everything: with the results of tasks that changed nothing, without which what a failed assertion shows is shorter.
    """
    return subprocess.run(
        ["ansible-playbook", "-i", f"inventories/{inventory}", f"playbooks/{name}", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        # Its own: ssh makes its input non-blocking, and Ansible refuses one that another run's ssh has made so.
        stdin=subprocess.DEVNULL,
        env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0",
             "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DISPLAY_OK_HOSTS": str(int(everything))},
    )  # fmt: skip


def processes() -> dict[str, str]:
    """Return the main process and the time of the last start of every service of the exchange, by node."""
    argv = ["systemctl", "show", "--property=Id,MainPID,ActiveEnterTimestampMonotonic", *SERVICES]
    return {node: exchange.run(node, argv) for node in HOSTS}


def configuration() -> str:
    """Return the cluster's configuration; its version counts every change, also one taken back."""
    return exchange.run(next(iter(HOSTS)), ["cibadmin", "--query", "--scope=configuration"])


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
