"""How long calls stay away when the active host is killed: python3 -m lab.benchmarks.failover --runs N, on a deployed lab.

Each run is the failover of `lab.story`, with its proofs: audio both ways, the record in both databases, the killed
host back and the databases equal. Reported are the minimum, the median and the maximum over the runs, in seconds.
"""

from __future__ import annotations

import sys

from lab import exchange
from lab.config import LabError
from lab.phones import Phone
from lab.story import CALLEE, CALLEE_HZ, CALLER, CALLER_HZ, Teller, failover

from . import measure, parser


def main() -> int:
    """Run the failovers and print the table; return 1 when one of them fails."""
    runs = parser("lab.benchmarks.failover", __doc__ or "").parse_args().runs
    try:
        exchange.wait_healthy(60)
        with Phone(CALLER, CALLER_HZ) as caller, Phone(CALLEE, CALLEE_HZ) as callee:
            teller = Teller()
            return measure(runs, "seconds after the kill", lambda _before: failover(teller, caller, callee))
    except LabError as error:
        print(f"failover: not begun: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
