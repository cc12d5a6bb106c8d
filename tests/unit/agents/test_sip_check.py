# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The SIP check against a server on loopback."""

from __future__ import annotations

import re
import socket
import time

import pytest
from sip_server import reply, says, silent


def test_options_request_is_what_rfc_3261_wants(sip_check) -> None:
    lines = sip_check.build_options("10.73.0.10", 5060, "10.73.0.10", 40000, "a" * 32, 2).decode("ascii").split("\r\n")
    assert lines[0] == "OPTIONS sip:10.73.0.10:5060 SIP/2.0"
    assert lines[-2:] == ["", ""]
    fields = dict(line.split(": ", 1) for line in lines[1:-2])
    assert {"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length"} <= set(fields)
    assert re.fullmatch(r"SIP/2\.0/UDP 10\.73\.0\.10:40000;rport;branch=z9hG4bK\S+", fields["Via"])
    assert ";tag=" in fields["From"]
    assert ";tag=" not in fields["To"]
    assert fields["CSeq"] == "2 OPTIONS"
    assert fields["Content-Length"] == "0"


def test_each_attempt_is_a_transaction_of_its_own(sip_check) -> None:
    first, second = (sip_check.build_options("192.0.2.1", 5060, "192.0.2.1", 1, "abc", n).decode() for n in (1, 2))
    branch = re.compile(r"branch=(\S+)")
    assert branch.search(first).group(1) != branch.search(second).group(1)


def test_ipv6_address_stands_in_brackets(sip_check) -> None:
    text = sip_check.build_options("2001:db8::10", 5060, "2001:db8::10", 40000, "abc", 1).decode()
    assert text.startswith("OPTIONS sip:[2001:db8::10]:5060 SIP/2.0\r\n")
    assert "UDP [2001:db8::10]:40000;" in text


@pytest.mark.parametrize(
    ("datagram", "status", "reason", "call_id"),
    [
        (b"SIP/2.0 200 OK\r\nCall-ID: x@y\r\n\r\n", 200, "OK", "x@y"),
        (b"SIP/2.0 200 OK\r\nCall-ID: first@x\r\nCSeq: 1 OPTIONS\r\n\r\n", 200, "OK", "first@x"),
        (b"SIP/2.0 401 Unauthorized\r\nVia: v\r\ni: short\r\n\r\nbody", 401, "Unauthorized", "short"),
        (b"SIP/2.0 503 Service Unavailable\r\ncall-id : spaced \r\n\r\n", 503, "Service Unavailable", "spaced"),
        (b"SIP/2.0 404 \r\nCALL-ID:tight\r\n\r\n", 404, "", "tight"),
    ],
)
def test_parse_response(sip_check, datagram: bytes, status: int, reason: str, call_id: str) -> None:
    assert sip_check.parse_response(datagram) == sip_check.Response(status, reason, call_id)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"OPTIONS sip:x SIP/2.0\r\nCall-ID: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: without call id\r\n\r\n",
        b"SIP/2.0 99 OK\r\nCall-ID: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\nCall-ID: in-the-body\r\n",
    ],
)
def test_what_is_no_response_is_ignored(sip_check, datagram: bytes) -> None:
    assert sip_check.parse_response(datagram) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(100, False), (200, True), (302, True), (401, True), (404, True), (503, False), (603, True)],
)
def test_which_statuses_mean_in_service(sip_check, status: int, expected: bool) -> None:
    assert sip_check.takes_calls(status) is expected


# --- the check --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "404 Not Found"])
def test_an_answer_is_alive_at_once(sip_check, sip_server, status: str) -> None:
    server = sip_server(says(status))
    started = time.monotonic()
    check = sip_check.check_sip("127.0.0.1", server.port, 4.0, 3)
    assert check.alive, check.detail
    assert status in check.detail
    assert time.monotonic() - started < 1
    assert len(server.requests) == 1


def test_another_hosts_answer_does_not_count(sip_check) -> None:
    # TEST-NET-1 (RFC 5737): an address that this host does not have; its owner's Asterisk says nothing about ours.
    check = sip_check.check_sip("192.0.2.1", 5060, 0.5, 1)
    assert not check.alive
    assert "192.0.2.1 is not an address of this host" in check.detail


def test_silence_is_dead_after_all_attempts_and_within_the_time(sip_check, sip_server) -> None:
    server = sip_server(silent)
    started = time.monotonic()
    check = sip_check.check_sip("127.0.0.1", server.port, 0.9, 2)
    took = time.monotonic() - started
    assert not check.alive
    assert "no answer" in check.detail
    assert 0.8 < took < 1.5
    assert len(server.requests) == 3


def test_a_lost_datagram_is_repeated(sip_check, sip_server) -> None:
    server = sip_server(lambda request, number: [reply(request, "200 OK")] if number == 2 else [])
    assert sip_check.check_sip("127.0.0.1", server.port, 2.0, 3).alive
    assert len(server.requests) == 2


def test_answers_to_somebody_else_do_not_count(sip_check, sip_server) -> None:
    server = sip_server(lambda request, _number: [reply(request, "200 OK", call_id="stranger"), b"noise"])
    assert not sip_check.check_sip("127.0.0.1", server.port, 0.5, 1).alive


def test_provisional_answer_is_not_yet_an_answer(sip_check, sip_server) -> None:
    server = sip_server(lambda request, _number: [reply(request, "100 Trying"), reply(request, "200 OK")])
    check = sip_check.check_sip("127.0.0.1", server.port, 1.0, 0)
    assert check.alive
    assert "200 OK" in check.detail


def test_503_only_is_dead(sip_check, sip_server) -> None:
    server = sip_server(says("503 Service Unavailable"))
    started = time.monotonic()
    check = sip_check.check_sip("127.0.0.1", server.port, 0.8, 2)
    assert not check.alive
    assert "503" in check.detail
    assert time.monotonic() - started < 2
    assert len(server.requests) == 3


def test_a_moment_of_503_is_forgiven(sip_check, sip_server) -> None:
    server = sip_server(lambda request, number: [reply(request, "200 OK" if number == 3 else "503 Busy")])
    assert sip_check.check_sip("127.0.0.1", server.port, 1.5, 3).alive


def test_nothing_listening_is_dead_and_said(sip_check) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    started = time.monotonic()
    check = sip_check.check_sip("127.0.0.1", port, 0.5, 1)
    assert not check.alive
    assert "refused" in check.detail
    # A server that is about to listen gets the whole time.
    assert time.monotonic() - started > 0.4
