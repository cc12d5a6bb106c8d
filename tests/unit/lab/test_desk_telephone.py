"""The desk telephone: what it says to SIPp, and what it reads of SIPp's log."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lab import lamps
from lab.lamps import Seen


@pytest.mark.parametrize("text", [lamps.DIALOG, lamps.MESSAGES, lamps.UNASKED])
def test_a_scenario_is_what_sipp_reads(text: str) -> None:
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    assert root.tag == "scenario"
    for send in root.iter("send"):
        lines = (send.text or "").strip("\n").split("\n")
        # An empty line ends the head; none stands within it.
        assert "" not in lines[: lines.index("Content-Length: 0") + 1]
        assert "{" not in (send.text or "")


def test_it_registers_and_subscribes_each_time_with_the_next_number() -> None:
    text = lamps.DIALOG
    methods = [line for line in text.splitlines() if line.startswith("CSeq: ")]
    assert methods == ["CSeq: 1 REGISTER", "CSeq: 2 REGISTER", "CSeq: 3 SUBSCRIBE", "CSeq: 4 SUBSCRIBE"]
    assert text.count("[field1]") == 2 and text.count("Event: dialog") == 2


def test_the_log_is_read_up_to_its_last_whole_line() -> None:
    assert lamps.parse_log("lamp;terminated\nmessages;yes\nlamp;early\nlamp;conf") == [
        Seen("lamp", "terminated"), Seen("messages", "yes"), Seen("lamp", "early"),
    ]  # fmt: skip
