"""The benchmarks' tables, and what they read of Ansible's output."""

from __future__ import annotations

import pytest

from lab.benchmarks import deployment, rate, records, report
from lab.config import LabError
from lab.sipp import Outcome


def test_the_table_gives_minimum_median_and_maximum_of_each_moment() -> None:
    runs = [[("fenced", 3.0), ("call", 9.0)], [("fenced", 1.0), ("call", 12.0)], [("fenced", 2.0), ("call", 7.5)]]
    lines = [line.split() for line in report("seconds after", runs).splitlines()]
    assert lines[0] == ["seconds", "after,", "3", "runs", "min", "median", "max", "runs"]
    assert lines[1:] == [["fenced", "1.00", "2.00", "3.00", "3"], ["call", "7.50", "9.00", "12.00", "3"]]


def test_what_only_some_runs_have_says_so() -> None:
    lines = report("seconds", [[("site", 80.0)], [("site", 90.0), ("peer", 30.0)]]).splitlines()
    assert lines[2].split() == ["peer", "30.00", "30.00", "30.00", "1"]


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


@pytest.mark.parametrize("limit", [120.0, 333.0, 1999.0])
def test_a_staircase_stays_about_the_limit(limit: float) -> None:
    side = rate.Staircase()
    for _load in range(60):
        side.answer(side.rate <= limit, 0.002)
    settled = side.rates[-20:]
    assert all(limit / rate.STEP**2 <= found <= limit * rate.STEP**2 for found in settled)
    assert len(side.costs) == len(side.rates)


def test_a_machine_that_takes_any_rate_is_not_asked_for_more_than_the_limit() -> None:
    side = rate.Staircase()
    for _load in range(80):
        side.answer(True, 0.002)
    assert side.rate == rate.LIMIT


def test_neither_side_of_the_rate_is_always_first() -> None:
    assert [rate.order(run) for run in range(4)] == [(rate.WITH, rate.WITHOUT), (rate.WITHOUT, rate.WITH)] * 2


def test_processor_seconds_of_a_process_with_a_strange_name() -> None:
    stat = "77 (a ) b) R 1 77 77 0 -1 4194560 0 0 0 0 250 150 0 0 -2 0 5 0 100"
    assert rate.processor_seconds(stat, 100) == 4.0


def test_the_table_of_the_rate() -> None:
    sides = {
        rate.WITH: rate.Staircase(rates=[95.0, 95.0], costs=[0.0021, 0.0023]),
        rate.WITHOUT: rate.Staircase(rates=[90.0, 110.0], costs=[0.002, 0.002]),
    }
    text = rate.table(sides)
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("with, of without")] == ["0.950"]
    assert "   2.10    2.20    2.20    2.30" in text
    with pytest.raises(LabError, match="more runs"):
        rate.table({rate.WITH: rate.Staircase(), rate.WITHOUT: rate.Staircase()})
