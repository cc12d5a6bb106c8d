"""How many calls a second does the exchange take, with call records and without? python3 -m lab.benchmarks.rate --runs N

On a deployed lab. A run is two loads of ten seconds, one with call records and events and one with both switched off; which of them is
first changes from run to run, so whatever the machine does meanwhile it does to both. Each side has a rate of its own that goes
up after a load without a failed call and down after one with: so it stays about the rate at which every second load is clean (the
up-and-down method: W. J. Dixon and A. M. Mood, J. Amer. Statist. Assoc. 43, 1948, pages 109 to 126). Minimum, median and maximum
of the rates, their mean, the ratio of the means, and what a call took of the processors in Asterisk.
"""

from __future__ import annotations

import os
import statistics
import sys
from dataclasses import dataclass, field

from lab import exchange
from lab.cli import exit_code
from lab.config import LabError
from lab.sipp import Load, Outcome

from . import parser

SECONDS = 10
TALK_SECONDS = 2.0
#: A side begins here (calls a second) and grows by this factor until a call fails; from then on it goes by the other one.
FIRST, GROWTH, STEP = 200.0, 1.3, 1.04
LIMIT = 2000.0
ENGINES = ("cdr", "cel")
WITH, WITHOUT = "with records", "without records"


@dataclass
class Staircase:
    """A rate (calls a second) that goes up after a clean load, and down after another."""

    rate: float = FIRST
    #: The rates since the first load that was not clean, which itself comes from a coarse step and does not count.
    rates: list[float] = field(default_factory=list)
    #: Processor seconds of Asterisk for a call, of the same loads.
    costs: list[float] = field(default_factory=list)
    _fine: bool = False

    def answer(self, clean: bool, cost: float) -> None:
        """Take what became of a load at `rate`, and go to the next.

        Args:
            clean: no call failed.
            cost: processor seconds of Asterisk for a call.
        """
        if self._fine:
            self.rates.append(self.rate)
            self.costs.append(cost)
        self._fine = self._fine or not clean or self.rate * GROWTH > LIMIT
        if clean:
            self.rate = min(LIMIT, self.rate * (STEP if self._fine else GROWTH))
        else:
            self.rate /= STEP


def order(run: int) -> tuple[str, str]:
    """Which side is first in a run (counted from 0)."""
    return (WITHOUT, WITH) if run % 2 else (WITH, WITHOUT)


def processor_seconds(stat: str, ticks: int) -> float:
    """Return what a process took of the processors so far, in seconds.

    Args:
        stat: its /proc/PID/stat (proc_pid_stat(5)): utime and stime are fields 14 and 15. The name may have blanks.
        ticks: clock ticks of a second (`getconf CLK_TCK`).
    """
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / ticks


def _load(rate: float) -> tuple[Outcome, float]:
    """Make calls at a rate; return what became of them, and Asterisk's processor seconds for a call."""
    # What the last load left to do is done first.
    exchange.wait_healthy(120)
    exchange.wait_until("an empty spool of records", exchange.spool_empty, bool, 120)
    node = exchange.active_node()
    stat = ["cat", f"/proc/{exchange.main_process(node, 'asterisk')}/stat"]
    ticks = os.sysconf("SC_CLK_TCK")
    before = processor_seconds(exchange.run(node, stat), ticks)
    with Load(rate, round(rate * SECONDS), talk_seconds=TALK_SECONDS) as load:
        outcome = load.wait()
    return outcome, (processor_seconds(exchange.run(node, stat), ticks) - before) / max(1, outcome.begun)


def _write_records(write: bool) -> None:
    """Switch call records and events on or off on the active node, as their files do."""
    now, then = ("no", "yes") if write else ("yes", "no")
    for engine in ENGINES:
        command = f"sed -i 's/^enable = {now}/enable = {then}/' /etc/asterisk/{engine}.conf && asterisk -rx 'module reload {engine}'"
        exchange.run(exchange.active_node(), ["sh", "-c", command])


def table(sides: dict[str, Staircase]) -> str:
    """Return the table of both sides.

    Raises LabError when a side has no rate that counts: there were too few runs.
    """
    if not all(side.rates for side in sides.values()):
        raise LabError("no load failed: more runs are needed (RUNS=20)")
    head = f"{'min':>7} {'median':>7} {'mean':>7} {'max':>7}"
    lines = [f"{'calls a second at which every second load is clean':<56} {head} {'loads':>5}"]
    for name, side in sides.items():
        rates = side.rates
        lines.append(
            f"{name:<56} {min(rates):7.1f} {statistics.median(rates):7.1f} {statistics.fmean(rates):7.1f} {max(rates):7.1f}"
            f" {len(rates):5}"
        )
    ratio = statistics.fmean(sides[WITH].rates) / statistics.fmean(sides[WITHOUT].rates)
    lines.append(f"{'with, of without':<56} {'':7} {'':7} {ratio:7.3f}")
    lines.append(f"{'milliseconds of a processor in Asterisk for a call':<56} {head}")
    for name, side in sides.items():
        costs = [1000 * cost for cost in side.costs]
        lines.append(f"{name:<56} {min(costs):7.2f} {statistics.median(costs):7.2f} {statistics.fmean(costs):7.2f} {max(costs):7.2f}")
    return "\n".join(lines)


def main() -> int:
    """Measure and print the table."""
    runs = min(200, max(1, parser("lab.benchmarks.rate", __doc__ or "").parse_args().runs))
    sides = {WITH: Staircase(), WITHOUT: Staircase()}

    def measure() -> None:
        exchange.wait_healthy(60)
        try:
            for run in range(runs):
                for name in order(run):
                    side = sides[name]
                    _write_records(name == WITH)
                    outcome, cost = _load(side.rate)
                    print(f"  run {run + 1}, {name:<15} {side.rate:7.1f} a second: {outcome}; {1000 * cost:.2f} ms", flush=True)
                    side.answer(outcome.failed == 0 and outcome.succeeded == outcome.begun, cost)
        finally:
            _write_records(True)
        print(f"\n{table(sides)}")

    return exit_code(measure)


if __name__ == "__main__":
    sys.exit(main())
