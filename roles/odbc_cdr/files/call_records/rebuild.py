# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The record of a call that ended with Asterisk itself, made from the events that were written while the call went on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from record import Row

#: Number of a rebuilt record within its channel. Asterisk counts from 0 and cannot come so far.
SEQUENCE = 4294967295


def _text(events: Sequence[Row], column: str) -> str:
    """The first value of a column that is not empty."""
    return next((str(event[column]) for event in events if event[column]), "")


def rebuild(events: Sequence[Row], recorded: Mapping[str, Any], end: datetime) -> Row | None:
    """Make the record of a call from its events.

    The record is that of the caller's channel. What has a record already, such as the part of a call before a transfer,
    is left out: the rebuilt record begins where the last one ended.

    :param events: all events of the call in their order (`Database.events`; times as datetime).
    :param recorded: channels of the call that have a record, with its end.
    :param end: when the exchange was last seen alive: the call ended then, or later by the time between two looks.
    :returns: a row of the table cdr with rebuilt=1; None where Asterisk itself would have written none (nobody was asked to
        answer), or the call has its record.
    """
    starts = [event for event in events if event["eventtype"] == "CHAN_START"]
    if not starts:
        return None
    caller = next((event for event in starts if event["uniqueid"] == event["linkedid"]), starts[0])
    uniqueid = str(caller["uniqueid"])
    own = [event for event in events if event["uniqueid"] == uniqueid]
    last = own[-1]
    # Asterisk writes CHAN_END in the moment of HANGUP (main/cel.c): one of them is enough, and rows may have either.
    ended = next((event for event in own if event["eventtype"] in ("HANGUP", "CHAN_END")), None)
    begin = caller["eventtime"]
    if uniqueid in recorded:
        if ended is not None or recorded[uniqueid] is None:
            return None
        begin = max(begin, recorded[uniqueid])
    finish = ended["eventtime"] if ended is not None else max(end, last["eventtime"], begin)
    answer = next((event["eventtime"] for event in own if event["eventtype"] == "ANSWER"), None)
    called = [event for event in starts if event["uniqueid"] != uniqueid]
    if answer is None and not called:
        return None
    if answer is not None:
        answer = max(answer, begin)
    answered = {event["uniqueid"] for event in events if event["eventtype"] == "ANSWER"}
    partner = next((event for event in called if event["uniqueid"] in answered), called[0] if called else None)
    name, number = _text(own, "cid_name"), _text(own, "cid_num")
    applications = [event for event in own if event["appname"]]
    return {
        "uniqueid": uniqueid,
        "linkedid": str(caller["linkedid"]),
        "sequence": SEQUENCE,
        "rebuilt": 1,
        "accountcode": _text(own, "accountcode"),
        "peeraccount": _text([partner], "accountcode") if partner else _text(own, "peeraccount"),
        "clid": f'"{name}" <{number}>' if name else number,
        "src": number,
        "dst": _text(own, "exten"),
        "dcontext": _text(own, "context"),
        "channel": str(caller["channame"] or ""),
        "dstchannel": str(partner["channame"] or "") if partner else "",
        "lastapp": str(applications[-1]["appname"]) if applications else "",
        "lastdata": str(applications[-1]["appdata"] or "")[:255] if applications else "",
        "start": begin.replace(microsecond=0),
        "answer": answer.replace(microsecond=0) if answer is not None else None,
        "end": finish.replace(microsecond=0),
        "duration": max(0, int((finish - begin).total_seconds())),
        "billsec": max(0, int((finish - answer).total_seconds())) if answer is not None else 0,
        "disposition": "ANSWERED" if answer is not None else "NO ANSWER",
        "amaflags": "DOCUMENTATION",
    }
