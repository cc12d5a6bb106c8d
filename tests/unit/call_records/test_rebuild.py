# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Calls that a crash cut off, from the events that a real Asterisk wrote (recorded/)."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

RECORDED = Path(__file__).parent / "recorded"
END = datetime(2026, 11, 28, 17, 45, 0)


@pytest.fixture
def calls(record: ModuleType) -> dict[str, list[dict[str, Any]]]:
    """The events of each call, times as the database returns them."""
    rows = record.parse(record.CEL, (RECORDED / "cel-22.10.1").read_bytes(), "cel-1", {}).rows
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["eventtype"] in ("CHAN_END", "LINKEDID_END"):
            # odbc_cdr_cel_events leaves them out.
            continue
        row["eventtime"] = datetime.fromisoformat(row["eventtime"])
        found.setdefault(row["linkedid"], []).append(row)
    return found


def cut(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events up to the crash: nobody has hung up."""
    return [event for event in events if event["eventtype"] not in ("HANGUP", "BRIDGE_EXIT")]


def test_the_recorded_records_are_read_without_a_complaint(record: ModuleType) -> None:
    for kind in (record.CDR, record.CEL):
        data = (RECORDED / f"{kind.name}-22.10.1").read_bytes()
        parsed = record.parse(kind, data, "x-1", {})
        assert parsed.rejected == []
        assert len(parsed.rows) == data.count(b"\n")


def test_an_answered_call_that_was_cut(rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]) -> None:
    row = rebuild_module.rebuild(cut(calls["1795887764.4"]), {}, END)
    assert row["uniqueid"] == row["linkedid"] == "1795887764.4"
    assert (row["rebuilt"], row["sequence"], row["disposition"]) == (1, rebuild_module.SEQUENCE, "ANSWERED")
    assert row["answer"] == datetime(2026, 11, 28, 17, 42, 44)
    assert row["end"] == END
    assert row["billsec"] == 135
    assert (row["channel"], row["dstchannel"]) == ("Local/3@t-00000002;1", "Local/3@t-00000002;2")


def test_names_numbers_and_what_was_dialled(rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]) -> None:
    events = [event for event in cut(calls["1795887764.0"]) if event["uniqueid"] != "1795887764.0"]
    row = rebuild_module.rebuild(events, {}, END)
    assert (row["clid"], row["src"], row["dst"], row["dcontext"]) == (r'"Ana "la" \\ ñ" <100>', "100", "1", "t")
    assert (row["lastapp"], row["lastdata"]) == ("Dial", "Local/2@t,10")


def test_a_call_that_was_closed_and_whose_record_was_not_written_any_more(
    rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]
) -> None:
    row = rebuild_module.rebuild(calls["1795887764.4"], {}, END)
    assert row["end"] == datetime(2026, 11, 28, 17, 42, 49)
    assert row["duration"] == 4


def test_a_call_with_its_record_needs_none(rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]) -> None:
    recorded = {"1795887764.4": datetime(2026, 11, 28, 17, 42, 49)}
    assert rebuild_module.rebuild(calls["1795887764.4"], recorded, END) is None


def test_rows_of_a_site_that_kept_chan_end_and_no_hangup(
    rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]
) -> None:
    """It was the least that had to be kept: a call that ended would be taken for one that goes on."""
    events = [{**event, "eventtype": event["eventtype"].replace("HANGUP", "CHAN_END")} for event in calls["1795887764.4"]]
    assert rebuild_module.rebuild(events, {"1795887764.4": datetime(2026, 11, 28, 17, 42, 49)}, END) is None
    assert rebuild_module.rebuild(events, {}, END)["duration"] == 4


def test_after_a_transfer_only_what_is_missing(rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]) -> None:
    transferred = datetime(2026, 11, 28, 17, 43, 0)
    row = rebuild_module.rebuild(cut(calls["1795887764.4"]), {"1795887764.4": transferred}, END)
    assert (row["start"], row["answer"], row["billsec"]) == (transferred, transferred, 120)


def test_a_call_that_nobody_had_answered(rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]) -> None:
    ringing = [event for event in cut(calls["1795887764.4"]) if event["eventtype"] != "ANSWER"]
    row = rebuild_module.rebuild(ringing, {}, END)
    assert (row["disposition"], row["answer"], row["billsec"]) == ("NO ANSWER", None, 0)
    # Where nobody was asked to answer, Asterisk itself writes none (unanswered=no).
    alone = [event for event in ringing if event["uniqueid"] == "1795887764.4"]
    assert rebuild_module.rebuild(alone, {}, END) is None


def test_nothing_is_negative_when_the_last_sign_of_life_is_older_than_the_call(
    rebuild_module: ModuleType, calls: dict[str, list[dict[str, Any]]]
) -> None:
    events = cut(calls["1795887764.4"])
    row = rebuild_module.rebuild(events, {}, events[0]["eventtime"] - timedelta(seconds=4))
    assert row["duration"] == row["billsec"] == 0
    assert row["end"] >= row["start"]


def test_events_without_a_beginning_make_no_record(rebuild_module: ModuleType) -> None:
    assert rebuild_module.rebuild([], {}, END) is None
