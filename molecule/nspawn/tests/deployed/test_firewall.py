"""Telephones are let in where they come from: in the zone of the floating address's interface, whichever it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from lab import exchange
from lab.config import FLOATING_ADDRESS, HOSTS, LabError
from lab.probe import SipProbe
from lab.testing import playbook, verify

SERVICE = "pbx-telephones"

pytestmark = pytest.mark.long


def firewall(node: str, *arguments: str) -> str:
    return exchange.run(node, ["firewall-cmd", *arguments])


@contextmanager
def by_hand(node: str, do: list[str], undo: list[str]) -> Iterator[None]:
    """Do something on a node, and undo it at the end."""
    exchange.run(node, do)
    try:
        yield
    finally:
        exchange.run(node, undo)


def a_telephone_is_answered(seconds: float = 1.5) -> bool:
    """Tell whether the exchange answers SIP that comes from outside the nodes."""
    begun = time.monotonic()
    with SipProbe() as probe:
        try:
            probe.wait_answer(begun, seconds)
        except LabError:
            return False
    return True


def deploy() -> str:
    result = playbook("containers", "site.yml", "--tags", "base,asterisk")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def zones_with_telephones(node: str) -> tuple[set[str], set[str]]:
    """Return the zones of a node in which SIP is open, loaded and written."""
    found = []
    for when in ((), ("--permanent",)):
        zones = firewall(node, *when, "--get-zones").split()
        services = {zone: firewall(node, *when, f"--zone={zone}", "--list-services").split() for zone in zones}
        found.append({zone for zone, names in services.items() if SERVICE in names})
    return found[0], found[1]


def test_verify_names_what_keeps_telephones_out_and_asks_from_the_other_node() -> None:
    assert a_telephone_is_answered()
    active = exchange.active_node()
    standby = exchange.peer(active)
    zone = ["firewall-cmd", "--zone=public"]
    # On loopback all is open, as it is for whoever asks on the node itself.
    table = "add table inet blocked; add chain inet blocked input { type filter hook input priority -500; }; "
    blocked = [f'{table}add rule inet blocked input iifname "host0" udp dport 5060 drop']
    with (
        by_hand(active, [*zone, f"--remove-service={SERVICE}"], [*zone, f"--add-service={SERVICE}"]),
        by_hand(standby, ["systemctl", "stop", "firewalld"], ["systemctl", "start", "firewalld"]),
    ):
        assert not a_telephone_is_answered()
        with by_hand(active, ["nft", *blocked], ["nft", "delete table inet blocked"]):
            code, said = verify()
    assert code != 0
    assert f"{active}: 1. telephones are kept out: 5060/udp, 5060/tcp, 10000-20000/udp is closed in firewalld's zone public" in said
    assert f"{standby}: 1. SIP OPTIONS from here to {FLOATING_ADDRESS}, which {active} has: no answer" in said
    assert "2. firewalld does not run" in said
    assert a_telephone_is_answered()


@pytest.fixture
def in_another_zone() -> Iterator[str]:
    """Put the interface of both nodes into the zone internal; at the end back, with a deployment."""
    with ExitStack() as stack:
        stack.callback(deploy)
        for node in HOSTS:
            for when in ([], ["--permanent"]):
                stack.enter_context(by_hand(
                    node, ["firewall-cmd", *when, "--zone=internal", "--add-interface=host0"],
                    ["firewall-cmd", *when, "--zone=internal", "--remove-interface=host0"],
                ))  # fmt: skip
        yield "internal"


def test_where_the_interface_is_in_another_zone_telephones_are_let_in_there(in_another_zone: str) -> None:
    assert not a_telephone_is_answered()
    deploy()
    assert a_telephone_is_answered()
    assert verify()[0] == 0
    for node in HOSTS:
        # In the zone of before nothing is left open, and the distribution's services are closed in the new one too.
        assert zones_with_telephones(node) == ({in_another_zone, "pbx-peers"},) * 2
        assert firewall(node, "--zone=internal", "--list-services").split() == [SERVICE, "ssh"]


def test_telephones_are_let_in_in_the_zone_of_the_interface_and_nowhere_else() -> None:
    for node in HOSTS:
        assert zones_with_telephones(node) == ({"public", "pbx-peers"},) * 2
        assert firewall(node, "--zone=public", "--list-ports").split() == []
