"""How playbooks are run on a lab: as their user does, and several at a time if need be."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from .config import REPOSITORY


def invocation(inventory: str, playbook: str, *arguments: str, **variables: str) -> dict[str, Any]:
    """Return the arguments of subprocess.run or Popen that run a playbook, but where its output goes.

    Args:
        inventory: directory in lab/inventories.
        playbook: file in the repository.
        arguments: further arguments of ansible-playbook.
        variables: environment variables it has beside those of this process.
    """
    return {
        "args": ["ansible-playbook", "-i", f"lab/inventories/{inventory}", playbook, *arguments],
        "cwd": REPOSITORY,
        # Its own: ssh makes its input non-blocking, and Ansible refuses one that another run's ssh has made so.
        "stdin": subprocess.DEVNULL,
        "env": {
            **os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1",
            **variables,
        },
    }  # fmt: skip
