"""The load, with the real SIPp against an exchange of a few lines: what it sends, counts, and writes down of each call."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import sipp
from lab.sipp import Caller, Load

REALM, NONCE = "asterisk", "17/abc"
CALLERS = (Caller("100-demo", "first-secret"), Caller("101-demo", "second"))
SECRETS = {caller.user: caller.secret for caller in CALLERS}


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - RFC 2617, what Asterisk asks for


class Exchange:
    """Answers INVITE with 401 and, with the right credentials, with 200; answers BYE. Notes what RFC 3261 forbids."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(0.05)
        self.port: int = self.sock.getsockname()[1]
        self.closed: dict[str, tuple[str, str, float]] = {}
        self.mistakes: list[str] = []
        #: Numbers to whose INVITE it says nothing, or 503.
        self.silent: set[str] = set()
        self.refused: set[str] = set()
        self._branches: dict[str, str] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Exchange:
        self._thread.start()
        return self

    def __exit__(self, *_rest: object) -> None:
        self._ending.set()
        self._thread.join()
        self.sock.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                datagram, sender = self.sock.recvfrom(65535)
            except TimeoutError:
                continue
            answer = self._answer(datagram.decode())
            if answer:
                self.sock.sendto(answer.encode(), sender)

    def _answer(self, request: str) -> str:
        method, uri = request.split(" ", 2)[:2]
        headers = dict(re.findall(r"^([\w-]+): *(.*?)\r?$", request, re.MULTILINE))
        number, call_id = uri.removeprefix("sip:").partition("@")[0], headers["Call-ID"]
        branch = headers["Via"].partition("branch=")[2]
        user = headers["From"].partition("sip:")[2].partition("@")[0]
        if method == "ACK":
            # 17.1.1.3: the ACK to a refusal is of the same transaction, that to a 200 of its own.
            same = branch == self._branches.pop(call_id, "")
            if same != headers["CSeq"].startswith("1 "):
                self.mistakes.append(request)
            return ""
        self._branches[call_id] = branch
        if method == "BYE":
            self.closed[call_id] = (user, number, time.time())
            return self._response(headers, "200 OK")
        if number in self.silent:
            return ""
        if number in self.refused:
            return self._response(headers, "503 Service Unavailable")
        if not self._right(headers.get("Authorization", ""), user, uri):
            challenge = f'WWW-Authenticate: Digest realm="{REALM}",nonce="{NONCE}",algorithm=MD5,qop="auth"\r\n'
            return self._response(headers, "401 Unauthorized", challenge)
        return self._response(headers, "200 OK", f"Contact: <sip:127.0.0.1:{self.port}>\r\n")

    @staticmethod
    def _right(credentials: str, user: str, uri: str) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', credentials))
        if given.get("username") != user:
            return False
        secret = _md5(f"{user}:{REALM}:{SECRETS[user]}")
        shared = f"{NONCE}:{given['nc']}:{given['cnonce']}:{given['qop']}"
        return given["response"] == _md5(f"{secret}:{shared}:{_md5('INVITE:' + given['uri'])}")

    @staticmethod
    def _response(headers: dict[str, str], status: str, more: str = "") -> str:
        to = headers["To"] if "tag=" in headers["To"] else headers["To"] + ";tag=exchange"
        return (
            f"SIP/2.0 {status}\r\nVia: {headers['Via']}\r\nFrom: {headers['From']}\r\nTo: {to}\r\n"
            f"Call-ID: {headers['Call-ID']}\r\nCSeq: {headers['CSeq']}\r\n{more}Content-Length: 0\r\n\r\n"
        )


@pytest.fixture
def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """The exchange, on the loopback instead of the lab's network."""
    monkeypatch.setattr(sipp, "LAB_DIR", tmp_path)
    monkeypatch.setattr(sipp, "MACHINE_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(sipp, "ns_argv", lambda argv: argv)
    with Exchange() as running:
        yield running


def test_every_call_is_made_and_told(exchange: Exchange) -> None:
    begun = time.time()
    numbers = [f"*43{index:02}" for index in range(12)]
    with Load(20, 12, talk_seconds=0.3, callers=CALLERS, numbers=numbers, target=("127.0.0.1", exchange.port)) as load:
        outcome = load.wait()
        closed = load.closed()
        answered = {event.call_id: event.at for event in load.answered()}
    assert (outcome.begun, outcome.succeeded, outcome.failed, outcome.reasons) == (12, 12, 0, {})
    assert exchange.mistakes == []
    assert {event.call_id: (event.caller, event.number) for event in closed} == {
        call_id: (user, number) for call_id, (user, number, _at) in exchange.closed.items()
    }
    assert sorted(event.number for event in closed) == numbers
    assert {event.caller for event in closed} == set(SECRETS)
    for event in closed:
        assert begun < answered[event.call_id] < event.at < time.time()
        # SIPp's clock goes in steps, and it writes the first line only after it has handled the answer.
        assert event.at - answered[event.call_id] > 0.25
        assert abs(event.at - exchange.closed[event.call_id][2]) < 1


def test_what_fails_is_counted_with_its_reason(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sipp, "MAX_REPETITIONS", 2)
    exchange.refused, exchange.silent = {"2"}, {"3"}
    with Load(
        20, 6, talk_seconds=0.1, callers=CALLERS, numbers=["1", "2", "3"], target=("127.0.0.1", exchange.port)
    ) as load:
        outcome = load.wait()
        numbers = [event.number for event in load.closed()]
    assert (outcome.begun, outcome.succeeded, outcome.failed) == (6, 2, 4)
    assert outcome.reasons == {"FailedUnexpectedMessage": 2, "FailedMaxUDPRetrans": 2}
    assert outcome.repetitions >= 4
    assert numbers == ["1", "1"]


def test_a_load_is_looked_at_while_it_goes_on_and_ended(exchange: Exchange) -> None:
    with Load(50, 10000, talk_seconds=0.1, callers=CALLERS, target=("127.0.0.1", exchange.port)) as load:
        end = time.monotonic() + 10
        while len(load.closed()) < 20 and time.monotonic() < end:
            time.sleep(0.05)
        assert load.running
        assert len(load.closed()) >= 20
        home = load._home
        load.stop()
        assert not load.running
        assert "first-secret" not in " ".join(map(str, load._process.args if load._process else ()))
        assert (home / "callers.csv").stat().st_mode & 0o77 == 0
    assert not home.exists()


def test_a_load_ends_in_its_time_when_nobody_answers(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sipp, "SIGNALLING_SECONDS", 2.0)
    exchange.silent = {"*43"}
    begun = time.monotonic()
    with Load(10, 5, talk_seconds=0, callers=CALLERS, target=("127.0.0.1", exchange.port)) as load:
        outcome = load.wait()
    assert outcome.succeeded == 0
    assert time.monotonic() - begun < 10
