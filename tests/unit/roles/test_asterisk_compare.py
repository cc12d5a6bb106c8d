"""The acceptance compares the very files that the roles write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def tree(role: str, file: str) -> dict[str, Any]:
    """Return the arguments of config_tree in a file of tasks."""
    tasks = yaml.safe_load((ROLES / role / "tasks" / file).read_text())
    (arguments,) = [task["dialtone.ha_pbx.config_tree"] for task in tasks if "dialtone.ha_pbx.config_tree" in task]
    return dict(arguments)


@pytest.mark.parametrize("role", ["asterisk", "asterisk_tenants"])
def test_what_is_compared_is_what_is_written(role: str) -> None:
    written, compared = tree(role, "configure.yml"), tree(role, "compare.yml")
    # What is removed is no file that could differ.
    assert {name: value for name, value in written.items() if name not in ("purge", "absent")} == compared
