# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tenants of the inventory: which names, numbers and secrets Asterisk can use and a stranger cannot guess.

What lands in Asterisk's files must not be able to end a line, open a comment or a section. No message has a secret in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_codecs
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, out_of_range, problem

#: Sections and contexts that Asterisk, its files or this collection have for themselves.
RESERVED = frozenset({"default", "general", "globals", "health", "zonemessages"})

#: Emergency numbers of every mobile telephone, whatever its country (3GPP TS 22.101, clause 10.1.1): no extension may stand in
#: their way.
EMERGENCY = frozenset({"112", "911"})

#: Variable -> (lowest, highest, what it is). Outside of it Asterisk takes another value, or leaves the object out.
RANGES = {
    "asterisk_tenants_ring_seconds": (1, 3600, "seconds"),
    "asterisk_tenants_max_contacts": (1, 100, "telephones"),
    "asterisk_tenants_registration_expiration": (60, 86400, "seconds"),
    "asterisk_tenants_qualify_frequency": (0, 86400, "seconds"),
    "asterisk_tenants_rtp_timeout": (0, 86400, "seconds"),
}

#: Bytes that Asterisk keeps of a caller's and of a mailbox's name (char[80], res_pjsip and app_voicemail); it cuts off the rest.
NAME_BYTES = 79

#: A password needs as many different characters. `openssl rand -hex 16` has fewer once in ten million times.
DIFFERENT = 6

CORRECT = "Correct it in the inventory."
NUMBER = "a number is 1 to 15 digits"
TENANT_NAME = "a name is 1 to 32 of a-z, 0-9 and _, and begins with a letter"
NAME = "a name is 1 to 40 letters, digits, spaces and . ( ) / & ' + -, has a letter or digit, and no space at either end"
PASSWORD = "a password is 12 to 64 printable ASCII characters without space, semicolon and backslash"
STRONG = f"a password has {DIFFERENT} different characters or more, and is no sequence (abcdef) and no repetition (abcabc)"
PIN = "a voicemail PIN is 4 to 10 digits"
HARD = "a voicemail PIN is no sequence (1234), no repetition (0000, 1212), and not the number itself"


def _problem(found: str, cure: str = CORRECT) -> Problem:
    return problem(found, cure)


def _shown(value: Any) -> str:
    """Return a name or number for a message: on one line, and not longer than it has to be."""
    text = str(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 40 else f"{text[:40]}…"


def _kind(value: Any) -> str:
    """Return what a value is that should be text, as somebody says it who writes YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a bare number"
    return "a list" if isinstance(value, (list, tuple)) else "a dictionary" if isinstance(value, Mapping) else "no text"


def _quotes(value: Any, secret: bool) -> str:
    """Return what to do about a value that YAML took for something else than text."""
    if value is None:
        return "Give it a value."
    if isinstance(value, (list, tuple, Mapping)):
        return "Are quotes missing around {{ … }}? Text belongs there."
    octal = not isinstance(value, bool) and isinstance(value, (int, float))
    why = "without them YAML takes a leading zero for octal" if octal else "without them YAML takes it for another value"
    return f"Write it in quotes, where it is defined (the vault): {why}." if secret else f"Write it in quotes: {why}."


def sequence(text: str) -> bool:
    """Whether each character follows the one before it, or each precedes it: 1234, 9876, abcd; 890 too, as on a keypad."""
    steps = {(ord(after) - ord(before)) % (10 if text.isdigit() else 256) for before, after in zip(text, text[1:])}
    return len(text) > 1 and steps in ({1}, {9 if text.isdigit() else 255})


def repetition(text: str, longest: int) -> bool:
    """Whether a text is a shorter one of at most so many characters, over and over: 0000, 1212, abcabcab."""
    return any(
        text == (text[:length] * len(text))[: len(text)] for length in range(1, min(longest, len(text) // 2) + 1)
    )


def _text(who: str, what: str, value: Any, secret: bool = False) -> Iterator[Problem]:
    """Report a value that is no text."""
    if not isinstance(value, str):
        yield _problem(f"{who}: the {what} is {_kind(value)}, and text belongs there", _quotes(value, secret))


def _number(who: str, value: Any) -> Iterator[Problem]:
    # Also a bare number that looks right: 0150 without quotes becomes 104.
    yield from _text(who, "number", value)
    if not isinstance(value, str):
        return
    if not re.fullmatch("[0-9]{1,15}", value):
        yield _problem(f"{who}: {NUMBER}")
    elif value in EMERGENCY:
        yield _problem(f"{who}: {value} is the emergency number", "Give the extension another number.")


def _name(who: str, value: Any) -> Iterator[Problem]:
    yield from _text(who, "name", value)
    if not isinstance(value, str):
        return
    if not re.fullmatch(r"[\w .()/&'+-]{1,40}", value) or value != value.strip() or not re.search(r"[^\W_]", value):
        yield _problem(f"{who}: {NAME}")
    elif len(value.encode()) > NAME_BYTES:
        yield _problem(f"{who}: its name has {len(value.encode())} bytes in UTF-8, and Asterisk keeps {NAME_BYTES}", "Shorten it.")


def _password(who: str, value: Any, user: str) -> Iterator[Problem]:
    yield from _text(who, "password", value, secret=True)
    if not isinstance(value, str):
        return
    if not re.fullmatch("[!-~]{12,64}", value) or re.search(r"[;\\]", value):
        yield _problem(f"{who}: {PASSWORD}")
    elif user in value:
        yield _problem(f"{who}: the password holds the user name", "Choose another, for example with `openssl rand -hex 16`.")
    elif len(set(value)) < DIFFERENT or sequence(value) or repetition(value, len(value)):
        yield _problem(f"{who}: {STRONG}", "Choose another, for example with `openssl rand -hex 16`.")


def _pin(who: str, value: Any, number: str) -> Iterator[Problem]:
    # Also a number that looks right: 01234567 without quotes becomes 342391.
    yield from _text(who, "voicemail PIN", value, secret=True)
    if not isinstance(value, str):
        return
    if not re.fullmatch("[0-9]{4,10}", value):
        yield _problem(f"{who}: {PIN}")
    elif value == number or sequence(value) or repetition(value, 2):
        yield _problem(f"{who}: {HARD}", "Choose another.")


def _doubles(values: Iterable[Any]) -> list[str]:
    return [value for value, count in Counter(map(str, values)).items() if count > 1]


def _extension(tenant: str, extension: Any) -> Iterator[Problem]:
    if not isinstance(extension, Mapping):
        yield _problem(f"tenant {tenant}: an extension is {_kind(extension)}, and a dictionary belongs there")
        return
    number = extension.get("number")
    who = f"tenant {tenant}, extension {_shown(number)}"
    yield from _number(who, number)
    yield from _name(who, extension.get("name"))
    yield from _password(who, extension.get("password"), f"{number}-{tenant}")
    yield from _pin(who, extension.get("voicemail_pin"), str(number))


def number_patterns(numbers: Iterable[str]) -> list[str]:
    """Return patterns of the dialplan that match every number and no other length: V(_XXX) for 100 and 199, V(_XXXX) for 2000.

    :param numbers: digits.
    """
    return ["_" + "X" * length for length in sorted({len(str(number)) for number in numbers})]


def _tenants(tenants: Any) -> list[Problem]:
    """Report what cannot be used of the tenants."""
    found = []
    if not isinstance(tenants, (list, tuple)):
        return [_problem(f"asterisk_tenants is {_kind(tenants)}, and a list belongs there")]
    listed = [tenant for tenant in tenants if isinstance(tenant, Mapping)]
    found += [_problem(f"tenant {_shown(name)} is listed twice") for name in _doubles(tenant.get("name") for tenant in listed)]
    if len(listed) < len(tenants):
        found.append(_problem("asterisk_tenants has entries that are no dictionaries"))
    for tenant in listed:
        name = tenant.get("name")
        shown = _shown(name)
        if not isinstance(name, str):
            found += _text(f"tenant {shown}", "name", name)
        elif not re.fullmatch("[a-z][a-z0-9_]{0,31}", name):
            found.append(_problem(f"tenant {shown or '(without a name)'}: {TENANT_NAME}"))
        elif name in RESERVED:
            found.append(_problem(f"tenant {name}: Asterisk uses this name itself", "Take another."))
        extensions = tenant.get("extensions")
        if not isinstance(extensions, (list, tuple)):
            found.append(_problem(f"tenant {shown}: its extensions are {_kind(extensions)}, and a list belongs there"))
            continue
        numbers = [extension.get("number") for extension in extensions if isinstance(extension, Mapping)]
        found += [_problem(f"tenant {shown}: extension {_shown(number)} is listed twice") for number in _doubles(numbers)]
        for extension in extensions:
            found += _extension(shown, extension)
    return found


def problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Report what cannot be used of the variables of the role asterisk_tenants.

    :param settings: its variables and asterisk_extra_modules, by name. asterisk_tenants is a list of C(name) and C(extensions), each
        of these a C(number), a C(name), a C(password) and a C(voicemail_pin).
    :returns: a list of C(found) and C(cure).
    """
    return [
        *asterisk_codecs.problems("asterisk_tenants_codecs", settings["asterisk_tenants_codecs"], settings["asterisk_extra_modules"]),
        *out_of_range(settings, RANGES),
        *_tenants(settings["asterisk_tenants"]),
    ]
