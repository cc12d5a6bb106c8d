"""What is measured of the product, over several runs: minimum, median and maximum."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable

from lab.config import LabError

#: What one run took: moments or parts with their seconds, in the order in which they are to be told.
Measured = list[tuple[str, float]]


def report(heading: str, runs: list[Measured]) -> str:
    """Return a table of all `runs`: name, minimum, median and maximum in seconds, and in how many runs it was seen."""
    names = list(dict.fromkeys(name for run in runs for name, _seconds in run))
    lines = [f"{f'{heading}, {len(runs)} runs':<56} {'min':>7} {'median':>7} {'max':>7} {'runs':>5}"]
    for name in names:
        values = [dict(run)[name] for run in runs if name in dict(run)]
        lines.append(
            f"{name:<56} {min(values):7.2f} {statistics.median(values):7.2f} {max(values):7.2f} {len(values):5}"
        )
    return "\n".join(lines)


def parser(module: str, text: str) -> argparse.ArgumentParser:
    """Return a benchmark's command line, which has --runs."""
    arguments = argparse.ArgumentParser(prog=f"python3 -m {module}", description=text)
    arguments.add_argument("--runs", type=int, default=5, help="how often it is measured (1 to 50, default 5)")
    return arguments


def measure(runs: int, heading: str, once: Callable[[int], Measured]) -> int:
    """Measure `runs` times (1 to 50), print the table, and return 1 when a run failed, which is the last then, else 0.

    Args:
        runs: how often.
        heading: of the table.
        once: measures one run, which gets the number of those before it.
    """
    wanted = min(50, max(1, runs))
    measured: list[Measured] = []
    try:
        while len(measured) < wanted:
            measured.append(once(len(measured)))
    except LabError as error:
        print(f"run {len(measured) + 1} of {wanted} failed: {error}", file=sys.stderr)
    if measured:
        print(f"\n{report(heading, measured)}")
    return 0 if len(measured) == wanted else 1
