# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A SIP server on loopback that answers as a test wants."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable

Answer = Callable[[str, int], "list[bytes]"]


def header(request: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE)
    assert found, f"{name} is missing in {request!r}"
    return found.group(1)


def reply(request: str, status: str, call_id: str | None = None) -> bytes:
    lines = [
        f"SIP/2.0 {status}",
        f"Via: {header(request, 'Via')}",
        f"From: {header(request, 'From')}",
        f"To: {header(request, 'To')};tag=server",
        f"Call-ID: {call_id or header(request, 'Call-ID')}",
        f"CSeq: {header(request, 'CSeq')}",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class SipServer:
    """A UDP socket on loopback that answers each request with what `answer(request, number)` returns."""

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", port))
        self.port = int(self.sock.getsockname()[1])
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            data, peer = self.sock.recvfrom(65535)
            if data == b"quit":
                return
            request = data.decode()
            self.requests.append(request)
            for datagram in self.answer(request, len(self.requests)):
                self.sock.sendto(datagram, peer)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"quit", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.sock.close()


def says(status: str) -> Answer:
    return lambda request, _number: [reply(request, status)]


def silent(_request: str, _number: int) -> list[bytes]:
    return []
