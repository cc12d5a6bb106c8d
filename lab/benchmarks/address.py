"""How long calls stay away when somebody removes the floating address: python3 -m lab.benchmarks.address --runs N.

On a deployed lab. Each run removes the address from the active node behind the cluster's back, in the middle of calls, and asks
from outside with OPTIONS every 50 ms. Reported are the minimum, the median and the maximum over the runs, in seconds. A call that
ends, or an Asterisk that is restarted, is a failure.
"""

from __future__ import annotations

import sys
import time

from lab import exchange
from lab.command import wait_for
from lab.config import LabError
from lab.probe import SipProbe
from lab.sipp import Load

from . import Measured, measure, parser

CALLS = 5
TALK_SECONDS = 8.0
LIMIT_SECONDS = 90.0


def once(_before: int) -> Measured:
    """Remove the address once and return how long nobody answered.

    Raises LabError when a call ended with it, or Asterisk did.
    """
    active = exchange.active_node()
    process = exchange.main_process(active, "asterisk")
    with SipProbe(0.05) as sip, Load(CALLS, CALLS, talk_seconds=TALK_SECONDS) as load:
        wait_for("the calls to be answered", lambda: len(load.answered()) == CALLS, 10)
        removed = time.monotonic()
        exchange.remove_address(active)
        sip.wait_answer(time.monotonic() + 0.1, LIMIT_SECONDS)
        outcome = load.wait()
        silence = sip.longest_silence(removed)
    exchange.acknowledge_failures()
    exchange.wait_healthy(60)
    if outcome.succeeded != CALLS:
        raise LabError(f"calls ended with the address: {outcome}")
    if (exchange.active_node(), exchange.main_process(active, "asterisk")) != (active, process):
        raise LabError(f"Asterisk was restarted on {active} because its address was away; {exchange.look('pcs status', active)}")
    return [("longest silence of OPTIONS", silence)]


def main() -> int:
    """Remove the address again and again and print the table; return 1 when a run fails."""
    runs = parser("lab.benchmarks.address", __doc__ or "").parse_args().runs
    try:
        exchange.wait_healthy(60)
    except LabError as error:
        print(f"address: not begun: {error}", file=sys.stderr)
        return 1
    return measure(runs, "seconds after the removal", once)


if __name__ == "__main__":
    sys.exit(main())
