"""Another setting of Corosync goes to both nodes while the service runs on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import yaml

from lab import exchange
from lab.config import HOSTS, REPOSITORY
from lab.probe import SipProbe
from lab.testing import playbook, processes

USUAL_MS = yaml.safe_load((REPOSITORY / "roles/pacemaker_cluster/defaults/main.yml").read_text())["pacemaker_cluster_token_ms"]
OTHER_MS = 4000


def tokens() -> dict[str, tuple[str, str]]:
    """Return, by node, the token timeout that the running Corosync uses and the one in its file."""
    running = ["corosync-cmapctl", "-g", "runtime.config.totem.token"]
    in_file = ["sed", "-n", r"s/^ *token: *//p", "/etc/corosync/corosync.conf"]
    return {node: (exchange.run(node, running).split()[-1], exchange.run(node, in_file).strip()) for node in HOSTS}


@pytest.fixture
def usual_token() -> Iterator[None]:
    """Set the usual token timeout in the end, by hand: a second deployment would show nothing new."""
    yield
    node = exchange.active_node()
    exchange.run(node, ["pcs", "cluster", "config", "update", "totem", f"token={USUAL_MS}"])
    exchange.run(node, ["pcs", "cluster", "reload", "corosync"])
    exchange.wait_until("the usual token", tokens, lambda found: set(found.values()) == {(str(USUAL_MS), str(USUAL_MS))}, 20)


@pytest.mark.usefixtures("usual_token")
def test_a_change_of_corosync_reaches_both_nodes_and_interrupts_nothing() -> None:
    before = (exchange.active_node(), processes())
    begun = time.monotonic()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        result = playbook("lab", "site.yml", "--tags", "cluster", "--extra-vars", f"pacemaker_cluster_token_ms={OTHER_MS}")
        silence = sip.longest_silence(begun)
    assert result.returncode == 0, result.stdout + result.stderr
    assert tokens() == {node: (str(OTHER_MS), str(OTHER_MS)) for node in HOSTS}
    assert (exchange.active_node(), processes()) == before
    assert exchange.problems() == []
    assert silence < 2.0
