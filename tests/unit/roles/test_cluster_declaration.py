"""What leaves the inventory leaves the cluster, though modules keep what is not given: the role declares the whole."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, constraint, declaration, resource
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import cluster_fencing
from tests.unit.plugins.plugin_utils.test_cluster_service import service

EMPTY = """<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0"><configuration>
<crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>"""
OPTIONS = {"ip": "192.0.2.101", "username": "cluster", "password": "SECRET", "lanplus": True}


def device(number: int, **more: Any) -> dict[str, Any]:
    return {"name": f"fence-{number}", "node": f"server{number}", "agent": "fence_ipmilan", "options": OPTIONS, **more}


def declared(devices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the role declares for an inventory with these fence devices."""
    return cluster_fencing.fence_devices(devices, ["server1", "server2"], {}, 1, 60, 60)


def made(declaration_of_one: dict[str, Any]) -> ET.Element:
    """A device as the role made it, without pcs."""
    wanted = resource.desired_stonith(declaration_of_one)
    element = ET.Element("primitive", {"id": wanted.name, "class": "stonith", "type": "fence_ipmilan"})
    root = cib.parse(EMPTY)
    cib.section(root, "resources").append(element)
    empty = resource.Current(wanted.name, "stonith:fence_ipmilan", stonith=True)
    resource.apply(root, wanted, resource.plan(empty, wanted), None)
    return element


def planned(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """What the role's run with `now` would do in a cluster that its run with `before` made."""
    actions: list[Action] = []
    root = cib.parse(EMPTY)
    for entry in declared(before):
        cib.section(root, "resources").append(made(entry))
    for entry in declared(now):
        current = resource.read(root, entry["name"])
        actions += resource.plan(current, resource.desired_stonith(entry))
    return {(action.verb, action.target, action.name) for action in actions}


def test_a_second_run_changes_nothing() -> None:
    devices = [device(1), device(2, delay=3)]
    assert planned(devices, devices) == set()


def test_an_option_that_leaves_the_inventory_leaves_the_cluster() -> None:
    fewer = {name: value for name, value in OPTIONS.items() if name != "lanplus"}
    assert planned([device(1), device(2)], [device(1, options=fewer), device(2)]) == {("remove", "fence-1", "lanplus")}


def test_a_delay_that_leaves_the_inventory_leaves_the_cluster() -> None:
    """The delay moves from one device to the other: with both, the two would fence each other."""
    assert planned([device(1, delay=5), device(2)], [device(1), device(2, delay=5)]) == {
        ("remove", "fence-1", "pcmk_delay_base"),
        ("set", "fence-2", "pcmk_delay_base"),
    }


def test_a_device_for_another_node() -> None:
    assert planned([device(1), device(2)], [{**device(1), "node": "server2"}, {**device(2), "node": "server1"}]) >= {
        ("set", "fence-1", "pcmk_host_list"),
        ("set", "fence-2", "pcmk_host_list"),
    }


def with_constraints() -> tuple[ET.Element, list[dict[str, Any]]]:
    root = cib.parse(EMPTY)
    for name in ("fence-1", "fence-2", "pbx-drbd-clone", "pbx", *(entry["name"] for entry in service(pbx_storage="drbd").resources())):
        ET.SubElement(cib.section(root, "resources"), "primitive", {"id": name})
    found = cluster_fencing.fence_constraints([device(1), device(2)]) + service(pbx_storage="drbd").constraints()
    declaration.ensure(None, root, {"constraints": found})  # type: ignore[arg-type]
    return root, found


def meaning(root: ET.Element) -> dict[str, dict[str, str]]:
    """What each constraint means, with what the role says nothing about."""
    types = {tag: type_ for type_, tag in constraint.TAGS.items()}
    return {e.get("id", ""): constraint.effective(types[str(e.tag)], e.attrib) for e in cib.section(root, "constraints")}


@pytest.mark.parametrize(
    ("changed", "value"), [("score", "5"), ("kind", "Serialize"), ("symmetrical", "false"), ("role", "Unpromoted"), ("action", "stop")]
)
@pytest.mark.parametrize("also", [{}, {"resource-discovery": "never", "influence": "0", "require-all": "false"}], ids=["", "rare"])
def test_each_constraint_becomes_again_what_the_role_needs(changed: str, value: str, also: dict[str, str]) -> None:
    root, found = with_constraints()
    assert declaration.ensure(None, root, {"constraints": found}) == []  # type: ignore[arg-type]
    before = meaning(root)
    touched = 0
    for element in cib.section(root, "constraints"):
        attributes = constraint.FIELDS[{tag: type_ for type_, tag in constraint.TAGS.items()}[str(element.tag)]].values()
        for name in [name for name in attributes if name.endswith(changed)]:
            element.set(name, value)
            touched += 1
        element.attrib.update(also)
    assert touched
    assert meaning(root) != before
    declaration.ensure(None, root, {"constraints": found})  # type: ignore[arg-type]
    assert meaning(root) == {id_: {**attributes, **also} for id_, attributes in before.items()}
