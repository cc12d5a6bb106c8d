"""Which fence device waits before it fences: one of a pair, unless something else decides who of two may fence."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import cluster_fencing


@pytest.mark.parametrize(
    ("devices", "settings", "expected"),
    [
        ({"a": {}, "b": {}}, {}, {"a": 1, "b": 0}),
        ({"b": {}, "a": {}}, {}, {"a": 1, "b": 0}),
        ({"a": {}, "b": {}}, {"delay": 3}, {"a": 3, "b": 0}),
        ({"a": {}, "b": {}}, {"delay": 0}, {"a": 0, "b": 0}),
        # Somebody chose: no second delay beside it.
        ({"a": {}, "b": {"delay": 5}}, {}, {"a": 0, "b": 5}),
        ({"a": {}, "b": {"delay": 0}}, {}, {"a": 0, "b": 0}),
        # With a third vote one of two that lost sight of each other has no quorum, and does not fence.
        ({"a": {}, "b": {}}, {"quorum_device": {"host": "192.0.2.9"}}, {"a": 0, "b": 0}),
        ({"a": {"delay": 2}, "b": {}}, {"quorum_device": {"host": "192.0.2.9"}}, {"a": 2, "b": 0}),
    ],
)
def test_which_device_waits(
    devices: dict[str, dict[str, Any]], settings: dict[str, Any], expected: dict[str, int]
) -> None:
    given = [{"name": f"fence-{node}", "node": node, "agent": "fence_ipmilan", **more} for node, more in devices.items()]
    declared = cluster_fencing.fence_devices(
        given, ["a", "b"], **{"quorum_device": {}, "delay": 1, "interval": 60, "timeout": 40, **settings}
    )
    assert {device["nodes"][0]: device["delay"] for device in declared} == expected
    for device in declared:
        assert device["operations"][0] == {"name": "monitor", "interval": "60s", "timeout": "40s"}
        assert device["meta"] == {"failure-timeout": "60s"}


def test_each_device_is_watched_by_the_other_node() -> None:
    devices = [{"name": f"fence-{node}", "node": node, "agent": "fence_ipmilan"} for node in ("a", "b")]
    assert [(entry["resource"], entry["node"], entry["score"]) for entry in cluster_fencing.fence_constraints(devices)] == [
        ("fence-a", "a", "-INFINITY"),
        ("fence-b", "b", "-INFINITY"),
    ]


def down(devices: list[dict[str, Any]], online: list[str], standby: list[str] | None = None) -> list[str]:
    found = {"cluster": {"online": online, "standby": standby or []}, "stonith": devices}
    return [device["id"] for device in cluster_fencing.devices_down(found, ["fence-a", "fence-b"])]


def device(node: str, where: str = "", failed: bool = False) -> dict[str, Any]:
    return {"id": f"fence-{node}", "targets": [node], "node": where, "failed": failed}


def test_a_device_that_does_not_run_is_down_only_where_it_has_a_place() -> None:
    both = [device("a", "b"), device("b", "")]
    assert down(both, ["a", "b"]) == ["fence-b"]
    assert down([device("a", "b"), device("b", "a")], ["a", "b"]) == []
    # The other node is away or in standby: the device that fences this one has no place.
    assert down([device("a"), device("b", "a")], ["a"]) == []
    assert down([device("a"), device("b", "a")], ["a", "b"], ["b"]) == []
    assert down([device("a", "b", failed=True), device("b", "a")], ["a", "b"]) == ["fence-a"]
    assert down([device("a"), device("b")], []) == []


def test_a_device_that_is_not_of_the_inventory_is_not_looked_at() -> None:
    assert down([{"id": "spare", "targets": ["a"], "node": "", "failed": True}], ["a", "b"]) == []


def single(node: str) -> dict[str, Any]:
    return {"clone": "", "nodes": [node] if node else []}


CLONE = {"clone": "pbx-drbd-clone", "nodes": ["a", "b"]}


@pytest.mark.parametrize(
    ("resources", "online", "expected"),
    [
        ([single("a"), single("a"), CLONE], ["a", "b"], "b"),
        ([single("b"), CLONE], ["a", "b"], "a"),
        # A cluster that was only just made: either.
        ([], ["a", "b"], "b"),
        ([CLONE], ["a", "b"], "b"),
        # Both have a part in what runs.
        ([single("a"), single("b")], ["a", "b"], ""),
        # The other one is all that is left, or nothing runs that should.
        ([single("a")], ["a"], ""),
        ([single("")], ["a", "b"], ""),
        ([single("a"), single("")], ["a", "b"], "b"),
    ],
)
def test_only_a_node_that_runs_nothing_is_fenced_for_a_test(
    resources: list[dict[str, Any]], online: list[str], expected: str
) -> None:
    assert cluster_fencing.idle_node({"resources": resources, "cluster": {"online": online}}, ["a", "b"]) == expected
