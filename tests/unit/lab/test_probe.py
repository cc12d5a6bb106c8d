"""The clocks of the outage: what counts as an answer, and how long a silence was."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from lab import probe
from lab.config import LabError


class Exchange:
    """Something on loopback that answers OPTIONS while it is told to."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.reply = b"SIP/2.0 401 Unauthorized\r\n\r\n"
        self.requests: list[str] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            request, sender = self.socket.recvfrom(65535)
            if request == b"end":
                return
            self.requests.append(request.decode())
            if self.reply:
                self.socket.sendto(self.reply, sender)

    def end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    server = Exchange()
    monkeypatch.setattr(probe, "lab_socket", lambda kind, protocol=0: socket.socket(socket.AF_INET, kind, protocol))
    monkeypatch.setattr(probe, "MACHINE_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(probe, "FLOATING_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(probe, "SIP_PORT", server.socket.getsockname()[1])
    yield server
    server.end()


def test_any_sip_response_is_an_answer(exchange: Exchange) -> None:
    begun = time.monotonic()
    with probe.SipProbe() as sip:
        assert begun < sip.wait_answer(begun, 2) < begun + 2
    lines = exchange.requests[0].split("\r\n")
    assert lines[0].startswith("OPTIONS sip:127.0.0.1:")
    # RFC 3261, 8.1.1: what every request has to carry.
    names = {line.split(":")[0] for line in lines[1:] if line}
    assert {"To", "From", "CSeq", "Call-ID", "Max-Forwards", "Via"} <= names


def test_every_request_is_a_transaction_of_its_own(exchange: Exchange) -> None:
    with probe.SipProbe() as sip:
        sip.wait_answer(sip.wait_answer(time.monotonic(), 2), 2)
    branches = [line for request in exchange.requests for line in request.split("\r\n") if line.startswith("Via")]
    assert len(branches) == len(set(branches)) >= 2


def test_something_else_is_no_answer(exchange: Exchange) -> None:
    exchange.reply = b"OPTIONS sip:you SIP/2.0\r\n\r\n"
    with probe.SipProbe() as sip, pytest.raises(LabError, match=r"did not answer SIP OPTIONS within 0\.3 s"):
        sip.wait_answer(time.monotonic(), 0.3)


def test_nobody_listening_is_no_answer(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(probe, "SIP_PORT", unused.getsockname()[1])
    with probe.SipProbe() as sip, pytest.raises(LabError, match="did not answer"):
        sip.wait_answer(time.monotonic(), 0.3)


def test_finds_the_longest_silence(exchange: Exchange) -> None:
    sip = probe.SipProbe()
    now = time.monotonic()
    sip._answers = [now - 10, now - 9, now - 5, now - 3, now - 2]
    assert sip.longest_silence(now - 9.5) == pytest.approx(4.0)
    # A silence that still lasts counts, and so does one that began before the moment, from there on.
    assert sip.longest_silence(now - 5) == pytest.approx(2.0, abs=0.5)
    assert sip.longest_silence(now - 8) == pytest.approx(3.0, abs=0.01)
    sip._socket.close()


def test_ping_asks_with_a_correct_checksum(exchange: Exchange) -> None:
    # RFC 1071: the sum of all words, the checksum included, is all ones.
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ping = object.__new__(probe.PingProbe)
    ping._socket, ping._identifier, ping._sequence = near, 0xFFF0, 0x1234
    ping._ask()
    message = far.recv(100)
    total = sum(struct.unpack(f"!{len(message) // 2}H", message))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
    header = bytes([0x45]) + bytes(19)
    assert ping._is_answer(header + struct.pack("!BBHHH", 0, 0, 0, 0xFFF0, 1))
    assert not ping._is_answer(header + message), "its own request is no answer"
    assert not ping._is_answer(header + struct.pack("!BBHHH", 0, 0, 0, 0x0001, 1)), "somebody else's ping"
    near.close()
    far.close()
