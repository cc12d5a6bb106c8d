"""The check of verify.yml at the floating address: what a SIP server answers decides."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "playbooks/files/sip_options.py"


@contextmanager
def server(answer: bytes, ignore: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """Run a SIP server on a loopback port that ignores the first requests and answers the next."""
    requests: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while len(requests) <= ignore:
                request, sender = sock.recvfrom(65535)
                requests.append(request)
            sock.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield sock.getsockname()[1], requests
        thread.join(timeout=5)


def ask(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "127.0.0.1", str(port)], capture_output=True, text=True, check=False, timeout=20
    )


@pytest.mark.parametrize(
    ("status", "code"),
    [("200 OK", 0), ("401 Unauthorized", 0), ("404 Not Found", 0), ("503 Service Unavailable", 1)],
)
def test_every_response_but_a_server_error_is_a_living_exchange(status: str, code: int) -> None:
    with server(f"SIP/2.0 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as (port, requests):
        result = ask(port)
    assert (result.returncode, result.stdout.strip()) == (code, f"SIP/2.0 {status}")
    request = requests[0].decode()
    assert request.startswith(f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\n")
    assert request.endswith("\r\n\r\n")
    assert re.search(r"^Via: SIP/2.0/UDP 127.0.0.1:\d+;rport;branch=z9hG4bK", request, re.MULTILINE)
    headers = {line.split(":")[0] for line in request.split("\r\n")[1:] if line}
    assert headers >= {"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Content-Length"}


def test_a_lost_datagram_is_sent_again() -> None:
    with server(b"SIP/2.0 200 OK\r\n\r\n", ignore=1) as (port, requests):
        assert ask(port).returncode == 0
    assert requests[0] == requests[1]


def test_silence_is_an_outage() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    result = ask(port)
    assert (result.returncode, result.stdout.strip()) == (
        2,
        f"no answer from 127.0.0.1 port {port} to three requests",
    )
