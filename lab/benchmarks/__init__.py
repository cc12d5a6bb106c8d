"""What is measured of the product, over several runs: minimum, median and maximum."""

from __future__ import annotations

import statistics

#: What one run took: moments or parts with their seconds, in the order in which they are to be told.
Measured = list[tuple[str, float]]


def report(heading: str, runs: list[Measured]) -> str:
    """Return a table of all `runs`: name, minimum, median and maximum in seconds, and in how many runs it was seen."""
    names = list(dict.fromkeys(name for run in runs for name, _seconds in run))
    lines = [f"{f'{heading}, {len(runs)} runs':<56} {'min':>7} {'median':>7} {'max':>7} {'runs':>5}"]
    for name in names:
        values = [dict(run)[name] for run in runs if name in dict(run)]
        lines.append(
            f"{name:<56} {min(values):7.1f} {statistics.median(values):7.1f} {max(values):7.1f} {len(values):5}"
        )
    return "\n".join(lines)
