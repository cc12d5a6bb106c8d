"""A deployment that changes the network of the pair does so on the node without the service, and says what waits on the other."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from lab import exchange, phones
from lab.config import HOSTS
from lab.phones import Phone
from lab.probe import PingProbe
from lab.testing import playbook
from tools import recap

pytestmark = pytest.mark.long

FILE = "/etc/systemd/network/05-pbx-host0.network"
VARIABLES = {
    "centos_base_static_addresses": [{"interface": "host0", "addresses": ["{{ ansible_host }}/24"], "dns": ["10.73.0.53"]}]
}  # fmt: skip
#: Longer than a packet may take, and shorter than an address takes to go and come.
SILENCE_SECONDS = 1.0


@pytest.fixture
def clean() -> Iterator[None]:
    """Take the file away again, at the end."""
    yield
    for node in HOSTS:
        if exchange.run(node, ["sh", "-c", f"rm -v -f {FILE}"]):
            exchange.run(node, ["networkctl", "reload"])


@pytest.mark.usefixtures("clean")
def test_the_network_of_the_node_with_the_service_is_left_alone(caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    standby = exchange.peer(active)
    callee.forget()
    caller.dial(callee.number)
    caller.wait_established()
    begun = time.monotonic()
    with PingProbe() as probe:
        probe.wait_answer(begun, 5)
        result = playbook("containers", "site.yml", "--tags", "base", "--extra-vars", json.dumps(VARIABLES), everything=True)
        assert probe.longest_silence(begun) < SILENCE_SECONDS
    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode == 0, said
    assert f"{active} has the service, so its network was left as it is" in said
    assert f"`pcs node standby {active}`" in said
    counters = recap.parse(result.stdout)
    assert (counters[active]["changed"], counters[standby]["changed"]) == (0, 2), said
    there = {node: bool(exchange.run(node, ["sh", "-c", f"ls {FILE} 2>/dev/null || :"])) for node in HOSTS}
    assert there == {active: False, standby: True}
    # The call of before is still up, and is heard both ways from now on too.
    until_now = max(caller.heard(callee.tone_hz), callee.heard(caller.tone_hz))
    phones.converse(caller, callee, until_now + 2.0)
