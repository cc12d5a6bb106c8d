# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether Asterisk on a host has what the inventory declares: judges what was read of it, and reads nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._asterisk_config import KINDS, PJSIP_TYPES, Objects
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._asterisk_loaded import MAKER, some
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

#: Bytes and files below which a directory counts as full: ten messages of three minutes, the longest there are.
SPACE_BYTES = 32 * 2**20
SPACE_FILES = 100

_DEPLOY = "Run site.yml (`--tags asterisk` does for this), which loads it and says why where Asterisk does not take it."
_MOVE = (
    "Move the service to the other node when few calls are in progress (docs/operations.md). sorcery.conf, which says where telephones"
    " are, was written after Asterisk started, and until it starts anew nothing of them is loaded."
)
_LOG = "Its reasons are in /var/log/asterisk/messages.log."


def _sets(names: Mapping[str, Sequence[str]] | None) -> Objects:
    return {kind: set(values) for kind, values in (names or {}).items()}


def _cure(kind: str, missing: Sequence[str], held_back: Sequence[str]) -> str:
    if MAKER.get(kind) in held_back:
        return _MOVE
    if kind == "modules":
        # The call records' modules give up at a start without a database.
        return (
            f"`asterisk -rx 'module load {missing[0]}'` there, and so for each; site.yml does the same. {_LOG} A start without the"
            " database leaves those of the call records out."
        )
    if kind in PJSIP_TYPES.values():
        return f"{_DEPLOY} {_LOG} A telephone of which one part is missing cannot register."
    return f"{_DEPLOY} {_LOG}"


def _objects(looked: Mapping[str, Any], declared: Objects) -> Iterator[Problem]:
    """What is not there, or is there and should not be. What somebody wrote beside the roles' files counts as written."""
    written = _sets(looked["written"])
    unwritten = {
        kind: sorted(names - written.get(kind, set())) for kind, names in declared.items() if names - written.get(kind, set())
    }
    for kind, names in unwritten.items():
        yield problem(
            f"{KINDS[kind]} of the inventory that no file of /etc/asterisk has: {some(names)}",
            "Run site.yml (`--tags asterisk` does for this). If somebody commented out an #include there, it puts it back.",
        )
    if not looked["running"]:
        return
    held_back = looked["held_back"]
    for kind, sides in looked["differences"].items():
        if sides["missing"]:
            yield problem(f"{KINDS[kind]} not loaded: {some(sides['missing'])}", _cure(kind, sides["missing"], held_back))
        extra = sorted(set(sides["extra"]) - declared.get(kind, set()))
        if extra:
            yield problem(
                f"{KINDS[kind]} loaded, and neither in the files nor in the inventory: {some(extra)}",
                f"{_MOVE if MAKER.get(kind) in held_back else _DEPLOY} Until then it works as it did before it was removed.",
            )


def _files(looked: Mapping[str, Any], differing: Sequence[str]) -> Iterator[Problem]:
    if looked["unreadable"]:
        yield problem(
            f"Asterisk's account may not read {some(looked['unreadable'])}; at its next start it has none of it",
            "Run site.yml, which sets owner and mode of the files and their directories; your own ones, by hand (root:asterisk,"
            " 0640, directories 0750).",
        )
    if looked["refused"]:
        yield problem(
            f"Asterisk cannot take its configuration: {'; '.join(looked['refused'])}. It goes on with what it had, and does not"
            " start again with this",
            "Correct the file if it is your own; run site.yml, which writes its own ones anew.",
        )
    if looked["ignored"]:
        yield problem(
            f"lines that Asterisk passes over: {'; '.join(looked['ignored'])}",
            "Correct the file if it is your own; run site.yml, which writes its own ones anew.",
        )
    if differing:
        yield problem(
            f"files in /etc/asterisk are not what the inventory makes of them: {some(sorted(differing))}",
            "Look with `site.yml --tags asterisk --check --diff` at what differs; without --check it is written and loaded.",
        )
    named = [kind for kind, sides in looked["differences"].items() if sides["missing"] or sides["extra"]]
    waiting = sorted({file for files in looked["pending"].values() for file in files})
    if waiting and not named:
        yield problem(f"written and not loaded: {some(waiting)}", _DEPLOY)


def _room(looked: Mapping[str, Any]) -> Iterator[Problem]:
    for room in looked["space"]:
        few = room["files"] is not None and room["files"] < SPACE_FILES
        if room["bytes"] < SPACE_BYTES or few:
            left = f"{room['files']} more files" if few else f"{room['bytes'] // 2**20} MiB"
            yield problem(
                f"{room['path']} has room for {left} only: messages, registrations and records cannot be written",
                f"See what takes the room (`du -xsh {room['path']}/*`), remove or move it, or make the disk larger.",
            )
    if looked["unwritable"]:
        yield problem(
            f"Asterisk's account may not write to {some(looked['unwritable'])}",
            "`chown -R asterisk:asterisk` it. Was it restored by root, or is the disk mounted read-only (`findmnt`)?",
        )


def judge(
    looked: Mapping[str, Any],
    differing: Sequence[str] = (),
) -> list[Problem]:
    """Report what telephones would miss.

    :param looked: what the module asterisk_info returned, or its failure. Without C(declared) the inventory is left out, as in
        a dry run.
    :param differing: files that are written otherwise than the inventory makes them.
    :returns: a list of C(found) and C(cure).
    """
    if "written" not in looked:
        return [
            problem(
                f"Asterisk could not be looked at: {looked.get('msg', 'no reason given')}",
                "See `systemctl status asterisk` and `journalctl -u asterisk`.",
            )
        ]
    return [*_objects(looked, _sets(looked["declared"])), *_files(looked, differing), *_room(looked)]
