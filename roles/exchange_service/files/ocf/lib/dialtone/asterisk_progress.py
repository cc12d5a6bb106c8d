# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an Asterisk that answers no SIP request is busy or dead, by what its SIP stack gets done between two looks.

The way is another than the crowded one: Asterisk's console (a Unix socket with a thread of its own), which tells of
each task processor how many tasks it has done and how many wait. A request goes from the UDP socket, read by one
thread, to one of 31 processors `pjsip/distributor-…`, which a pool of threads works off. While a processor of PJSIP
has more waiting than its high water mark, Asterisk ignores new requests until it is below the low one, and does that
without an answer (res_pjsip/pjsip_distributor.c; pjsip.conf: taskprocessor_overload_trigger).

Source of the console's protocol: main/asterisk.c, netconsole() and ast_remotecontrol().
"""

from __future__ import annotations

import re
import socket
import time
from typing import NamedTuple

from ocf_agent import Deadline

COMMAND = "core show taskprocessors like pjsip"
#: The console answers within a millisecond or two, also at twice the calls that the machine can carry.
CONSOLE_SECONDS = 1.0
_DISTRIBUTOR = "pjsip/distributor-"
#: Name, processed, in queue, max depth, low water, high water; Asterisk 22 adds two columns of times.
_ROW = re.compile(r"^(pjsip/\S+)\s+(\d+)\s+(\d+)\s+\d+\s+(\d+)\s+\d+\b", re.MULTILINE)


class Processor(NamedTuple):
    """A task processor: tasks done since its start, tasks that wait, and below how many waiting all is well again."""

    done: int
    waiting: int
    low_water: int


class Look(NamedTuple):
    """PJSIP's task processors by name, and when they were looked at (monotonic clock, seconds)."""

    at: float
    processors: dict[str, Processor]


class Verdict(NamedTuple):
    """Whether Asterisk is busy (otherwise it is dead), and the evidence."""

    busy: bool
    detail: str


class ConsoleError(Exception):
    """The console does not answer, or not with what was asked for."""


def ask_console(path: str, command: str, seconds: float = CONSOLE_SECONDS) -> str:
    """What Asterisk's console says to a command.

    :param path: its socket (asterisk.ctl)
    :raises ConsoleError: it did not answer in its time
    """
    deadline = Deadline(seconds)
    said = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(max(deadline.left, 0.001))
            sock.connect(path)
            # It greets with host, process and version, and then takes a command that ends with a zero byte.
            if not sock.recv(4096):
                raise ConsoleError(f"{path}: Asterisk closed its console")
            sock.sendall(f"cli quit after {command}".encode() + b"\0")
            while True:
                sock.settimeout(max(deadline.left, 0.001))
                part = sock.recv(65536)
                if not part:
                    return said.decode("utf-8", "replace")
                said += part
        except OSError as error:
            what = "does not answer" if isinstance(error, socket.timeout) else f"cannot be asked ({error.strerror})"
            raise ConsoleError(f"Asterisk's console {path} {what}") from None


def parse_processors(text: str) -> dict[str, Processor]:
    """PJSIP's task processors in what `core show taskprocessors` prints (Asterisk 16 to 22).

    :raises ConsoleError: there is none
    """
    found = {row[0]: Processor(int(row[1]), int(row[2]), int(row[3])) for row in _ROW.findall(text)}
    if not any(name.startswith(_DISTRIBUTOR) for name in found):
        raise ConsoleError(f"Asterisk's console tells of no task processor of PJSIP: {text.strip()[:100]!r}")
    return found


def look(path: str) -> Look:
    """Look at the task processors of the Asterisk whose console is at `path`.

    :raises ConsoleError: it does not tell
    """
    return Look(time.monotonic(), parse_processors(ask_console(path, COMMAND)))


def judge(before: Look, after: Look) -> Verdict:
    """Whether an Asterisk to which requests were sent between two looks, and which answered none, is busy or dead.

    Dead is a stack that does nothing: a distributor with requests before it that did none of them; a processor over its
    mark, because of which all new requests are ignored, that does not come down by doing anything; or distributors
    that did nothing at all and have nothing before them, to which nobody brings the requests. Everything else is busy.
    """
    seconds = after.at - before.at
    stuck, requests, crowded = [], 0, False
    for name, now in after.processors.items():
        then = before.processors.get(name)
        if then is None:
            continue
        done, over = now.done - then.done, min(then.waiting, now.waiting) >= now.low_water
        distributor = name.startswith(_DISTRIBUTOR)
        requests += done if distributor else 0
        if done > 0:
            crowded = crowded or over
        elif over or (distributor and then.waiting > 0 and now.waiting > 0):
            stuck.append(f"{name} ({now.waiting} waiting)")
    if stuck:
        return Verdict(False, f"nothing was done in {seconds:.1f} s by {', '.join(sorted(stuck)[:3])}")
    if requests > 0:
        return Verdict(True, f"{requests} other SIP requests were handled in {seconds:.1f} s")
    if crowded:
        return Verdict(True, f"new requests are ignored while a queue is worked off, {seconds:.1f} s of it seen")
    return Verdict(False, f"its SIP stack handled no request in {seconds:.1f} s")
