"""Load on the exchange: SIPp calls a number at a rate, with digest authentication, and says what became of each call.

SIPp runs in the lab's network namespace at this machine's address. A call is an INVITE (refused once, then with
credentials), some seconds of talk without audio, and a BYE. Each has a Call-ID of its own; what SIPp saw of it,
and when, is in a log that `Load.events` reads, also while the load goes on.

By hand, on a deployed lab: python3 -m lab.sipp --rate 20 --count 200
"""

from __future__ import annotations

import argparse
import csv
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .cli import exit_code
from .config import FLOATING_ADDRESS, LAB_DIR, MACHINE_ADDRESS, LabError, ns_argv
from .phones import password
from .probe import SIP_PORT

SIPP = "/usr/bin/sipp"
#: Hear yourself: every tenant has it, and it rings no telephone.
ECHO = "*43"
#: A call's part beside its talk, at most: seven requests and responses, each repeated until SIPp gives up (RFC 3261,
#: timer B is 32 s; `MAX_REPETITIONS` makes it less).
SIGNALLING_SECONDS = 20.0
#: Requests are repeated after 0.5, 1, 2, 4, 4 s; then the call has failed.
MAX_REPETITIONS = 5
#: SIPp writes this much beside the calls of its own: its last row, its files.
END_SECONDS = 5.0

_ANSWERED, _CLOSED = "answered", "closed"

#: Fields of the injection file: 0 user, 1 [authentication ...], 2 the number dialled.
#: The log's line: what, when (seconds since 1970), Call-ID, caller, number. SIPp counts messages from 0 for [branch-N].
SCENARIO = """\
<?xml version="1.0" encoding="ISO-8859-1" ?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="call with digest">
  <send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
  <recv response="100" optional="true"/>
  <recv response="401" auth="true"/>
  <send><![CDATA[
ACK sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch-3]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <send retrans="500"><![CDATA[
INVITE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 2 INVITE
Contact: <sip:[field0]@[local_ip]:[local_port]>
[field1]
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{sdp}
]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="183" optional="true"/>
  <recv response="200">
    <action>
      <gettimeofday assign_to="1,2"/>
      <log message="answered;[$1];[$2];[call_id];[field0];[field2]"/>
    </action>
  </recv>
  <send><![CDATA[
ACK sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
  <pause/>
  <send retrans="500"><![CDATA[
BYE sip:[field2]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[remote_ip]>;tag=[pid]-[call_number]
To: <sip:[field2]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 3 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200">
    <action>
      <gettimeofday assign_to="1,2"/>
      <log message="closed;[$1];[$2];[call_id];[field0];[field2]"/>
    </action>
  </recv>
</scenario>
"""
#: G.711 both ways; nothing is sent, as the echo sends nothing to who says nothing.
SDP = """\
v=0
o=load 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 0
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
"""


@dataclass(frozen=True)
class Caller:
    """Who calls: SIP user and password, as an extension of the exchange has them. SIPp ends a word at a space."""

    user: str
    secret: str


@dataclass(frozen=True)
class Event:
    """What SIPp saw of a call: "answered" (200 to INVITE) or "closed" (200 to BYE), and when (seconds since 1970)."""

    kind: str
    at: float
    call_id: str
    caller: str
    number: str


@dataclass(frozen=True)
class Outcome:
    """What became of the load: calls that were begun, that went as they should, that did not; requests repeated.

    `reasons` says of the failed ones how many failed for what, as SIPp names it ("FailedMaxUDPRetrans").
    """

    begun: int
    succeeded: int
    failed: int
    repetitions: int
    reasons: dict[str, int]

    def __str__(self) -> str:
        """Say it in one line."""
        why = ", ".join(f"{name} {count}" for name, count in self.reasons.items())
        return (
            f"{self.begun} calls: {self.succeeded} succeeded, {self.failed} failed{f' ({why})' if why else ''};"
            f" {self.repetitions} requests repeated"
        )


def parse_statistics(text: str) -> Outcome:
    """Read SIPp's statistics (-trace_stat): a header and rows of `;`-separated counters, of which the last counts.

    Raises LabError when there is no row yet.
    """
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    if not rows:
        raise LabError("SIPp wrote no statistics: it ended before the first call")
    # A row that is being written has fewer fields than the header.
    whole = [row for row in rows if None not in row.values()]
    if not whole:
        raise LabError(f"SIPp's statistics are not what is expected of it: {text[:200]!r}")

    def count(name: str) -> int:
        return int(whole[-1][f"{name}(C)"])

    failures = [
        name[: -len("(C)")] for name in whole[-1] if name and name.startswith("Failed") and name.endswith("(C)")
    ]
    return Outcome(
        begun=int(whole[-1]["TotalCallCreated"]),
        succeeded=count("SuccessfulCall"),
        failed=count("FailedCall"),
        repetitions=count("Retransmissions"),
        reasons={name: count(name) for name in failures if name != "FailedCall" and count(name)},
    )


def parse_log(text: str) -> list[Event]:
    """Read the scenario's log; a line that is being written has no end and is left out."""
    events = []
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        kind, seconds, microseconds, call_id, caller, number = line.rstrip("\n").split(";")
        # SIPp keeps numbers as floating point and prints them so.
        events.append(Event(kind, float(seconds) + float(microseconds) / 1e6, call_id, caller, number))
    return events


def injection(callers: Sequence[Caller], numbers: Sequence[str]) -> str:
    """Return SIPp's injection file: call after call takes the next line, and after the last the first again.

    Args:
        callers: who calls, in turn.
        numbers: what is dialled, in turn; with one number for each call, every record tells which call it is of.
    """
    lines = ["SEQUENTIAL"]
    for index in range(max(len(callers), len(numbers))):
        caller, number = callers[index % len(callers)], numbers[index % len(numbers)]
        lines.append(f"{caller.user};[authentication username={caller.user} password={caller.secret}];{number}")
    return "\n".join(lines) + "\n"


def prepare(home: Path, scenarios: Mapping[str, str], callers: Sequence[Caller], numbers: Sequence[str]) -> None:
    """Write what SIPp reads into a new directory: scenarios by file name, and callers.csv (see `injection`).

    Raises LabError when SIPp is not installed.
    """
    if not Path(SIPP).exists():
        raise LabError(f"{SIPP} is missing: install the package sip-tester")
    home.mkdir(mode=0o700, parents=True)
    for name, text in scenarios.items():
        (home / name).write_text(text)
    # The password is in a file of its own: an argument is for everybody to read.
    with os.fdopen(os.open(home / "callers.csv", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(injection(callers, numbers))


def launch(home: Path, argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Run SIPp in the lab's network namespace and in a directory, where it leaves what it shows in the file screen."""
    with (home / "screen").open("wb") as screen:
        # It must not outlive a test run that was killed.
        return subprocess.Popen(
            ns_argv(["setpriv", "--pdeathsig", "KILL", *argv]),
            cwd=home, stdin=subprocess.DEVNULL, stdout=screen, stderr=screen,
            env={**os.environ, "TERM": "dumb", "LC_ALL": "C"},
        )  # fmt: skip


class Load:
    """Calls at a rate. As a context manager it begins at entry and is ended at exit, if it has not ended by itself."""

    def __init__(
        self,
        rate: float,
        count: int,
        *,
        talk_seconds: float = 2.0,
        callers: Sequence[Caller] = (),
        numbers: Sequence[str] = (ECHO,),
        target: tuple[str, int] = (FLOATING_ADDRESS, SIP_PORT),
    ) -> None:
        """Describe the load; `start` begins it.

        Args:
            rate: calls begun in a second.
            count: calls in all.
            talk_seconds: from the answer to the BYE.
            callers: who calls, in turn; empty for extension 100 of the lab's tenant.
            numbers: what is dialled, in turn.
            target: address and UDP port that are called.
        """
        self.rate, self.count, self.talk_seconds = rate, count, talk_seconds
        #: When it has ended at the latest, in seconds after its start: SIPp ends itself then.
        self.limit = count / rate + talk_seconds + SIGNALLING_SECONDS
        self._callers = callers or (Caller("100-demo", password("100")),)
        self._numbers = numbers
        self._target = target
        self._home = LAB_DIR / "load" / secrets.token_hex(4)
        self._process: subprocess.Popen[bytes] | None = None
        self._begun = 0.0

    def __enter__(self) -> Load:
        """Begin to call."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what is left of it, and remove its files."""
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)

    def start(self) -> None:
        """Begin to call; returns at once."""
        prepare(self._home, {"scenario.xml": SCENARIO.replace("{sdp}", SDP.rstrip("\n"))}, self._callers, self._numbers)
        address, port = self._target
        argv = [
            SIPP, f"{address}:{port}", "-sf", "scenario.xml", "-inf", "callers.csv", "-i", MACHINE_ADDRESS,
            "-mi", MACHINE_ADDRESS, "-t", "u1", "-nostdin",
            "-r", f"{self.rate:g}", "-m", str(self.count), "-l", str(self.count),
            "-d", str(round(self.talk_seconds * 1000)),
            "-max_retrans", str(MAX_REPETITIONS), "-max_invite_retrans", str(MAX_REPETITIONS),
            "-max_non_invite_retrans", str(MAX_REPETITIONS), "-recv_timeout", f"{round(SIGNALLING_SECONDS * 1000)}",
            "-timeout", f"{round(self.limit)}s",
            "-trace_stat", "-stf", "statistics.csv", "-fd", "1", "-trace_logs", "-log_file", "calls.log",
            "-trace_err", "-error_file", "errors.log",
        ]  # fmt: skip
        self._process = launch(self._home, argv)
        self._begun = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether it still calls, or waits for the end of calls."""
        return self._process is not None and self._process.poll() is None

    def wait(self) -> Outcome:
        """Wait until it has ended, and return what became of it.

        Raises:
            LabError: SIPp could not begin, or did not end in its time.
        """
        if self._process is None:
            raise LabError("the load was not started")
        try:
            code = self._process.wait(max(0.0, self._begun + self.limit + END_SECONDS - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.stop()
            raise LabError(f"SIPp did not end within {self.limit + END_SECONDS:.0f} s: {self._said()}") from None
        # 0: all calls succeeded; 1: some failed; 97: its time was over.
        if code not in (0, 1, 97):
            raise LabError(f"SIPp ended with exit code {code}: {self._said()}")
        return self.outcome()

    def outcome(self) -> Outcome:
        """Return what became of the calls so far (SIPp writes it once a second)."""
        return parse_statistics(self._read("statistics.csv"))

    def events(self) -> list[Event]:
        """Return what SIPp saw of each call so far, in its order."""
        return parse_log(self._read("calls.log"))

    def closed(self) -> list[Event]:
        """Return the calls that SIPp saw closed so far: their records must exist."""
        return [event for event in self.events() if event.kind == _CLOSED]

    def answered(self) -> list[Event]:
        """Return the calls that SIPp saw answered so far."""
        return [event for event in self.events() if event.kind == _ANSWERED]

    def stop(self) -> None:
        """End it now, calls and all. When it has ended already, or never began, this does nothing."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _read(self, name: str) -> str:
        try:
            return (self._home / name).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def _said(self) -> str:
        """Return the last that SIPp said, for an error message."""
        said = [*self._read("errors.log").splitlines()[-3:], *self._read("screen").splitlines()[-3:]]
        return " | ".join(line.strip() for line in said if line.strip()) or "it said nothing"


def main() -> int:
    """Make a load as the command line says and print what became of it; 1 when a call failed."""
    arguments = argparse.ArgumentParser(prog="python3 -m lab.sipp", description=__doc__)
    arguments.add_argument("--rate", type=float, default=20.0, help="calls begun in a second (default 20)")
    arguments.add_argument("--count", type=int, default=200, help="calls in all (default 200)")
    arguments.add_argument("--talk", type=float, default=2.0, help="seconds from answer to BYE (default 2)")
    arguments.add_argument("--number", default=ECHO, help="what is dialled (default *43, the echo)")
    given = arguments.parse_args()

    def run() -> int:
        with Load(given.rate, given.count, talk_seconds=given.talk, numbers=[given.number]) as load:
            outcome = load.wait()
            print(outcome)
        return int(outcome.succeeded != given.count)

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())
