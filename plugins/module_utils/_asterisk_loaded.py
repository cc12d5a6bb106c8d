# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Asterisk has loaded, against what its files say.

Two looks, because each sees what the other does not. Names of objects (telephones, mailboxes, contexts, modules) are asked of
Asterisk and compared with the files: that sees what Asterisk passes over without a word. A changed password changes no name, so
the content of every file is remembered when its module has loaded it, in /run and for this one process. Where nothing is
remembered, a file counts as loaded if it was there, unchanged, before the process began.

Asterisk answers "reloaded successfully" to every reload, also when it could not read the file and went on with what it had.
"""

from __future__ import annotations

import contextlib
import glob as globbing
import hashlib
import json
import os
import pwd
import re
import socket
import stat
import struct
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_config as asterisk_config
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._asterisk_config import KINDS, Config, Objects
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result, Runner

#: Which module reads which file again when it is told to reload, in the order in which they are told: what others refer to
#: comes first. The names are those of `module show`.
RELOADED_BY = {
    "logger.conf": "logger",
    "acl.conf": "acl",
    "extconfig.conf": "extconfig",
    "features.conf": "features",
    "indications.conf": "indications",
    "udptl.conf": "udptl",
    "dnsmgr.conf": "dnsmgr",
    "http.conf": "http",
    "manager.conf": "manager",
    "pjproject.conf": "res_pjproject.so",
    "rtp.conf": "res_rtp_asterisk.so",
    "musiconhold.conf": "res_musiconhold.so",
    "res_odbc.conf": "res_odbc.so",
    "func_odbc.conf": "func_odbc.so",
    "cdr.conf": "cdr",
    "cdr_custom.conf": "cdr_custom.so",
    "cel.conf": "cel",
    "cel_custom.conf": "cel_custom.so",
    "voicemail.conf": "app_voicemail.so",
    "queues.conf": "app_queue.so",
    "confbridge.conf": "app_confbridge.so",
    "pjsip.conf": "res_pjsip.so",
    "pjsip_notify.conf": "res_pjsip_notify.so",
    "extensions.conf": "pbx_config.so",
}

#: Files that are read when Asterisk starts and never again.
READ_AT_START = ("asterisk.conf", "modules.conf", "sorcery.conf", "pjsip_transports.conf", "ccss.conf", "stasis.conf")

#: Modules whose reload has PJSIP look for its objects, where a file said at the start: until the next start, that is where they are no
#: more. A changed acl.conf makes it read its endpoints again (pjsip_configuration.c), and so does the wizard as it is loaded.
PLACED_BY = {"res_pjsip.so": "sorcery.conf", "acl": "sorcery.conf", "res_pjsip_config_wizard.so": "sorcery.conf"}

#: The module that a reload of which makes objects of a kind.
MAKER = {
    **dict.fromkeys(asterisk_config.PJSIP_TYPES.values(), "res_pjsip.so"),
    "mailboxes": "app_voicemail.so",
    "contexts": "pbx_config.so",
    "extensions": "pbx_config.so",
    "hints": "pbx_config.so",
}

#: Seconds by which the clocks of files (a tick of the kernel) and of processes (hundredths) may differ.
CLOCK_SECONDS = 0.05

#: Seconds within which an Asterisk that is not frozen says that it is there.
ALIVE_SECONDS = 15

PROC = Path("/proc")


class AsteriskError(Exception):
    """What was found and what to do, in one message for the operator."""


# --- asking ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Console:
    """Asterisk's console commands, one process for each, as `asterisk -rx` gives them."""

    run: Runner
    socket: str = "/run/asterisk/asterisk.ctl"
    seconds: int = 60

    def __call__(self, command: str) -> str:
        """Give a command.

        :returns: what Asterisk printed.
        :raises AsteriskError: it does not answer in time, or cannot be reached.
        """
        return self._text(command, self.ask(command), self.seconds)

    @staticmethod
    def _text(command: str, result: Result, seconds: int) -> str:
        if result.rc != 0:
            said = " ".join((result.err or result.out).split()) or "nothing"
            raise AsteriskError(
                f"Asterisk runs and did not answer `{command}` within {seconds} s. The cluster restarts one that hangs; run"
                " this again when `pcs status` shows it well."
                if result.rc in (124, 137)
                else f"`asterisk -rx '{command}'` ended with {result.rc} and said: {said}. See `journalctl -u asterisk`."
            )
        return result.out

    def ask(self, command: str, seconds: int | None = None) -> Result:
        """Give a command and return whatever came of it; exit code 124 or 137 when it took too long."""
        return self.run(["timeout", "--kill-after=2", str(seconds or self.seconds), "asterisk", "-rx", command])

    def answers(self) -> bool:
        """Whether an Asterisk runs here. Without a socket it is not asked: the question itself would leave a directory in /run.

        :raises AsteriskError: it runs and does not answer.
        """
        if not is_socket(self.socket):
            return False
        # What every Asterisk answers at once, so that a frozen one does not hold up the play.
        seconds = min(self.seconds, ALIVE_SECONDS)
        result = self.ask("core show uptime seconds", seconds)
        if result.rc != 0 and "Unable to connect" in result.out + result.err:
            return False
        self._text("core show uptime seconds", result, seconds)
        return True


def is_socket(path: str) -> bool:
    """Whether a socket is at a path."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def parse_pjsip_list(text: str) -> tuple[set[str], int]:
    """Read `pjsip list endpoints`, `aors`, `auths`, `identifies` or `registrations`.

    :returns: the names, and the number of characters after which a name is cut off.
    """
    names: set[str] = set()
    head, _rule, body = text.partition("====")
    column = re.search("<[^>]*>", head)
    for line in _rows(body):
        # "Endpoint:  name/caller", "Auth:  name/user", or "name/URI" alone. A name has no slash.
        found = re.match(r"\s*(?:[\w/]+:\s+)?([^\s/]+)", line)
        if found and not line.startswith(("=", "Objects found")):
            names.add(found[1])
    width = len(column[0]) if column else 0
    return names, width


def parse_mailboxes(text: str) -> set[str]:
    """Read `voicemail show users`: context, number, name, time zone, messages, in a line each under a heading."""
    lines = _rows(text)
    start = next((number for number, line in enumerate(lines, 1) if line.startswith("Context ")), len(lines))
    rows = [line.split() for line in lines[start:] if not re.search(r"voicemail users? configured", line)]
    return {f"{row[1]}@{row[0]}" for row in rows if len(row) > 2}  # noqa: PLR2004 - context, number, messages


def parse_dialplan(text: str) -> Objects:
    """Read `dialplan show`: contexts that come from extensions.conf, their extensions and hints."""
    contexts: set[str] = set()
    extensions: set[str] = set()
    hints: set[str] = set()
    context = ""
    for line in text.splitlines():
        head = re.match(r"\[ Context '(.+)' created by '(.+)' \]", line)
        if head:
            context = head[1] if "pbx_config" in head[2] else ""
            if context:
                contexts.add(context)
            continue
        exten = re.match(r"  '(.+?)'(?: \(CID match '.*?'\))? =>\s+(.*)", line)
        if exten and context:
            extensions.add(f"{exten[1]}@{context}")
            if exten[2].startswith("hint:"):
                hints.add(f"{exten[1]}@{context}")
    return {"contexts": contexts, "extensions": extensions, "hints": hints}


def parse_modules(text: str) -> set[str]:
    """Read `module show`: the modules that run."""
    return {line.split()[0] for line in _rows(text) if re.search(r"\s\d+\s+Running\b", line)}


def parse_codecs(text: str) -> set[str]:
    """Read `core show codecs`: names and formats, by either of which an endpoint can name them."""
    names: set[str] = set()
    for line in _rows(text):
        found = re.match(r"\s*\d+\s+\w+\s+(\S+)\s+(\S+)\s+\d+\s", line)
        if found:
            names.update((found[1].lower(), found[2].lower()))
    return names


def loaded(console: Console) -> tuple[Objects, dict[str, int]]:
    """Ask a running Asterisk what it has.

    :returns: names by kind, of kinds whose module is loaded; and by kind after how many characters names are cut off.
    :raises AsteriskError: it does not answer.
    """
    modules = parse_modules(console("module show"))
    found: Objects = {"modules": modules}
    widths = {}
    if "res_pjsip.so" in modules:
        for kind in asterisk_config.PJSIP_TYPES.values():
            text = console(f"pjsip list {kind}")
            if "No such command" not in text:
                found[kind], widths[kind] = parse_pjsip_list(text)
    # Its list of AORs cuts names off before its heading ends (res_pjsip/location.c: 9 + 7 and 9 + 12 of 62 characters).
    if widths.get("aors"):
        widths["aors"] -= 10
    if "app_voicemail.so" in modules:
        found["mailboxes"] = parse_mailboxes(console("voicemail show users"))
    if "pbx_config.so" in modules:
        found.update(parse_dialplan(console("dialplan show")))
    return found, widths


# --- comparing ---------------------------------------------------------------------------------------------------


def compare(wanted: Objects, found: Objects, widths: Mapping[str, int] | None = None) -> dict[str, dict[str, list[str]]]:
    """Compare names.

    :param wanted: names by kind, as they should be.
    :param found: names by kind, as they are; a kind that is missing could not be asked for.
    :param widths: by kind after how many characters found names are cut off.
    :returns: by kind C(missing) and C(extra), sorted; equal kinds are left out. Of modules more may be loaded.
    """
    differences = {}
    for kind in KINDS:
        if kind not in wanted or kind not in found:
            continue
        width = (widths or {}).get(kind, 0)
        known = {name if not width else name[:width]: name for name in wanted[kind]}
        missing = sorted(full for short, full in known.items() if short not in found[kind])
        extra = [] if kind == "modules" else sorted(name for name in found[kind] if name not in known)
        if kind in ("extensions", "hints"):
            extra = [name for name in extra if not _of_pattern(name, wanted.get("hints", ()))]
        if missing or extra:
            differences[kind] = {"missing": missing, "extra": extra}
    return differences


def _of_pattern(name: str, hints: Collection[str]) -> bool:
    """Whether Asterisk made an extension itself, of a hint with a pattern: it does for each number that a lamp is subscribed to."""
    exten, _at, context = name.rpartition("@")
    patterns = [hint.rpartition("@") for hint in hints if hint.startswith("_")]
    return any(place == context and asterisk_config.matches(pattern, exten) for pattern, _at, place in patterns)


def some(names: Sequence[str], limit: int = 8) -> str:
    """Return names for a message: all, or the first ones and how many more there are."""
    return ", ".join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def describe(differences: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """Return what differs, one phrase for each kind and direction."""
    return [
        f"{verb}: {KINDS[kind]} {some(sides[side])}"
        for kind, sides in differences.items()
        for side, verb in (("missing", "not loaded"), ("extra", "loaded and in no file"))
        if sides[side]
    ]


# --- files -------------------------------------------------------------------------------------------------------


@dataclass
class Written:
    """The configuration directory: each root file's configuration, and of every file its digest and its last change.

    ``changed`` is when anything about the file changed, its owner too; ``modified`` when its content did, in seconds since 1970.
    """

    configs: dict[str, Config] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    changed: dict[str, float] = field(default_factory=dict)
    modified: dict[str, float] = field(default_factory=dict)

    @property
    def objects(self) -> Objects:
        """Return what Asterisk makes of it."""
        return asterisk_config.objects(self.configs)

    @property
    def mistakes(self) -> list[asterisk_config.Mistake]:
        """Return what Asterisk cannot read, each once."""
        return sorted(
            {mistake for config in self.configs.values() for mistake in config.mistakes},
            key=lambda mistake: (mistake.file, mistake.line, mistake.text),
        )


def read_written(directory: Path, roots: Sequence[str]) -> Written:
    """Read root files and all that they include.

    :param directory: the configuration directory.
    :param roots: names of files in it; those that are not there are left out.
    :raises OSError: a file that is there cannot be read.
    """
    found = Written()

    def source(name: str) -> str | None:
        path = directory / name
        try:
            with path.open("rb") as handle:
                content = handle.read()
                status = os.fstat(handle.fileno())
                found.changed[name], found.modified[name] = status.st_ctime, status.st_mtime
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        found.digests[name] = hashlib.sha256(content).hexdigest()
        return content.decode("utf-8", "replace")

    def glob(pattern: str) -> list[str]:
        paths = sorted(globbing.glob(str(directory / pattern)))
        return [os.path.relpath(path, directory) if not pattern.startswith("/") else path for path in paths]

    pending = list(dict.fromkeys(roots))
    for name in pending:
        config = asterisk_config.read(name, source, glob)
        if config.files[name] is None:
            continue
        found.configs[name] = config
        if name == asterisk_config.SORCERY:
            pending += [more for more in asterisk_config.sorcery_files(config) if more not in pending]
    return found


def refused_to(run: Runner, user: str, test: str, paths: Sequence[str]) -> list[str]:
    """Return the paths that an account may not use, by asking the kernel as that account.

    :param test: what it wants, an operator of test(1): V(-r) to read, V(-w) to write.
    """
    if not paths:
        return []
    script = f'cd / && for path; do [ {test} "$path" ] || printf "%s\\n" "$path"; done'
    result = run(["runuser", "-u", user, "--", "sh", "-c", script, "sh", *paths])
    # Where the account does not exist, that is for the preflight to say.
    return [line for line in result.out.splitlines() if line in paths] if result.rc == 0 else []


def foreign(trees: Sequence[str], user: str) -> list[str]:
    """Return directories that do not belong to an account, and so may not be for it to write to: the trees and two levels below.

    There may be thousands of mailboxes, and all but a few belong to Asterisk.

    :param trees: directories; one that is not there is left out.
    :param user: the account; where it does not exist, that is for the preflight to say.
    """
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return []
    found, level = [], [path for path in trees if os.path.isdir(path)]
    for _depth in range(3):
        found += [path for path in level if os.stat(path).st_uid != uid]
        below: list[str] = []
        for path in level:
            with contextlib.suppress(OSError):
                below += sorted(entry.path for entry in os.scandir(path) if entry.is_dir(follow_symlinks=False))
        level = below
    return found


def unreadable(run: Runner, user: str, directory: Path, written: Written) -> list[str]:
    """Return the configuration files that Asterisk's account may not read."""
    return refused_to(run, user, "-r", [str(directory / name) for name in sorted(written.digests)])


def space(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return the room in directories, those of one file system once.

    :returns: C(path), C(bytes) and C(files) that an ordinary account may still write; a directory that is not there is left out.
    """
    found: dict[int, dict[str, Any]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            room, device = os.statvfs(path), os.stat(path).st_dev
            # Where a file system does not count files, all three are 0.
            files = room.f_favail if room.f_files else None
            found.setdefault(device, {"path": path, "bytes": room.f_bavail * room.f_frsize, "files": files})
    return list(found.values())


# --- what a process has read ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Process:
    """A running Asterisk: what tells it from every other one, and when it began, in seconds since 1970."""

    identity: str
    started: float


def peer_of(path: str) -> int:
    """Return the number of the process that listens at a socket (SO_PEERCRED, unix(7)).

    :raises OSError: nobody does.
    """
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as client:
        client.settimeout(5)
        client.connect(path)
        data = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", data)[0])


def process(pid: int, proc: Path = PROC, now: float | None = None) -> Process:
    """Return what tells a process from every other one, and when it began (proc(5)).

    :raises OSError: it is gone.
    """
    # After the name in parentheses, which can hold anything, the 22nd field is the 20th.
    ticks = int((proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19])
    uptime = float((proc / "uptime").read_text(encoding="ascii").split()[0])
    boot = (proc / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    age = uptime - ticks / os.sysconf("SC_CLK_TCK")
    return Process(f"{boot} {pid} {ticks}", (time.time() if now is None else now) - age)


#: What a module has loaded: digests by file. By module; START holds the files that are read at the start only.
Record = dict[str, dict[str, str]]
START = "start"


def read_record(path: Path, identity: str) -> Record:
    """Return what was remembered of a process; nothing where it is another one's or unreadable."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("process") != identity:
        return {}
    modules = content.get("modules")
    return modules if isinstance(modules, dict) else {}


def write_record(path: Path, identity: str, record: Record) -> None:
    """Remember what a process has loaded, readable by root alone: the digests are of files that hold secrets."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump({"process": identity, "modules": record}, handle)
    os.replace(partial, path)


def pending(
    files: Sequence[str], written: Written, remembered: Mapping[str, str] | None, started: float,
    times: Mapping[str, float] | None = None,
) -> list[str]:  # fmt: skip
    """Return the files that a module has not read as they are.

    :param files: those that it reads.
    :param remembered: digests of what it read last, by file; None where nobody noted that.
    :param started: when the process began, in seconds since 1970.
    :param times: when each file changed, where nobody noted what was read; those of anything about it when not given.
    """
    if remembered is None:
        changed = written.changed if times is None else times
        return [name for name in files if name in changed and changed[name] > started - CLOCK_SECONDS]
    return [name for name in files if remembered.get(name) != written.digests.get(name)]


# --- the plan ----------------------------------------------------------------------------------------------------


@dataclass
class State:
    """A running Asterisk and its files, read at one moment."""

    written: Written
    process: Process
    found: Objects
    widths: dict[str, int]
    record: Record
    reloaded_by: dict[str, str]

    def files_of(self, module: str) -> list[str]:
        """Return every file that a module reads, with those that they include."""
        return sorted(
            {
                file
                for root, reader in self.reloaded_by.items()
                if reader == module and root in self.written.configs
                for file in self.written.configs[root].files
            }
        )

    @property
    def modules(self) -> list[str]:
        """Return the modules that run and read one of the files, in the order in which they are told to reload."""
        named = list(dict.fromkeys(self.reloaded_by[root] for root in self.reloaded_by if root in self.written.configs))
        return [module for module in named if module in self.found["modules"]]

    @property
    def start_files(self) -> list[str]:
        """Return the files that count at the start only."""
        return [name for name in READ_AT_START if name in self.written.digests]

    def differences(self) -> dict[str, dict[str, list[str]]]:
        """Return what is loaded otherwise than written, as compare does."""
        wanted = self.written.objects
        differences = compare(wanted, self.found, self.widths)
        sorcery = self.written.configs.get(asterisk_config.SORCERY)
        more = "res_pjsip_config_wizard.so" in self.found["modules"] or (
            sorcery is not None and asterisk_config.foreign_objects(sorcery)
        )
        if more:
            # The wizard, or a database, makes objects that no file names.
            for kind in asterisk_config.PJSIP_TYPES.values():
                if kind in differences:
                    differences[kind]["extra"] = []
        return {kind: sides for kind, sides in differences.items() if sides["missing"] or sides["extra"]}


def plan(state: State, always: Sequence[str] = ()) -> dict[str, list[str]]:
    """Return the modules to reload, each with its reasons, in the order in which they are told.

    Those that are held back are left out.

    :param always: modules that read something besides files, which has changed.
    """
    differences = state.differences()
    reasons = {}
    waiting = held_back(state)
    for module in [*state.modules, *(name for name in always if name not in state.modules)]:
        if module in waiting:
            continue
        why = [
            f"{name} was written after it was loaded"
            for name in pending(state.files_of(module), state.written, state.record.get(module), state.process.started)
        ]
        why += list(describe({kind: sides for kind, sides in differences.items() if MAKER.get(kind) == module}))
        if module in always:
            why.append("what it reads besides its files has changed")
        if why:
            reasons[module] = why
    return reasons


def missing_modules(state: State) -> list[str]:
    """Return the modules that modules.conf names and that do not run."""
    return state.differences().get("modules", {}).get("missing", [])


def restart_pending(state: State) -> list[str]:
    """Return the files that count at the start only and were written after it.

    By the time of their content: a reload for nothing does no harm, but this would hold PJSIP back for a new owner of a file.
    """
    return pending(state.start_files, state.written, state.record.get(START), state.process.started, state.written.modified)


def held_back(state: State) -> list[str]:
    """Return the modules that must not be reloaded before the next start: where their objects are was changed after the last one.

    Told to reload, PJSIP would look for telephones where they were, and drop all that are not there any more.
    """
    changed = restart_pending(state)
    placed = [module for module, file in PLACED_BY.items() if file in changed]
    if not placed:
        # As nearly always, and then nothing needs to be compared, which takes its time with thousands of telephones.
        return []
    known = {*state.modules, *missing_modules(state)}
    return [module for module in placed if module in known]


def noted(state: State, modules: Sequence[str]) -> Record:
    """Return the record of a process, with what these modules have read by now; what is held back they have not."""
    record = {name: dict(files) for name, files in state.record.items()}
    waiting = held_back(state)
    for module in (name for name in modules if name not in waiting):
        record[module] = {file: state.written.digests[file] for file in state.files_of(module) if file in state.written.digests}
    if START not in record and not restart_pending(state):
        record[START] = {file: state.written.digests[file] for file in state.start_files}
    return record


def refused(state: State, known_codecs: set[str]) -> list[str]:
    """Return what Asterisk cannot take, though nothing may differ yet: it goes on with what it had, and does not start again.

    :param known_codecs: the codecs that it knows; empty where it could not say.
    """
    read = {file for module in state.modules for file in state.files_of(module)} | set(state.start_files)
    found = [str(mistake) for mistake in state.written.mistakes if mistake.fatal and mistake.file in read]
    unknown = sorted(asterisk_config.codecs(state.written.configs.values()) - known_codecs) if known_codecs else []
    if unknown:
        found.append(f"PJSIP's endpoints name {some(unknown)}, which is no codec of this Asterisk, so it drops them whole")
    return found


def _written(directory: Path, reloaded_by: Mapping[str, str]) -> tuple[Written, dict[str, str]]:
    """Read the files; return them and which module reads which."""
    readers = {**RELOADED_BY, **reloaded_by}
    written = read_written(directory, [*readers, *READ_AT_START])
    sorcery = written.configs.get(asterisk_config.SORCERY)
    if sorcery is not None:
        readers.update(dict.fromkeys(asterisk_config.sorcery_files(sorcery), "res_pjsip.so"))
    return written, readers


def read_state(
    console: Console, directory: Path, record_path: Path, reloaded_by: Mapping[str, str], proc: Path = PROC
) -> State:
    """Read a running Asterisk and its files.

    :raises AsteriskError: Asterisk does not answer.
    :raises OSError: a file, or the process, cannot be read.
    """
    # One that starts has half of everything.
    console("core waitfullybooted")
    # Before Asterisk is asked: what is written meanwhile then counts as not loaded.
    written, readers = _written(directory, reloaded_by)
    about = process(peer_of(console.socket), proc)
    found, widths = loaded(console)
    return State(written, about, found, widths, read_record(record_path, about.identity), readers)


def stopped(directory: Path, reloaded_by: Mapping[str, str]) -> State:
    """Read the files of an Asterisk that does not run: it will load the modules that they name."""
    written, readers = _written(directory, reloaded_by)
    modules = {*written.objects.get("modules", set()), *(name for name in readers.values() if not name.endswith(".so"))}
    return State(written, Process("", 0.0), {"modules": modules}, {}, {}, readers)


def settled(path: Path, seconds: float = 2.0, interval: float = 0.1) -> None:
    """Wait until a log has not grown for a moment: Asterisk's logger is a thread that lags behind.

    :param seconds: how long at most.
    :param interval: the moment, in seconds.
    """
    deadline, size = time.monotonic() + seconds, -1
    while time.monotonic() < deadline:
        now = path.stat().st_size if path.exists() else 0
        if now == size:
            return
        size = now
        time.sleep(interval)


def said_since(path: Path, offset: int, sources: Sequence[str]) -> list[str]:
    """Return the errors that Asterisk logged after a position of its log, from these source files of its own, each once.

    Asterisk keeps an object of which it cannot take the new settings, and says so nowhere else. A line that shows a secret
    loses it.
    """
    try:
        with path.open("rb") as handle:
            handle.seek(offset)
            text = handle.read(1 << 20).decode("utf-8", "replace")
    except OSError:
        return []
    found = re.findall(r"\bERROR\[\d+\](?:\[C-\w+\])?:? (\w+)\.c(?::\d+)?:? (?:in )?(.*)", text)
    secret = re.compile(r"((?:password|secret|md5_cred|pin)\w*\s*=>?\s*)\S+", re.IGNORECASE)
    return list(dict.fromkeys(secret.sub(r"\1(not shown)", rest) for source, rest in found if source in sources))


def as_data(names: Mapping[str, set[str]]) -> dict[str, Any]:
    """Return names by kind as Ansible can return them."""
    return {kind: sorted(values) for kind, values in names.items()}
