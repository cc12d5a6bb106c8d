"""Telephones use the exchange: what they hear, what is refused, and what is written about it."""

from __future__ import annotations

import base64

import pytest

from lab import audio, exchange, phones, voicemail
from lab.config import HOSTS
from lab.phones import Phone, PhoneError


@pytest.mark.parametrize("direction", ["100 calls 101", "101 calls 100"])
def test_a_call_has_audio_both_ways_and_one_record_in_both_databases(
    caller: Phone, callee: Phone, direction: str
) -> None:
    if direction == "101 calls 100":
        caller, callee = callee, caller
    known = exchange.record_keys()
    call = phones.call(caller, callee, seconds=3.0)
    record = exchange.wait_record(caller.number, callee.number, known, HOSTS)
    assert min(call.heard_by_caller, call.heard_by_callee) >= 3.0
    assert record["accountcode"] == "demo"
    assert record["node"] == exchange.active_node()
    assert 2 <= int(record["billsec"]) <= 10
    assert int(record["billsec"]) <= int(record["duration"]) <= int(record["billsec"]) + 5
    assert record["channel"].startswith(f"PJSIP/{caller.user}-")
    assert record["dstchannel"].startswith(f"PJSIP/{callee.user}-")
    assert exchange.record_keys() - known == {tuple(record[column] for column in exchange.RECORD_KEY)}


def test_the_events_of_a_call_are_in_both_databases(caller: Phone, callee: Phone) -> None:
    known = exchange.record_keys()
    phones.call(caller, callee, seconds=1.0)
    record = exchange.wait_record("100", "101", known, HOSTS)
    query = f"SELECT eventtype FROM cel WHERE linkedid = '{record['linkedid']}'"  # noqa: S608 - its own database's word
    expected = {"CHAN_START", "ANSWER", "BRIDGE_ENTER", "BRIDGE_EXIT", "HANGUP"}
    exchange.wait_until(
        "the events of the call in both databases",
        lambda: [{row["eventtype"] for row in exchange.sql(node, query)} for node in HOSTS],
        lambda found: all(expected <= events for events in found),
        seconds=20,
    )


def test_who_does_not_answer_gets_voicemail(caller: Phone) -> None:
    known = exchange.record_keys()
    path = voicemail.leave_message(caller)
    content = exchange.run(exchange.active_node(), ["base64", path])
    message = audio.parse_wav(base64.b64decode(content))
    assert audio.seconds_of_tone(message, caller.tone_hz) >= 2.0
    record = exchange.wait_record("100", "101", known, HOSTS)
    assert record["lastapp"] == "VoiceMail"


@pytest.mark.long
def test_a_lock_that_a_crash_left_in_a_mailbox_keeps_nobody_from_it(caller: Phone) -> None:
    """Left by a kill or a power cut on the disk that both nodes have in turn, so no restart and no failover takes it away."""
    locks = voicemail.leave_locks(voicemail.MAILBOX)
    try:
        path = voicemail.leave_message(caller)
        with Phone("101", 620) as owner:
            voicemail.listen(owner, voicemail.pin("101"), caller.tone_hz)
        # Heard, it leaves the inbox for another folder, which takes the locks of both.
        inbox = voicemail.MAILBOX_ON_DISK + "/INBOX"
        exchange.wait_until("the message to leave the inbox", lambda: path in voicemail.messages(inbox), lambda found: not found, 20)
    finally:
        exchange.run(exchange.active_node(), ["rm", "-f", *locks])


def test_a_wrong_password_is_refused(callee: Phone) -> None:
    intruder = Phone("100", 440, secret="not the password")  # noqa: S106
    try:
        intruder.start()
        intruder.wait_rejected()
        # Nor does it get to call without being registered.
        intruder.dial("101")
        with pytest.raises(PhoneError, match="CALL_CLOSED: 401"):
            intruder.wait_established()
    finally:
        intruder.stop()
    with pytest.raises(PhoneError, match="saw nothing"):
        callee.wait_incoming(0.5)


def test_an_unknown_number_is_refused_at_once(caller: Phone) -> None:
    caller.dial("555")
    with pytest.raises(PhoneError, match="CALL_CLOSED: 404"):
        caller.wait_established()
