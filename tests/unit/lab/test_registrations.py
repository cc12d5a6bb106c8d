"""Who answers for thousands of telephones, and how they are registered."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lab import registrations

OPTIONS = (
    "OPTIONS sip:100-t000@10.73.0.1:19000 SIP/2.0\r\nVia: SIP/2.0/UDP 10.73.0.10:5060;branch=z9hG4bK1\r\n"
    "From: <sip:100-t000@10.73.0.10>;tag=a\r\nTo: <sip:100-t000@10.73.0.1>\r\nContact: <sip:x@10.73.0.10>\r\nCall-ID: b\r\n"
    "CSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def test_a_telephone_says_that_it_is_there() -> None:
    assert registrations.reply(OPTIONS.encode()) == (
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.73.0.10:5060;branch=z9hG4bK1\r\nFrom: <sip:100-t000@10.73.0.10>;tag=a\r\n"
        b"To: <sip:100-t000@10.73.0.1>;tag=here\r\nCall-ID: b\r\nCSeq: 7 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize("message", ["SIP/2.0 200 OK\r\n\r\n", "INVITE sip:a SIP/2.0\r\n\r\n", "", "\x00\xff"])
def test_nothing_else_is_answered(message: str) -> None:
    assert registrations.reply(message.encode("latin-1")) is None


def test_the_scenario_is_what_sipp_reads() -> None:
    root = ElementTree.fromstring(registrations.SCENARIO)  # noqa: S314 - our own
    assert [child.tag for child in root] == ["send", "recv", "send", "recv"]
