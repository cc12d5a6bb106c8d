"""What arrives at this machine's address in the lab, as a telephone there sees it: from whom, to which port."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType

from .config import MACHINE_ADDRESS
from .probe import lab_socket

#: Seconds after which the reader looks whether it should end.
LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Packet:
    """One packet, without its content: `protocol` is udp, tcp or icmp; the ports of the last are 0."""

    protocol: str
    source: str
    source_port: int
    port: int


def parse_ip(packet: bytes) -> Packet | None:
    """Read an IPv4 packet (RFC 791) of UDP, TCP or ICMP; None when it is another's, or for another address."""
    if len(packet) < 20:
        return None
    header = (packet[0] & 0x0F) * 4
    protocol = {1: "icmp", 6: "tcp", 17: "udp"}.get(packet[9])
    if protocol is None or socket.inet_ntoa(packet[16:20]) != MACHINE_ADDRESS or len(packet) < header + 4:
        return None
    ports = struct.unpack_from("!HH", packet, header) if protocol != "icmp" else (0, 0)
    return Packet(protocol, socket.inet_ntoa(packet[12:16]), *ports)


class Arrivals:
    """Notes who sends packets to this machine; as a context manager, from entry to exit.

    A raw socket (raw(7)) gets a copy of each packet of its protocol that the kernel delivers, whoever listens.
    """

    def __init__(self) -> None:
        """Prepare; nothing is noted yet."""
        self._sockets = [
            lab_socket(socket.SOCK_RAW, protocol) for protocol in (socket.IPPROTO_UDP, socket.IPPROTO_TCP, socket.IPPROTO_ICMP)
        ]
        self._seen: set[Packet] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Arrivals:
        """Begin to note."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._ending.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            for sock in select.select(self._sockets, [], [], LOOK_SECONDS)[0]:
                with contextlib.suppress(OSError):
                    packet = parse_ip(sock.recv(65535))
                    if packet is not None:
                        self._seen.add(packet)

    def seen(self, *ports: range) -> set[Packet]:
        """Return the different packets that came so far to one of these ports."""
        return {packet for packet in set(self._seen) if any(packet.port in ports_ for ports_ in ports)}
