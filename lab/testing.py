"""What the tests of every scenario share: telephones that are registered, and playbooks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

from .config import REPOSITORY
from .phones import Phone


def playbook(inventory: str, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection on a lab, as its user does, and return its result as text.

    Args:
        inventory: directory in inventories/.
        name: file in playbooks/.
        arguments: further arguments of ansible-playbook.
    """
    return subprocess.run(
        ["ansible-playbook", "-i", f"inventories/{inventory}", f"playbooks/{name}", *arguments],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        # Without what was well already: what is left is what a failed assertion has to show.
        env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0",
             "ANSIBLE_NOCOLOR": "1", "ANSIBLE_DISPLAY_OK_HOSTS": "0"},
    )  # fmt: skip


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
