"""The addresses and ports by which the nodes of a pair speak with each other."""

from __future__ import annotations

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import node_links

ONE_LINK = [{"name": "a", "address": "192.0.2.11"}, {"name": "b", "address": "192.0.2.12"}]
TWO_LINKS = [{**node, "address2": node["address"].replace("192.0.2", "198.51.100")} for node in ONE_LINK]


def spoken(peers: list[dict[str, str]], **settings: object) -> list[tuple[str, int, str]]:
    options = {"clustered": False, "database": 3306, "drbd": 0, "drbd_address": "address", **settings}
    return [(port["address"], port["port"], port["protocol"]) for port in node_links.ports(peers, **options)]


def test_a_node_has_one_link_or_two() -> None:
    assert node_links.links(ONE_LINK) == [
        {"name": "a", "addresses": ["192.0.2.11"]},
        {"name": "b", "addresses": ["192.0.2.12"]},
    ]
    assert [node["addresses"] for node in node_links.links([TWO_LINKS[0], ONE_LINK[1]])] == [
        ["192.0.2.11", "198.51.100.11"],
        ["192.0.2.12"],
    ]
    assert node_links.links([]) == []


def test_all_ports_before_there_is_a_cluster() -> None:
    assert spoken(ONE_LINK[1:]) == [("192.0.2.12", 2224, "tcp"), ("192.0.2.12", 3306, "tcp"), ("192.0.2.12", 5405, "udp")]
    assert spoken(TWO_LINKS[1:], database=3307, drbd=7789, drbd_address="address2") == [
        ("192.0.2.12", 2224, "tcp"),
        ("192.0.2.12", 3307, "tcp"),
        ("192.0.2.12", 5405, "udp"),
        ("198.51.100.12", 5406, "udp"),
        ("198.51.100.12", 7789, "tcp"),
    ]
    assert spoken(TWO_LINKS[1:], drbd=7789)[-1] == ("192.0.2.12", 7789, "tcp")


def test_only_pcsd_where_a_cluster_exists_and_nothing_without_a_peer() -> None:
    assert spoken(TWO_LINKS[1:], clustered=True, drbd=7789) == [("192.0.2.12", 2224, "tcp")]
    assert spoken([]) == []


def test_each_port_says_what_listens_there() -> None:
    found = node_links.ports(TWO_LINKS[1:], False, 3306, 7789, "address")
    assert [port["service"] for port in found] == ["pcsd", "the database", "Corosync", "Corosync", "DRBD"]
