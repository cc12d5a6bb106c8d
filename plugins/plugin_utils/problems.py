# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A problem: what was found, and what to do about it. A rule returns a list of them; `listing` writes the list as text."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: C(found) and C(cure), each a sentence; that of C(found) without its full stop.
Problem = dict[str, str]


def problem(found: str, cure: str) -> Problem:
    """Return a problem.

    :param found: what was found, without a full stop.
    :param cure: what to do about it, in whole sentences.
    """
    return {"found": found, "cure": cure}


def meant(name: str, known: Iterable[str]) -> str:
    """Return the beginning of a cure that asks for the known name which is most alike; empty where none is."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"Was {near[0]} meant? " if near else ""


def out_of_range(settings: Mapping[str, Any], ranges: Mapping[str, tuple[int, int, str]]) -> Iterator[Problem]:
    """Report numbers that are too small or too large.

    :param settings: value of each variable.
    :param ranges: variable -> lowest, highest, and what it is ("seconds").
    """
    for name, (lowest, highest, what) in ranges.items():
        value = int(settings[name])
        if not lowest <= value <= highest:
            yield problem(f"{name} is {value}", f"Give {what} from {lowest} to {highest}.")


def listing(problems: Sequence[Problem]) -> str:
    """Return the problems as a person reads them, numbered: "1. FOUND. What to do: CURE 2. FOUND. What to do: CURE"."""
    return " ".join(
        f"{number}. {entry['found'].strip()}. What to do: {entry['cure'].strip()}" for number, entry in enumerate(problems, 1)
    )
