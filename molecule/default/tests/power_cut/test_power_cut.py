"""What was promised before the power cut holds after it, on the survivor and on the machine that came back."""

from __future__ import annotations

import re

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.vm import power_cut
from lab.vm.power_cut import Report

DISK_KIB = 1024 * 1024


@pytest.fixture(scope="module")
def report() -> Report:
    """Give what the side effect wrote down."""
    return power_cut.load()


def test_it_was_a_cut_in_the_middle_of_work(report: Report) -> None:
    assert report.calls >= power_cut.CALLS
    assert len(report.files) >= power_cut.FILES
    assert report.answered_after > 0


def test_the_survivor_made_sure_that_the_other_was_off_and_keeps_the_service(report: Report) -> None:
    """The other was switched on again and came back; nothing moved back to it."""
    assert exchange.fenced_at(report.victim, report.cut_at, report.survivor) > report.cut_at
    assert exchange.active_node() == report.survivor


def test_every_file_that_was_synchronised_is_there(report: Report) -> None:
    script = f"cd {power_cut.WRITTEN} && sha256sum *"
    lines = exchange.run(report.survivor, ["sh", "-c", script]).splitlines()
    there = {f"{power_cut.WRITTEN}/{name}": checksum for checksum, name in (line.split() for line in lines)}
    assert {path: there.get(path) for path in report.files} == report.files


def test_message_and_recording_from_before_the_cut_are_there(report: Report) -> None:
    assert sum(path.endswith(".wav") for path in report.kept) >= 2
    assert power_cut.checksums(report.survivor, list(report.kept)) == report.kept


def test_every_call_record_that_could_be_read_is_in_both_databases(report: Report) -> None:
    before = {tuple(key) for key in report.records}
    assert before
    exchange.wait_databases_equal(60)
    for node in HOSTS:
        assert before <= exchange.record_keys([node])


def test_every_call_that_was_closed_while_the_database_was_away_has_its_record_once(report: Report) -> None:
    """What a power cut may take is the last second; a call that it cut off is rebuilt, and does not count here."""
    assert report.closed > 0
    before = {tuple(key) for key in report.records}
    for node in HOSTS:
        rows = [
            row
            for row in exchange.records(node)
            if (row["src"], row["dst"], row["node"]) == ("100", "101", report.victim)
            and (row["rebuilt"], row["disposition"]) == ("0", "ANSWERED")
            and tuple(row[column] for column in exchange.RECORD_KEY) not in before
        ]
        assert report.closed <= len(rows) <= report.calls + 1


def test_the_machine_that_came_back_fetched_only_what_had_changed(report: Report) -> None:
    since = f"--since=@{report.cut_at:.0f}"
    kernel = exchange.run(report.victim, ["journalctl", "_TRANSPORT=kernel", since, "--no-pager", "--output=cat", "--grep=drbd"])
    fetched = [int(kib) for kib in re.findall(r"Began resync as SyncTarget \(will sync (\d+) KB", kernel)]
    assert len(fetched) >= 1
    assert 0 < sum(fetched) < DISK_KIB // 4
    assert exchange.disk(report.victim) == exchange.Disk("Connected", ("Secondary", "Primary"), ("UpToDate", "UpToDate"))
