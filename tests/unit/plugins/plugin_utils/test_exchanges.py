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


@pytest.mark.parametrize("name", exchanges.OWN)
def test_what_is_an_exchanges_own_is_told_once_for_each(name: str) -> None:
    shared = exchange("factory", "pbx3", "pbx4", **{name: OFFICE["pbx1"][name]})
    (said,) = found({**OFFICE, **shared})
    assert said.startswith(f"{name} is the same for pbx1 and for pbx3")
    assert not any(str(value) in said for value in OFFICE["pbx1"].values() if "of office" in str(value))
    (said,) = found({**OFFICE, **shared}, "pbx4")
    assert said.startswith(f"{name} is the same for pbx4 and for pbx1")


def test_the_two_nodes_of_an_exchange_agree_about_its_name() -> None:
    hosts = exchange("office", "pbx1", "pbx2")
    hosts["pbx2"]["pbx_cluster_name"] = "factory"
    (said,) = found(hosts)
    assert "pbx_cluster_name is office for the one and factory for the other" in said


def test_they_agree_about_who_they_are() -> None:
    hosts = {**OFFICE, **exchange("factory", "pbx2", "pbx4")}
    assert any("that of pbx2 pbx2, pbx4" in said for said in found(hosts))


@pytest.mark.parametrize("nodes", [None, "pbx1", [{"address": "192.0.2.1"}], {"name": "pbx1"}, [["pbx1"]], 3])
def test_what_is_no_list_of_nodes_is_left_to_who_reports_it(nodes: Any) -> None:
    assert exchanges.node_names(nodes) == []
    hosts = {**FACTORY, "pbx1": {"pbx_nodes": nodes}}
    assert found(hosts) == []
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
