"""What has to be done for a machine on ESXi to be as it is declared."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _esxi_plan as esxi_plan
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._vsphere import VsphereError

GIB = 1 << 30


def machine(**other: Any) -> dict[str, Any]:
    disks = {0: 20 * GIB, 1: 50 * GIB}
    standard = {"name": "pbx1", "power": "on", "cpus": 2, "memory_mb": 4096, "disks": disks, "networks": ["A", "B"]}
    return {**standard, **other}


def desired(**other: Any) -> dict[str, Any]:
    standard = {
        "name": "pbx1", "node": "pbx1", "cpus": 2, "memory_mb": 4096, "disks": [{"size_gib": 20}, {"size_gib": 50}],
        "networks": ["A", "B"], "power_cycle": False,
    }  # fmt: skip
    return {**standard, **other}


def test_a_machine_that_is_right_is_left_alone() -> None:
    assert not esxi_plan.changes(esxi_plan.plan(machine(), desired()))


def test_what_is_not_declared_is_left_alone() -> None:
    more = machine(disks={0: 20 * GIB, 1: 50 * GIB, 2: GIB}, networks=["A", "B", "C"])
    assert not esxi_plan.changes(esxi_plan.plan(more, desired()))
    assert esxi_plan.after(more, desired()) == more


def test_what_is_not_given_stays_and_a_new_machine_has_a_default() -> None:
    bare = desired(cpus=None, memory_mb=None)
    big = machine(cpus=8, memory_mb=16384)
    assert not esxi_plan.changes(esxi_plan.plan(big, esxi_plan.completed(big, bare)))
    assert esxi_plan.completed(None, bare) == desired(cpus=2, memory_mb=4096)
    assert esxi_plan.completed(big, desired(cpus=4)) == desired(cpus=4)


def test_from_nothing_everything_is_made() -> None:
    plan = esxi_plan.plan(None, desired())
    assert (plan["create"], plan["add_disks"], plan["add_networks"]) == (True, [0, 1], {0: "A", 1: "B"})
    assert esxi_plan.after(None, desired()) == machine()


@pytest.mark.parametrize(
    ("wanted", "name", "value"),
    [
        ({"name": "other"}, "settings", {"name": ["pbx1", "other"]}),
        ({"disks": [{"size_gib": 20}, {"size_gib": 51}]}, "grow", {1: [50 * GIB, 51 * GIB]}),
        ({"disks": [{"size_gib": 20}, {"size_gib": 50}, {"size_gib": 1}]}, "add_disks", [2]),
        ({"networks": ["A", "C"]}, "networks", {1: ["B", "C"]}),
        ({"networks": ["A", "B", "C"]}, "add_networks", {2: "C"}),
    ],
)
def test_one_difference_is_one_action(wanted: dict[str, Any], name: str, value: Any) -> None:
    plan = esxi_plan.plan(machine(), desired(**wanted))
    assert {key: found for key, found in plan.items() if found} == {name: value}
    # Once applied, nothing is left to do.
    assert not esxi_plan.changes(esxi_plan.plan(esxi_plan.after(machine(), desired(**wanted)), desired(**wanted)))


@pytest.mark.parametrize("wanted", [{"cpus": 4}, {"memory_mb": 2048}])
def test_a_machine_that_runs_is_shut_down_only_when_it_may_be(wanted: dict[str, Any]) -> None:
    with pytest.raises(VsphereError, match="the machine pbx1 runs, and has to be shut down"):
        esxi_plan.plan(machine(), desired(**wanted))
    plan = esxi_plan.plan(machine(), desired(**wanted, power_cycle=True))
    assert (plan["shut_down"], plan["switch_on"]) == (True, True)
    plan = esxi_plan.plan(machine(power="off"), desired(**wanted))
    assert (plan["shut_down"], plan["switch_on"]) == (False, True)


def test_a_disk_never_shrinks() -> None:
    with pytest.raises(VsphereError, match="disk 1 of the machine pbx1 has 50 GiB, and 49.* are declared"):
        esxi_plan.plan(machine(), desired(disks=[{"size_gib": 20}, {"size_gib": 49}]))
