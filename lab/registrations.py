"""Thousands of registered telephones: SIPp registers them, and from its port somebody goes on answering when they are asked.

The exchange asks each telephone now and then whether it is there (OPTIONS). One that does not answer is asked again and again, which
is another load than that of telephones which do.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from .config import FLOATING_ADDRESS, LAB_DIR, MACHINE_ADDRESS, LabError, ns_argv
from .probe import SIP_PORT, lab_socket
from .sipp import SIPP, Caller, injection, parse_statistics

#: The port at which all of them are. Below those from which the kernel takes for others.
PORT = 19000
#: Registrations a second: two processors take about three times as many.
RATE = 200.0
#: What SIPp gets beside the registrations, in seconds.
END_SECONDS = 20.0

_REGISTER = """\
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field0]@[remote_ip]>
Call-ID: [call_id]
CSeq: {sequence} REGISTER
Contact: <sip:[field0]@[local_ip]:[local_port]>
{credentials}Expires: 3600
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
SCENARIO = (
    '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="register">\n'
    + _REGISTER.format(sequence=1, credentials="")
    + '  <recv response="401" auth="true"/>\n'
    + _REGISTER.format(sequence=2, credentials="[field1]\n")
    + '  <recv response="200"/>\n</scenario>\n'
)


def register(telephones: Sequence[Caller]) -> None:
    """Register telephones, each once, from `PORT`.

    Raises:
        LabError: one of them was refused, or got no answer.
    """
    home = LAB_DIR / "load" / secrets.token_hex(4)
    home.mkdir(mode=0o700, parents=True)
    seconds = len(telephones) / RATE + END_SECONDS
    try:
        (home / "scenario.xml").write_text(SCENARIO)
        with os.fdopen(os.open(home / "callers.csv", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(injection(telephones, ["0"]))
        argv = [
            SIPP, f"{FLOATING_ADDRESS}:{SIP_PORT}", "-sf", "scenario.xml", "-inf", "callers.csv", "-i", MACHINE_ADDRESS,
            "-p", str(PORT), "-t", "u1", "-nostdin", "-r", f"{RATE:g}", "-m", str(len(telephones)),
            "-timeout", f"{round(seconds)}s", "-trace_stat", "-stf", "statistics.csv", "-fd", "1",
            "-trace_err", "-error_file", "errors.log",
        ]  # fmt: skip
        with (home / "screen").open("wb") as screen:
            subprocess.run(
                ns_argv(["setpriv", "--pdeathsig", "KILL", *argv]), cwd=home, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
                env={**os.environ, "TERM": "dumb", "LC_ALL": "C"}, timeout=seconds + END_SECONDS, check=False,
            )  # fmt: skip
        outcome = parse_statistics((home / "statistics.csv").read_text(errors="replace"))
        if outcome.succeeded != len(telephones):
            raise LabError(f"{len(telephones)} telephones were to register: {outcome}; {_tail(home / 'errors.log')}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _tail(path: Path) -> str:
    return " | ".join(path.read_text(errors="replace").splitlines()[-3:]) if path.exists() else "SIPp said nothing"


def reply(message: bytes) -> bytes | None:
    """Return the 200 to an OPTIONS or NOTIFY (RFC 3261, 8.2.6); None to anything else."""
    text = message.decode("utf-8", "replace")
    if not re.match(r"(OPTIONS|NOTIFY) ", text):
        return None
    head = text.partition("\r\n\r\n")[0].split("\r\n")[1:]
    kept = [line for line in head if re.match(r"(Via|v|From|f|To|t|Call-ID|i|CSeq)\s*:", line, re.IGNORECASE)]
    kept = [f"{line};tag=here" if re.match(r"(To|t)\s*:", line, re.IGNORECASE) and ";tag=" not in line else line for line in kept]
    return ("\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0"]) + "\r\n\r\n").encode()


class Present:
    """Answers for all of the telephones, from entry to exit."""

    def __init__(self) -> None:
        """Take their port."""
        self._socket = lab_socket(socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.bind((MACHINE_ADDRESS, PORT))
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Present:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and leave the port."""
        self._ending.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            if not select.select([self._socket], [], [], 0.2)[0]:
                continue
            message, sender = self._socket.recvfrom(65535)
            answer = reply(message)
            if answer is not None:
                self._socket.sendto(answer, sender)
