"""Telephones use the exchange: what they hear, what is refused, and what is written about it."""

from __future__ import annotations

import base64

import pytest

from lab import audio, exchange, phones
from lab.config import HOSTS
from lab.phones import Phone, PhoneError

INBOX = "/var/spool/asterisk/voicemail/demo/101"
INBOX_ON_DISK = "/srv/pbx/var-spool-asterisk/voicemail/demo/101"
WAV_BYTES_PER_SECOND = 16000


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
    expected = {"CHAN_START", "ANSWER", "BRIDGE_ENTER", "HANGUP", "LINKEDID_END"}
    exchange.wait_until(
        "the events of the call in both databases",
        lambda: [{row["eventtype"] for row in exchange.sql(node, query)} for node in HOSTS],
        lambda found: all(expected <= events for events in found),
        seconds=20,
    )


def messages(directory: str) -> dict[str, int]:
    """Return the sound files of the mailbox of 101 under a directory, by path, with their size in bytes."""
    # Asterisk makes the directory with the first message.
    script = f"test ! -d {directory} || find {directory} -name '*.wav' -printf '%s %p\\n'"
    found = exchange.run(exchange.active_node(), ["sh", "-c", script])
    return {path: int(size) for size, path in (line.split(" ", 1) for line in found.splitlines())}


def test_who_does_not_answer_gets_voicemail(caller: Phone) -> None:
    before = set(messages(INBOX))
    known = exchange.record_keys()
    with Phone("101", 620, answers=False) as silent:
        caller.dial("101")
        silent.wait_incoming()
        caller.wait_established(60)
        silent.wait_closed()
        # Greeting and beep come first; the caller speaks until three seconds of it are written.
        exchange.wait_until(
            "a message of 101 that grows",
            lambda: max((size for path, size in messages(INBOX).items() if path not in before), default=0),
            lambda size: size >= 3 * WAV_BYTES_PER_SECOND, seconds=60,
        )  # fmt: skip
        caller.hangup()
    inbox = f"{INBOX_ON_DISK}/INBOX"
    before = {path.replace(INBOX, INBOX_ON_DISK) for path in before}
    new = exchange.wait_until(
        "one new message in the inbox of 101, on the replicated disk",
        lambda: set(messages(inbox)) - before, lambda found: len(found) == 1, seconds=20,
    )  # fmt: skip
    content = exchange.run(exchange.active_node(), ["base64", *new])
    message = audio.parse_wav(base64.b64decode(content))
    assert audio.seconds_of_tone(message, caller.tone_hz) >= 2.0
    record = exchange.wait_record("100", "101", known, HOSTS)
    assert record["lastapp"] == "VoiceMail"


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
