"""What an operator told the cluster by hand stays through a deployment, and the deployment says that it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab import exchange
from lab.testing import playbook
from tools import recap

#: What is done by hand, what takes it back, and what the acceptance says of it, for the standby and the active node.
BY_HAND = [
    ("pcs node standby {standby}", "pcs node unstandby {standby}", "on standby, and of no help if the other fails: {standby}"),
    ("pcs resource ban pbx {standby}", "pcs resource clear pbx", "or barred them from one: cli-ban-pbx-on-{standby}"),
    ("pcs resource disable pbx-db", "pcs resource enable pbx-db", "resources that somebody has stopped: pbx-db"),
    ("pcs property set maintenance-mode=true", "pcs property set maintenance-mode=false", "the cluster is in maintenance"),
]


@pytest.fixture
def by_hand() -> Iterator[list[str]]:
    """Tell the cluster everything at once; give what is to be said of each."""
    active = exchange.active_node()
    names = {"active": active, "standby": exchange.peer(active)}
    told = []
    try:
        for tell, take_back, _said in BY_HAND:
            exchange.run(active, tell.format(**names).split())
            told.append(take_back)
        exchange.run(active, ["crm_resource", "--wait", "--timeout=60s"])
        yield [said.format(**names) for _tell, _take_back, said in BY_HAND]
    finally:
        for take_back in reversed(told):
            exchange.run(active, take_back.format(**names).split())
        exchange.wait_healthy(120)


def test_a_deployment_leaves_what_was_done_by_hand_and_says_so(by_hand: list[str]) -> None:
    before = exchange.configuration()
    result = playbook("containers", "site.yml", "--tags", "cluster,verify", "--extra-vars", "verify_wait=1")
    said = " ".join((result.stdout + result.stderr).split())
    assert exchange.configuration() == before
    # The acceptance fails, and it alone.
    assert result.returncode != 0
    assert all(counters["changed"] == 0 for counters in recap.parse(result.stdout).values()), said
    assert [report for report in by_hand if report not in said] == [], said


def test_the_acceptance_names_what_left_the_inventory() -> None:
    variables = {"verify_wait": 0, "pbx_replicated_paths": ["/etc/asterisk"], "pacemaker_cluster_fence_devices": []}
    result = playbook("containers", "verify.yml", "--extra-vars", json.dumps(variables))
    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode != 0
    assert "mounts that the cluster has and pbx_replicated_paths does not: pbx-bind-" in said
    assert "fence devices that the cluster has and the inventory does not: fence-server1, fence-server2" in said
    # Nothing else is wrong with it.
    assert " 3. " not in said
