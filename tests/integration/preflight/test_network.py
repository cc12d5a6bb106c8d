"""The preflight's questions to the network, asked of real kernels: two network namespaces and a cable between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

COLLECTIONS = Path(__file__).resolve().parents[3] / ".cache" / "collections"
HERE, THERE, FREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
#: A network behind the other host, and one address of it that the other host's firewall forbids.
BEHIND, FORBIDDEN = "198.51.100.0/24", "198.51.100.9"
PORTS = [(3306, "tcp"), (5405, "udp")]


class Namespace:
    """A host without a machine: a network namespace."""

    def __init__(self, name: str) -> None:
        self.name = name

    def ip(self, *argv: str) -> str:
        """Run `ip` there."""
        return run("ip", "-netns", self.name, *argv)

    def sockets(self, *options: str) -> str:
        """List the sockets there."""
        return run("ip", "netns", "exec", self.name, "ss", "--all", "--numeric", "--no-header", *options)

    def module(self, name: str, **arguments: Any) -> dict[str, Any]:
        """Run a module there as Ansible does, and fail the test if it fails."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, sys.executable, "-m",
             f"ansible_collections.dialtone.ha_pbx.plugins.modules.{name}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
            capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(COLLECTIONS)},
        )  # fmt: skip
        answer: dict[str, Any] = json.loads(done.stdout or "{}")
        assert answer and not answer.get("failed"), done.stdout + done.stderr
        return answer

    def states(self, address: str, ports: list[tuple[int, str]], timeout: float = 2) -> list[str]:
        """Return the states of ports of another host."""
        asked = [{"address": address, "port": port, "protocol": protocol} for port, protocol in ports]
        return [entry["state"] for entry in self.module("peer_ports_info", ports=asked, timeout=timeout)["ports"]]

    @contextmanager
    def listener(self, kind: str, port: int) -> Iterator[None]:
        """Have a program listen there that answers nothing."""
        program = (
            f"import socket; s = socket.socket(type=socket.SOCK_{kind}); s.bind(('', {port}))\n"
            f"{'s.listen()' if kind == 'STREAM' else ''}\n"
            "print('listening', flush=True); import sys; sys.stdin.read()"
        )
        argv = ["ip", "netns", "exec", self.name, sys.executable, "-c", program]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield
            process.communicate()


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def pair() -> Iterator[tuple[Namespace, Namespace]]:
    """Two hosts in one network, the second of which is a router to another."""
    one, two = Namespace(f"dialtone-preflight-{os.getpid()}-1"), Namespace(f"dialtone-preflight-{os.getpid()}-2")
    made = []
    try:
        for host in (one, two):
            run("ip", "netns", "add", host.name)
            made.append(host)
            host.ip("link", "set", "lo", "up")
        one.ip("link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", two.name)
        for host, address in ((one, HERE), (two, THERE)):
            host.ip("address", "add", f"{address}/24", "dev", "eth0")
            host.ip("link", "set", "eth0", "up")
        one.ip("route", "add", BEHIND, "via", THERE)
        run("ip", "netns", "exec", two.name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        two.ip("route", "add", "prohibit", FORBIDDEN)
        yield one, two
    finally:
        for host in made:
            run("ip", "netns", "delete", host.name)


def neighbour(host: Namespace, address: str) -> dict[str, str]:
    found: dict[str, str] = host.module("preflight_info", address=address)["neighbour"]
    return found


def test_who_has_an_address(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    lladdr = json.loads(two.ip("-json", "link", "show", "eth0"))[0]["address"]
    assert neighbour(one, THERE) == {"kind": "direct", "interface": "eth0", "lladdr": lladdr}
    assert neighbour(one, FREE) == {"kind": "direct", "interface": "eth0", "lladdr": ""}
    assert neighbour(one, HERE) == {"kind": "own", "interface": "lo", "lladdr": ""}
    assert neighbour(one, "198.51.100.1") == {"kind": "gateway", "interface": "eth0", "lladdr": ""}
    assert neighbour(one, "203.0.113.1") == {"kind": "none", "interface": "", "lladdr": ""}


def test_an_address_that_has_become_free_is_free(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    lladdr = json.loads(two.ip("-json", "link", "show", "eth0"))[0]["address"]
    two.ip("address", "add", f"{FREE}/24", "dev", "eth0")
    assert neighbour(one, FREE)["lladdr"] == lladdr
    two.ip("address", "delete", f"{FREE}/24", "dev", "eth0")
    assert neighbour(one, FREE)["lladdr"] == ""


def test_a_port_that_answers_in_any_way_is_not_blocked(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    assert one.states(THERE, PORTS) == ["refused", "refused"]
    with two.listener("STREAM", 3306):
        assert one.states(THERE, PORTS) == ["open", "refused"]
    assert one.states(FORBIDDEN, PORTS) == ["rejected", "rejected"]


def test_both_hosts_at_once_are_each_others_answer(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda ask: ask[0].states(ask[1], PORTS, 10), ((one, THERE), (two, HERE))))
    # The first to ask may be refused before the second is there.
    assert all(tcp == "refused" and udp in ("open", "refused") for tcp, udp in answers), answers
    assert "open" in {udp for _tcp, udp in answers} or answers == [["refused", "refused"]] * 2


def test_a_host_that_still_waits_for_another_port_does_not_swallow_datagrams(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    # A neighbour that does not exist takes everything and says nothing.
    one.ip("neighbour", "add", FREE, "lladdr", "02:00:00:00:00:01", "dev", "eth0")
    asked = [
        {"address": THERE, "port": 5405, "protocol": "udp"},
        {"address": FREE, "port": 3306, "protocol": "tcp"},
    ]
    with ThreadPoolExecutor() as pool:
        first = pool.submit(lambda: one.module("peer_ports_info", ports=asked, timeout=6)["ports"])
        while not first.done() and FREE not in one.sockets("--tcp"):
            pass
        assert two.states(HERE, [(5405, "udp")]) == ["refused"]
        assert [entry["state"] for entry in first.result()] == ["refused", "silent"]


def test_what_is_dropped_on_the_way_is_silent(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    # It hears, and its answers go nowhere.
    two.ip("route", "add", "blackhole", f"{HERE}/32")
    assert one.states(THERE, PORTS) == ["silent", "silent"]


def test_a_udp_port_where_somebody_listens_and_does_not_answer_is_silent(pair: tuple[Namespace, Namespace]) -> None:
    one, two = pair
    with two.listener("DGRAM", 5405):
        assert one.states(THERE, [(5405, "udp")]) == ["silent"]


def test_names(pair: tuple[Namespace, Namespace]) -> None:
    one, _two = pair
    names = one.module("preflight_info", resolve=["localhost", "192.0.2.53", "no-such-host.invalid", "a" * 80])["names"]
    assert "127.0.0.1" in names["localhost"] or "::1" in names["localhost"]
    assert names["192.0.2.53"] == ["192.0.2.53"]
    assert names["no-such-host.invalid"] == [] == names["a" * 80]
