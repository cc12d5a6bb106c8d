"""Watching the floating address from outside: does it answer ping, does it answer SIP, and since when."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import select
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from .config import FLOATING_ADDRESS, MACHINE_ADDRESS, NETNS, LabError, namespaced

CLONE_NEWNET = 0x40000000
SIP_PORT = 5060
INTERVAL_SECONDS = 0.1
ICMP_ECHO_REPLY = 0
ICMP_ECHO_REQUEST = 8


def lab_socket(kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    """Make an IPv4 socket in the lab's network namespace.

    A socket stays in the namespace in which it was made, and setns(2) moves only the thread that calls it: so a
    short-lived thread makes it, and the process that uses it stays where it is.

    Args:
        kind: socket.SOCK_STREAM, SOCK_DGRAM or SOCK_RAW.
        protocol: number of the protocol, 0 for the default one of the kind.

    Returns:
        The socket, neither bound nor connected.

    Raises:
        LabError: there is no such namespace, or this process may not enter it.
    """
    if not namespaced():
        return socket.socket(socket.AF_INET, kind, protocol)
    libc = ctypes.CDLL(None, use_errno=True)

    def make() -> socket.socket:
        with Path("/run/netns", NETNS).open("rb") as namespace:
            if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return socket.socket(socket.AF_INET, kind, protocol)

    with ThreadPoolExecutor(max_workers=1) as visitor:
        try:
            return visitor.submit(make).result()
        except OSError as error:
            raise LabError(
                f"no socket in network namespace {NETNS}: {error}; is the lab up, are you root?"
            ) from error


class Probe:
    """Ask the floating address something every 100 ms, or as often as one likes, and keep the times of the answers.

    Use it as a context manager: it asks from entry to exit. Times are those of time.monotonic(), in seconds.
    """

    def __init__(self, interval: float = INTERVAL_SECONDS) -> None:
        """Prepare the probe, which asks every `interval` seconds; nothing is sent yet."""
        self._interval = interval
        self._socket = self._make_socket()
        self._answers: list[float] = []
        self._lock = threading.Condition()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Probe:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop asking."""
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def _make_socket(self) -> socket.socket:
        raise NotImplementedError

    def _ask(self) -> None:
        raise NotImplementedError

    def _is_answer(self, packet: bytes) -> bool:
        raise NotImplementedError

    def _run(self) -> None:
        due = time.monotonic()
        while not self._ending.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + self._interval
                # While the address is away the kernel says so on our own socket; that is an answer nobody gave.
                with contextlib.suppress(OSError):
                    self._ask()
            readable = select.select([self._socket], [], [], max(0.0, due - time.monotonic()))[0]
            if not readable:
                continue
            try:
                packet = self._socket.recv(65535)
            except OSError:
                continue
            if self._is_answer(packet):
                with self._lock:
                    self._answers.append(time.monotonic())
                    self._lock.notify_all()

    def wait_answer(self, after: float, seconds: float) -> float:
        """Wait for the first answer that came later than a moment.

        Args:
            after: that moment.
            seconds: how long to wait from now.

        Returns:
            The time of the answer.

        Raises:
            LabError: there was none in time.
        """
        with self._lock:
            if not self._lock.wait_for(lambda: bool(self._answers) and self._answers[-1] > after, seconds):
                raise LabError(f"{FLOATING_ADDRESS} did not answer {self.asked} within {seconds:g} s")
            return next(answer for answer in self._answers if answer > after)

    def longest_silence(self, since: float) -> float:
        """Return the longest time without an answer, in seconds, from a moment until now."""
        with self._lock:
            times = [since, *(answer for answer in self._answers if answer > since), time.monotonic()]
        return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))

    asked = "anything"


def request(method: str, user: str, sender: tuple[str, int]) -> bytes:
    """Return a SIP request without a body to the exchange itself.

    Args:
        method: OPTIONS, INVITE, …
        user: who it says that it is from.
        sender: address and port that the answer goes to.
    """
    host, port = sender
    token = secrets.token_hex(8)
    lines = (
        f"{method} sip:{FLOATING_ADDRESS}:{SIP_PORT} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{host}>;tag={token}",
        f"To: <sip:{FLOATING_ADDRESS}:{SIP_PORT}>",
        f"Call-ID: {token}@{host}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{user}@{host}:{port}>",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(method: str, user: str, seconds: float = 5.0) -> str:
    """Ask the exchange from this machine's address without a password; return the status line of its final answer.

    Args:
        method: OPTIONS, INVITE, …
        user: who it says that it is.
        seconds: how long to wait for each answer.

    Raises:
        LabError: none came.
    """
    with lab_socket(socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        sock.bind((MACHINE_ADDRESS, 0))
        sock.connect((FLOATING_ADDRESS, SIP_PORT))
        sock.send(request(method, user, sock.getsockname()))
        while True:
            try:
                status = sock.recv(65535).split(b"\r\n", 1)[0].decode()
            except OSError as error:
                raise LabError(f"{FLOATING_ADDRESS} did not answer {method} of {user}: {error}") from error
            if not status.startswith("SIP/2.0 1"):
                return status


class SipProbe(Probe):
    """Asks with SIP OPTIONS over UDP. Any response counts, so it needs no account: to a stranger it is 401."""

    asked = "SIP OPTIONS"

    def _make_socket(self) -> socket.socket:
        sock = lab_socket(socket.SOCK_DGRAM)
        sock.bind((MACHINE_ADDRESS, 0))
        sock.connect((FLOATING_ADDRESS, SIP_PORT))
        return sock

    def _ask(self) -> None:
        self._socket.send(request("OPTIONS", "probe", self._socket.getsockname()))

    def _is_answer(self, packet: bytes) -> bool:
        return packet.startswith(b"SIP/2.0 ")


class PingProbe(Probe):
    """Asks with ICMP echo."""

    asked = "ping"

    def _make_socket(self) -> socket.socket:
        self._identifier = secrets.randbelow(1 << 16)
        self._sequence = 0
        sock = lab_socket(socket.SOCK_RAW, socket.IPPROTO_ICMP)
        sock.connect((FLOATING_ADDRESS, 0))
        return sock

    def _ask(self) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        message = struct.pack("!BBHHH", ICMP_ECHO_REQUEST, 0, 0, self._identifier, self._sequence)
        # RFC 1071: the complement of the ones' complement sum, which is the sum modulo 0xFFFF.
        checksum = 0xFFFF - sum(struct.unpack("!4H", message)) % 0xFFFF
        self._socket.send(struct.pack("!BBHHH", ICMP_ECHO_REQUEST, 0, checksum, self._identifier, self._sequence))

    def _is_answer(self, packet: bytes) -> bool:
        # A raw socket delivers the IP header too; its length is in its first byte, in words of four bytes.
        start = (packet[0] & 0x0F) * 4
        if len(packet) < start + 8:
            return False
        kind, _code, _checksum, identifier = struct.unpack_from("!BBHH", packet, start)
        return bool(kind == ICMP_ECHO_REPLY and identifier == self._identifier)
