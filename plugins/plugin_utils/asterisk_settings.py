# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the inventory Asterisk would leave out or take otherwise, without more than a line in its log.

A language without prompts is silence, a port range that is none becomes Asterisk's own one, which the firewall does not let in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.asterisk_modules import MODULES
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, meant, out_of_range, problem

#: Languages of Debian's packages asterisk-core-sounds-<language>-wav.
DEBIAN_LANGUAGES = ("en", "es", "fr", "it", "ru")

#: Ports that other programs of a node listen at: Corosync's links.
CLUSTER_PORTS = (5405, 5406)

#: Variable -> (lowest, highest, what it is). Outside of it Asterisk takes another value, or leaves the object out.
RANGES = {
    "asterisk_sip_port": (1, 65535, "a port"),
    "asterisk_rtp_start": (1024, 65534, "a port"),
    "asterisk_rtp_end": (1025, 65535, "a port"),
}

INSTALL_PROMPTS = "/usr/share/asterisk/sounds/<language>, on both nodes"


def _numbers(settings: Mapping[str, Any]) -> Iterator[Problem]:
    yield from out_of_range(settings, RANGES)
    start, end, sip = (int(settings[f"asterisk_{name}"]) for name in ("rtp_start", "rtp_end", "sip_port"))
    if start >= end:
        yield problem(
            f"asterisk_rtp_start is {start} and asterisk_rtp_end {end}: Asterisk would take 5000 to 31000, which the firewall does not"
            " let in",
            "Give a range: two ports for each call and direction.",
        )
    taken = [port for port in (sip, *CLUSTER_PORTS) if start <= port <= end]
    if taken:
        yield problem(
            f"between asterisk_rtp_start {start} and asterisk_rtp_end {end} are ports of others: {', '.join(map(str, taken))} (SIP, or"
            " Corosync's 5405 and 5406)",
            "Choose a range without them.",
        )


def sound_languages(settings: Mapping[str, Any], os_family: str, method: str) -> list[str]:
    """Return the languages of which the role installs the prompts.

    :param settings: the role's variables.
    :param os_family: as the facts say it.
    :param method: V(package) or V(source), as it turns out.
    """
    if os_family == "Debian":
        return [language for language in settings["asterisk_sound_languages"] if language in DEBIAN_LANGUAGES]
    chosen = settings["asterisk_source_menuselect_enable"] if method == "source" else []
    built = re.findall(r"\bCORE-SOUNDS-([A-Z]{2}(?:_[A-Z]{2})?)-[A-Z0-9]+\b", " ".join(map(str, chosen)))
    return ["en", *(code[:2].lower() + code[2:] for code in built)]


def _languages(settings: Mapping[str, Any], os_family: str, method: str) -> Iterator[Problem]:
    wanted, given = list(settings["asterisk_sound_languages"]), sound_languages(settings, os_family, method)
    for language in wanted:
        if language not in given:
            has = ", ".join(DEBIAN_LANGUAGES if os_family == "Debian" else dict.fromkeys(given))
            yield problem(
                f"asterisk_sound_languages has {language!r}, of which this system has no prompts to install",
                f"Take it out; here there are {has}. Prompts of your own belong in {INSTALL_PROMPTS}, and need no entry there.",
            )


def fits(language: str, present: Collection[str]) -> bool:
    """Whether there are prompts of a language: Asterisk looks for es_MX, and then for es."""
    return language in present or language.partition("_")[0] in present


def _texts(settings: Mapping[str, Any]) -> Iterator[Problem]:
    agent = str(settings["asterisk_user_agent"])
    # RFC 3261, 20.41: products and comments. A semicolon begins a comment in Asterisk's files.
    if not re.fullmatch("[!-~]([ -~]{0,78}[!-~])?", agent) or re.search(r"[;\\]", agent):
        yield problem(
            "asterisk_user_agent is no text that can stand in a SIP header",
            "Give 1 to 80 printable ASCII characters without semicolon and backslash, such as dialtone/1.0.",
        )
    name = str(settings["pbx_cluster_name"])
    # Asterisk takes what stands behind a semicolon for a comment, and the name is a part of every unique id.
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", name):
        yield problem(
            f"pbx_cluster_name is {name[:40]!r}, which Asterisk could not have for its system name",
            "Give 1 to 63 letters, digits and _ . - beginning with a letter or digit.",
        )
    language = str(settings["asterisk_language"])
    if not re.fullmatch("[a-z]{2,3}(_[A-Za-z0-9]{2,8})*", language):
        yield problem(f"asterisk_language is {language!r}, which is no language", "Give a code such as en, es or es_MX.")


def _module_names(modules: Iterable[str]) -> Iterator[Problem]:
    for name in modules:
        if not re.fullmatch("[a-z0-9_]+", name):
            bare = name[:-3] if name.endswith(".so") else ""
            yield problem(
                f"asterisk_extra_modules has {name!r}, which is no name of a module",
                f"Write {bare}." if re.fullmatch("[a-z0-9_]+", bare) else "A name is of a-z, 0-9 and _, without .so.",
            )


def problems(settings: Mapping[str, Any], os_family: str, method: str) -> list[Problem]:
    """Report what cannot be used of the role's variables, as far as no host has to be asked.

    :param settings: the role's variables asterisk_* and pbx_cluster_name, by name.
    :param os_family: of the host, as the facts say it.
    :param method: V(package) or V(source), as it turns out.
    :returns: a list of C(found) and C(cure).
    """
    return [
        *_languages(settings, os_family, method),
        *_texts(settings),
        *_module_names(settings["asterisk_extra_modules"]),
        *_numbers(settings),
    ]


def missing(
    settings: Mapping[str, Any], os_family: str, method: str, modules: Collection[str], sounds: Collection[str], installed: bool,
    required: Collection[str] | None = None,
) -> list[Problem]:
    """Report what a host's Asterisk would look for and not find: modules, and the prompts of the language.

    :param settings: the role's variables asterisk_*, by name.
    :param os_family: of the host, as the facts say it.
    :param method: V(package) or V(source), as it turns out.
    :param modules: names of the modules that the host has, without .so.
    :param sounds: languages of which it has prompts.
    :param installed: whether the role has installed all that it installs; otherwise what it will install counts too.
    :param required: modules that the role itself has Asterisk load.
    :returns: a list of C(found) and C(cure).
    """  # fmt: skip
    found = []
    for name in [*settings["asterisk_extra_modules"], *(required or [])]:
        if name in modules or (not installed and name in MODULES):
            continue
        near = meant(name, set(modules) or MODULES)
        found.append(
            problem(
                f"Asterisk is to load the module {name}, and {'the host' if installed else 'Asterisk'} has none of this name",
                f"{near}Correct asterisk_extra_modules. A module of another vendor must be among Asterisk's modules on both nodes"
                " first; one of Asterisk's own that was not built wants its library when it is built"
                " (asterisk_source_menuselect_enable).",
            )
        )
    language = str(settings["asterisk_language"])
    present = {*sounds, *(() if installed else sound_languages(settings, os_family, method))}
    if not fits(language, present):
        found.append(
            problem(
                f"asterisk_language is {language!r}, and there are no prompts of it ({', '.join(sorted(present)) or 'none'})",
                "Add it to asterisk_sound_languages where the distribution has it, choose another, or put prompts of your own in"
                f" {INSTALL_PROMPTS}, and run it again.",
            )
        )
    return found
