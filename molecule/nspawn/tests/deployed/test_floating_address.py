"""Whatever a telephone sees of the exchange has the floating address: SIP, audio, and what the messages say."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab import exchange, phones
from lab.config import FLOATING_ADDRESS, HOSTS, MACHINE_ADDRESS
from lab.packets import Arrivals
from lab.phones import Phone
from lab.probe import lab_socket

#: Where the lab's telephones take audio: RTP at even ports, RTCP at odd ones (lab/phones.py).
AUDIO = range(40000, 50000)
#: Asterisk sends a report (RTCP) every five seconds.
CALL_SECONDS = 6.0


def test_all_that_telephones_get_in_a_call_comes_from_the_floating_address(caller: Phone, callee: Phone) -> None:
    with Arrivals() as arrivals:
        callee.forget()
        caller.dial(callee.number)
        caller.wait_established()
        sockets = exchange.run(exchange.active_node(), ["ss", "-Hlnup", "sport >= :10000 and sport <= :20000"])
        phones.converse(caller, callee, CALL_SECONDS)
        sip = arrivals.seen(range(caller.sip_port, caller.sip_port + 1), range(callee.sip_port, callee.sip_port + 1))
        # Not TCP: ssh to a node comes from one of those ports, too.
        audio = {packet for packet in arrivals.seen(AUDIO) if packet.protocol == "udp"}
    assert {packet.source for packet in sip} == {FLOATING_ADDRESS}
    assert {packet.source for packet in audio} == {FLOATING_ADDRESS}
    assert {packet.port % 2 for packet in audio} == {0, 1}, "of RTP and RTCP one was not seen"
    own = {host.address for host in HOSTS.values()}
    addresses = {line.split()[3].rsplit(":", 1)[0] for line in sockets.splitlines() if '"asterisk"' in line}
    assert addresses == {FLOATING_ADDRESS}, f"Asterisk's sockets for audio; the nodes' own addresses are {own}"


@contextmanager
def called(transport: str) -> Iterator[tuple[str, str]]:
    """Have the exchange call a stranger of ours by UDP or TCP; give the address it comes from, and its INVITE."""
    kind = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}[transport]
    with lab_socket(kind) as listener:
        listener.settimeout(10)
        listener.bind((MACHINE_ADDRESS, 0))
        target = f"sip:100@{MACHINE_ADDRESS}:{listener.getsockname()[1]}\\;transport={transport}"
        if kind == socket.SOCK_STREAM:
            listener.listen()
        command = f"channel originate PJSIP/100-demo/{target} application Echo"
        exchange.run(exchange.active_node(), ["asterisk", "-rx", command])
        if kind == socket.SOCK_STREAM:
            connection, (source, _port) = listener.accept()
            connection.settimeout(10)
            message = b""
            while b"\r\nm=audio" not in message:
                message += connection.recv(65535)
        else:
            connection = listener
            message, (source, port) = listener.recvfrom(65535)
            connection.connect((source, port))
        text = message.decode()
        try:
            yield source, text
        finally:
            # Busy, or Asterisk would ring here for half a minute.
            headers = [line for line in text.split("\r\n\r\n")[0].split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq):", line)]
            headers = [line + ";tag=busy" if line.startswith("To:") else line for line in headers]
            connection.send("\r\n".join(["SIP/2.0 486 Busy Here", *headers, "Content-Length: 0", "\r\n"]).encode())
            connection.close()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_where_the_exchange_calls_first_it_calls_from_the_floating_address(transport: str) -> None:
    with called(transport) as (source, invite):
        assert source == FLOATING_ADDRESS
        assert f"c=IN IP4 {FLOATING_ADDRESS}\r\n" in invite
        # Via, Contact, From, the origin of SDP: nothing tells a telephone to speak to a node.
        assert [host.address for host in HOSTS.values() if host.address in invite] == []
        assert f"Via: SIP/2.0/{transport.upper()} {FLOATING_ADDRESS}:5060" in invite
