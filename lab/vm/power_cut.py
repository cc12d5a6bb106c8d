"""The active machine's power is cut in the middle of everything: python3 -m lab.vm power-cut.

Before the cut a caller leaves a message, a call is recorded, and the active node's database is stopped. Then telephones
call again and again and a program on the active node writes files to the replicated disk, naming each one after fsync(2)
returned. When enough of both has happened the machine is destroyed. What was promised until that instant is written
down, for the tests that follow (molecule/default/tests/power_cut) to look for: this is only about what the world saw from
outside. At last the machine is switched on again.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .. import exchange, hosts, phones, voicemail
from ..config import LAB_DIR, LabError
from ..phones import Phone, PhoneError

REPORT = LAB_DIR / "power_cut.json"
#: On the disk that is replicated, beside the directories of the exchange.
WRITTEN = "/srv/pbx/lab-written"
RECORDING = "/var/spool/asterisk/monitor/lab-before-the-cut.wav"

#: What has to have happened before the power goes.
FILES = 30
CALLS = 4

#: What may be lost of a call that has ended: the records of so many seconds are not yet on the disk.
UNPROMISED_SECONDS = 1.0

#: Writes numbered files and names each with its checksum once it is on the disk, directory entry and all.
WRITER = f"""
import hashlib, os, sys
os.makedirs({WRITTEN!r}, exist_ok=True)
directory = os.open({WRITTEN!r}, os.O_RDONLY)
number = 0
while number < 100000:
    content = os.urandom(4096 + number * 7 % 20000)
    name = "%06d" % number
    file = os.open(os.path.join({WRITTEN!r}, name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, content)
    os.fsync(file)
    os.close(file)
    os.fsync(directory)
    print(name, hashlib.sha256(content).hexdigest(), flush=True)
    number += 1
"""


@dataclass
class Report:
    """What had been promised when the power went, and what followed.

    `files` and `kept` are SHA-256 by path, `records` what identifies each call record that could be read on the active
    node before its database was stopped, `calls` the calls that ended since, `closed` how many of them ended a second
    before the cut, `cut_at` seconds since 1970, `answered_after` seconds from the cut to the next answered call.
    """

    victim: str
    survivor: str
    files: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    records: list[list[str]] = field(default_factory=list)
    calls: int = 0
    closed: int = 0
    cut_at: float = 0.0
    answered_after: float = 0.0


def load() -> Report:
    """Return the report of the power cut. Raises LabError when there was none."""
    try:
        return Report(**json.loads(REPORT.read_text()))
    except FileNotFoundError:
        raise LabError(f"{REPORT} is missing: python3 -m lab.vm power-cut cuts the power and writes it") from None


def checksums(node: str, paths: list[str]) -> dict[str, str]:
    """Return the SHA-256 of files on a node by path; a file that is not there is left out."""
    script = 'for file; do [ ! -f "$file" ] || sha256sum "$file"; done'
    lines = exchange.run(node, ["sh", "-c", script, "sh", *paths]).splitlines()
    return {path: checksum for checksum, path in (line.split(maxsplit=1) for line in lines)}


def record_call(caller: Phone, callee: Phone, active: str) -> str:
    """Hold a call that Asterisk records; return the path of the recording, complete and closed."""
    callee.forget()
    caller.dial(callee.number)
    caller.wait_established()
    callee.wait_established()
    channels = exchange.run(active, ["asterisk", "-rx", "core show channels concise"]).splitlines()
    channel = next(line.split("!")[0] for line in channels if line.startswith(f"PJSIP/{caller.user}-"))
    exchange.run(active, ["asterisk", "-rx", f"mixmonitor start {channel} {RECORDING}"])
    phones.converse(caller, callee, 3.0)
    # Asterisk alone is looked at: fuser asks for every file of every process, which SELinux denies here and there.
    closed = (
        f'[ -s {RECORDING} ] && descriptors=/proc/$(systemctl show --property=MainPID --value asterisk)/fd'
        f' && [ -d "$descriptors" ] && [ -z "$(find "$descriptors" -lname {RECORDING})" ] && echo closed || :'
    )
    exchange.wait_until(
        "a recording that is there and closed", lambda: exchange.run(active, ["sh", "-c", closed]).strip(), "closed".__eq__, 20
    )
    return RECORDING


class CallLoad(threading.Thread):
    """Two telephones that call each other again and again until one of their calls fails."""

    def __init__(self, caller: Phone, callee: Phone) -> None:
        """Prepare it; `start` begins."""
        super().__init__(daemon=True)
        #: When each call had ended, by time.monotonic().
        self.ended: list[float] = []
        self.ending = threading.Event()
        self._phones = (caller, callee)

    def run(self) -> None:
        """Call, talk for a second, hang up, and again."""
        try:
            while not self.ending.is_set():
                phones.call(*self._phones, seconds=1.0)
                self.ended.append(time.monotonic())
        except PhoneError:
            # The cut ends one of them in the middle: that is what it is for.
            pass


def cut() -> None:
    """Cut the power and write the report. Raises LabError when it could not be prepared, or nobody answered after it."""
    exchange.wait_healthy(60)
    victim = exchange.active_node()
    report = Report(victim, exchange.peer(victim))
    with Phone("100", 440) as caller:
        message = voicemail.leave_message(caller)
        # Beside the sound is what is known of the message.
        kept = [message, message.removesuffix(".wav") + ".txt"]
        with Phone("101", 620) as callee:
            exchange.wait_registrations_stored(caller.address, callee.address)
            known = exchange.record_keys([victim])
            kept.append(record_call(caller, callee, victim))
            exchange.wait_record(caller.number, callee.number, known, [victim])
            # Only what was synchronised survives a power cut; a message is, some seconds after it was left.
            exchange.run(victim, ["sync", "-f", "/srv/pbx"])
            report.kept = checksums(victim, kept)
            print(f"power cut: {len(report.kept)} files of message and recording are on the disk", flush=True)
            report.records = [list(key) for key in exchange.record_keys([victim])]
            exchange.run(victim, ["systemctl", "stop", "mariadb"])
            writer = subprocess.Popen(
                hosts.ssh_argv(victim, ["python3", "-c", WRITER]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                text=True,
            )  # fmt: skip
            load = CallLoad(caller, callee)
            load.start()
            _collect(writer, load, report)
            ended = list(load.ended)
            clock, moment = time.time(), time.monotonic()
            hosts.kill(victim)
            report.cut_at, report.calls = clock, len(ended)
            report.closed = sum(at <= moment - UNPROMISED_SECONDS for at in ended)
            print(f"power cut: {victim} is gone, after {len(report.files)} files and {report.calls} calls", flush=True)
            load.ending.set()
            load.join(120)
            _collect(writer, load, report)
            # Each is in a call whose other side is no more.
            for phone in (caller, callee):
                with contextlib.suppress(PhoneError):
                    phone.hangup()
            answered, attempts = phones.call_until_answered(caller, callee, 90)
            report.answered_after = answered - moment
            print(f"power cut: next answered call after {report.answered_after:.1f} s, attempt {attempts}", flush=True)
            phones.converse(caller, callee, 2.0)
    # The cluster's fence device switches a machine off, and on again only if it was on: it takes an engineer, here and
    # where the power was really gone.
    hosts.start(victim)
    REPORT.write_text(json.dumps(asdict(report), indent=1))


def _collect(writer: subprocess.Popen[str], load: CallLoad, report: Report) -> None:
    """Read what the writer names: until enough happened, or, after the cut, what was still on its way."""
    for line in writer.stdout or ():
        if line.endswith("\n"):
            name, checksum = line.split()
            report.files[str(Path(WRITTEN, name))] = checksum
        if load.ending.is_set():
            continue
        if not load.is_alive():
            raise LabError(f"a call failed before the power cut, after {len(load.ended)} calls that did not")
        if len(report.files) >= FILES and len(load.ended) >= CALLS:
            return
    if not load.ending.is_set():
        raise LabError(f"the writer on {report.victim} ended with exit code {writer.wait()} before the power cut")
    writer.wait()
