"""The benchmarks' tables, and what they read of Ansible's output."""

from __future__ import annotations

import pytest

from lab.benchmarks import deployment, rate, records, report
from lab.sipp import Outcome


def test_the_table_gives_minimum_median_and_maximum_of_each_moment() -> None:
    runs = [[("fenced", 3.0), ("call", 9.0)], [("fenced", 1.0), ("call", 12.0)], [("fenced", 2.0), ("call", 7.5)]]
    lines = [line.split() for line in report("seconds after", runs).splitlines()]
    assert lines[0] == ["seconds", "after,", "3", "runs", "min", "median", "max", "runs"]
    assert lines[1:] == [["fenced", "1.0", "2.0", "3.0", "3"], ["call", "7.5", "9.0", "12.0", "3"]]


def test_what_only_some_runs_have_says_so() -> None:
    lines = report("seconds", [[("site", 80.0)], [("site", 90.0), ("peer", 30.0)]]).splitlines()
    assert lines[2].split() == ["peer", "30.0", "30.0", "30.0", "1"]


RECAP = """
ROLES RECAP ********************************************************************
Tuesday 24 November 2026  02:00:00 +0000 (0:00:00.100)       0:01:20.100 *******
===============================================================================
pacemaker_cluster ----------------------------------------------------- 30.50s
ansible.builtin.setup -------------------------------------------------- 2.25s
~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
total ----------------------------------------------------------------- 32.75s
"""


def test_the_seconds_of_each_role_are_read_of_the_profile() -> None:
    assert deployment.roles(RECAP) == [("pacemaker_cluster", 30.5), ("ansible.builtin.setup", 2.25)]


def test_without_a_profile_there_are_none() -> None:
    assert deployment.roles("PLAY RECAP\n") == []


def outcome(failed: int = 0) -> Outcome:
    return Outcome(begun=10, succeeded=10 - failed, failed=failed, repetitions=0, reasons={})


@pytest.mark.parametrize(
    ("audit", "calls_may_fail", "problems"),
    [
        (records.Audit(outcome(), 10, 10, 0, 0, 0, 1.0, waiting=False), False, []),
        (records.Audit(outcome(1), 9, 9, 0, 0, 0, 1.0, waiting=False), False, ["1 calls failed"]),
        (records.Audit(outcome(1), 9, 9, 0, 0, 0, 1.0, waiting=False), True, []),
        (records.Audit(outcome(), 10, 9, 0, 1, 0, 1.0, waiting=False), True, ["1 closed calls have no record"]),
        (records.Audit(outcome(), 10, 10, 0, 0, 2, 1.0, waiting=False), False, ["2 calls have several records"]),
        (records.Audit(outcome(), 10, 10, 0, 0, 0, 1.0, waiting=True), True, ["records wait still, or the databases differ"]),
        (records.Audit(outcome(), 0, 0, 0, 0, 0, 1.0, waiting=False), False, ["no call was closed"]),
    ],
)
def test_what_must_not_be_of_the_records(audit: records.Audit, calls_may_fail: bool, problems: list[str]) -> None:
    assert audit.problems(calls_may_fail) == problems


@pytest.mark.parametrize("limit", [250.0, 333.0, 399.0])
def test_the_highest_rate_is_found_from_below(limit: float) -> None:
    asked: list[float] = []

    def works(rate_: float) -> bool:
        asked.append(rate_)
        return rate_ <= limit

    found = rate.highest(works)
    assert limit / rate.NARROW <= found <= limit
    assert len(asked) < 15


def test_a_machine_that_cannot_even_the_first_rate() -> None:
    assert rate.highest(lambda _rate: False) == 0.0
