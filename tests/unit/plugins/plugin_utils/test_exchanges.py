"""What two exchanges of one inventory must not share, and what the two nodes of one must."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import exchanges


def exchange(name: str, *nodes: str, **changed: Any) -> dict[str, dict[str, Any]]:
    variables = {
        "pbx_cluster_name": name, "pbx_nodes": [{"name": node, "address": f"192.0.2.{node[-1]}"} for node in nodes],
        "pbx_floating_address": f"192.0.2.1{nodes[0][-1]}", "pbx_pki_dir": f"/srv/pki/{name}",
        "mariadb_mm_replication_password": f"mariadb of {name}", "pacemaker_cluster_hacluster_password": f"hacluster of {name}",
        **changed,
    }  # fmt: skip
    return {node: dict(variables) for node in nodes}


OFFICE = exchange("office", "pbx1", "pbx2")
FACTORY = exchange("factory", "pbx3", "pbx4")


def found(hosts: dict[str, dict[str, Any]], host: str = "pbx1") -> list[str]:
    return [entry["found"] for entry in exchanges.problems(host, hosts)]


def test_two_exchanges_with_all_of_their_own_are_well() -> None:
    assert found({**OFFICE, **FACTORY}) == []
    assert found(OFFICE) == []


def device(node: str, **options: Any) -> dict[str, Any]:
    return {"name": f"fence-{node}", "node": node, "agent": "fence_ipmilan", "options": {"password": f"of {node}", **options}}


@pytest.mark.parametrize("name", exchanges.OWN)
def test_what_is_an_exchanges_own_is_told_once_for_each(name: str) -> None:
    shared = exchange("factory", "pbx3", "pbx4", **{name: OFFICE["pbx1"][name]})
    for host, other in (("pbx1", "pbx3"), ("pbx4", "pbx1")):
        (said,) = found({**OFFICE, **shared}, host)
        assert said.startswith(name)
        assert f"of {host} is that of {other} too" in said
        assert not any(str(value) in said for value in OFFICE["pbx1"].values() if "of office" in str(value))


def test_a_directory_is_the_same_however_it_is_written() -> None:
    (said,) = found({**OFFICE, **exchange("factory", "pbx3", "pbx4", pbx_pki_dir="/srv/pki/../pki/office/")})
    assert said.startswith("pbx_pki_dir")


@pytest.mark.parametrize("name", exchanges.OWN)
def test_the_two_nodes_of_an_exchange_agree(name: str) -> None:
    hosts = exchange("office", "pbx1", "pbx2")
    hosts["pbx2"][name] = "another"
    (said,) = found(hosts)
    assert said.startswith(f"{name} of pbx1")
    assert said.endswith("the other node")
    assert "of office" not in said


def test_they_agree_about_who_they_are() -> None:
    hosts = exchange("office", "pbx1", "pbx2")
    hosts["pbx2"]["pbx_nodes"] = [{"name": "pbx1", "address": "198.51.100.1"}, {"name": "pbx2", "address": "192.0.2.2"}]
    (said,) = found(hosts)
    assert said.startswith("pbx_nodes of pbx1")


def test_who_is_not_of_its_own_nodes_is_told_that_and_nothing_else_and_the_others_are_left_alone() -> None:
    copied = exchange("factory", "pbx3", "pbx4", pbx_nodes=OFFICE["pbx1"]["pbx_nodes"])
    hosts = {**OFFICE, **copied}
    assert found(hosts, "pbx3") == ["pbx_nodes lists pbx1, pbx2, and not this host"]
    assert found(hosts, "pbx1") == []


def test_more_or_fewer_than_two_nodes_are_left_to_the_roles() -> None:
    hosts = exchange("all", "pbx1", "pbx2", "pbx3", "pbx4")
    hosts["pbx4"]["pbx_cluster_name"] = "factory"
    assert found(hosts) == []


def test_no_floating_address_is_a_node_of_another_exchange() -> None:
    (said,) = found({**exchange("office", "pbx1", "pbx2", pbx_floating_address="192.0.2.3"), **FACTORY})
    assert "is an address of the exchange of pbx3" in said


@pytest.mark.parametrize(
    ("device", "refused"),
    [("/dev/disk/by-id/scsi-1", True), ("nas.example.com:/pbx", True), ("/mnt/shared", False), ("", False), (None, False)],
)
def test_no_two_exchanges_mount_one_disk(device: str | None, refused: bool) -> None:
    disk = {"pbx_storage": "shared", "pbx_shared_device": device}
    said = found({**exchange("office", "pbx1", "pbx2", **disk), **exchange("factory", "pbx3", "pbx4", **disk)})
    assert len(said) == refused
    unused = {**disk, "pbx_storage": "drbd"}
    assert found({**exchange("office", "pbx1", "pbx2", **unused), **exchange("factory", "pbx3", "pbx4", **unused)}) == []


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"ip": "192.0.2.101", "password": "another"}, True),
        ({"ip": "192.0.2.103"}, False),
        ({"ip": "192.0.2.101", "plug": "3"}, False),
        ({}, False),
    ],
)
def test_no_fence_device_switches_a_machine_of_another_exchange(options: dict[str, Any], refused: bool) -> None:
    office = exchange("office", "pbx1", "pbx2", pacemaker_cluster_fence_devices=[device("pbx1", ip="192.0.2.101")])
    factory = exchange("factory", "pbx3", "pbx4", pacemaker_cluster_fence_devices=[device("pbx3", **options)])
    said = found({**office, **factory}, "pbx3")
    assert [text.partition(" has ")[0] for text in said] == ["the fence device fence-pbx3 of pbx3"] * refused
    assert not any("of pbx3'" in text or "another'" in text for text in said)


@pytest.mark.parametrize("devices", [None, "{{ broken }}", ["fence"], [{"name": "x"}], [{"options": "x"}]])
def test_fence_devices_that_are_none_are_left_to_the_roles(devices: Any) -> None:
    assert found({**exchange("office", "pbx1", "pbx2", pacemaker_cluster_fence_devices=devices), **FACTORY}) == []


def test_it_is_compared_with_whom_it_is_asked_for() -> None:
    hosts = {**OFFICE, **exchange("office", "pbx3", "pbx4")}
    assert exchanges.problems("pbx1", hosts, ["pbx1", "pbx2"]) == []
    assert exchanges.problems("pbx1", hosts, ["pbx3", "pbx4"]) != []


@pytest.mark.parametrize("nodes", [None, "pbx1", [{"address": "192.0.2.1"}], {"name": "pbx1"}, [["pbx1"]], 3])
def test_what_is_no_list_of_nodes_is_left_to_who_reports_it(nodes: Any) -> None:
    assert exchanges.node_names(nodes) == []
    hosts = {**FACTORY, "pbx1": {"pbx_nodes": nodes}}
    assert found(hosts) == []
    assert found(hosts, "pbx3") == []
    assert exchanges.left_behind(nodes, ["pbx1"], []) == []


def test_what_cannot_be_worked_out_is_not_compared() -> None:
    assert found({**OFFICE, "pbx3": {}, "pbx4": {"pbx_cluster_name": None}}) == []


@pytest.mark.parametrize(
    ("targeted", "left", "expected"),
    [
        (["pbx1", "pbx2", "pbx3"], ["pbx1", "pbx2", "pbx3"], []),
        (["pbx1", "pbx2", "pbx3"], ["pbx1", "pbx2"], []),
        (["pbx1", "pbx2", "pbx3"], ["pbx2", "pbx3"], ["pbx1"]),
        # Not asked for (--limit).
        (["pbx2", "pbx3"], ["pbx2", "pbx3"], []),
    ],
)
def test_who_is_left_behind(targeted: list[str], left: list[str], expected: list[str]) -> None:
    assert exchanges.left_behind(OFFICE["pbx1"]["pbx_nodes"], targeted, left) == expected
