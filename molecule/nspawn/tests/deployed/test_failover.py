"""Something dies on the active node, and calls work again without anybody's help."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest

from lab import exchange, hang, hosts, phones
from lab.command import wait_for
from lab.config import FLOATING_ADDRESS, HOSTS, LabError
from lab.exchange import Row, acknowledge_failures, main_process
from lab.phones import Phone
from lab.probe import SipProbe
from lab.sipp import Load

#: From the failure to the next answered call. Detection is a few seconds, and so is a start of Asterisk.
OUTAGE_SECONDS = 90
RETURN_SECONDS = 180
#: From the moment an address is removed until it answers: the cluster looks every other second.
ADDRESS_SECONDS = 5.0
#: From the moment the SIP stack hangs until another one answers: two seconds to the next check, its four, and a start.
HANG_SECONDS = 20.0


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
        acknowledge_failures()
        exchange.wait_healthy(RETURN_SECONDS)


def signal(node: str, service: str, name: str) -> None:
    """Send a signal to a service's main process, without systemd's knowledge."""
    exchange.run(node, ["kill", f"-{name}", main_process(node, service)])


def call_again(caller: Phone, callee: Phone, since: float) -> float:
    """Dial until answered, check the audio both ways; return the seconds since the failure until the answer."""
    answered, attempts = phones.call_until_answered(caller, callee, OUTAGE_SECONDS)
    phones.converse(caller, callee, seconds=3.0)
    print(f"next answered call {answered - since:.1f} s after the failure, attempt {attempts}")
    return answered - since


def settled_node() -> str:
    """Return the active node when the cluster has taken note of a start: Asterisk answers before that."""
    return exchange.wait_until("the cluster to have Asterisk", exchange.active_node, bool, 30)


def everything_is_well(known: set[tuple[str, ...]]) -> Row:
    """Check that the record of the call is in both databases, that these are equal, and the exchange is healthy."""
    exchange.wait_healthy(RETURN_SECONDS)
    record = exchange.wait_record("100", "101", known, HOSTS, talked=2)
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
    assert main_process(settled_node(), "asterisk") != before
    acknowledge_failures()
    everything_is_well(known)


def test_asterisk_is_frozen(caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    known = exchange.record_keys()
    signal(active, "asterisk", "STOP")
    # The process is there and its socket takes packets: only who talks SIP to it notices.
    call_again(caller, callee, time.monotonic())
    assert main_process(settled_node(), "asterisk") != before
    acknowledge_failures()
    everything_is_well(known)


@pytest.mark.long
@pytest.mark.parametrize("what", [hang.TRANSPORT, hang.POOL])
def test_the_sip_stack_hangs(caller: Phone, callee: Phone, what: str) -> None:
    """The process sleeps as a healthy one does, its console answers; only SIP gets nothing done."""
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    known = exchange.record_keys()
    with SipProbe() as sip:
        hang.hang(active, what)
        hung = time.monotonic()
        sip.wait_answer(hung + 1, HANG_SECONDS)
        print(f"answers again {time.monotonic() - hung:.1f} s after the {what} hung")
    assert main_process(settled_node(), "asterisk") != before
    call_again(caller, callee, hung)
    acknowledge_failures()
    everything_is_well(known)


def test_the_address_is_removed() -> None:
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    with SipProbe(0.05) as sip, Load(5, 5, talk_seconds=8.0) as load:
        wait_for("the calls to be answered", lambda: len(load.answered()) == 5, 10)
        removed = time.monotonic()
        exchange.remove_address(active)
        sip.wait_answer(time.monotonic() + 0.1, OUTAGE_SECONDS)
        outcome = load.wait()
        assert sip.longest_silence(removed) <= ADDRESS_SECONDS
    # Calls in progress go on: the address comes back, and Asterisk was not touched.
    assert (outcome.succeeded, outcome.failed) == (5, 0), outcome
    assert (exchange.active_node(), main_process(active, "asterisk")) == (active, before)
    failures = exchange.cluster().failures
    assert [failure for failure in failures if "pbx-ip" in failure], failures
    assert not [failure for failure in failures if "pbx-asterisk" in failure], failures
    acknowledge_failures()


@contextlib.contextmanager
def deaf_to_the_monitor(node: str) -> Iterator[None]:
    """Lose every request that the cluster's own check sends: it comes from the floating address itself."""
    rule = f"ip saddr {FLOATING_ADDRESS} ip daddr {FLOATING_ADDRESS} udp dport 5060 counter drop"
    chain = "chain input { type filter hook input priority -200; " + rule + "; }"
    exchange.run(node, ["nft", "-f", "-"], stdin=f"table ip crowded {{\n{chain}\n}}\n")
    try:
        yield
    finally:
        exchange.run(node, ["nft", "delete", "table", "ip", "crowded"])


@pytest.mark.long
def test_a_busy_asterisk_is_left_alone() -> None:
    """The check's requests get no answer, and other callers do: that is an exchange that works."""
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    with Load(20, 400) as load:
        wait_for("the first calls to be answered", lambda: len(load.answered()) >= 10, 10)
        begun = time.time()
        with deaf_to_the_monitor(active):
            # Twice the check's time, and its interval: two whole checks at least.
            wait_for("two checks without an answer", lambda: said_busy(active, begun) >= 2, 30, every=0.5)
        outcome = load.wait()
    assert (outcome.succeeded, outcome.failed) == (400, 0), outcome
    assert (exchange.active_node(), main_process(active, "asterisk")) == (active, before)


def said_busy(node: str, since: float) -> int:
    """Return how often the check has said, since a moment, that Asterisk is busy."""
    argv = ["journalctl", "--quiet", "--output=cat", f"--since=@{since:.0f}", "--grep=is busy, which is no reason"]
    return len(hosts.run(node, argv).stdout.splitlines())


@pytest.mark.long
def test_a_flood_ends_no_call_but_its_own() -> None:
    """More than the machine may carry: calls fail, but the cluster does not restart Asterisk."""
    active = exchange.active_node()
    before = main_process(active, "asterisk")
    with Load(400, 2000) as load, SipProbe() as sip:
        load.wait()
        sip.wait_answer(time.monotonic(), 10)
    assert (exchange.active_node(), main_process(active, "asterisk")) == (active, before)


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
        acknowledge_failures()
        exchange.wait_healthy(RETURN_SECONDS)
        assert sip.longest_silence(killed) < 2.0
    assert main_process(active, "mariadb") != database
    # A dead database is no reason to stop telephony, nor to move it.
    assert (exchange.active_node(), main_process(active, "asterisk")) == (active, asterisk)
    known = exchange.record_keys()
    call_again(caller, callee, time.monotonic())
    everything_is_well(known)
