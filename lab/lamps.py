"""A desk telephone with lamps: SIPp registers and subscribes as such telephones do, and says what it is told.

Its lamp for another extension follows the state of that one's dialog (RFC 4235): "early" while it rings, "confirmed" while it talks,
"terminated" when it is free. Its lamp for messages (RFC 3842: "yes" or "no") follows what the exchange tells a registered telephone
without being asked, or what it asks for itself. It does not answer calls. SIPp runs in the lab's network namespace at this machine's
address, from one port: the exchange takes for the telephone's place what its requests come from.
"""

from __future__ import annotations

import re
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from types import TracebackType

from .config import FLOATING_ADDRESS, LAB_DIR, MACHINE_ADDRESS, LabError, patience
from .phones import password
from .probe import SIP_PORT
from .sipp import SIPP, Caller, launch, prepare

#: It subscribes and registers for this long (seconds), and ends by itself then.
SECONDS = 300

#: Fields of the injection file: 0 user, 1 [authentication ...], 2 whom it subscribes to.
_REQUEST = """\
  <send retrans="500"><![CDATA[
{method} sip:{target}[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:{to}@[remote_ip]>
Call-ID: [call_id]
CSeq: {sequence} {method}
Contact: <sip:[field0]@[local_ip]:[local_port]>
{more}Expires: {seconds}
Max-Forwards: 70
Content-Length: 0

]]></send>
"""
_DIALOG = "Event: dialog\nAccept: application/dialog-info+xml\n"
_MESSAGES = "Event: message-summary\nAccept: application/simple-message-summary\n"
_STATE = "&lt;state&gt;([a-z]+)&lt;/state&gt;"
_WAITING = "Messages-Waiting: *([a-z]+)"
_CONTACT = "Contact: <sip:[field0]@[local_ip]:[local_port]>\n"
_ANSWER = """\
  <send{then}><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
{contact}Content-Length: 0

]]></send>
"""


def _twice(method: str, sequence: int, target: str, to: str, more: str = "") -> str:
    """Return a request and, after its 401, the same with credentials, which is to succeed."""
    def once(number: int, credentials: str) -> str:
        return _REQUEST.format(
            method=method, target=target, to=to, sequence=number, more=credentials + more, seconds=SECONDS
        )

    return (
        once(sequence, "") + '  <recv response="401" auth="true"/>\n' + once(sequence + 1, "[field1]\n")
        + '  <recv response="200"/>\n'
    )  # fmt: skip


def _scenario(*parts: str) -> str:
    head = '<?xml version="1.0" encoding="ISO-8859-1" ?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n<scenario name="desk telephone">\n'
    return head + "".join(parts) + '  <Reference variables="1"/>\n</scenario>\n'


def _told(lamp: str, pattern: str, contact: str, label: int) -> str:
    """Return how a NOTIFY is taken: its state is logged, it is answered, and what comes next is at a label."""
    return (
        f'  <recv request="NOTIFY"><action>\n    <ereg regexp="{pattern}" search_in="body" assign_to="1,2"/>\n'
        f'    <log message="{lamp};[$2]"/>\n  </action></recv>\n' + _ANSWER.format(then=f' next="{label}"', contact=contact)
    )


def _again_and_again(lamp: str, pattern: str) -> str:
    # Back with the answer itself: two states may come at once, and a step between would meet the second.
    return '  <label id="1"/>\n' + _told(lamp, pattern, _CONTACT, 1)


#: It registers, subscribes to another extension, and takes each state that it is told.
DIALOG = _scenario(
    _twice("REGISTER", 1, "", "[field0]"), _twice("SUBSCRIBE", 3, "[field2]@", "[field2]", _DIALOG), _again_and_again("lamp", _STATE)
)  # fmt: skip
#: It asks for the state of its own mailbox, and does not register.
MESSAGES = _scenario(_twice("SUBSCRIBE", 1, "[field2]@", "[field2]", _MESSAGES), _again_and_again("messages", _WAITING))
#: What it is told outside of a subscription, the state of its mailbox; and that it is there, when it is asked.
UNASKED = _scenario(
    '  <recv request="OPTIONS" optional="true" next="2"/>\n', _told("messages", _WAITING, "", 3),
    '  <label id="2"/>\n', _ANSWER.format(then="", contact=""), '  <label id="3"/>\n',
)  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """What a lamp was told: V(lamp) or V(messages), and the state."""

    lamp: str
    state: str


def parse_log(text: str) -> list[Seen]:
    """Read the log of the scenarios; a line that is being written has no end and is left out."""
    return [Seen(*found) for found in re.findall(r"^(lamp|messages);(\S+)\n", text, re.MULTILINE)]


class DeskTelephone:
    """The telephone. As a context manager it runs from entry to exit."""

    def __init__(self, number: str, watched: str = "", *, tenant: str = "demo", secret: str | None = None) -> None:
        """Describe it.

        Args:
            number: its extension.
            watched: the extension that its lamp is for. Empty: it asks for its own messages instead, and does not register.
            tenant: whose extension it is.
            secret: SIP password; None for the one that the lab's deployment generated.
        """
        self.number = number
        self._caller = Caller(f"{number}-{tenant}", password(number) if secret is None else secret)
        self._scenario, self._watched = (DIALOG, watched) if watched else (MESSAGES, self._caller.user)
        self._home = LAB_DIR / "desk" / secrets.token_hex(4)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> DeskTelephone:
        """Begin; return when its subscription has told it the first state."""
        self._start()
        try:
            self.wait("lamp" if self._scenario is DIALOG else "messages")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it. The exchange forgets it when its registration and subscription are over."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def _start(self) -> None:
        prepare(self._home, {"scenario.xml": self._scenario, "unasked.xml": UNASKED}, [self._caller], [self._watched])
        argv = [
            SIPP, f"{FLOATING_ADDRESS}:{SIP_PORT}", "-sf", "scenario.xml", "-oocsf", "unasked.xml", "-inf", "callers.csv",
            "-i", MACHINE_ADDRESS, "-t", "u1", "-nostdin", "-m", "1", "-timeout", f"{SECONDS}s",
            "-trace_logs", "-log_file", "seen.log", "-trace_err", "-error_file", "errors.log",
        ]  # fmt: skip
        self._process = launch(self._home, argv)

    def seen(self, lamp: str) -> list[str]:
        """Return the states that a lamp (V(lamp), V(messages)) was told so far, each change once."""
        states = [seen.state for seen in parse_log(self._read("seen.log")) if seen.lamp == lamp]
        return [state for place, state in enumerate(states) if place == 0 or state != states[place - 1]]

    def wait(self, lamp: str, *states: str, seconds: float = 10) -> None:
        """Wait until a lamp shows a state.

        Args:
            lamp: V(lamp) or V(messages).
            states: what it may show; any when empty.
            seconds: how long to wait (longer by `config.patience`).

        Raises:
            LabError: it did not; the message says what it was told, and what SIPp says.
        """
        end = time.monotonic() + seconds * patience()
        while not (found := self.seen(lamp)) or (states and found[-1] not in states):
            if time.monotonic() > end or (self._process is not None and self._process.poll() is not None):
                said = " | ".join(self._read("errors.log").splitlines()[-3:]) or "nothing"
                raise LabError(
                    f"desk telephone {self.number}: waited for {lamp} {' or '.join(states) or 'of any state'}, and it was told"
                    f" {', '.join(found) or 'nothing'}; SIPp says: {said}"
                )
            time.sleep(0.05)

    def _read(self, name: str) -> str:
        try:
            return (self._home / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""
