"""The benchmark's table."""

from __future__ import annotations

from lab.benchmark import report


def test_the_table_gives_minimum_median_and_maximum_of_each_moment() -> None:
    runs = [[("fenced", 3.0), ("call", 9.0)], [("fenced", 1.0), ("call", 12.0)], [("fenced", 2.0), ("call", 7.5)]]
    lines = [line.split() for line in report(runs).splitlines()]
    assert lines[0][-5:] == ["3", "runs", "min", "median", "max"]
    assert lines[1:] == [["fenced", "1.0", "2.0", "3.0"], ["call", "7.5", "9.0", "12.0"]]
