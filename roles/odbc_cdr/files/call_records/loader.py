# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the service does, all the time: one thread keeps the spool safe, the other one brings it to the database.

The keeper never waits for the database: a database that hangs must not keep records from reaching the disk.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from database import Access, Database, DatabaseError
from processors import Usage
from rebuild import rebuild
from record import CDR, KINDS, parse, when
from spool import Pending, Spool

#: Seconds between two looks at the spool, and between two tries of a database that takes no records.
INTERVAL = 0.5
RETRY = 1.0
#: Seconds between two signs of life of Asterisk on the disk: by so much the end of a rebuilt record may be early.
ALIVE_INTERVAL = 5.0
#: Seconds between two repetitions of an alert.
ALERT_INTERVAL = 600.0
#: Without a database the files are renamed at this size (bytes) or age (seconds) only: a night is then not 100,000 files.
ROTATE_SIZE = 8 * 1024 * 1024
ROTATE_AGE = 60.0
#: While Asterisk takes more than this part of the processors, records wait: they and the database's work for them took a fifth of
#: the calls that two processors can carry. They wait no longer than this (seconds), for a busy hour is longer than a burst.
CALLS_FIRST_SHARE = 1 / 3
CALLS_FIRST_SECONDS = 15.0
#: Fewer free bytes are a full disk.
LOW = 4 * 1024 * 1024
#: How far back calls that a crash cut off are looked for, and how long before the crash a call may have been closed without its
#: record.
REBUILD_HOURS = 24
SUSPECT_SECONDS = 15.0

CRITICAL, WARNING, NOTICE = 2, 4, 5


def say(priority: int, message: str) -> None:
    """One line for the journal; systemd takes the number for its priority (sd-daemon(3))."""
    sys.stderr.write(f"<{priority}>{message}\n")
    sys.stderr.flush()


@dataclass(frozen=True)
class Settings:
    """What the role writes to /etc/dialtone/call_records.json.

    :param spool: directory of the spool.
    :param reserve_mb: room that is kept for records on a full disk, MiB.
    :param alert_seconds: age of the oldest record in the spool from which on the journal has an alert.
    :param status: file that says how the loader is doing.
    :param asterisk_pid: file with the process id of Asterisk.
    """

    spool: str
    reserve_mb: int
    alert_seconds: int
    socket: str
    user: str
    database: str
    connect_timeout: int
    read_timeout: int
    status: str = "/run/call-records/status.json"
    asterisk_pid: str = "/run/asterisk/asterisk.pid"

    @property
    def access(self) -> Access:
        """How the database is reached."""
        return Access(self.socket, self.user, self.database, self.connect_timeout, self.read_timeout)


def read_settings(path: str) -> Settings:
    """The settings in a file."""
    with open(path, encoding="utf-8") as file:
        return Settings(**json.load(file))


class Loader:
    """Brings the spool to the database.

    :param connect: makes a connection.
    :param clock: seconds since 1970.
    """

    def __init__(
        self, settings: Settings, spool: Spool, connect: Callable[[], Database], clock: Callable[[], float] = time.time
    ) -> None:
        self.settings = settings
        self.spool = spool
        self.connect = connect
        self.clock = clock
        self.usage = Usage(settings.asterisk_pid)
        self.database: Database | None = None
        self.problem = ""
        self.loaded = 0
        self.rebuilt = 0
        self.rotated = clock()
        self.turn = time.monotonic()
        self._said = ""
        self._turn_for_records = self.turn

    def once(self) -> bool:
        """One turn; return whether the database took everything that it was asked to take."""
        self.turn = time.monotonic()
        if self.calls_first():
            self.rotate_large()
            return True
        try:
            if self.database is None:
                self.database = self.connect()
            # Only now, and not while the database is away: what is not renamed is not a file more.
            self.rotate()
            self.load(self.database)
            self.rebuild(self.database)
        except DatabaseError as error:
            self.problem = str(error)
            if self.database is not None:
                self.database.close()
                self.database = None
            if self.problem != self._said:
                say(WARNING, f"the database takes no call records, so they wait in {self.spool.path}: {self.problem}")
            self._said = self.problem
            self.rotate_large()
            return False
        if self._said:
            say(NOTICE, "the database takes call records again")
        self.problem = self._said = ""
        return True

    def calls_first(self) -> bool:
        """Whether the records wait this time, for Asterisk needs the processors."""
        now = time.monotonic()
        waits = self.usage.share() > CALLS_FIRST_SHARE and now - self._turn_for_records < CALLS_FIRST_SECONDS
        if not waits:
            self._turn_for_records = now
        return waits

    def rotate_large(self) -> None:
        """Rename what Asterisk has written where it is much, or old."""
        if self.clock() - self.rotated > ROTATE_AGE or any(self.spool.size(k) > ROTATE_SIZE for k in KINDS.values()):
            self.rotate()

    def rotate(self) -> None:
        """Rename what Asterisk has written."""
        self.rotated = self.clock()
        for kind in KINDS.values():
            self.spool.rotate(kind)

    def load(self, database: Database) -> None:
        """Load every renamed file.

        :raises DatabaseError: some are left.
        """
        for kind, path in self.spool.all_ready():
            data = self.spool.read(path)
            if data is None:
                continue
            self.turn = time.monotonic()
            parsed = parse(kind, data, os.path.basename(path), database.widths[kind.name])
            self.loaded += database.insert(kind, parsed.rows)
            if parsed.rejected:
                kept = self.spool.reject(path, parsed.rejected)
                say(
                    CRITICAL,
                    f"{len(parsed.rejected)} pieces of {os.path.basename(path)} are no records ({parsed.rejected[0][1]}): "
                    f"kept in {kept}. A full disk or a power cut tore them; see docs/night/records-missing.md",
                )
            self.spool.remove(path)

    def rebuild(self, database: Database) -> None:
        """Make the records of calls that ended with Asterisk, once after each of its starts.

        :raises DatabaseError: it has to be done again.
        """
        state = self.spool.read_alive()
        ended, before = state.get("ended"), state.get("started")
        # What Asterisk wrote before it was started again has been renamed and loaded when nothing older waits.
        if not ended or not before or self.spool.pending().oldest > max(0.0, self.clock() - before):
            return
        since = when(f"{before - REBUILD_HOURS * 3600:.6f}")
        suspect, until = when(f"{ended - SUSPECT_SECONDS:.6f}"), when(f"{before:.6f}")
        rows = []
        for linkedid in database.unfinished(str(since), str(until), str(suspect)):
            found = rebuild(
                database.events(linkedid), database.record_ends(linkedid),
                datetime.fromtimestamp(ended, tz=timezone.utc).replace(tzinfo=None),
            )  # fmt: skip
            if found is not None:
                rows.append(found)
        count = database.insert(CDR, rows)
        self.rebuilt += count
        if count:
            say(NOTICE, f"{count} calls were cut off when Asterisk ended; their records were rebuilt from their events (rebuilt=1)")
        state = self.spool.read_alive()
        if state.get("started") == before:
            state.pop("ended", None)
            self.spool.write_alive(state)


class Keeper:
    """Keeps the spool safe, and says how things are."""

    def __init__(self, settings: Settings, spool: Spool, loader: Loader, clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.spool = spool
        self.loader = loader
        self.clock = clock
        self._alive_written = 0.0
        self._alerted: dict[str, float] = {}

    def once(self) -> None:
        """One turn."""
        self.spool.sync()
        self.watch_asterisk()
        try:
            reserve = self.spool.keep_reserve(LOW)
        except OSError:
            reserve = False
        pending = self.spool.pending()
        free = self.spool.free()
        self.alert(pending, reserve, free)
        self.write_status(pending, reserve, free)

    def asterisk(self) -> float | None:
        """When the running Asterisk was started, seconds since 1970; None when none runs."""
        try:
            with open(self.settings.asterisk_pid, encoding="ascii") as file:
                number = int(file.read())
                started = os.fstat(file.fileno()).st_mtime
        except (OSError, ValueError):
            return None
        try:
            os.kill(number, 0)
        except PermissionError:
            # It is there, and another account's.
            return started
        except OSError:
            return None
        return started

    def watch_asterisk(self) -> None:
        """Remember when Asterisk was last alive; of a new one, that the former has ended and when."""
        started = self.asterisk()
        now = self.clock()
        if started is None or (now - self._alive_written < ALIVE_INTERVAL and now >= self._alive_written):
            return
        state = self.spool.read_alive()
        if state.get("started") != started:
            seen = state.get("seen")
            # Of several starts in a row the first end counts: nothing of it has been rebuilt yet.
            state = {"started": started, "ended": state.get("ended") or seen} if seen else {"started": started}
        state["seen"] = now
        self.spool.write_alive(state)
        self._alive_written = now

    def alert(self, pending: Pending, reserve: bool, free: int) -> None:
        """Say what needs a person, at once and then every ten minutes; and when it is over."""
        look = "see docs/night/records-missing.md"
        why = self.loader.problem or "the loader is behind"
        self._raise(
            "age", pending.oldest > self.settings.alert_seconds,
            f"call records wait in {self.spool.path}: {pending.files} files, {pending.bytes} bytes, the oldest for"
            f" {pending.oldest:.0f} s. None is lost. The database: {why}; {look}",
            "the spool of call records is empty again",
        )  # fmt: skip
        self._raise(
            "full", not reserve,
            f"the disk of {self.spool.path} is full: the room that was kept for call records is in use ({free} bytes are left;"
            f" then records are lost). Make room there; {look}",
            "the disk has room again; some is kept for call records",
        )  # fmt: skip

    def _raise(self, what: str, bad: bool, message: str, over: str) -> None:
        now = time.monotonic()
        if bad and now - self._alerted.get(what, -ALERT_INTERVAL) >= ALERT_INTERVAL:
            say(CRITICAL, message)
            self._alerted[what] = now
        elif not bad and self._alerted.pop(what, None) is not None:
            say(NOTICE, over)

    def write_status(self, pending: Pending, reserve: bool, free: int) -> None:
        """Write the status file."""
        status = {
            "time": self.clock(),
            "pending": asdict(pending),
            "database": self.loader.problem,
            "loaded": self.loader.loaded,
            "rebuilt": self.loader.rebuilt,
            "rejected": self.spool.rejected_files(),
            "reserve": reserve,
            "free": free,
        }
        with open(self.settings.status + ".new", "w", encoding="utf-8") as file:
            json.dump(status, file)
        os.rename(self.settings.status + ".new", self.settings.status)


def run(settings: Settings) -> int:
    """The service: until it is ended, or one of its halves fails. SIGTERM ends it at once; nothing is lost by that."""
    spool = Spool(settings.spool, settings.reserve_mb * 1024 * 1024)
    loader = Loader(settings, spool, lambda: Database(settings.access))
    keeper = Keeper(settings, spool, loader)
    failed = threading.Event()

    def load() -> None:
        try:
            while True:
                time.sleep(INTERVAL if loader.once() else RETRY)
        finally:
            failed.set()

    threading.Thread(target=load, daemon=True, name="loader").start()
    while not failed.wait(INTERVAL):
        keeper.once()
        # Every statement has a time limit; this is for what should not happen.
        if time.monotonic() - loader.turn > 3 * (settings.read_timeout + settings.connect_timeout):
            say(CRITICAL, "the loader does not come back from the database; the cluster starts it again")
            return 1
    return 1


def status(settings: Settings) -> dict[str, Any]:
    """How things are, looked at from outside the service: the spool itself, and what the service said last.

    :returns: pending (files, bytes, oldest in seconds), rejected (names), free (bytes), and loader, which is the status file, or
        None when there is none.
    """
    spool = Spool(settings.spool)
    try:
        with open(settings.status, encoding="utf-8") as file:
            said = json.load(file)
    except (OSError, ValueError):
        said = None
    return {
        "spool": settings.spool,
        "pending": asdict(spool.pending()),
        "rejected": spool.rejected_files(),
        "free": spool.free(),
        "loader": said,
        "loader_age": None if said is None else max(0.0, time.time() - said["time"]),
    }


def readable(found: dict[str, Any]) -> str:
    """The status for a person."""
    pending, said = found["pending"], found["loader"]
    lines = [
        f"spool     {found['spool']}",
        f"waiting   {pending['files']} files, {pending['bytes']} bytes, the oldest record for "
        f"{timedelta(seconds=round(pending['oldest']))}",
        f"rejected  {', '.join(found['rejected']) or 'nothing'}",
        f"free      {found['free'] // 1024 // 1024} MiB",
    ]
    if said is None or found["loader_age"] > 10 * INTERVAL:
        lines.append("loader    does not run here (pcs status: pbx-records runs where the service is)")
    else:
        lines.append(f"loader    runs; since its start {said['loaded']} records loaded, {said['rebuilt']} rebuilt")
        lines.append(f"database  {said['database'] or 'takes records'}")
        lines.append("reserve   " + ("there" if said["reserve"] else "given up: the disk is full"))
    return "\n".join(lines)
