"""The acceptance compares the very files that the role writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

TASKS = Path(__file__).resolve().parents[3] / "roles/asterisk/tasks"


def tree(file: str) -> dict[str, Any]:
    """Return the arguments of config_tree in a file of tasks."""
    tasks = yaml.safe_load((TASKS / file).read_text())
    (arguments,) = [task["dialtone.ha_pbx.config_tree"] for task in tasks if "dialtone.ha_pbx.config_tree" in task]
    return dict(arguments)


def test_what_is_compared_is_what_is_written() -> None:
    written, compared = tree("configure.yml"), tree("compare.yml")
    # What is removed is no file that could differ.
    assert {name: value for name, value in written.items() if name not in ("purge", "absent")} == compared
