"""Telephones for the lab: real SIP user agents that register, dial, send a tone and record what they hear.

Each telephone is a process of baresip in the lab's network namespace, at this machine's address there. It is
remote-controlled over baresip's ctrl_tcp (netstrings of JSON on a loopback port of the namespace). What it sends is
a tone of its own frequency; what it hears it writes to a WAV file, where `lab.audio` finds the other's tone.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from . import audio
from .command import plain
from .config import FLOATING_ADDRESS, LAB_DIR, MACHINE_ADDRESS, LabError, ns_argv, patience
from .probe import lab_socket

BARESIP = "/usr/bin/baresip"
MODULES = Path("/usr/lib/baresip/modules")

#: Long enough to outlive every outage the tests make, so that a call after one needs no new registration: what
#: the exchange remembered is what is tested.
REGISTRATION_SECONDS = 300

CONFIGURATION = """\
poll_method             epoll
sip_listen              {address}:{sip_port}
call_local_timeout      120
call_max_calls          4
# ausine makes 48 kHz stereo and nothing else; baresip resamples it to what the codec wants.
audio_source            ausine,{tone}
ausrc_srate             48000
ausrc_channels          2
# Somebody has to take the decoded sound, or it is not decoded; there is no sound card here.
audio_player            aubridge,{number}
auplay_srate            8000
auplay_channels         1
audio_txmode            thread
rtp_ports               40000-49999
# None. Asterisk may forward the first packets itself and the rest as they come, with other sequence numbers; this version of
# baresip then takes all that follows for too late (https://github.com/baresip/baresip/issues/846).
jitter_buffer_delay     0-0
module_path             {modules}
module                  g711.so
module                  ausine.so
module                  aubridge.so
module                  sndfile.so
module_app              account.so
module_app              ctrl_tcp.so
module_app              menu.so
{lamps}ctrl_tcp_listen         127.0.0.1:{control_port}
snd_path                {recordings}
"""
#: What it takes to have a lamp for each contact. Not the module for waiting messages: this version of it subscribes again and again
#: without a pause, now and then.
LAMPS = """\
module_app              contact.so
module_app              presence.so
"""


class PhoneError(LabError):
    """A telephone did not see what it waited for; the message ends with its last SIP messages."""


@dataclass(frozen=True)
class Event:
    """Something a telephone reported: the type as baresip names it, and when it was read (time.monotonic())."""

    type: str
    detail: str
    at: float


def netstring(content: bytes) -> bytes:
    """Frame bytes as a netstring (D. J. Bernstein, https://cr.yp.to/proto/netstrings.txt): length, colon, comma."""
    return b"%d:%b," % (len(content), content)


def split_netstrings(data: bytes) -> tuple[list[bytes], bytes]:
    """Take the complete netstrings from the beginning of a stream.

    Args:
        data: bytes received so far.

    Returns:
        Their contents, and the rest, which is the beginning of the next one.

    Raises:
        ValueError: the stream is not one of netstrings.
    """
    contents = []
    while b":" in data:
        length, rest = data.split(b":", 1)
        size = int(length)
        if len(rest) <= size:
            break
        if rest[size : size + 1] != b",":
            raise ValueError("netstring without its comma")
        contents.append(rest[:size])
        data = rest[size + 1 :]
    return contents, data


def password(number: str) -> str:
    """Return the SIP password that the lab's deployment generated for an extension.

    Raises LabError when nothing was deployed.
    """
    path = LAB_DIR / "secrets" / f"sip_{number}"
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        raise LabError(f"{path} is missing: deploy the lab first (make demo, or playbooks/site.yml)") from None


class Phone:
    """One telephone. As a context manager it runs from entry to exit.

    Every wait has a limit in seconds (longer by `config.patience`) and ends with PhoneError, which says which telephone,
    what was waited for, what was seen instead, and the last SIP messages.
    """

    def __init__(self, number: str, tone_hz: int, *, tenant: str = "demo", secret: str | None = None,
                 answers: bool = True, lamps: Sequence[str] = ()) -> None:  # fmt: skip
        """Describe the telephone; `start` runs it.

        Args:
            number: extension, for example "100".
            tone_hz: the tone it sends, in Hz; a multiple of 10 below 3400.
            tenant: whose extension it is.
            secret: SIP password; None for the one that the lab's deployment generated.
            answers: whether it answers calls by itself; otherwise it rings until `answer` is called.
            lamps: the extensions that it has a lamp for.
        """
        self.number = number
        self.tone_hz = tone_hz
        self.user = f"{number}-{tenant}"
        #: Where it listens for SIP on MACHINE_ADDRESS; known once it has been started.
        self.sip_port = 0
        self._secret = password(number) if secret is None else secret
        self._answers = answers
        self._lamps = lamps
        self._home = LAB_DIR / "phones" / f"{self.user}-{secrets.token_hex(4)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._unread = b""
        self._events: list[Event] = []
        self._responses: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Phone:
        """Start the telephone and wait until it is registered."""
        try:
            self.start()
            self.wait_registered()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unregister and end the telephone."""
        self.stop()

    # Its life

    def start(self) -> None:
        """Run the telephone; it begins to register at once. Returns when it can be controlled."""
        if not Path(BARESIP).exists():
            raise LabError(f"{BARESIP} is missing: install the package baresip-core")
        recordings = self._home / "recordings"
        recordings.mkdir(mode=0o700, parents=True)
        self._home.chmod(0o700)
        # Whether it is used or not, baresip listens for TLS at the port after that for UDP and TCP.
        self.sip_port, control_port = _free_port(MACHINE_ADDRESS, 2), _free_port("127.0.0.1")
        self._write("config", CONFIGURATION.format(
            address=MACHINE_ADDRESS, sip_port=self.sip_port, control_port=control_port, tone=self.tone_hz,
            number=self.number, modules=MODULES, recordings=recordings, lamps=LAMPS if self._lamps else "",
        ))  # fmt: skip
        self._write("contacts", "".join(
            f'"{number}" <sip:{number}@{FLOATING_ADDRESS}>;presence=p2p\n' for number in self._lamps
        ))  # fmt: skip
        mode = "auto" if self._answers else "manual"
        self._write("accounts", (
            f"<sip:{self.user}@{FLOATING_ADDRESS};transport=udp>;auth_user={self.user};auth_pass={self._secret}"
            f";regint={REGISTRATION_SECONDS};answermode={mode};audio_codecs=pcmu,pcma\n"
        ))  # fmt: skip
        with self._log.open("wb") as log:
            # It must not outlive a test run that was killed: it would answer the next one's calls.
            self._process = subprocess.Popen(
                ns_argv(["setpriv", "--pdeathsig", "KILL", BARESIP, "-4", "-s", "-f", str(self._home)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._poll("to start", 10, lambda: self._connect(control_port))

    def stop(self) -> None:
        """Unregister and end. To stop a telephone that is not running does nothing."""
        if self._control is not None:
            with contextlib.suppress(OSError, PhoneError):
                self._send("quit", "")
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._home / "log"

    def _write(self, name: str, content: str) -> None:
        descriptor = os.open(self._home / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(content)

    # Registration

    @property
    def address(self) -> str:
        """Where it can be reached, as its registration says: IP:port."""
        return f"{MACHINE_ADDRESS}:{self.sip_port}"

    def wait_registered(self, seconds: float = 10) -> None:
        """Wait until the exchange has accepted the registration."""
        self._wait_registration("OK", "ERR", seconds)

    def wait_rejected(self, seconds: float = 10) -> None:
        """Wait until the exchange has refused the registration."""
        self._wait_registration("ERR", "OK", seconds)

    def _wait_registration(self, wanted: str, opposite: str, seconds: float) -> None:
        what = {"OK": "to be registered", "ERR": "to be refused"}[wanted]
        self._poll(what, seconds, lambda: self._registration() == wanted, lambda: self._registration() == opposite)

    def _registration(self) -> str:
        """Return OK, ERR, or zzz while there is no answer yet: how baresip shows the state of an account."""
        shown = plain(str(self._command("reginfo").get("data", "")))
        found = re.search(rf"{re.escape(self.user)}@\S+\s+(OK|ERR|zzz)", shown)
        return found[1] if found else ""

    # Calls

    def forget(self) -> None:
        """Forget the events and recordings of earlier calls, so that what follows belongs to the next one."""
        self._read(0)
        self._events.clear()
        for recording in (self._home / "recordings").iterdir():
            recording.unlink()

    def dial(self, number: str) -> None:
        """Call a number. It returns at once; `wait_established` waits for the answer."""
        self.forget()
        response = self._command("dial", number)
        if not response.get("ok"):
            raise PhoneError(self._message(f"could not dial {number}: {response.get('data')}"))

    def answer(self) -> None:
        """Answer the call that rings."""
        self._command("accept")

    def wait_incoming(self, seconds: float = 5) -> Event:
        """Wait until a call comes in; return that event."""
        return self.wait_event("CALL_INCOMING", seconds)

    def wait_established(self, seconds: float = 5) -> Event:
        """Wait until the call is answered; return that event. A call that ends instead is an error at once."""
        return self.wait_event("CALL_ESTABLISHED", seconds, stop_at="CALL_CLOSED")

    def wait_closed(self, seconds: float = 5) -> Event:
        """Wait until the call has ended; return that event, whose detail is the reason."""
        return self.wait_event("CALL_CLOSED", seconds)

    def hangup(self) -> None:
        """End the call, answered or not, and wait until that is done. Without a call it does nothing."""
        if self._in_call():
            self._command("hangup")
            self.wait_closed()

    def press(self, keys: str) -> None:
        """Press keys in a call that is answered, one after the other (digits, * and #), sent as RFC 4733 says."""
        for key in keys:
            response = self._command("sndcode", key)
            if not response.get("ok"):
                raise PhoneError(self._message(f"could not press {key}: {response.get('data')}"))

    def _in_call(self) -> bool:
        self._read(0)
        begun = [event.type for event in self._events]
        return "CALL_CLOSED" not in begun and any(
            kind in begun for kind in ("CALL_INCOMING", "CALL_LOCAL_SDP", "CALL_RINGING", "CALL_ESTABLISHED")
        )

    def wait_event(self, kind: str, seconds: float, stop_at: str | None = None) -> Event:
        """Wait for an event since the last `forget` or `dial`.

        Args:
            kind: its type, as baresip names it.
            seconds: how long to wait.
            stop_at: a type of event after which there is nothing to wait for any more.

        Returns:
            The first event of that type.

        Raises:
            PhoneError: it did not come, or the other one came.
        """
        seconds *= patience()
        end = time.monotonic() + seconds
        while True:
            for event in self._events:
                if event.type == kind:
                    return event
                if event.type == stop_at:
                    raise PhoneError(self._message(f"waited for {kind} and saw {event.type}: {event.detail}"))
            left = end - time.monotonic()
            if left <= 0:
                seen = ", ".join(event.type for event in self._events) or "nothing"
                raise PhoneError(self._message(f"waited {seconds:g} s for {kind} and saw {seen}"))
            self._read(left)

    # Lamps

    def lamp(self, number: str) -> str:
        """Return what the lamp of an extension shows, as baresip names it: Unknown, Online (free), Busy, Offline."""
        shown = plain(str(self._command("contacts").get("data", "")))
        found = re.search(rf"(\w+)\s+{number} <sip:{number}@", shown)
        return found[1] if found else ""

    def wait_lamp(self, number: str, state: str, seconds: float = 10) -> None:
        """Wait until the lamp of an extension shows a state."""
        self._poll(f"for the lamp of {number} to show {state}", seconds, lambda: self.lamp(number) == state)

    # Sound

    def heard(self, hertz: float) -> float:
        """Return how many seconds of a tone it has heard since the last `forget` or `dial`."""
        return sum(
            audio.seconds_of_tone(audio.read_wav(path), hertz)
            for path in (self._home / "recordings").glob("*-dec.wav")
        )

    def wait_heard(self, hertz: float, seconds: float, limit: float) -> float:
        """Wait until it has heard a tone.

        Args:
            hertz: frequency of the tone in Hz.
            seconds: how many seconds of it.
            limit: how many seconds to wait.

        Returns:
            Seconds of the tone heard.
        """
        self._poll(f"to hear {seconds:g} s of {hertz:g} Hz", limit, lambda: self.heard(hertz) >= seconds, every=0.2)
        return self.heard(hertz)

    # How it is done

    def _connect(self, port: int) -> bool:
        control = lab_socket(socket.SOCK_STREAM)
        try:
            control.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            control.close()
            return False
        self._control = control
        return True

    def _send(self, command: str, parameters: str) -> str:
        if self._control is None:
            raise PhoneError(f"telephone {self.number} is not running")
        token = secrets.token_hex(4)
        message = {"command": command, "params": parameters, "token": token}
        self._control.sendall(netstring(json.dumps(message).encode()))
        return token

    def _command(self, command: str, parameters: str = "") -> dict[str, Any]:
        token = self._send(command, parameters)
        end = time.monotonic() + 5
        while token not in self._responses:
            left = end - time.monotonic()
            if left <= 0:
                raise PhoneError(self._message(f"no response to the command {command!r}"))
            self._read(left)
        return self._responses.pop(token)

    def _read(self, seconds: float) -> None:
        """Take in what the telephone reports, waiting up to `seconds` for something."""
        if self._control is None:
            raise PhoneError(f"telephone {self.number} is not running")
        self._control.settimeout(max(seconds, 0.001))
        try:
            data = self._control.recv(65536)
        except TimeoutError:
            return
        finally:
            self._control.settimeout(None)
        if not data:
            raise PhoneError(self._message("the telephone's process has ended"))
        now = time.monotonic()
        contents, self._unread = split_netstrings(self._unread + data)
        for content in contents:
            message = json.loads(content)
            if message.get("event"):
                self._events.append(Event(message.get("type", ""), message.get("param", ""), now))
            else:
                self._responses[message.get("token", "")] = message

    def _poll(self, what: str, seconds: float, condition: Callable[[], bool],
              hopeless: Callable[[], bool] = lambda: False, every: float = 0.05) -> None:  # fmt: skip
        seconds *= patience()
        end = time.monotonic() + seconds
        while not condition():
            if self._process is not None and self._process.poll() is not None:
                raise PhoneError(self._message(f"ended with exit code {self._process.returncode} while waiting {what}"))
            if hopeless():
                raise PhoneError(self._message(f"waited {what}, and the opposite happened"))
            if time.monotonic() > end:
                raise PhoneError(self._message(f"waited {seconds:g} s {what}, in vain"))
            time.sleep(every)

    def _message(self, text: str) -> str:
        return f"telephone {self.number} ({self.user}@{FLOATING_ADDRESS}): {text}\n{self.trace()}"

    def trace(self, lines: int = 40) -> str:
        """Return the last lines of the telephone's SIP trace, without the digest's response."""
        try:
            text = plain(self._log.read_text(errors="replace"))
        except FileNotFoundError:
            return "(no trace)"
        shown = [line for line in text.splitlines() if line.strip() and not line.startswith("Authorization:")]
        return "\n".join(f"    | {line}" for line in shown[-lines:])


def _free_port(address: str, count: int = 1) -> int:
    """Return the first of `count` successive ports of an address in the lab's namespace that nobody uses.

    They lie below the range from which the kernel gives ports to connections, so that nobody gets one of them between
    this look and the telephone's start. Raises LabError when there are none.
    """
    for _attempt in range(100):
        first = 20000 + 2 * secrets.randbelow(5000)
        with contextlib.ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        stack.enter_context(lab_socket(kind)).bind((address, port))
            except OSError:
                continue
        return first
    raise LabError(f"no {count} free ports at {address} between 20000 and 30000: who listens there? (ss -lntup)")


@dataclass(frozen=True)
class Call:
    """A call that two telephones held: seconds until it was answered, and of the other's tone that each heard."""

    caller: str
    callee: str
    answered_after: float
    heard_by_caller: float
    heard_by_callee: float


def converse(caller: Phone, callee: Phone, seconds: float = 3.0) -> tuple[float, float]:
    """Let two telephones that are connected hear each other, then hang up.

    Args:
        caller: the one that dialled, and hangs up.
        callee: the one that answered.
        seconds: how much of the other's tone each has to hear.

    Returns:
        Seconds of the other's tone that caller and callee heard.

    Raises:
        PhoneError: one of them did not hear the other, or heard itself, or the call did not end.
    """
    limit = seconds + 5
    heard = (
        caller.wait_heard(callee.tone_hz, seconds, limit),
        callee.wait_heard(caller.tone_hz, seconds, limit),
    )
    for phone in (caller, callee):
        echo = phone.heard(phone.tone_hz)
        if echo:
            raise PhoneError(f"telephone {phone.number} heard itself for {echo:.1f} s: its own sound came back")
    caller.hangup()
    callee.wait_closed()
    return heard


def call(caller: Phone, callee: Phone, seconds: float = 3.0) -> Call:
    """Call one telephone from the other, check the audio both ways, hang up.

    Args:
        caller: a registered telephone.
        callee: a registered telephone that answers by itself.
        seconds: how much of the other's tone each has to hear.

    Returns:
        What was measured.

    Raises:
        PhoneError: the call was not answered, or a direction had no sound, or it did not end.
    """
    callee.forget()
    begun = time.monotonic()
    caller.dial(callee.number)
    answered = caller.wait_established().at - begun
    callee.wait_established()
    return Call(caller.number, callee.number, answered, *converse(caller, callee, seconds))


def call_until_answered(
    caller: Phone, callee: Phone, seconds: float, attempt_seconds: float = 1.5
) -> tuple[float, int]:
    """Dial as an impatient caller does: hang up what is not answered soon and dial again, until the callee answers.

    Args:
        caller: a telephone without a call.
        callee: the telephone that answers by itself.
        seconds: how long to try.
        attempt_seconds: patience of each attempt.

    Returns:
        When the caller saw the answer (time.monotonic()) and the number of attempts. The call is up.

    Raises:
        PhoneError: no attempt was answered; the message is the last attempt's.
    """
    end = time.monotonic() + seconds * patience()
    attempts = 0
    while True:
        attempts += 1
        callee.forget()
        begun = time.monotonic()
        try:
            caller.dial(callee.number)
            answered = caller.wait_established(attempt_seconds).at
            callee.wait_established(attempt_seconds)
        except PhoneError:
            if time.monotonic() > end:
                raise
            # Voicemail that answers is not the callee.
            caller.hangup()
            # Refused at once: the next attempt still waits its turn.
            time.sleep(max(0.0, begun + 0.5 - time.monotonic()))
        else:
            return answered, attempts
