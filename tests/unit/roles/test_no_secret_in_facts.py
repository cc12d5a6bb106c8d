"""No password stays among the facts: not by set_fact, not in the fact cache, not in local facts, not in what a task registers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(
    path
    for pattern in ("roles/*/tasks/*.yml", "roles/*/handlers/*.yml", "playbooks/**/*.yml", "molecule/shared/*.yml")
    for path in ROOT.glob(pattern)
)
SET_FACT = ("set_fact", "ansible.builtin.set_fact", "ansible.legacy.set_fact")

#: Names of what nobody may see. `token_ms` is a time.
SECRET = re.compile(
    r"passw|passphrase|secret|credential|vault|(^|_)(pin|token|community)($|_(?!ms))|(api|private)_?key", re.IGNORECASE
)
#: A value of which a filter leaves the names of telephones and mailboxes alone, and nothing comes after it.
NAMES_ALONE = re.compile(r"\| dialtone\.ha_pbx\.asterisk_declared\b[^|]*$")
#: Variables with a free-form part in which secrets are: the options of fence agents.
CARRIERS = {"pacemaker_cluster_fence_devices"}

Task = dict[str, Any]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def is_secret(name: str, option: Mapping[str, Any]) -> bool:
    """Return whether a variable, or a part of it, is declared no_log or has a secret's name."""
    parts = option.get("options", {}).items()
    return bool(option.get("no_log") or SECRET.search(name) or any(is_secret(part, inner) for part, inner in parts))


def names_in(value: Any, names: Iterable[str]) -> set[str]:
    """Return which of these variables occur in a value, as a word of a template."""
    words = set(re.findall(r"\w+", str(value)))
    return words & set(names)


def secrets() -> set[str]:
    """Return the roles' variables that are secret, and those that are made of them."""
    specs = [spec for path in ROOT.glob("roles/*/meta/argument_specs.yml") for spec in load(path)["argument_specs"].values()]
    found = {name for spec in specs for name, option in spec.get("options", {}).items() if is_secret(name, option)} | CARRIERS
    made = [item for pattern in ("vars", "defaults") for path in ROOT.glob(f"roles/*/{pattern}/*.yml") for item in load(path).items()]
    while more := {name for name, value in made if name not in found and (SECRET.search(name) or names_in(value, found))}:
        found |= more
    return found


def tasks_in(content: Any) -> Iterator[Task]:
    """Give the tasks of a file, those in plays and blocks too."""
    for entry in content if isinstance(content, list) else []:
        inner = [entry[key] for key in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers") if key in entry]
        for part in inner:
            yield from tasks_in(part)
        if not inner:
            yield entry


def findings(task: Task, secret: set[str]) -> list[str]:
    """Say what a task leaves behind that it should not.

    Args:
        task: as in the file.
        secret: names of variables.
    """
    found = []
    facts = next((task[name] for name in SET_FACT if name in task), None)
    if facts is not None:
        # Those of the task and of a loop go into them by another name. What a filter leaves names alone of is no secret any more.
        facts = {name: value for name, value in facts.items() if not NAMES_ALONE.search(str(value))}
        given = [facts, task.get("vars"), task.get("loop"), *(value for name, value in task.items() if name.startswith("with_"))]
        found += [f"keeps {name}" for name in sorted(names_in(given, secret))]
        found += [f"keeps a fact called {name}" for name in facts if SECRET.search(name)]
    if "cacheable" in str(task):
        found.append("writes to the fact cache")
    if "facts.d" in str(task):
        found.append("writes local facts")
    # Modules of this collection return no secret, which their own tests look for; of others the arguments come back.
    own = any(name.startswith("dialtone.ha_pbx.") for name in task)
    if "register" in task and not own and task.get("no_log") is not True:
        found += [f"registers what it does with {name}" for name in sorted(names_in(task, secret))]
    return found


def test_the_known_secrets_are_recognised() -> None:
    known = {
        "asterisk_tenants", "asterisk_tenants_secret_files", "mariadb_mm_replication_password", "pacemaker_cluster_hacluster_password",
        "pacemaker_cluster_fence_devices", "__pacemaker_cluster_fencing",
    }  # fmt: skip
    assert known <= secrets()
    assert "pacemaker_cluster_token_ms" not in secrets()


@pytest.mark.parametrize(
    ("task", "found"),
    [
        ({"ansible.builtin.set_fact": {"a": "{{ the_password | hash('sha1') }}"}}, ["keeps the_password"]),
        ({"set_fact": {"a": "{{ item }}"}, "loop": "{{ the_password }}"}, ["keeps the_password"]),
        ({"set_fact": {"a_pin": "{{ x }}"}}, ["keeps a fact called a_pin"]),
        ({"set_fact": {"a": "{{ the_password | dialtone.ha_pbx.asterisk_declared }}"}}, []),
        ({"set_fact": {"a": "{{ x | dialtone.ha_pbx.asterisk_declared | combine(the_password) }}"}}, ["keeps the_password"]),
        ({"set_fact": {"a": 1, "cacheable": False}}, ["writes to the fact cache"]),
        ({"ansible.builtin.copy": {"dest": "/etc/ansible/facts.d/x.fact"}}, ["writes local facts"]),
        ({"ansible.builtin.uri": {"password": "{{ the_password }}"}, "register": "r"}, ["registers what it does with the_password"]),
        ({"ansible.builtin.uri": {"password": "{{ the_password }}"}, "register": "r", "no_log": True}, []),
        ({"dialtone.ha_pbx.pcs_cluster": {"hacluster_password": "{{ the_password }}"}, "register": "r"}, []),
        ({"set_fact": {"token_ms": "{{ other }}"}}, []),
    ],
)
def test_what_would_be_found(task: Task, found: list[str]) -> None:
    assert findings(task, {"the_password"}) == found


def test_tasks_in_blocks_are_looked_at() -> None:
    content = [{"hosts": "all", "tasks": [{"block": [{"a": 1}], "rescue": [{"b": 1}]}, {"c": 1}]}, {"import_playbook": "x"}]
    assert list(tasks_in(content)) == [{"a": 1}, {"b": 1}, {"c": 1}, {"import_playbook": "x"}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_secret_stays_among_the_facts(path: Path) -> None:
    secret = secrets()
    found = [f"{task.get('name')}: {finding}" for task in tasks_in(load(path)) for finding in findings(task, secret)]
    assert found == []


def test_no_module_of_ours_returns_facts() -> None:
    modules = [path for path in ROOT.glob("plugins/*/**/*.py") if re.search(r"['\"]ansible_facts['\"]\s*[:=\]]", path.read_text())]
    assert modules == []
