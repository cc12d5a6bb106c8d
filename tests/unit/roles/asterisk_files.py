"""What the roles asterisk and asterisk_tenants would write into /etc/asterisk, rendered as they do it."""

from __future__ import annotations

import functools
import itertools
import json
from typing import Any

from rendering import all_actions

FACTS = {"os_family": "Debian", "distribution": "Debian", "distribution_major_version": "14", "distribution_version": "14.0"}

EXTENSION = {"number": "100", "name": "Telephone 100", "password": "correct-horse-7", "voicemail_pin": "2580"}
TENANT: dict[str, Any] = {"name": "demo", "extensions": [EXTENSION]}


@functools.cache
def _written(given: str) -> tuple[dict[str, str], dict[str, str]]:
    plain: dict[str, str] = {}
    secret: dict[str, str] = {}
    roles = ["asterisk", "asterisk_tenants"]
    made = all_actions(FACTS, json.loads(given), roles)
    for action in itertools.chain(*(made[role] for role in roles)):
        if action.module == "dialtone.ha_pbx.config_tree" and action.arguments["root"] == "/etc/asterisk":
            plain |= action.arguments["files"]
            secret |= action.arguments.get("secret_files", {})
    assert plain
    return plain, secret


def _given(given: dict[str, Any]) -> str:
    return json.dumps({"asterisk_tenants": [TENANT], **given}, sort_keys=True)


def written(**given: Any) -> dict[str, str]:
    """Return the files by their paths under /etc/asterisk, with these variables beside those of inventories/example."""
    plain, secret = _written(_given(given))
    return {**plain, **secret}


def open_files(**given: Any) -> set[str]:
    """Return the paths of those files that the roles show in a diff."""
    return set(_written(_given(given))[0])
