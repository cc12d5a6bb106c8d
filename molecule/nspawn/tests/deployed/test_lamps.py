"""Lamps show what another extension does, and whether a message waits: on a desk telephone and on a softphone.

Each subscribes in its own way: the desk telephone (SIPp) to dialogs and messages, the softphone (baresip) to presence.
"""

from __future__ import annotations

import pytest

from lab import voicemail
from lab.lamps import DeskTelephone
from lab.phones import Phone, converse
from lab.sipp import Load


def test_the_lamp_of_a_desk_telephone_shows_ringing_busy_and_free() -> None:
    with DeskTelephone("100", "101") as desk, Phone("101", 620, answers=False) as watched:
        desk.wait("lamp", "terminated")
        with Load(1, 1, numbers=["101"]) as load:
            watched.wait_incoming()
            desk.wait("lamp", "early")
            watched.answer()
            desk.wait("lamp", "confirmed")
            outcome = load.wait()
        desk.wait("lamp", "terminated")
        assert outcome.failed == 0
        assert desk.seen("lamp") == ["terminated", "early", "confirmed", "terminated"]


def test_the_lamp_of_a_softphone_shows_busy_and_free() -> None:
    with Phone("101", 620) as watched, Phone("100", 440, lamps=["101"]) as watcher:
        watcher.wait_lamp("101", "Online")
        watcher.dial("101")
        watcher.wait_established()
        watcher.wait_lamp("101", "Busy")
        converse(watcher, watched, 1.0)
        watcher.wait_lamp("101", "Online")


@pytest.mark.long
def test_a_waiting_message_lights_the_lamp_until_it_was_heard() -> None:
    """In the mailbox of 100, to which no other test speaks."""
    with Phone("101", 620) as caller, DeskTelephone("100") as desk:
        assert desk.seen("messages") == ["no"]
        voicemail.leave_message(caller, number="100")
        desk.wait("messages", "yes")
        with Phone("100", 440) as owner:
            voicemail.listen(owner, voicemail.pin("100"), caller.tone_hz)
        desk.wait("messages", "no", seconds=20)


def test_a_telephone_that_asks_for_nothing_is_told_of_messages_when_it_registers() -> None:
    with DeskTelephone("100", "101") as desk:
        desk.wait("messages", "yes", "no")
