"""How many calls a second does the exchange take, with call records and without? python3 -m lab.benchmarks.rate --runs N

On a deployed lab. The highest rate is searched at which SIPp makes calls for ten seconds without a failed one, in turn with call
records and events and with both switched off, so that the machine is the same for both. Minimum, median and maximum over the
runs, and the ratio of the medians.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable

from lab import exchange
from lab.config import LabError
from lab.sipp import Load

from . import parser

SECONDS = 10
TALK_SECONDS = 2.0
#: The search begins here (calls a second), grows by this factor until a call fails, and ends at this ratio of bad to good.
FIRST, GROWTH, NARROW = 200.0, 1.3, 1.02
LIMIT = 2000.0
ENGINES = ("cdr", "cel")


def clean(rate: float) -> bool:
    """Make calls at a rate; tell whether none failed."""
    # What the last load left to do is done first.
    exchange.wait_healthy(120)
    with Load(rate, round(rate * SECONDS), talk_seconds=TALK_SECONDS) as load:
        outcome = load.wait()
    print(f"    {rate:7.1f} a second: {outcome}", flush=True)
    return outcome.failed == 0 and outcome.succeeded == outcome.begun


def highest(works: Callable[[float], bool]) -> float:
    """Search the highest rate that works, by growing and then halving the interval.

    Args:
        works: tells whether a rate works.

    Returns:
        Calls a second; 0.0 when not even the first rate works.
    """
    good, bad = 0.0, FIRST
    while bad <= LIMIT and works(bad):
        good, bad = bad, bad * GROWTH
    if good == 0.0 or bad > LIMIT:
        return good
    while bad / good > NARROW:
        middle = (good + bad) / 2
        if works(middle):
            good = middle
        else:
            bad = middle
    return good


def write_records(write: bool) -> None:
    """Switch call records and events on or off on the active node, as their files do."""
    now, then = ("no", "yes") if write else ("yes", "no")
    for engine in ENGINES:
        command = f"sed -i 's/^enable = {now}/enable = {then}/' /etc/asterisk/{engine}.conf && asterisk -rx 'module reload {engine}'"
        exchange.run(exchange.active_node(), ["sh", "-c", command])


def main() -> int:
    """Search in turn, and print the table."""
    runs = min(20, max(1, parser("lab.benchmarks.rate", __doc__ or "").parse_args().runs))
    found: dict[str, list[float]] = {"with records": [], "without records": []}
    try:
        exchange.wait_healthy(60)
        for run in range(runs):
            # Who begins changes: a machine that grows warm, or slow, does it to both.
            for name in sorted(found, reverse=bool(run % 2)):
                print(f"  run {run + 1}, {name}", flush=True)
                write_records(name == "with records")
                try:
                    found[name].append(highest(clean))
                finally:
                    write_records(True)
    except LabError as error:
        print(f"rate: it failed here: {error}", file=sys.stderr)
        return 1
    print(f"\n{'highest rate without a failed call, calls a second':<56} {'min':>7} {'median':>7} {'max':>7}")
    for name, rates in found.items():
        print(f"{name:<56} {min(rates):7.1f} {statistics.median(rates):7.1f} {max(rates):7.1f}")
    ratio = statistics.median(found["with records"]) / (statistics.median(found["without records"]) or 1.0)
    print(f"{'with, of without':<56} {'':7} {ratio:7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
