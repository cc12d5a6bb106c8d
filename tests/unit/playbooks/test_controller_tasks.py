"""What runs on the controller runs as whoever started Ansible, whatever the inventory says of the machines."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(ROOT.glob("roles/*/tasks/*.yml")) + sorted(ROOT.glob("roles/*/handlers/*.yml")) + sorted(ROOT.glob("playbooks/*.yml"))


def tasks(entries: list[dict[str, Any]], outer: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Give each task, and what it inherits or says itself, from a list of tasks, blocks or plays."""
    for entry in entries or []:
        inherited = {
            "on": entry.get("delegate_to", entry.get("hosts", outer.get("on"))),
            "vars": {**outer.get("vars", {}), **entry.get("vars", {})},
        }
        parts = [key for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers") if key in entry]
        for part in parts:
            yield from tasks(entry[part], inherited)
        if not parts:
            yield entry, inherited


def test_every_task_of_the_controller_says_so_in_a_variable() -> None:
    found = [
        (f"{path.relative_to(ROOT)}: {task['name']}", inherited["vars"].get("ansible_become"))
        for path in FILES
        for task, inherited in tasks(yaml.safe_load(path.read_text(encoding="utf-8")), {})
        if inherited["on"] == "localhost"
    ]
    assert len(found) > 20
    assert [name for name, become in found if become is not False] == []


@pytest.mark.parametrize(("said", "root"), [("become: false", False), ("vars: {ansible_become: false}", True)])
def test_a_keyword_would_not_do(tmp_path: Path, said: str, root: bool) -> None:
    """Of `ansible_become` in group_vars/all the keyword `become: false` is overruled; a variable of the task is not."""
    (tmp_path / "hosts.yml").write_text(
        "all: {vars: {ansible_become: true, ansible_become_exe: /nonexistent/sudo, ansible_become_user: nobody},"
        " hosts: {machine: {ansible_connection: local}}}"
    )
    (tmp_path / "play.yml").write_text(
        "- {hosts: machine, gather_facts: false, tasks: ["
        f"{{ansible.builtin.command: id -un, delegate_to: localhost, changed_when: false, {said}}}]}}"
    )
    (tmp_path / "ansible.cfg").write_text("")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [str(shutil.which("ansible-playbook")), "-i", "hosts.yml", "play.yml"], capture_output=True, text=True, check=False,
        cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert (done.returncode == 0) is root, done.stdout + done.stderr
