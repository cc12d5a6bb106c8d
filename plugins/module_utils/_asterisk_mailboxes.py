# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes on the disk against those of voicemail.conf: which of them belong to somebody who has the number no more.

app_voicemail keeps a mailbox in VM_SPOOL_DIR/<context>/<mailbox>: folders with messages, greetings, and secret.conf with the PIN
that was set by telephone (passwordlocation = spooldir), which counts before the one in voicemail.conf.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

#: What app_voicemail leaves in a folder that it locks (main/app.c): no content.
LOCKS = frozenset({".lock", "lock"})


class Mailbox(NamedTuple):
    """A mailbox by its context (the tenant) and its number."""

    context: str
    number: str

    def __str__(self) -> str:
        return f"{self.number}@{self.context}"


@dataclass(frozen=True)
class Owner:
    """Whose a mailbox is, as voicemail.conf says: the first PIN, and the name."""

    pin: str
    name: str


@dataclass(frozen=True)
class Content:
    """What is in a mailbox on the disk: how many messages, and whether a PIN was set by telephone."""

    messages: int
    own_pin: bool


def parse(texts: Iterable[str]) -> dict[Mailbox, Owner]:
    """Read the sections of tenants' voicemail.conf, `number => pin,name`."""
    found = {}
    for text in texts:
        context = ""
        for line in text.splitlines():
            header = re.match(r"\[([^]]+)\]", line)
            entry = re.match(r"([^;=\s]+)\s*=>?\s*([^,]*),([^,]*)", line)
            if header:
                context = header[1]
            elif entry and context:
                found[Mailbox(context, entry[1])] = Owner(entry[2].strip(), entry[3].strip())
    return found


def content(directory: str) -> Content | None:
    """Look into a mailbox; None where nothing is in it but empty folders.

    :raises OSError: when it cannot be read.
    """
    files = [os.path.join(top, name) for top, _directories, names in os.walk(directory) for name in names if name not in LOCKS]
    if not files and not os.path.islink(directory):
        return None
    messages = [path for path in files if re.fullmatch(r"msg[0-9]+\.txt", os.path.basename(path))]
    return Content(len(messages), os.path.join(directory, "secret.conf") in files)


def read(spool: str) -> dict[Mailbox, Content]:
    """Return the mailboxes below the spool directory in which something is; none where there is no such directory.

    :raises OSError: when something below it cannot be read.
    """
    found = {}
    for context in sorted(os.listdir(spool)) if os.path.isdir(spool) else []:
        inside = os.path.join(spool, context)
        for number in sorted(os.listdir(inside)) if os.path.isdir(inside) else []:
            path = os.path.join(inside, number)
            about = content(path) if os.path.isdir(path) else None
            if about is not None:
                found[Mailbox(context, number)] = about
    return found


def plan(
    present: Mapping[Mailbox, Content], before: Mapping[Mailbox, Owner], after: Mapping[Mailbox, Owner]
) -> tuple[dict[Mailbox, str], list[Mailbox]]:
    """Decide which mailboxes are to be put aside.

    A number has another owner when the name and the first PIN are both others: a rename changes the name alone, and the PIN of the
    inventory is for nobody but a new owner. An extension that is new has no mailbox yet; what is there is a former owner's, of a
    run that broke off or of a time before this. Where no file says who had what, nobody can tell, and everything stays.

    :param present: mailboxes on the disk in which something is.
    :param before: owners as the files say that Asterisk has.
    :param after: owners as the files will say.
    :returns: mailbox -> why it is put aside; and mailboxes of which the inventory's PIN was changed and that set by telephone stays.
    """
    aside, kept = {}, []
    for mailbox, about in present.items():
        old, new = before.get(mailbox), after.get(mailbox)
        if new is None:
            aside[mailbox] = "no extension has it"
        elif old is None and before:
            aside[mailbox] = "its extension is new, so it is a former owner's"
        elif old is not None and old.name != new.name and old.pin != new.pin:
            aside[mailbox] = "it has another owner: name and PIN in the inventory are others"
        elif old is not None and old.pin != new.pin and about.own_pin:
            kept.append(mailbox)
    return aside, kept


def mount_points(mountinfo: str) -> set[str]:
    """Read /proc/self/mountinfo (proc_pid_mountinfo(5)): the directories at which something is mounted.

    os.path.ismount does not see what is bound from the same file system.
    """
    fields = [line.split(" ") for line in mountinfo.splitlines()]
    return {re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), line[4]) for line in fields if len(line) > 4}


def in_service(path: str, replicated: Sequence[str], mounted: Collection[str]) -> bool:
    """Whether what lies at a path is the exchange's own and not what the standby has under it.

    :param path: the directory.
    :param replicated: directories that move with the service.
    :param mounted: directories at which something is mounted.
    :returns: whether the replicated directory with the path is mounted; True when it is in none of them.
    """
    above = [directory.rstrip("/") for directory in replicated]
    return all(directory in mounted for directory in above if f"{path}/".startswith(f"{directory}/"))


def place(archive: str, mailbox: Mailbox, when: str, taken: Collection[str]) -> str:
    """Return where a mailbox goes: ARCHIVE/context/number.<when>, or with .2 and so on where that is taken."""
    first = os.path.join(archive, mailbox.context, f"{mailbox.number}.{when}")
    candidates = [first, *(f"{first}.{number}" for number in range(2, len(taken) + 3))]
    return next(path for path in candidates if path not in taken)
