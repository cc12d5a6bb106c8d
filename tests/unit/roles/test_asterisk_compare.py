"""The acceptance compares the very files that the roles write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def trees(role: str, file: str) -> list[dict[str, Any]]:
    """Return the arguments of each config_tree in a file of tasks."""
    tasks = yaml.safe_load((ROLES / role / "tasks" / file).read_text())
    return [task["dialtone.ha_pbx.config_tree"] for task in tasks if "dialtone.ha_pbx.config_tree" in task]


@pytest.mark.parametrize(("role", "file"), [("asterisk", "files.yml"), ("asterisk_tenants", "configure.yml")])
def test_what_is_compared_is_what_is_written(role: str, file: str) -> None:
    (compared,) = trees(role, "compare.yml")
    # What is removed is no file that could differ.
    assert {name: value for name, value in trees(role, file)[0].items() if name not in ("purge", "absent")} == compared


def test_what_includes_the_tenants_comes_after_them_and_what_they_were_goes_last() -> None:
    """A run that breaks off between two of them leaves files with which Asterisk starts."""
    tasks = yaml.safe_load((ROLES / "asterisk_tenants/tasks/configure.yml").read_text())
    steps = [
        "purge" if task.get("dialtone.ha_pbx.config_tree", {}).get("purge") == ["tenants"]
        else "tenants" if "dialtone.ha_pbx.config_tree" in task else task.get("ansible.builtin.import_role", {}).get("tasks_from")
        for task in tasks
    ]  # fmt: skip
    assert [step for step in steps if step] == ["tenants", "files.yml", "load.yml", "purge"]
