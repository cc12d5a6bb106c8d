"""Something dies on the active node, and calls work again without anybody's help."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from lab import exchange, hosts, phones
from lab.config import HOSTS, LabError
from lab.exchange import Row
from lab.phones import Phone
from lab.probe import SipProbe

#: From the failure to the next answered call. Detection is a few seconds, and so is a start of Asterisk.
OUTAGE_SECONDS = 90
RETURN_SECONDS = 180


@pytest.fixture(autouse=True)
def whole_before_and_after() -> Iterator[None]:
    """Let every test find a healthy exchange, also after one that failed half-way."""
    exchange.wait_healthy(30)
    yield
    try:
        exchange.wait_healthy(30)
    except LabError:
        for name in HOSTS:
            hosts.start(name)
            hosts.wait_booted(name)
            with contextlib.suppress(LabError):
                exchange.run(name, ["systemctl", "kill", "--signal=CONT", "asterisk"])
        operator_cleans_up()
        exchange.wait_healthy(RETURN_SECONDS)


def operator_cleans_up() -> None:
    """Acknowledge the failures that the cluster remembers, as an operator does who has read of them."""
    exchange.run(exchange.nodes_on()[0], ["pcs", "resource", "cleanup"])


def main_process(node: str, service: str) -> str:
    """Return the id of a service's main process."""
    pid = exchange.run(node, ["systemctl", "show", "--property=MainPID", "--value", service]).strip()
    assert pid != "0", f"{service} does not run on {node}"
    return pid


def signal(node: str, service: str, name: str) -> None:
    """Send a signal to a service's main process, without systemd's knowledge."""
    exchange.run(node, ["kill", f"-{name}", main_process(node, service)])


def call_again(caller: Phone, callee: Phone, since: float) -> float:
    """Dial until answered, check the audio both ways; return the seconds since the failure until the answer."""
    answered, attempts = phones.call_until_answered(caller, callee, OUTAGE_SECONDS)
    phones.converse(caller, callee, seconds=3.0)
    print(f"next answered call {answered - since:.1f} s after the failure, attempt {attempts}")
    return answered - since


def everything_is_well(known: set[tuple[str, ...]]) -> Row:
    """Check that the record of the call is in both databases, that these are equal, and the exchange is healthy."""
    exchange.wait_healthy(RETURN_SECONDS)
    record = exchange.wait_record("100", "101", known, HOSTS)
    assert int(record["billsec"]) >= 2
    exchange.wait_databases_equal()
    return record


@pytest.fixture(autouse=True)
def registrations_stored(caller: Phone, callee: Phone) -> None:
    """Begin with telephones that were registered before the failure, not in the very second of it."""
    exchange.wait_registrations_stored(caller.address, callee.address)


def test_the_active_host_is_killed(caller: Phone, callee: Phone) -> None:
    victim = exchange.active_node()
    survivor = exchange.peer(victim)
    known = exchange.record_keys()
    clock, killed = time.time(), time.monotonic()
    hosts.kill(victim)
    call_again(caller, callee, killed)
    assert exchange.active_node(survivor) == survivor
    assert exchange.fenced_at(victim, clock, survivor) > clock
    # Fencing switches it on again, and it comes back as standby: nobody has to clean up, nothing moves back.
    everything_is_well(known)
    assert exchange.active_node() == survivor


def test_asterisk_is_killed(caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    known = exchange.record_keys()
    signal(active, "asterisk", "KILL")
    call_again(caller, callee, time.monotonic())
    assert main_process(exchange.active_node(), "asterisk") != before
    operator_cleans_up()
    everything_is_well(known)


def test_asterisk_is_frozen(caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    known = exchange.record_keys()
    signal(active, "asterisk", "STOP")
    # The process is there and its socket takes packets: only who talks SIP to it notices.
    call_again(caller, callee, time.monotonic())
    assert main_process(exchange.active_node(), "asterisk") != before
    operator_cleans_up()
    everything_is_well(known)


def test_the_database_is_killed(caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    asterisk, database = main_process(active, "asterisk"), main_process(active, "mariadb")
    killed = time.monotonic()
    with SipProbe() as sip:
        signal(active, "mariadb", "KILL")
        # Calls go on: one that begins while the database is away is answered at the first attempt.
        phones.call(caller, callee, seconds=3.0)
        exchange.wait_until(
            "the database to be back and writable",
            lambda: exchange.sql(active, "SELECT @@read_only AS read_only")[0]["read_only"], "0".__eq__, OUTAGE_SECONDS,
        )  # fmt: skip
        operator_cleans_up()
        exchange.wait_healthy(RETURN_SECONDS)
        assert sip.longest_silence(killed) < 2.0
    assert main_process(active, "mariadb") != database
    # A dead database is no reason to stop telephony, nor to move it.
    assert (exchange.active_node(), main_process(active, "asterisk")) == (active, asterisk)
    known = exchange.record_keys()
    call_again(caller, callee, time.monotonic())
    everything_is_well(known)
