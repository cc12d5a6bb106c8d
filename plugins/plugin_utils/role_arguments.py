# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of a host against what the roles say of theirs (meta/argument_specs.yml).

Ansible checks a role's arguments when it comes to the role: after the roles before it have changed the host, one role at a
time, and with the text of the wrong value, be it a secret. Here all of them are checked before anything is changed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

Specs = Mapping[str, Mapping[str, Mapping[str, Any]]]

#: What was pacemaker_cluster's and is exchange_service's: names without the role's.
_MOVED = """
    address_monitor_interval address_timeout asterisk_monitor_interval asterisk_monitor_timeout asterisk_start_timeout
    asterisk_stop_grace asterisk_stop_timeout asterisk_unit drbd_device drbd_fstype drbd_mount_options drbd_resource
    mariadb_drain_timeout mariadb_failure_timeout mariadb_monitor_interval mariadb_monitor_timeout mariadb_start_timeout
    mariadb_start_wait mariadb_stop_timeout mariadb_unit records_failure_timeout sip_retries sip_timeout_ms storage_timeout
"""
#: What was the role asterisk's and is asterisk_tenants': names without the role's.
_OF_TENANTS = "codecs max_contacts qualify_frequency registration_expiration ring_seconds rtp_timeout"
#: Variables of former versions, and what says the same now.
RENAMED = {
    **{f"asterisk_{name}": f"asterisk_tenants_{name}" for name in _OF_TENANTS.split()},
    "pacemaker_cluster_interruption": "pbx_cluster_interruption",
    "pacemaker_cluster_mariadb_socket": "pbx_mariadb_socket",
    "pacemaker_cluster_sip_port": "asterisk_sip_port",
    "pacemaker_cluster_time_factor": "pbx_time_factor",
    "pacemaker_cluster_wait": "pbx_cluster_wait",
    **{f"pacemaker_cluster_{name}": f"exchange_service_{name}" for name in _MOVED.split()},
}

#: How alike a name must be to one of a role to be taken for a slip of the pen (0 to 1, difflib.SequenceMatcher.ratio).
ALIKE = 0.86

VAULT = (
    "Define what is missing. A name that begins with vault_ belongs in the vault file of the host's group (vault.example lists them):"
    " is it there, and was the run started with --ask-vault-pass?"
)
SECRET = "It is a secret: give it in the vault file (vault.example lists what belongs there)."


def read_specs(roles: Path) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the options of every role below a directory, as its argument specs give them for the entry point main.

    :param roles: directory with a directory for each role.
    :returns: role -> option -> attributes (type, required, options, …).
    :raises OSError: when a file cannot be read.
    """
    found = {}
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
        found[path.parents[1].name] = specs["main"].get("options", {})
    return found


def _leaves(value: Any) -> set[str]:
    """Return every text and number in a value that is not so short that it would blot out half of a message."""
    if isinstance(value, Mapping):
        return set().union(*map(_leaves, value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*map(_leaves, value))
    text = str(value)
    return set() if value is None or isinstance(value, bool) or len(text) < 3 else {text}


def _secrets(attributes: Mapping[str, Any], value: Any) -> set[str]:
    """Return what must not be shown of a value: what is declared no_log, and what stands where nothing was declared."""
    if attributes.get("no_log"):
        return _leaves(value)
    options = attributes.get("options")
    if not options:
        return set()
    found: set[str] = set()
    for entry in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(entry, Mapping):
            for key, content in entry.items():
                found |= _secrets(options[key], content) if key in options else _leaves(content)
        else:
            found |= _leaves(entry)
    return found


def _plain(description: Any) -> str:
    """Return the first sentence or two of a description without Ansible's markup."""
    text = description[0] if isinstance(description, list) else str(description or "")
    return re.sub(r"\b[A-Z]\(([^)]*)\)", r"\1", text).strip()


def _wrong(name: str, role: str, attributes: Mapping[str, Any], value: Any) -> list[Problem]:
    """What is wrong with the value of one option."""
    if attributes.get("required") and isinstance(value, str) and not value.strip():
        return [problem(f"{name} is empty", _how_to_set(attributes))]
    if attributes.get("type", "str") == "str" and isinstance(value, (Mapping, list, tuple)):
        # Ansible would make text of it. It is what becomes of {{ a name }} without quotes.
        kind = "a dictionary" if isinstance(value, Mapping) else "a list"
        return [problem(f"{name} is {kind}, and text belongs there", "Are quotes missing around {{ … }}?")]
    validator = ArgumentSpecValidator({name: dict(attributes)})
    result = validator.validate({name: value}, validate_role_argument_spec=True)
    found = []
    messages = result.error_messages
    for message in messages:
        if any(message in other and message != other for other in messages):
            # Said again, and better.
            continue
        text = remove_values(message, _secrets(attributes, value)).rstrip(".")
        if "Supported parameters include" in text:
            # A misspelt key, and nothing in the text that says so.
            text = f"unknown {text}"
        cure = f"Correct it in the inventory; roles/{role}/README.md describes it."
        found.append(problem(f"{name}: {text}", cure))
    return found


def _how_to_set(attributes: Mapping[str, Any]) -> str:
    meaning = f"Set it in the inventory. Its meaning: {_plain(attributes.get('description'))}"
    return f"{meaning} {SECRET}" if attributes.get("no_log") else meaning


def misspelt(specs: Specs, names: Iterable[str]) -> list[Problem]:
    """Report names that no role knows and that are nearly those of one.

    What begins like a role's variable and is like none of them is left alone: it may be the site's own.

    :param specs: the options of all roles.
    :param names: names of the variables that a host has.
    :returns: a list of C(found) and C(cure).
    """
    known = {name for options in specs.values() for name in options}
    begins = tuple(f"{role}_" for role in specs) + ("pbx_",)
    found, names = [], set(names)
    for name in sorted(names - known):
        if not name.startswith(begins):
            continue
        if name in RENAMED:
            now = RENAMED[name]
            cure = f"Remove it: {now}, which says the same now, is set too." if now in names else f"Rename it to {now}."
            found.append(problem(f"{name} is not a variable of any role any more", cure))
            continue
        meant = difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
        if meant:
            found.append(problem(f"{name} is not a variable of any role", f"Was {meant[0]} meant? Rename it, or remove it."))
    return found


def problems(specs: Specs, values: Mapping[str, Any], broken: Mapping[str, str]) -> list[Problem]:
    """Report what is wrong with a host's variables.

    :param specs: role -> option -> attributes, of the roles that the host gets.
    :param values: the variables that the host has, as they turn out.
    :param broken: those that could not be worked out, and why.
    :returns: a list of C(found) and C(cure), each found once; no secret is in it.
    """
    found: list[Problem] = []
    for role, options in specs.items():
        for name, attributes in options.items():
            if name in broken:
                found.append(problem(f"{name} cannot be worked out: {broken[name].rstrip('.')}", VAULT))
            elif values.get(name) is not None:
                found += _wrong(name, role, attributes, values[name])
            elif attributes.get("required"):
                found.append(problem(f"{name} is not set", _how_to_set(attributes)))
    return list({problem["found"]: problem for problem in reversed(found)}.values())[::-1]
