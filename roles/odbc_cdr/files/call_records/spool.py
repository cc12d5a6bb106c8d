# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The spool: a directory on the replicated disk into which Asterisk writes records, and from which they are loaded.

Asterisk opens <kind>.current for each record, appends it, and closes the file. The file is renamed to <kind>-<time> and has
that name until all of it is in the database; then it is removed. What is in the directory is what is not in the database yet.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from record import KINDS, Kind, Raw, first_time

#: A file whose file system knows no leases (NFS) counts as closed when nobody has written to it for so long, seconds.
QUIET = 10.0
#: How much of a file is read to find its first record, bytes.
HEAD = 65536
_NO_LEASES = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS)


@dataclass(frozen=True)
class Pending:
    """What waits in the spool: files, bytes, and the age of the oldest record in seconds (0.0 when nothing waits)."""

    files: int
    bytes: int
    oldest: float


def sync_directory(path: str) -> None:
    """Write a directory's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Spool:
    """One spool.

    :param path: its directory.
    :param reserve: size of the file that keeps room for records when the disk is full, bytes; 0 for none.
    :param clock: seconds since 1970.
    """

    def __init__(self, path: str, reserve: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.reserve = reserve
        self.clock = clock
        self._synced: dict[str, tuple[int, int]] = {}

    def current(self, kind: Kind) -> str:
        """The file to which Asterisk appends the records of a kind."""
        return os.path.join(self.path, kind.name + ".current")

    @property
    def rejected(self) -> str:
        """The directory of what could not be read."""
        return os.path.join(self.path, "rejected")

    def sync(self) -> None:
        """Write to the disk what Asterisk has appended since the last time: its own close() only leaves it to the kernel."""
        for kind in KINDS.values():
            with contextlib.suppress(FileNotFoundError), open(self.current(kind), "rb") as file:
                status = os.fstat(file.fileno())
                state = (status.st_ino, status.st_size)
                if self._synced.get(kind.name) != state:
                    os.fsync(file.fileno())
                    self._synced[kind.name] = state

    def size(self, kind: Kind) -> int:
        """Bytes in the file to which Asterisk appends."""
        try:
            return os.stat(self.current(kind)).st_size
        except FileNotFoundError:
            return 0

    def rotate(self, kind: Kind) -> str | None:
        """Give the file to which Asterisk appends its own name, for good; None when there is nothing in it.

        The name is part of the key of a CEL event. So it is on the disk before anything of the file is loaded: after a power
        cut the same records must not be found under another name.
        """
        if self.size(kind) == 0:
            return None
        taken = self.ready(kind)
        number = int(self.clock() * 1_000_000)
        if taken:
            # A clock that was set back must not bring a name, or an order, twice.
            number = max(number, int(os.path.basename(taken[-1]).partition("-")[2]) + 1)
        name = os.path.join(self.path, f"{kind.name}-{number:016d}")
        os.rename(self.current(kind), name)
        self._synced.pop(kind.name, None)
        sync_directory(self.path)
        return name

    def ready(self, kind: Kind) -> list[str]:
        """The renamed files of a kind, oldest first."""
        prefix = kind.name + "-"
        names = [name for name in os.listdir(self.path) if name.startswith(prefix) and name[len(prefix) :].isdigit()]
        return [os.path.join(self.path, name) for name in sorted(names)]

    def read(self, path: str) -> bytes | None:
        """All of a renamed file; None while Asterisk may still write to it.

        Between open() and close() of a record Asterisk holds the file also under its new name. A read lease is granted only
        where nobody has the file open for writing (fcntl(2), F_SETLEASE), and by its new name nobody will.
        """
        with open(path, "rb") as file:
            try:
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            except OSError as error:
                if error.errno not in _NO_LEASES or self.clock() - os.fstat(file.fileno()).st_mtime < QUIET:
                    if error.errno in (errno.EAGAIN, *_NO_LEASES):
                        return None
                    raise
            os.fsync(file.fileno())
            return file.read()

    def remove(self, path: str) -> None:
        """Remove a file that is in the database. Were it back after a power cut, it would be loaded again, and change nothing."""
        os.unlink(path)

    def reject(self, path: str, pieces: list[tuple[Raw, str]]) -> str:
        """Keep what could not be read, for a person to look at; return the file's name.

        Written before the spool file is removed, and again to the same place when that is loaded again.
        """
        os.makedirs(self.rejected, mode=0o750, exist_ok=True)
        name = os.path.join(self.rejected, os.path.basename(path))
        with open(name + ".new", "wb") as file:
            for raw, _reason in pieces:
                file.write(raw.data if raw.data.endswith(b"\n") else raw.data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(name + ".new", name)
        sync_directory(self.rejected)
        return name

    def rejected_files(self) -> list[str]:
        """Names of the files with what could not be read."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(name for name in os.listdir(self.rejected) if not name.endswith(".new"))
        return []

    def pending(self) -> Pending:
        """What waits to be loaded."""
        files, size, oldest = 0, 0, 0.0
        for kind in KINDS.values():
            for number, path in enumerate([*self.ready(kind), self.current(kind)]):
                with contextlib.suppress(FileNotFoundError):
                    length = os.stat(path).st_size
                    if length == 0:
                        continue
                    files, size = files + 1, size + length
                    if number == 0 or path == self.current(kind):
                        with open(path, "rb") as file:
                            written = first_time(kind, file.read(HEAD))
                        oldest = max(oldest, self.clock() - written if written else 0.0)
        return Pending(files, size, oldest)

    # Room on a full disk

    @property
    def reserve_file(self) -> str:
        """The file that keeps room for records."""
        return os.path.join(self.path, "reserve")

    def free(self) -> int:
        """Bytes that Asterisk can still write."""
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def keep_reserve(self, low: int) -> bool:
        """Keep room for records: give the reserve up when the disk is full, and make it again when there is room.

        Asterisk does not look whether closing a file succeeded, so a record that finds no room is lost without a word.

        :param low: fewer free bytes than this count as a full disk.
        :returns: whether the reserve is there (True also where none is wanted).
        """
        if self.reserve == 0:
            return True
        there = os.path.exists(self.reserve_file)
        free = self.free()
        if there and free < low:
            os.unlink(self.reserve_file)
            return False
        if not there and free >= self.reserve + 2 * low:
            descriptor = os.open(self.reserve_file + ".new", os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self.reserve)
            finally:
                os.close(descriptor)
            os.rename(self.reserve_file + ".new", self.reserve_file)
            return True
        return there

    # The last sign of life of Asterisk, for the records of calls that a crash cut off

    @property
    def alive_file(self) -> str:
        """The file with the last sign of life."""
        return os.path.join(self.path, "alive")

    def read_alive(self) -> dict[str, Any]:
        """What `write_alive` wrote last; {} when there is nothing that can be read."""
        try:
            with open(self.alive_file, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_alive(self, state: dict[str, Any]) -> None:
        """Remember, also through a power cut."""
        with open(self.alive_file + ".new", "w", encoding="utf-8") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(self.alive_file + ".new", self.alive_file)

    def all_ready(self) -> Iterator[tuple[Kind, str]]:
        """Every renamed file with its kind: of each kind the oldest first; call records before events."""
        for kind in KINDS.values():
            for path in self.ready(kind):
                yield kind, path
