"""How the task files of a role are put together: one way in all roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/tasks/main.yml"))
FILES = sorted(ROOT.glob("roles/*/tasks/*.yml"))


def tasks_of(entries: Any) -> list[dict[str, Any]]:
    """Return every task of a file, those in blocks too."""
    found = []
    for entry in entries or []:
        found.append(entry)
        for part in ("block", "rescue", "always"):
            found += tasks_of(entry.get(part))
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_a_file_is_included_only_where_something_chooses_it(path: Path) -> None:
    unneeded = [
        task["name"]
        for task in tasks_of(yaml.safe_load(path.read_text()))
        if "ansible.builtin.include_tasks" in task
        and not ({"when", "loop"} & set(task))
        and "{{" not in str(task["ansible.builtin.include_tasks"])
    ]
    assert unneeded == []


@pytest.mark.parametrize("role", [role for role in ROLES if role != "esxi_vm"])
def test_the_phases_of_a_role_have_their_tags(role: str) -> None:
    tasks = yaml.safe_load((ROOT / "roles" / role / "tasks/main.yml").read_text())
    tasks += [task for block in tasks for task in block.get("block", [])]
    tags = {task["ansible.builtin.import_tasks"]: task["tags"] for task in tasks if "ansible.builtin.import_tasks" in task}
    # The names of the operating system are there also where a phase is left out. A role that installs nothing needs none.
    installs = (ROOT / "roles" / role / "tasks/install.yml").exists()
    assert tags.pop("vars.yml", None) == (["always"] if installs else None)
    assert {"configure.yml", *(["install.yml"] if installs else [])} <= set(tags)
    for file, own in tags.items():
        assert role in own
        assert file.removesuffix(".yml") in own


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_what_ansible_works_out_for_all_hosts_at_once_is_left_out(path: Path) -> None:
    """A condition that cannot be worked out ends the whole run there; and what is tidied up is so on both nodes."""
    tasks = tasks_of(yaml.safe_load(path.read_text()))
    unsafe = [task for task in tasks if "ansible.builtin.meta" in task]
    unsafe += [task for entry in tasks for task in tasks_of(entry.get("always"))]
    assert [task["name"] for task in unsafe if task.get("vars", {}).get("pbx_apart") is not True] == []
