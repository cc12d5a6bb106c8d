"""Which zone judges telephones, what keeps them out of it, and what the base of a host opens and closes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import firewall_zones
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.firewall_zones import judge_telephones

FLOATING = "192.0.2.10"
PORTS = ["5060/udp", "5060/tcp", "10000-20000/udp"]
Firewall = dict[str, Any]


def zone(**changes: Any) -> dict[str, Any]:
    return {"target": "default", "interfaces": [], "sources": [], "services": [], "ports": [], "rules": [], **changes}


def healthy(where: str = "public") -> Firewall:
    """A node that would take the address on ens192, with telephones let in in one zone."""
    zones = {name: zone() for name in ("public", "internal", "work")}
    zones |= {
        "drop": zone(target="DROP"), "block": zone(target="REJECT"), "trusted": zone(target="ACCEPT"),
        "pbx-peers": zone(sources=["192.0.2.12"], services=["ssh", "pbx-telephones"]),
    }  # fmt: skip
    zones[where]["services"] = ["ssh", "pbx-telephones"]
    return {
        "running": True, "in_kernel": True, "default_zone": "public", "loaded": zones, "written": copy.deepcopy(zones),
        "services": {"pbx-telephones": {"loaded": sorted(PORTS), "written": sorted(PORTS)}},
        "interfaces": {"lo": ["127.0.0.1/8"], "ens192": ["192.0.2.11/24"], "ens224": ["10.1.0.11/24"]},
    }  # fmt: skip


def bound(firewall: Firewall, name: str, when: str, interface: str = "ens192") -> Firewall:
    firewall[when][name]["interfaces"].append(interface)
    return firewall


def problems(firewall: Firewall, **more: Any) -> list[str]:
    return [f"{p['found']} -> {p['cure']}" for p in judge_telephones(firewall, PORTS, FLOATING, **more)["problems"]]


@pytest.mark.parametrize(
    ("interfaces", "declared", "found"),
    [
        ({"ens192": ["192.0.2.11/24"], "ens224": ["10.1.0.11/24"]}, "", "ens192"),
        ({"ens192": ["192.0.2.11/24"], "ens224": ["10.1.0.11/24"]}, "ens224", "ens224"),
        # The narrower network; and before all of them the interface that has the address.
        ({"wide": ["192.0.0.1/16"], "near": ["192.0.2.11/24"]}, "", "near"),
        ({"near": ["192.0.2.11/24"], "has": ["192.0.2.10/32"]}, "", "has"),
        # In no network of the host, nor in that of loopback.
        ({"lo": ["127.0.0.1/8"], "ens192": ["203.0.113.1/24"]}, "", ""),
    ],
)
def test_the_interface_is_the_one_that_has_the_address_or_its_network(
    interfaces: dict[str, list[str]], declared: str, found: str
) -> None:
    assert firewall_zones.interface_of(interfaces, FLOATING, declared) == found


def test_the_zone_is_that_of_the_interface_else_the_default_one() -> None:
    assert judge_telephones(healthy(), PORTS, FLOATING)["zones"] == ["public"]
    assert judge_telephones(bound(healthy(), "internal", "loaded"), PORTS, FLOATING)["zones"] == ["internal"]
    assert judge_telephones({**healthy(), "default_zone": "work"}, PORTS, FLOATING)["zones"] == ["work"]
    # Of another interface it does not matter.
    assert judge_telephones(bound(healthy(), "internal", "loaded", "ens224"), PORTS, FLOATING)["zones"] == ["public"]
    assert judge_telephones(healthy(), PORTS, FLOATING, "", ["work", "internal"])["zones"] == ["work", "internal"]


def test_a_zone_that_comes_into_force_later_is_opened_too_and_told() -> None:
    judged = judge_telephones(bound(bound(healthy(), "public", "loaded"), "internal", "written"), PORTS, FLOATING)
    assert judged["zones"] == ["public", "internal"]
    (remark,) = judged["remarks"]
    assert "ens192 is in the zone public now, and in internal after firewalld's next start" in remark


def test_a_healthy_host_has_nothing_to_report() -> None:
    judged = judge_telephones(bound(healthy("internal"), "internal", "loaded"), PORTS, FLOATING)
    assert (judged["remarks"], judged["problems"]) == ([], [])


def change(path: str, value: Any, where: str = "public") -> Callable[[Firewall], Any]:
    def do(firewall: Firewall) -> None:
        when, _dot, key = path.partition(".")
        firewall[when][where][key] = value

    return do


@pytest.mark.parametrize(
    ("do", "found"),
    [
        (lambda f: f.update(running=False), "firewalld does not run"),
        (lambda f: f.update(in_kernel=False), "rules are not in the kernel, so the host is open to everybody -> `firewall"),
        # Opened in a zone that is not in force: what was seen in the field.
        (lambda f: bound(f, "internal", "loaded"), f"{', '.join(PORTS)} is closed in firewalld's zone internal, which judges"),
        (lambda f: f.update(default_zone="drop"), "closed in firewalld's zone drop, which judges what comes on ens192"),
        (change("loaded.services", ["ssh"]), f"kept out: {', '.join(PORTS)} is closed in firewalld's zone public"),
        (change("written.services", ["ssh"]), "zone public, which judges what comes on ens192, and closed after"),
        (lambda f: f["services"]["pbx-telephones"].update(loaded=["5060/tcp", "10000-20000/udp"]), "kept out: 5060/udp is closed"),
        (lambda f: f["services"]["pbx-telephones"].update(loaded=None), "kept out: 5060/udp, 5060/tcp, 10000-20000/udp is closed"),
        (lambda f: f["services"]["pbx-telephones"].update(loaded=[*PORTS[:2], "10000-15000/udp"]), "10000-20000/udp is closed"),
        (change("loaded.rules", ['rule port port="5060" protocol="udp" drop']), "kept out: 5060/udp is closed"),
        (change("loaded.rules", ['rule port port="5000-6000" protocol="tcp" reject']), "kept out: 5060/tcp is closed"),
        (change("loaded.sources", ["192.0.0.0/16"], "work"), "telephones in 192.0.2.0/24 are kept out: 5060/udp"),
    ],
)  # fmt: skip
def test_what_keeps_telephones_out_is_named(do: Callable[[Firewall], Any], found: str) -> None:
    firewall = healthy()
    do(firewall)
    (report,) = problems(firewall)
    assert found in report


@pytest.mark.parametrize(
    "do",
    [
        # By hand, port by port, and in a zone that lets everything in.
        lambda f: f["loaded"]["public"].update(services=[], ports=["5060/udp", "5000-5100/tcp", "1-65535/udp"]),
        lambda f: f.update(default_zone="trusted"),
        # Refusals of one source, and of other ports.
        change("loaded.rules", ['rule family="ipv4" source address="203.0.113.7" port port="5060" protocol="udp" drop']),
        change("loaded.rules", ['rule port port="3306" protocol="tcp" reject', 'rule port port="5060" protocol="udp" accept']),
        # Zones by source that are not of the telephones' network, and those that are there to refuse.
        change("loaded.sources", ["198.51.100.0/24", "ipset:office", "00:11:22:33:44:55"], "work"),
        change("loaded.sources", ["192.0.2.0/25"], "work"),
        change("loaded.sources", ["192.0.0.0/16"], "drop"),
        change("loaded.sources", ["192.0.0.0/16"], "trusted"),
        lambda f: f.update(in_kernel=None),
    ],
)  # fmt: skip
def test_what_keeps_nobody_out_is_no_finding(do: Callable[[Firewall], Any]) -> None:
    firewall = healthy()
    do(firewall)
    assert problems(firewall) == []


def test_zones_that_were_chosen_are_looked_at_and_no_other() -> None:
    firewall = healthy("work")
    firewall["loaded"]["work"]["sources"] = ["192.0.2.0/24"]
    assert problems(firewall, chosen=["work"]) == []
    (report,) = problems(firewall, chosen=["internal", "work"])
    assert "closed in firewalld's zone internal -> Run site.yml" in report
    firewall["loaded"]["work"]["sources"] = []
    (report,) = problems(firewall, chosen=["work"])
    assert "pbx_telephone_zones is work, and what comes on ens192 is judged by public" in report


@pytest.mark.parametrize(
    ("do", "said"),
    [
        (lambda f: f.update(default_zone="drop"), "The zone drop refuses all that is not opened in it."),
        (lambda f: f.update(default_zone="block"), "The zone block refuses all that is not opened in it."),
        (lambda f: f.update(default_zone="trusted"), "The zone trusted lets everything in"),
        (change("loaded.sources", ["198.51.100.0/24"], "work"), "What comes from 198.51.100.0/24 is judged by the zone work"),
    ],
)  # fmt: skip
def test_what_is_unusual_is_told(do: Callable[[Firewall], Any], said: str) -> None:
    firewall = healthy()
    do(firewall)
    (remark,) = judge_telephones(firewall, PORTS, FLOATING)["remarks"]
    assert said in remark


def base(firewall: Firewall, **more: Any) -> list[list[str]]:
    given: dict[str, Any] = {"peers": ["192.0.2.12"], "closed": ["cockpit", "mdns"], "way_in": "192.0.2.11", **more}
    return firewall_zones.base_changes(firewall, **given)


def test_a_host_that_is_right_needs_nothing() -> None:
    assert base(healthy()) == []
    assert base({"running": False}) == []


def test_ssh_and_the_closed_services_follow_the_zones_that_are_in_force() -> None:
    firewall = bound(bound(healthy(), "internal", "loaded"), "work", "loaded", "ens224")
    for name in ("internal", "work", "public"):
        for when in ("loaded", "written"):
            firewall[when][name]["services"] = ["mdns"]
    assert base(firewall, ssh_ports=["2222/tcp"]) == [
        ["internal", "service", "ssh", "enabled"],
        ["pbx-peers", "port", "2222/tcp", "enabled"],
        ["internal", "port", "2222/tcp", "enabled"],
        ["internal", "service", "mdns", "disabled"],
        ["work", "service", "mdns", "disabled"],
    ]


def test_by_a_name_ssh_is_opened_on_every_interface() -> None:
    firewall = bound(healthy(), "work", "loaded", "ens224")
    assert base(firewall, way_in="pbx1.example.com") == [["work", "service", "ssh", "enabled"]]


def test_the_peers_are_exactly_the_other_nodes_and_a_new_zone_gets_all_of_it() -> None:
    firewall = healthy()
    assert base(firewall, peers=["192.0.2.13"]) == [
        ["pbx-peers", "source", "192.0.2.13", "enabled"],
        ["pbx-peers", "source", "192.0.2.12", "disabled"],
    ]
    del firewall["loaded"]["pbx-peers"], firewall["written"]["pbx-peers"]
    assert base(firewall) == [["pbx-peers", "service", "ssh", "enabled"], ["pbx-peers", "source", "192.0.2.12", "enabled"]]
