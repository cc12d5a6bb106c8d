"""Whether the cluster leaves a busy Asterisk alone: python3 -m lab.benchmarks.load --rate 400 --seconds 10, on a deployed lab.

Calls are begun at that rate for that long; Asterisk must not be restarted, nor the service moved, and it must answer afterwards.
Reported is what became of the calls, and the longest silence of OPTIONS from outside meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time

from lab import exchange
from lab.cli import exit_code
from lab.config import LabError
from lab.probe import SipProbe
from lab.sipp import Load, Outcome

#: Within which an exchange that was flooded must answer a stranger's OPTIONS again.
RECOVERY_SECONDS = 10.0


def flood(rate: float, seconds: float) -> tuple[Outcome, float]:
    """Call at a rate for some seconds; return what became of the calls, and the longest silence in seconds.

    Raises LabError when Asterisk was restarted, moved, or does not answer afterwards.
    """
    active = exchange.active_node()
    process = exchange.main_process(active, "asterisk")
    with SipProbe(0.05) as sip, Load(rate, round(rate * seconds)) as load:
        begun = time.monotonic()
        outcome = load.wait()
        sip.wait_answer(time.monotonic(), RECOVERY_SECONDS)
        silence = sip.longest_silence(begun)
    if (exchange.active_node(), exchange.main_process(active, "asterisk")) != (active, process):
        raise LabError(f"the cluster restarted a busy Asterisk on {active}: {outcome}; {exchange.look('pcs status', active)}")
    return outcome, silence


def main() -> int:
    """Flood once and print what happened; return 1 when Asterisk was restarted."""
    arguments = argparse.ArgumentParser(prog="python3 -m lab.benchmarks.load", description=__doc__)
    arguments.add_argument("--rate", type=float, default=400.0, help="calls begun in a second (default 400)")
    arguments.add_argument("--seconds", type=float, default=10.0, help="for how long (default 10)")
    given = arguments.parse_args()

    def run() -> None:
        exchange.wait_healthy(60)
        outcome, silence = flood(given.rate, given.seconds)
        print(f"{given.rate:g} calls a second for {given.seconds:g} s: {outcome}")
        print(f"longest silence of OPTIONS from outside: {silence:.2f} s; Asterisk was not restarted")
        exchange.wait_healthy(60)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
