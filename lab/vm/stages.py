"""How long each stage of molecule's scenario took, from what molecule prints."""

from __future__ import annotations

import re
import time

from ..command import plain

#: What a line of molecule says when a stage begins: with colours in one way, without in the other.
_BEGIN = re.compile(r"default (?:➜|>) (?P<stage>[a-z_ -]+)[]:] Executing$")


def begun(line: str) -> str | None:
    """Return the stage of the scenario whose begin a line of molecule tells, or None when it tells something else."""
    stage = _BEGIN.search(plain(line).rstrip())
    return stage["stage"] if stage else None


class Stages:
    """The stages that began so far, each with its time; what comes before the first is the preparation."""

    def __init__(self) -> None:
        self._begins: list[tuple[str, float]] = []
        self.begin("preparation")

    def begin(self, stage: str) -> None:
        """Note that a stage begins now."""
        self._begins.append((stage, time.monotonic()))

    def read(self, line: str) -> None:
        """Note the begin of a stage, if it is that what a line of molecule tells."""
        if stage := begun(line):
            self.begin(stage)

    def report(self) -> str:
        """Return a line with the seconds of each stage, of which the last ends now, and one with their sum."""
        ends = [at for _stage, at in self._begins[1:]] + [time.monotonic()]
        took = [(stage, end - at) for (stage, at), end in zip(self._begins, ends, strict=True)]
        took.append(("in total", ends[-1] - self._begins[0][1]))
        return "\n".join(f"  {stage:<12} {seconds:6.0f} s" for stage, seconds in took)
