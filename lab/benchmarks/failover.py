"""How long calls stay away when the active host is killed: python3 -m lab.benchmarks.failover --runs N, on a deployed lab.

Each run is the failover of `lab.story`, with its proofs: audio both ways, the record in both databases, the killed
host back and the databases equal. Reported are the minimum, the median and the maximum over the runs, in seconds.
"""

from __future__ import annotations

import argparse
import sys

from lab import exchange
from lab.config import LabError
from lab.phones import Phone
from lab.story import CALLEE, CALLEE_HZ, CALLER, CALLER_HZ, Teller, failover

from . import Measured, report


def main() -> int:
    """Run the failovers and print the table; return 1 when one of them fails."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.benchmarks.failover", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often the active host is killed (1 to 50, default 5)")
    runs = min(50, max(1, parser.parse_args().runs))
    measured: list[Measured] = []
    try:
        exchange.wait_healthy(60)
        with Phone(CALLER, CALLER_HZ) as caller, Phone(CALLEE, CALLEE_HZ) as callee:
            teller = Teller()
            while len(measured) < runs:
                measured.append(failover(teller, caller, callee))
    except LabError as error:
        print(f"failover: run {len(measured) + 1} of {runs} failed: {error}", file=sys.stderr)
    if measured:
        print(f"\n{report('seconds after the kill', measured)}")
    return 0 if len(measured) == runs else 1


if __name__ == "__main__":
    sys.exit(main())
