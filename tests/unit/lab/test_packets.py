"""lab/packets.py: who sent what to which port."""

from __future__ import annotations

import socket
import struct

import pytest

from lab.config import FLOATING_ADDRESS, MACHINE_ADDRESS
from lab.packets import Packet, parse_ip


def packet(protocol: int, to: str = MACHINE_ADDRESS, options: bytes = b"", body: bytes = b"") -> bytes:
    header = bytes([0x40 | (5 + len(options) // 4)]) + bytes(8) + bytes([protocol]) + bytes(2)
    return header + socket.inet_aton(FLOATING_ADDRESS) + socket.inet_aton(to) + options + body


@pytest.mark.parametrize("options", [b"", bytes(8)])
def test_source_and_ports_are_read_behind_the_options(options: bytes) -> None:
    datagram = packet(17, options=options, body=struct.pack("!HHHH", 10000, 40000, 8, 0))
    assert parse_ip(datagram) == Packet("udp", FLOATING_ADDRESS, 10000, 40000)


def test_icmp_has_no_ports() -> None:
    assert parse_ip(packet(1, body=bytes(8))) == Packet("icmp", FLOATING_ADDRESS, 0, 0)


@pytest.mark.parametrize("other", [b"", packet(17, to="10.73.0.2", body=bytes(8)), packet(89, body=bytes(8)), packet(17, body=b"\0")])
def test_what_is_not_ours_or_no_packet_is_passed_over(other: bytes) -> None:
    assert parse_ip(other) is None
