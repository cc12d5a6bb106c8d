# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether packets to ports of another host arrive there, asked before anything listens there.

Whatever comes back proves that the packet arrived: an open port, a refusal (RST; ICMP port unreachable, RFC 792 and
RFC 1122 section 4.2.3.9), or the rejection by a firewall (ICMP communication prohibited, RFC 1812 section 5.2.7.1), which the
roles open later. Silence means that something on the way drops them.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

#: What both hosts send each other on a UDP port when both ask at the same time.
GREETING = b"dialtone.ha_pbx preflight"

#: Seconds between two datagrams; the first SYN is repeated by the kernel after one second.
AGAIN = 0.25


@dataclass(frozen=True)
class Target:
    """A port of another host."""

    address: str
    port: int
    #: tcp or udp
    protocol: str


@dataclass
class _Question:
    """A port that is being asked."""

    target: Target
    socket: socket.socket
    state: str = ""
    #: Datagrams still to be sent after the other host was heard: it must hear this one too.
    farewell: int = 3


def _state(number: int) -> str:
    """Return what an error of the socket means: refused, rejected, or nothing (an empty text)."""
    if number == errno.ECONNREFUSED:
        return "refused"
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM):
        return "rejected"
    return ""


def _ask(target: Target) -> _Question:
    family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
    tcp = target.protocol == "tcp"
    question = _Question(target, socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM))
    question.socket.setblocking(False)
    if not tcp:
        # So that the other host, asking the same of this one, is an answer. Whoever listens there already stays.
        with contextlib.suppress(OSError):
            question.socket.bind(("", target.port))
    number = question.socket.connect_ex((target.address, target.port))
    question.state = _state(number)
    return question


def _hear(question: _Question) -> None:
    """Take what has arrived for a socket that select named."""
    if question.target.protocol == "tcp":
        number = question.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        question.state = _state(number) if number else "open"
        return
    try:
        question.socket.recv(2048)
        question.state = "open"
    except BlockingIOError:
        pass
    except OSError as error:
        question.state = _state(error.errno or 0)


def _greet(question: _Question) -> None:
    """Send a datagram; an answer to an earlier one may show here as an error."""
    try:
        question.socket.send(GREETING)
    except BlockingIOError:
        pass
    except OSError as error:
        question.state = question.state or _state(error.errno or 0)


def ask(targets: Sequence[Target], seconds: float) -> dict[Target, str]:
    """Ask all ports at once.

    :param targets: the ports.
    :param seconds: how long an answer may take.
    :returns: for each port V(open), V(refused) (nobody listens yet), V(rejected) (a firewall says no, or there is no way),
        or V(silent).
    """
    questions = [_ask(target) for target in targets]
    try:
        deadline, next_greeting = time.monotonic() + seconds, 0.0
        while time.monotonic() < deadline:
            waiting = [q for q in questions if not q.state]
            leaving = [q for q in questions if q.state == "open" and q.target.protocol == "udp" and q.farewell > 0]
            if not waiting and not leaving:
                break
            if time.monotonic() >= next_greeting:
                next_greeting = time.monotonic() + AGAIN
                for question in waiting + leaving:
                    if question.target.protocol == "udp":
                        _greet(question)
                for question in leaving:
                    question.farewell -= 1
            by_socket = {q.socket: q for q in waiting if not q.state}
            udp = [s for s, q in by_socket.items() if q.target.protocol == "udp"]
            tcp = [s for s, q in by_socket.items() if q.target.protocol == "tcp"]
            pause = max(0.0, min(deadline, next_greeting) - time.monotonic())
            readable, writable, dummy = select.select(udp, tcp, [], pause)
            for ready in {*readable, *writable}:
                _hear(by_socket[ready])
            for question in questions:
                # While it is open the other host's datagrams would arrive here unread, and nobody would refuse them.
                if question.state and (question.state != "open" or question.farewell == 0):
                    question.socket.close()
        return {q.target: q.state or "silent" for q in questions}
    finally:
        for question in questions:
            question.socket.close()
