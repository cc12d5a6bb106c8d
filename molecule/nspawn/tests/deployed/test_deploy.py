"""Deploying again: nothing changes, nothing moves, and what would be dangerous is refused."""

from __future__ import annotations

import subprocess
import time

from lab import exchange
from lab.config import HOSTS
from lab.probe import SipProbe
from lab.testing import playbook, processes
from tools import recap


def deploy(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run site.yml on the lab as its user does."""
    return playbook("lab", "site.yml", *arguments)


def test_a_second_run_changes_nothing_and_moves_nothing() -> None:
    before = (exchange.active_node(), processes(), exchange.configuration())
    begun = time.monotonic()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        result = deploy()
        silence = sip.longest_silence(begun)
    assert result.returncode == 0, result.stdout + result.stderr
    complaints = recap.complaints(recap.parse(result.stdout), list(HOSTS), max_changed=0)
    assert complaints == [], result.stdout
    assert (exchange.active_node(), processes(), exchange.configuration()) == before
    # The exchange answered all along: a probe is sent every 0.1 s, and the machine is busy with Ansible meanwhile.
    assert silence < 2.0
