# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asterisk's configuration files as data: sections, includes, mistakes, and the objects that Asterisk makes of them.

The format is that of main/config.c of Asterisk 20 to 22 (`process_text_line`, `ast_include_rename`, templates). Nothing is
read here but through a function that gives a file's text, so that the same code judges what lies on a host and what the
controller is about to write.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Optional

#: Text of a file by its path relative to the configuration directory, or by its absolute path; None where there is none.
Source = Callable[[str], Optional[str]]
#: Paths that a pattern of #include matches, sorted.
Glob = Callable[[str], list[str]]
#: What is in a configuration, or loaded: names by kind (see KINDS).
Objects = dict[str, set[str]]

#: Kinds of objects: how one of them is called in a message. A mailbox, extension or hint is "name@context".
KINDS = {
    "modules": "module",
    "endpoints": "endpoint",
    "aors": "AOR",
    "auths": "authentication",
    "identifies": "identification by address",
    "registrations": "registration at a provider",
    "mailboxes": "mailbox",
    "contexts": "dialplan context",
    "extensions": "extension of the dialplan",
    "hints": "hint",
}

#: Object types of PJSIP by kind.
PJSIP_TYPES = {
    "endpoint": "endpoints",
    "aor": "aors",
    "auth": "auths",
    "identify": "identifies",
    "registration": "registrations",
}

#: Files that describe the objects of each group of kinds.
PJSIP, DIALPLAN, VOICEMAIL, MODULES, SORCERY = "pjsip.conf", "extensions.conf", "voicemail.conf", "modules.conf", "sorcery.conf"

_MAX_DEPTH = 10
_SECTION = re.compile(r"\[(?P<name>[^\]]*)\](?:\s*\((?P<options>[^)]*)\))?")
_DIRECTIVE = re.compile(r"#(?P<name>include|tryinclude|exec)\b\s*(?P<value>.*)", re.IGNORECASE)


@dataclass(frozen=True)
class Mistake:
    """What Asterisk cannot read, where. ``fatal``: it then takes nothing of the whole configuration, and does not start."""

    file: str
    line: int
    text: str
    fatal: bool = True

    def __str__(self) -> str:
        """Return it as a person names a place: file, line, what is wrong."""
        return f"{self.file}{f' line {self.line}' if self.line else ''}: {self.text}"


@dataclass
class Section:
    """A section with what it inherits first: pairs of name and value, as often as they are there."""

    name: str
    template: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        """Return every value of an option."""
        return [value for key, value in self.options if key == name]


@dataclass
class Config:
    """A configuration file with all that it includes.

    ``files`` maps each file that was read to its text, and one that is missing to None.
    """

    name: str
    sections: list[Section] = field(default_factory=list)
    files: dict[str, str | None] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def fatal(self) -> list[Mistake]:
        """Return what keeps Asterisk from reading any of it."""
        return [mistake for mistake in self.mistakes if mistake.fatal]


class _Reader:
    """Reads one configuration."""

    def __init__(self, name: str, source: Source, glob: Glob | None) -> None:
        self.config = Config(name)
        self.source, self.glob = source, glob
        self.named: dict[str, Section] = {}

    def wrong(self, file: str, line: int, text: str, fatal: bool = True) -> None:
        self.config.mistakes.append(Mistake(file, line, text, fatal))

    def file(self, path: str, text: str, section: Section | None, depth: int) -> None:
        """Read a file that begins within a section, as an included one does."""
        self.config.files[path] = text
        for number, line in enumerate(_uncommented(text), 1):
            stripped = line.strip()
            if not stripped:
                continue
            if stripped.startswith("["):
                section = self.section(path, number, stripped) or section
            elif stripped.startswith("#"):
                self.directive(path, number, stripped, section, depth)
            elif section is None:
                self.wrong(path, number, "an option before the first section")
            elif "=" not in stripped:
                self.wrong(path, number, "no equals sign, so the line is ignored", fatal=False)
            else:
                name, _separator, value = stripped.partition("=")
                section.options.append((name.strip().lower(), value.removeprefix(">").strip()))

    def section(self, path: str, number: int, line: str) -> Section | None:
        found = _SECTION.match(line)
        if found is None:
            self.wrong(path, number, "a section without its closing bracket")
            return None
        name = found["name"]
        section = Section(name)
        for option in filter(None, (word.strip() for word in (found["options"] or "").split(","))):
            if option == "!":
                section.template = True
            elif option == "+":
                if name not in self.named:
                    self.wrong(path, number, f"[{name}](+) adds to a section that is not there")
                    return None
                return self.named[name]
            elif option in self.named:
                section.options.extend(self.named[option].options)
            else:
                self.wrong(path, number, f"the template {option} is not there")
        self.named.setdefault(name, section)
        self.config.sections.append(section)
        return section

    def directive(self, path: str, number: int, line: str, section: Section | None, depth: int) -> None:
        found = _DIRECTIVE.match(line)
        if found is None:
            self.wrong(path, number, f"{line.split(maxsplit=1)[0]} is no directive, so the line is ignored", fatal=False)
            return
        if found["name"].lower() == "exec":
            return
        name = found["value"].strip().strip('"<>').strip()
        patterned = self.glob is not None and any(sign in name for sign in "*?[")
        names = self.glob(name) if self.glob is not None and patterned else [name]
        if depth >= _MAX_DEPTH:
            self.wrong(path, number, f"#include {name} goes deeper than {_MAX_DEPTH} files")
            return
        for each in names:
            text = self.source(each)
            if text is None:
                self.config.files[each] = None
                if found["name"].lower() == "include":
                    self.wrong(path, number, f"the file {each} that it includes is not there")
            else:
                self.file(each, text, section, depth + 1)


def _uncommented(text: str) -> list[str]:
    """Return the lines of a file without comments: from ";" to the end of a line, and from ";--" to "--;"."""
    lines, depth = [], 0
    for line in text.splitlines():
        kept, position = "", 0
        while position < len(line):
            if depth:
                end = line.find("--;", position)
                begin = line.find(";--", position)
                if begin >= 0 and (end < 0 or begin < end) and line[begin + 3 : begin + 4] != "-":
                    depth, position = depth + 1, begin + 3
                elif end >= 0:
                    depth, position = depth - 1, end + 3
                else:
                    position = len(line)
            elif line.startswith("\\;", position):
                kept, position = kept + ";", position + 2
            elif line.startswith(";--", position) and line[position + 3 : position + 4] != "-":
                depth, position = depth + 1, position + 3
            elif line[position] == ";":
                position = len(line)
            else:
                kept, position = kept + line[position], position + 1
        lines.append(kept)
    return lines


def read(name: str, source: Source, glob: Glob | None = None) -> Config:
    """Read a configuration file and all that it includes.

    :param name: its path relative to the configuration directory.
    :param source: gives the text of a file.
    :param glob: gives the files that a pattern matches; without it a pattern is taken for a name.
    :returns: the configuration; a file that is not there is an empty one, in ``files`` with None.
    """
    reader = _Reader(name, source, glob)
    text = source(name)
    if text is None:
        reader.config.files[name] = None
    else:
        reader.file(name, text, None, 0)
    return reader.config


# --- what Asterisk makes of it ----------------------------------------------------------------------------------


def _pjsip(config: Config, places: Mapping[str, str]) -> Objects:
    """Return PJSIP's objects of a file: of each type only where sorcery.conf has Asterisk look for it (``places``)."""
    kinds = {name: kind for name, kind in PJSIP_TYPES.items() if places.get(name, PJSIP) == config.name}
    found: Objects = {kind: set() for kind in kinds.values()}
    for section in config.sections:
        kind = kinds.get(next(reversed(section.values("type")), ""))
        if kind and not section.template:
            found[kind].add(section.name)
    return found


def _mailboxes(config: Config) -> Objects:
    names = {
        f"{name}@{section.name}"
        for section in config.sections
        if section.name not in ("general", "zonemessages") and not section.template
        for name, _value in section.options
    }
    return {"mailboxes": names}


def _dialplan(config: Config) -> Objects:
    contexts: set[str] = set()
    extensions: set[str] = set()
    hints: set[str] = set()
    for section in config.sections:
        if section.name in ("general", "globals") or section.template:
            continue
        contexts.add(section.name)
        for value in section.values("exten"):
            # number[/caller],priority[,application]; what a global variable names is known to Asterisk alone.
            words = value.split(",", 2)
            exten = words[0].strip().partition("/")[0]
            if not exten or "${" in exten:
                continue
            extensions.add(f"{exten}@{section.name}")
            if len(words) > 1 and words[1].strip().lower() == "hint":
                hints.add(f"{exten}@{section.name}")
    return {"contexts": contexts, "extensions": extensions, "hints": hints}


def _modules(config: Config) -> Objects:
    names = {
        value if value.endswith(".so") else f"{value}.so"
        for section in config.sections
        if section.name == "modules"
        for option in ("preload", "preload-require", "load", "require")
        for value in section.values(option)
        if value
    }
    refused = {value for section in config.sections for value in section.values("noload")}
    return {"modules": names - refused - {f"{name}.so" for name in refused}}


def sorcery_places(config: Config) -> dict[str, str]:
    """Return in which file sorcery.conf says that PJSIP's objects of a type are, by type; of types that it says nothing of, nothing.

    Of two files for one type Asterisk takes the first, without a word.
    """
    places: dict[str, str] = {}
    for section in config.sections:
        if section.name.startswith("res_pjsip"):
            for kind, value in section.options:
                backend, _separator, rest = value.partition(",")
                file = rest.split(",")[0].strip()
                if backend.strip() == "config" and file:
                    places.setdefault(kind.partition("/")[0], file)
    return places


def sorcery_files(config: Config) -> list[str]:
    """Return the files, besides pjsip.conf, in which sorcery.conf says that PJSIP's objects are."""
    return [file for file in dict.fromkeys(sorcery_places(config).values()) if file != PJSIP]


def matches(pattern: str, exten: str) -> bool:
    """Whether a pattern of the dialplan (with its underscore) matches an extension (main/pbx.c, `_extension_match_core`).

    :param pattern: such as V(_1XX), V(_[2-5]N.) or V(_X!).
    """
    signs = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*", "-": ""}
    text = ""
    for part in re.findall(r"\[[^]]*\]|.", pattern.removeprefix("_")):
        if len(part) > 1:
            # A range has its hyphen between two signs, and "^" means itself.
            text += "[" + re.sub(r"([\\^\]])", r"\\\1", part[1:-1]) + "]"
        else:
            text += signs.get(part.upper() if part in "xzn" else part, re.escape(part))
    return pattern.startswith("_") and re.fullmatch(text, exten) is not None


def foreign_objects(config: Config) -> bool:
    """Whether sorcery.conf takes objects of PJSIP from elsewhere than files, so that more can be loaded than files say."""
    return any(
        value.partition(",")[0].strip() not in ("config", "memory", "astdb", "memory_cache")
        for section in config.sections
        if section.name.startswith("res_pjsip")
        for kind, value in section.options
        if kind.partition("/")[0] in PJSIP_TYPES
    )


def codecs(configs: Iterable[Config]) -> set[str]:
    """Return the codecs that endpoints of PJSIP name: an endpoint with one that Asterisk does not know is dropped whole."""
    names: set[str] = set()
    for config in configs:
        for section in config.sections:
            if "endpoint" not in section.values("type"):
                continue
            for value in section.values("allow") + section.values("disallow"):
                # "!alaw" takes one away, "alaw:30" has 30 ms in a packet.
                names.update(word.strip().lstrip("!").partition(":")[0].lower() for word in re.split("[,&|]", value))
    return names - {"", "all"}


_MAKERS: dict[str, Callable[[Config], Objects]] = {
    VOICEMAIL: _mailboxes,
    DIALPLAN: _dialplan,
    MODULES: _modules,
}


def objects(configs: Mapping[str, Config]) -> Objects:
    """Return what Asterisk makes of configurations.

    :param configs: by the file that is their root; those of sorcery.conf's files hold objects of PJSIP too.
    :returns: names by kind; a kind whose file is not among them is left out.
    """
    found: Objects = {}
    places = sorcery_places(configs[SORCERY]) if SORCERY in configs else {}
    for name, config in configs.items():
        made: Objects = {}
        if name == PJSIP or name in places.values():
            made = _pjsip(config, places)
        elif name in _MAKERS:
            made = _MAKERS[name](config)
        for kind, names in made.items():
            found.setdefault(kind, set()).update(names)
    return found


def declared(files: Mapping[str, str], directory: str = "") -> Objects:
    """Return what Asterisk will make of files that are not written yet.

    :param files: text by path relative to the configuration directory.
    :param directory: path relative to that, of files that are included by those of the same name above: pjsip_TYPE.conf holds PJSIP's
        objects of a type, as sorcery.conf above says.
    """
    if directory:
        roots = [name for name in files if name.rpartition("/")[0] == directory]
        above = {name.rpartition("/")[2]: f"#include {name}\n" for name in roots}
        types = {name: f"pjsip_{name}.conf" for name in PJSIP_TYPES if f"pjsip_{name}.conf" in above}
        sorcery = "".join(f"{name} = config,{file}\n" for name, file in types.items())
        return declared({**files, **above, SORCERY: f"[res_pjsip]\n{sorcery}"})

    def glob(pattern: str) -> list[str]:
        return sorted(name for name in files if fnmatch.fnmatchcase(name, pattern))

    names = [name for name in (PJSIP, *_MAKERS, SORCERY) if name in files]
    configs = {name: read(name, files.get, glob) for name in names}
    if SORCERY in configs:
        configs.update({name: read(name, files.get, glob) for name in sorcery_files(configs[SORCERY])})
    return objects(configs)
