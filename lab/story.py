"""The story that the lab is for, told while it happens: python3 -m lab.story.

Two telephones talk through the floating address and their call record is in both databases. The host that serves
is killed in the middle of everything; the telephones go on dialling, and the time until the next answered call is
measured from outside. In the end the killed host is back, both databases hold the same, and the cluster is healthy.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from . import exchange, hosts, phones
from .config import FLOATING_ADDRESS, HOSTS, LabError
from .phones import Phone
from .probe import PingProbe, SipProbe

CALLER, CALLER_HZ = "100", 440
CALLEE, CALLEE_HZ = "101", 620
#: What each telephone has to hear of the other, and what the call's record says of that at least: it counts whole seconds.
TALK_SECONDS = 3.0
TALKED = int(TALK_SECONDS) - 1
#: Detection, fencing, mount, database and Asterisk: over this and something hangs.
OUTAGE_LIMIT_SECONDS = 90.0
RETURN_LIMIT_SECONDS = 180.0
#: The moment that matters to who telephones.
NEXT_CALL = "the next answered call"


class Teller:
    """Prints what happens, each line with the seconds since the beginning."""

    def __init__(self) -> None:
        """Start the clock."""
        self.begun = time.monotonic()

    def chapter(self, title: str) -> None:
        """Print a headline."""
        print(f"\n{title}", flush=True)

    def tell(self, text: str) -> None:
        """Print one line."""
        print(f"  {time.monotonic() - self.begun:6.1f} s  {text}", flush=True)


def _record_line(record: exchange.Row) -> str:
    return (
        f"src={record['src']} dst={record['dst']} billsec={record['billsec']} disposition={record['disposition']}"
        f" uniqueid={record['uniqueid']}"
    )


def _check_record(record: exchange.Row) -> None:
    if int(record["billsec"]) < TALKED:
        raise LabError(f"the telephones talked for {TALK_SECONDS:g} s and the call record says {_record_line(record)}")


def talk() -> phones.Call:
    """Have both telephones talk, through the floating address, and return the call."""
    with Phone(CALLER, CALLER_HZ) as caller, Phone(CALLEE, CALLEE_HZ) as callee:
        return phones.call(caller, callee)


def _first_call(teller: Teller, caller: Phone, callee: Phone) -> None:
    teller.chapter(f"A call: {CALLER} dials {CALLEE}")
    known = exchange.record_keys()
    call = phones.call(caller, callee, TALK_SECONDS)
    teller.tell(f"answered after {call.answered_after:.2f} s")
    teller.tell(
        f"audio both ways: {CALLER} heard {call.heard_by_caller:.1f} s of {CALLEE}'s tone ({CALLEE_HZ} Hz), "
        f"{CALLEE} heard {call.heard_by_callee:.1f} s of {CALLER}'s ({CALLER_HZ} Hz); hung up"
    )
    record = exchange.wait_record(CALLER, CALLEE, known, HOSTS)
    _check_record(record)
    for node in HOSTS:
        teller.tell(f"call record in the database of {node}: {_record_line(record)}")


def failover(teller: Teller, caller: Phone, callee: Phone) -> list[tuple[str, float]]:
    """Kill the active host and call until somebody answers; return the moments in seconds after the kill."""
    victim = exchange.active_node()
    survivor = exchange.peer(victim)
    teller.chapter(f"Disaster: {victim}, which serves, loses its power")
    known = exchange.record_keys()
    exchange.wait_registrations_stored(caller.address, callee.address)
    with SipProbe() as sip, PingProbe() as ping:
        killed_clock = time.time()
        killed = time.monotonic()
        hosts.kill(victim)
        teller.tell(f"{victim} is gone, in one instant; {CALLER} keeps dialling {CALLEE}")
        answered, attempts = phones.call_until_answered(caller, callee, OUTAGE_LIMIT_SECONDS)
        teller.tell(f"{CALLEE} answered, at attempt {attempts}, {answered - killed:.1f} s after the kill")
        # Answers that were on their way when the plug was pulled are not those of the survivor.
        pinged = ping.wait_answer(killed + 0.5, 5) - killed
        spoke = sip.wait_answer(killed + 0.5, 5) - killed
    heard = phones.converse(caller, callee, TALK_SECONDS)
    teller.tell(f"audio both ways: {heard[0]:.1f} s and {heard[1]:.1f} s; hung up")
    now = exchange.active_node(survivor)
    if now != survivor:
        raise LabError(f"{survivor} should serve and {now} does; {exchange.look('pcs status', survivor)}")
    fenced = exchange.fenced_at(victim, killed_clock, survivor) - killed_clock
    record = exchange.wait_record(CALLER, CALLEE, known, [survivor], talked=TALKED)
    teller.tell(f"call record in the database of {survivor}: {_record_line(record)}")
    moments = [
        ("the killed host fenced", fenced),
        ("the floating address answers ping", pinged),
        ("the floating address answers SIP", spoke),
        (NEXT_CALL, answered - killed),
    ]

    teller.chapter(f"Afterwards: {victim} comes back")
    exchange.wait_until(f"{victim} to be switched on again", lambda: hosts.running(victim), bool, RETURN_LIMIT_SECONDS)
    exchange.wait_healthy(RETURN_LIMIT_SECONDS)
    back = time.monotonic() - killed
    teller.tell(f"{victim} is back as standby; cluster healthy, replication runs both ways")
    moments.append(("the killed host back, cluster healthy", back))
    if exchange.active_node() != survivor:
        raise LabError(f"the service moved back from {survivor} by itself, which interrupts calls once more")
    teller.tell(f"{survivor} goes on serving: nothing moves back by itself")
    record = exchange.wait_record(CALLER, CALLEE, known, HOSTS, talked=TALKED)
    teller.tell(f"{victim} has received the record of the second call: {_record_line(record)}")
    sums = exchange.wait_databases_equal()
    teller.tell("databases equal: " + ", ".join(f"{table} {value}" for table, value in sums.items()) + " on both")
    return moments


def tell() -> None:
    """Tell the whole story. Raises LabError at the first point that fails."""
    teller = Teller()
    teller.chapter("The exchange")
    exchange.wait_healthy(60)
    active = exchange.active_node()
    teller.tell(f"{active} serves at {FLOATING_ADDRESS}, {exchange.peer(active)} is standby; cluster healthy")
    with Phone(CALLER, CALLER_HZ) as caller, Phone(CALLEE, CALLEE_HZ) as callee:
        teller.tell(f"telephones {CALLER} and {CALLEE} have registered with {FLOATING_ADDRESS}")
        _first_call(teller, caller, callee)
        moments = failover(teller, caller, callee)
    print(f"\n  {'seconds after the kill':<44}")
    for what, seconds in moments:
        print(f"  {what:<44} {seconds:6.1f}")
    outage = dict(moments)[NEXT_CALL]
    print(f"\nFrom the kill to the next answered call: {outage:.1f} s\n", flush=True)


def main() -> int:
    """Tell the story; return 0 when every point of it came true."""
    argparse.ArgumentParser(prog="python3 -m lab.story", description=__doc__).parse_args()
    if os.geteuid() != 0:
        print("story: it takes root to be in the lab's network", file=sys.stderr)
        return 1
    try:
        tell()
    except LabError as error:
        print(f"\nstory: it failed here: {error}", file=sys.stderr)
        print(f"story: {exchange.look('pcs status')}; logs: journalctl -b, /var/log/asterisk", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
