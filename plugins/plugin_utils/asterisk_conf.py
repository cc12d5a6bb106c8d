# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's configuration files, read as Asterisk reads them (main/config.c), before Asterisk has them.

Asterisk has no parser that could be asked beforehand. What it does not understand it mostly leaves out, with a line in its log:
a telephone, a mailbox, a whole tenant. So what the templates made is read here first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

#: Asterisk reads lines into a buffer of this size (bytes) and takes the rest for another line.
LINE_BYTES = 8192

#: What an entry of pjsip.conf refers to, by its name: the type that the section of that name must have.
REFERENCES = {"auth": "auth", "outbound_auth": "auth", "aors": "aor", "transport": "transport", "endpoint": "endpoint"}

#: Files whose sections are PJSIP's objects, of which a name can be had once for each type: pjsip.conf, and for a type that
#: sorcery.conf gives a file of its own, that one.
PJSIP = re.compile(r"(?:.*/)?pjsip(?:_(?P<type>endpoint|aor|auth))?[.]conf")


class ConfError(Exception):
    """A file that Asterisk would not read to its end; the message says file, line and what is wrong."""


@dataclass(frozen=True)
class Entry:
    """A line `name = value` (or `=>`), and where it is."""

    name: str
    value: str
    where: str


@dataclass
class Section:
    """A section with its own entries and what it inherits: `entries` has both, inherited ones first."""

    name: str
    where: str
    template: bool = False
    entries: list[Entry] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return the values of all entries of a name, in order. Where only one counts, PJSIP takes the last."""
        return [entry.value for entry in self.entries if entry.name == name]

    def value(self, name: str) -> str:
        """Return the value that counts, the last; empty where there is none."""
        return next(reversed(self.values(name)), "")


def _without_comment(line: str) -> str:
    """Cut a line at the first semicolon that is not escaped."""
    return re.sub(r"(?<!\\);.*", "", line).strip()


class _Reader:
    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files
        self.sections: list[Section] = []
        #: The last section of each name.
        self.named: dict[str, Section] = {}
        self.current: Section | None = None
        self.open: list[str] = []
        #: All that was read, also what has nothing of its own but includes.
        self.seen: set[str] = set()

    def read(self, path: str) -> None:
        self.open.append(path)
        self.seen.add(path)
        for number, line in enumerate(self.files[path].split("\n"), 1):
            where = f"{path}, line {number}"
            if len(line.encode()) >= LINE_BYTES:
                raise ConfError(f"{where}: longer than {LINE_BYTES - 1} bytes")
            if any(ord(sign) < 32 and sign != "\t" for sign in line):
                raise ConfError(f"{where}: a control character")
            if re.search(r"(?<!\\);--(?!-)", line):
                raise ConfError(f"{where}: begins a comment of several lines, which takes what follows out")
            text = _without_comment(line)
            if text.startswith("["):
                self.header(text, where)
            elif text.startswith("#"):
                self.include(text, where)
            elif text:
                self.entry(text, where)
        self.open.pop()

    def header(self, text: str, where: str) -> None:
        found = re.fullmatch(r"\[([^]]*)\](?:\(([^)]*)\))?", text)
        if not found or not found[1]:
            raise ConfError(f"{where}: {text!r} is no header of a section")
        section = Section(found[1], where)
        added = False
        for option in (found[2] or "").split(","):
            if option == "!":
                section.template = True
            elif option == "+":
                if section.name not in self.named:
                    raise ConfError(f"{where}: adds to a section {section.name} that is not there yet")
                section, added = self.named[section.name], True
            elif option:
                if option not in self.named:
                    raise ConfError(f"{where}: section {section.name} inherits from {option}, which is not there yet")
                section.entries += self.named[option].entries
        self.current = section
        if not added:
            self.sections.append(section)
            self.named[section.name] = section

    def include(self, text: str, where: str) -> None:
        directive, _blank, rest = text.partition(" ")
        path = rest.strip().strip("\"<>")
        if directive not in ("#include", "#tryinclude") or not path:
            raise ConfError(f"{where}: {text!r} is no directive that Asterisk carries out")
        if path in self.open:
            raise ConfError(f"{where}: {path} includes itself")
        if path in self.files:
            self.read(path)
        elif directive == "#include":
            raise ConfError(f"{where}: the file {path} is not there")

    def entry(self, text: str, where: str) -> None:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfError(f"{where}: {name.strip()[:20]!r}… is no entry, for it has no name and equals sign")
        if self.current is None:
            raise ConfError(f"{where}: an entry before the first section")
        self.current.entries.append(Entry(name.strip(), value.removeprefix(">").strip(), where))


def read(files: Mapping[str, str], path: str) -> list[Section]:
    """Read a configuration file with all that it includes.

    :param files: contents of the files by their paths relative to /etc/asterisk, as `#include` names them.
    :param path: the file.
    :returns: its sections in their order, templates among them.
    :raises ConfError: where Asterisk would stop reading, or leave something out.
    """
    reader = _Reader(files)
    reader.read(path)
    return reader.sections


def _pjsip(files: Mapping[str, Sequence[Section]], options: Mapping[str, Sequence[str]] | None) -> Iterator[str]:
    """Report objects that PJSIP would not make, or not as they are meant.

    :param files: the sections of each file that PJSIP reads, by its path, with what it includes.
    """
    objects: dict[tuple[str, str], Section] = {}
    places = {found["type"]: path for path in files if (found := PJSIP.fullmatch(path)) and found["type"]}
    for path, section in ((path, section) for path, sections in files.items() for section in sections):
        if section.template:
            continue
        kind = section.value("type")
        if not kind:
            yield f"{section.where}: section {section.name} has no type"
            continue
        if places.get(kind, path) != path or (path in places.values() and kind not in places):
            yield f"{section.where}: section {section.name} is of type {kind}, which Asterisk does not look for in {path}"
        if (kind, section.name) in objects:
            yield f"{section.where}: there is a section {section.name} of type {kind} already ({objects[kind, section.name].where})"
        objects[kind, section.name] = section
        if options is not None and kind not in options:
            yield f"{section.where}: section {section.name} is of an unknown type, {kind}"
        elif options is not None:
            known = set(options[kind])
            yield from (
                f"{entry.where}: {entry.name} is no option of type {kind}" for entry in section.entries if entry.name not in known
            )
    by_address = {section.value("endpoint") for (kind, _name), section in objects.items() if kind == "identify"}
    for (kind, name), section in objects.items():
        for option, wanted in REFERENCES.items():
            for value in section.values(option):
                for named in filter(None, (part.strip() for part in value.split(","))):
                    if (wanted, named) not in objects:
                        yield f"{section.where}: {kind} {name} names the {wanted} {named}, which is not there"
        if kind == "endpoint":
            yield from _entrance(name, section, by_address)


def _entrance(name: str, section: Section, by_address: Collection[str]) -> Iterator[str]:
    """Report an endpoint that whoever says its name can be: it must ask for a password, or be known by its address alone."""
    methods = {method.strip() for method in section.value("identify_by").split(",")}
    if not section.value("auth") and methods != {"ip"}:
        yield f"{section.where}: endpoint {name} asks for no password and can be had by name (identify_by)"
    if methods == {"ip"} and name not in by_address:
        yield f"{section.where}: endpoint {name} is known by its address, and no section of type identify gives one"


def problems(
    files: Mapping[str, str], options: Mapping[str, Sequence[str]] | None = None, directory: str = ""
) -> list[str]:
    """Report what Asterisk would not understand of its files, or leave out without a word to anybody.

    :param files: contents by path relative to /etc/asterisk. Those at the top of C(directory) are read, and the others as they
        are included.
    :param options: type of an object of PJSIP -> its options; None looks at no names of options.
    :param directory: path relative to /etc/asterisk, empty for that itself.
    :returns: a sentence for each, with file and line; no values are in them, for they may be secret.
    """
    found: list[str] = []
    included: set[str] = set()
    pjsip: dict[str, Sequence[Section]] = {}
    roots = sorted(path for path in files if path.rpartition("/")[0] == directory)
    for path in roots:
        reader = _Reader(files)
        try:
            reader.read(path)
        except ConfError as error:
            found.append(str(error))
            continue
        sections = reader.sections
        included |= reader.seen
        if PJSIP.fullmatch(path):
            pjsip[path] = sections
            continue
        # What PJSIP reads apart by type is one section for all others, so a second one of a name adds to the first.
        first: set[str] = set()
        for section in sections:
            if section.name in first:
                found.append(f"{section.where}: there is a section {section.name} already")
            first.add(section.name)
    found += _pjsip(pjsip, options)
    found += [f"{path}: no file includes it" for path in sorted(set(files) - included - set(roots)) if files[path].strip()]
    return list(dict.fromkeys(found))
