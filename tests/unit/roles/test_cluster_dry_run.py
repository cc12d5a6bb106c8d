"""A dry run announces what the cluster's first node would do for both once: there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[3] / "roles/pacemaker_cluster"
SHARED = {"totem": {"token": 4000, "consensus": 6000}, "quorum_device": {"host": "arbiter"}}


def given(task_name: str, host: str, check: bool, formed: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what a task gives pcs_cluster of what both nodes share, None when it does not run on this host.

    Args:
        task_name: its name.
        host: where it runs; server1 is the first node.
        check: whether it is a dry run.
        formed: what the task on the first node returned; None when that has not run yet.
    """
    loader = DataLoader()
    tasks = {task["name"]: task for task in loader.load_from_file(str(ROLE / "tasks/service.yml"), trusted_as_template=True)}
    own = loader.load_from_file(str(ROLE / "vars/main.yml"), trusted_as_template=True)
    variables = {
        "__pacemaker_cluster_predicted_by_first_node": own["__pacemaker_cluster_predicted_by_first_node"],
        "ansible_check_mode": check,
        "inventory_hostname": host,
        "hostvars": {"server1": {} if formed is None else {"__pacemaker_cluster_formed": formed}},
        "__pacemaker_cluster_speaker": "server1",
        "pacemaker_cluster_token_ms": 4000,
        "pacemaker_cluster_totem": {"consensus": 6000},
        "pacemaker_cluster_quorum_device": SHARED["quorum_device"],
        "omit": "left out",
    }
    templar = Templar(loader=loader, variables=variables)
    task = tasks[task_name]
    conditions = task["when"] if isinstance(task["when"], list) else [task["when"]]
    if not all(templar.evaluate_conditional(condition) for condition in conditions):
        return None
    values = {name: templar.template(task["dialtone.ha_pbx.pcs_cluster"][name]) for name in SHARED}
    return {name: value for name, value in values.items() if value != "left out"}


@pytest.mark.parametrize("check", [False, True])
def test_the_first_node_is_given_all(check: bool) -> None:
    assert given("Make the two hosts a cluster", "server1", check, None) == SHARED
    assert given("Make the two hosts a cluster", "server2", check, None) is None


@pytest.mark.parametrize(
    ("check", "formed", "expected"),
    [
        (False, {"changed": True, "created": True}, SHARED),
        (False, {"changed": True, "created": False}, SHARED),
        (False, {"changed": False, "created": False}, SHARED),
        # Announced on the first node.
        (True, {"changed": True, "created": True}, None),
        (True, {"changed": True, "created": False}, {}),
        # Nothing announced there: what differs here is this node's own.
        (True, {"changed": False, "created": False}, SHARED),
        (True, {"failed": True, "changed": False}, SHARED),
    ],
)
def test_what_concerns_both_is_announced_once(check: bool, formed: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert given("Start the cluster on the other host too", "server2", check, formed) == expected
