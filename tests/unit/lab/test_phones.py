"""What can be known of a telephone without one: its framing, and what it does with what it is told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from lab import phones
from lab.config import LabError
from lab.phones import Phone, PhoneError, netstring, split_netstrings


def test_netstring_round_trip() -> None:
    contents = [b"", b"a", b'{"x": "1:2,3"}']
    assert split_netstrings(b"".join(map(netstring, contents))) == (contents, b"")


@pytest.mark.parametrize("cut", range(1, 8))
def test_an_unfinished_netstring_waits_for_its_rest(cut: int) -> None:
    whole = netstring(b"hello")
    contents, rest = split_netstrings(whole[:cut])
    if cut == len(whole):
        assert (contents, rest) == ([b"hello"], b"")
    else:
        assert (contents, rest) == ([], whole[:cut])


def test_a_stream_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="comma"):
        split_netstrings(b"2:abc,")


class Baresip:
    """The other end of a telephone's control connection: says what a test tells it to."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.commands: list[tuple[str, str]] = []

    def event(self, kind: str, detail: str = "") -> None:
        self.connection.sendall(netstring(json.dumps({"event": True, "type": kind, "param": detail}).encode()))

    def respond(self, data: str = "", ok: bool = True) -> threading.Thread:
        """Answer the next command, from a thread: the telephone waits for the response."""

        def answer() -> None:
            received = b""
            while not (commands := split_netstrings(received)[0]):
                received += self.connection.recv(4096)
            command = json.loads(commands[0])
            self.commands.append((command["command"], command["params"]))
            response = {"response": True, "ok": ok, "data": data, "token": command["token"]}
            self.connection.sendall(netstring(json.dumps(response).encode()))

        thread = threading.Thread(target=answer)
        thread.start()
        return thread


@pytest.fixture
def pair(tmp_path, monkeypatch) -> Iterator[tuple[Phone, Baresip]]:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(phones, "LAB_DIR", tmp_path)
    phone = Phone("100", 440, secret="secret")
    (phone._home / "recordings").mkdir(parents=True)
    phone._control, other = socket.socketpair()
    yield phone, Baresip(other)
    phone._control.close()
    other.close()


def test_dials_and_sees_the_answer(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    thread = baresip.respond()
    phone.dial("101")
    thread.join()
    baresip.event("CALL_RINGING")
    baresip.event("CALL_ESTABLISHED", "sip:101@10.73.0.10")
    assert phone.wait_established(1).detail == "sip:101@10.73.0.10"
    assert baresip.commands == [("dial", "101")]


def test_a_refused_call_ends_the_wait_at_once_and_says_why(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    baresip.event("CALL_CLOSED", "404 Not Found")
    with pytest.raises(PhoneError, match=r"telephone 100 .*CALL_CLOSED: 404 Not Found"):
        phone.wait_established(60)


def test_a_wait_in_vain_says_what_was_seen(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    baresip.event("CALL_RINGING")
    with pytest.raises(PhoneError, match=r"waited 0\.2 s for CALL_ESTABLISHED and saw CALL_RINGING"):
        phone.wait_established(0.2)


def test_events_of_an_earlier_call_do_not_count(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    baresip.event("CALL_ESTABLISHED")
    phone.wait_established(1)
    baresip.event("CALL_CLOSED")
    phone.forget()
    with pytest.raises(PhoneError, match="saw nothing"):
        phone.wait_established(0.2)


def test_hangup_without_a_call_sends_nothing(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    phone.hangup()
    assert baresip.commands == []


@pytest.mark.parametrize(
    ("shown", "meaning"),
    [
        ("\x1b[32mOK \x1b[;m Asterisk PBX 22.10.1 Expires 59s", "OK"),
        ("\x1b[31mERR\x1b[;m ", "ERR"),
        ("\x1b[33mzzz\x1b[;m ", "zzz"),
    ],
)
def test_reads_the_state_of_the_registration(pair: tuple[Phone, Baresip], shown: str, meaning: str) -> None:
    phone, baresip = pair
    thread = baresip.respond(f"\n--- User Agents (1) ---\n> sip:100-demo@10.73.0.10     {shown}\n\n")
    assert phone._registration() == meaning
    thread.join()


def test_a_process_that_ended_is_an_error(pair: tuple[Phone, Baresip]) -> None:
    phone, baresip = pair
    baresip.connection.close()
    with pytest.raises(PhoneError, match="process has ended"):
        phone.wait_incoming(1)


def test_the_trace_does_not_show_the_digest(pair: tuple[Phone, Baresip]) -> None:
    phone = pair[0]
    phone._log.write_text('REGISTER sip:x SIP/2.0\nAuthorization: Digest response="abc"\n\n\x1b[31mCSeq: 1 REGISTER\n')
    assert phone.trace() == "    | REGISTER sip:x SIP/2.0\n    | CSeq: 1 REGISTER"


def test_a_lab_without_deployment_is_named(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(phones, "LAB_DIR", tmp_path)
    with pytest.raises(LabError, match=r"sip_100 is missing: deploy the lab first"):
        Phone("100", 440)
