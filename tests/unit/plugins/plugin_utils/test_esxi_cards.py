"""Hardware addresses and netmasks of a machine's cards."""

from __future__ import annotations

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import esxi_cards


def test_a_card_has_the_same_address_in_every_run() -> None:
    # A machine that exists has these: another rule would change its cards.
    first = [esxi_cards.mac("exchange/pbx1", index) for index in range(3)]
    assert first == ["00:50:56:14:25:1d", "00:50:56:1f:e1:02", "00:50:56:05:b8:44"]
    assert esxi_cards.mac("exchange/pbx2", 0) == "00:50:56:0c:ac:ec"


def test_addresses_are_of_the_range_for_those_given_by_hand() -> None:
    for index in range(500):
        parts = esxi_cards.mac("exchange/pbx1", index).split(":")
        assert parts[:3] == ["00", "50", "56"]
        assert int(parts[3], 16) <= 0x3F
        assert all(len(part) == 2 for part in parts)


@pytest.mark.parametrize(
    ("prefix", "netmask"),
    [(24, "255.255.255.0"), ("23", "255.255.254.0"), (30, "255.255.255.252"), (32, "255.255.255.255"), (1, "128.0.0.0")],
)
def test_the_netmask_of_a_prefix(prefix: int | str, netmask: str) -> None:
    assert [card["netmask"] for card in esxi_cards.cards([{"prefix": prefix}], "m")] == [netmask]


def test_a_prefix_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="33"):
        esxi_cards.cards([{"prefix": 33}], "m")
