"""Another setting of Corosync goes to both nodes while the service runs on."""

from __future__ import annotations

import time

import pytest
import yaml

from lab import exchange
from lab.config import HOSTS, REPOSITORY
from lab.probe import SipProbe
from lab.testing import playbook, processes

USUAL_MS = yaml.safe_load((REPOSITORY / "roles/pacemaker_cluster/defaults/main.yml").read_text())["pacemaker_cluster_token_ms"]
LONGER_MS = 4000


def tokens() -> dict[str, tuple[str, str]]:
    """Return, by node, the token timeout that the running Corosync uses and the one in its file."""
    running = ["corosync-cmapctl", "-g", "runtime.config.totem.token"]
    in_file = ["sed", "-n", r"s/^ *token: *//p", "/etc/corosync/corosync.conf"]
    return {node: (exchange.run(node, running).split()[-1], exchange.run(node, in_file).strip()) for node in HOSTS}


@pytest.fixture
def longer_token() -> None:
    """Set a longer token timeout by hand: the deployment has it shorter, which is what can go wrong."""
    node = exchange.active_node()
    exchange.run(node, ["pcs", "cluster", "config", "update", "totem", f"token={LONGER_MS}"])
    exchange.run(node, ["pcs", "cluster", "reload", "corosync"])
    exchange.wait_until("the longer token", tokens, lambda found: set(found.values()) == {(str(LONGER_MS),) * 2}, 20)


@pytest.mark.usefixtures("longer_token")
def test_a_change_of_corosync_reaches_both_nodes_and_interrupts_nothing() -> None:
    before = (exchange.active_node(), processes())
    begun = time.monotonic()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        result = playbook("containers", "site.yml", "--tags", "cluster")
        silence = sip.longest_silence(begun)
    assert result.returncode == 0, result.stdout + result.stderr
    assert tokens() == {node: (str(USUAL_MS),) * 2 for node in HOSTS}
    consensus = ["corosync-cmapctl", "-g", "runtime.config.totem.consensus"]
    assert {exchange.run(node, consensus).split()[-1] for node in HOSTS} == {str(USUAL_MS * 12 // 10)}
    assert (exchange.active_node(), processes()) == before
    assert exchange.problems() == []
    assert silence < 2.0
