"""Which fence device waits before it fences: one of a pair, unless something else decides who of two may fence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[3] / "roles/pacemaker_cluster"


def delays(devices: dict[str, dict[str, Any]], **settings: Any) -> dict[str, int]:
    """Return the delay of each node's device, in seconds, as the role declares it."""
    loader = DataLoader()
    variables = {
        **loader.load_from_file(str(ROLE / "defaults/main.yml"), trusted_as_template=True),
        **loader.load_from_file(str(ROLE / "vars/main.yml"), trusted_as_template=True),
        "pbx_nodes": [{"name": name, "address": "192.0.2.1"} for name in devices],
        "pacemaker_cluster_fence_devices": [
            {"name": f"fence-{name}", "node": name, "agent": "fence_ipmilan", **more} for name, more in devices.items()
        ],
        **settings,
    }
    declared = Templar(loader=loader, variables=variables).template(variables["__pacemaker_cluster_stonith"])
    return {device["nodes"][0]: device["delay"] for device in declared}


@pytest.mark.parametrize(
    ("devices", "settings", "expected"),
    [
        ({"a": {}, "b": {}}, {}, {"a": 1, "b": 0}),
        ({"a": {}, "b": {}}, {"pacemaker_cluster_fence_delay": 3}, {"a": 3, "b": 0}),
        ({"a": {}, "b": {}}, {"pacemaker_cluster_fence_delay": 0}, {"a": 0, "b": 0}),
        # Somebody chose: no second delay beside it.
        ({"a": {}, "b": {"delay": 5}}, {}, {"a": 0, "b": 5}),
        # With a third vote one of two that lost sight of each other has no quorum, and does not fence.
        ({"a": {}, "b": {}}, {"pacemaker_cluster_quorum_device": {"host": "192.0.2.9"}}, {"a": 0, "b": 0}),
        ({"a": {"delay": 2}, "b": {}}, {"pacemaker_cluster_quorum_device": {"host": "192.0.2.9"}}, {"a": 2, "b": 0}),
    ],
)
def test_which_device_waits(
    devices: dict[str, dict[str, Any]], settings: dict[str, Any], expected: dict[str, int]
) -> None:
    assert delays(devices, **settings) == expected
