"""What the roles would do on a host of which only facts are known: their tasks and templates, rendered without running.

It renders in a process of its own, `all_actions`: Ansible's plugins of this collection are not to be found any more where a test
has imported a part of the collection before.

The variables are those of inventories/example with made-up secrets; the facts are given. What a task learns while it runs
(`register`, `set_fact`) is not known here: a value that needs it stays unrendered, and what undefined name it needs is told.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleUndefinedVariable, AnsibleValueOmittedError
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template
from ansible.vars.manager import VariableManager

REPOSITORY = Path(__file__).resolve().parents[3]
#: Not esxi_vm: it runs on the controller, and there is no host yet whose facts could be known.
ROLES = tuple(sorted({path.parent.parent.name for path in REPOSITORY.glob("roles/*/tasks/main.yml")} - {"esxi_vm"}))
_INCLUDES = {"ansible.builtin.include_tasks", "ansible.builtin.import_tasks"}
_KEYWORDS = {"ansible.builtin.include_vars", "ansible.builtin.set_fact", "ansible.builtin.meta", "ansible.builtin.debug"}
_BLOCKS = ("block", "rescue", "always")
_OMITTED = object()
_UNDEFINED = re.compile(r"'(\w+)' is undefined")

Task = dict[str, Any]


class NotKnown(str):
    """Stands for a value that needs a variable which has no value before the role runs; it is the variable's name."""


@dataclass(frozen=True)
class Action:
    """One module call that a role makes on the host, or may make."""

    role: str
    file: str
    name: str
    module: str
    #: Rendered, with NotKnown in place of what is not known before the run.
    arguments: dict[str, Any]
    #: Of a template, what it becomes, or what it would take to know; None of any other module.
    text: str | NotKnown | None
    #: False when what decides about it is not known before the run.
    certain: bool


def _variables(loader: DataLoader, role: str, facts: dict[str, Any], **more: Any) -> dict[str, Any]:
    inventory = InventoryManager(loader=loader, sources=[str(REPOSITORY / "inventories/example")])
    host = inventory.get_host("pbx1")
    path = REPOSITORY / "roles" / role
    defaults: dict[str, Any] = {}
    # A role reads defaults of those that ran before it only where it says so; here all are known.
    for other in ROLES:
        defaults |= loader.load_from_file(str(REPOSITORY / "roles" / other / "defaults/main.yml"), trusted_as_template=True) or {}
    fixed: dict[str, Any] = {}
    # A role without packages has nothing that differs between the systems.
    for file in (path / "vars" / f"{name}.yml" for name in ("main", facts["os_family"])):
        fixed |= (loader.load_from_file(str(file), trusted_as_template=True) or {}) if file.exists() else {}
    return {
        **defaults,
        **VariableManager(loader=loader, inventory=inventory).get_vars(host=host),
        **fixed,
        "ansible_facts": facts,
        "ansible_check_mode": False,
        "ansible_managed": "managed",
        "ansible_play_hosts": ["pbx1", "pbx2"],
        "ansible_search_path": [str(path)],
        "role_path": str(path),
        **more,
    }


def _templar(role: str, facts: dict[str, Any], **more: Any) -> Templar:
    """Return what renders with a role's variables on a host with these facts."""
    loader = DataLoader()
    loader.set_basedir(str(REPOSITORY / "roles" / role))
    return Templar(loader=loader, variables=_variables(loader, role, facts, **more))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return dictionaries and lists with each value in them changed, without those of a dictionary that are omitted."""
    if isinstance(value, dict):
        changed = {str(key): _each(item, change) for key, item in value.items()}
        return {key: item for key, item in changed.items() if item is not _OMITTED}
    return [_each(item, change) for item in value] if isinstance(value, list) else change(value)


def _rendered(renders: Templar, value: Any) -> Any:
    def one(template: Any) -> Any:
        try:
            return renders.template(template)
        except AnsibleUndefinedVariable as error:
            return NotKnown(next(iter(_UNDEFINED.findall(str(error))), "?"))
        except AnsibleValueOmittedError:
            return _OMITTED

    return _each(value, one)


def _verdict(renders: Templar, conditions: tuple[Any, ...]) -> bool | None:
    """Return whether all hold; None when that is not known before the run."""
    known = True
    for condition in conditions:
        try:
            if not renders.evaluate_conditional(condition):
                return False
        except AnsibleUndefinedVariable:
            known = False
    return True if known else None


def listed(value: Any) -> list[Any]:
    """Return a list as it is, and what is none as the one thing in a list."""
    return value if isinstance(value, list) else [value]


class _Walk:
    """Goes through a role from tasks/main.yml, into every file of tasks that is not ruled out."""

    def __init__(self, role: str, facts: dict[str, Any], more: dict[str, Any]) -> None:
        self.role = role
        self.renders = _templar(role, facts, **more)
        self.known = self.renders.available_variables
        self.found: list[Action] = []

    def file(self, name: str, conditions: tuple[Any, ...] = (), variables: Task | None = None) -> None:
        path = REPOSITORY / "roles" / self.role / "tasks" / name
        self.tasks(DataLoader().load_from_file(str(path), trusted_as_template=True), name, conditions, variables or {})

    def tasks(self, tasks: list[Task], file: str, conditions: tuple[Any, ...], variables: Task) -> None:
        for task in tasks:
            inherited = (*conditions, *listed(task.get("when", [])))
            own = {**variables, **task.get("vars", {})}
            blocks = [name for name in _BLOCKS if name in task]
            for name in blocks:
                self.tasks(task[name], file, inherited, own)
            if not blocks:
                self.task(task, file, inherited, own)

    def task(self, task: Task, file: str, conditions: tuple[Any, ...], own: Task) -> None:
        module = next(key for key in task if "." in key)
        self.renders.available_variables = {**self.known, **own}
        items = _rendered(self.renders, task["loop"]) if "loop" in task else [None]
        for item in items if isinstance(items, list) else [NotKnown("item")]:
            in_loop = {} if item is None or isinstance(item, NotKnown) else {"item": item}
            self.renders.available_variables = {**self.known, **own, **in_loop}
            verdict = _verdict(self.renders, conditions)
            if verdict is False:
                continue
            given = _rendered(self.renders, task[module] if isinstance(task[module], dict) else {"_raw": task[module]})
            if module in _INCLUDES:
                self.file(given.get("file", given.get("_raw")), conditions, own)
            elif module not in _KEYWORDS:
                text = self.template(given["src"]) if module == "ansible.builtin.template" else None
                self.found.append(Action(self.role, file, task["name"], module, given, text, verdict is True))

    def template(self, source: str) -> str | NotKnown:
        path = REPOSITORY / "roles" / self.role / "templates" / source
        return _rendered(self.renders, trust_as_template(path.read_text()))


def _to_json(value: Any) -> Any:
    return _each(value, lambda item: {"not known": str(item)} if isinstance(item, NotKnown) else item)


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return NotKnown(value["not known"]) if set(value) == {"not known"} else {k: _from_json(v) for k, v in value.items()}
    return [_from_json(item) for item in value] if isinstance(value, list) else value


def all_actions(facts: dict[str, Any], given: dict[str, Any], roles: Iterable[str] = ROLES) -> dict[str, list[Action]]:
    """Return, by role, every module call that is not ruled out, once for each item of its loop.

    Args:
        facts: as the module setup returns them, without `ansible_`.
        given: variables beside those of the example.
        roles: which roles.
    """
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps({"facts": facts, "given": given, "roles": list(roles)}),
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {role: [Action(**_from_json(action)) for action in found] for role, found in json.loads(done.stdout).items()}


def _actions(role: str, facts: dict[str, Any], given: dict[str, Any]) -> list[Action]:
    walk = _Walk(role, facts, given)
    walk.file("main.yml")
    # What other roles call of this one.
    for called in ("files.yml", "load.yml"):
        if (REPOSITORY / "roles" / role / "tasks" / called).exists():
            walk.file(called)
    return walk.found


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def strings(value: Any) -> Iterator[str]:
    """Give every text in an action's arguments: keys too, and `NotKnown` not."""
    return (str(leaf) for leaf in _leaves(value) if not isinstance(leaf, NotKnown))


def unknown(value: Any) -> Iterator[str]:
    """Give the name of every variable that an action's arguments need and that is not known before the run."""
    return (str(leaf) for leaf in _leaves(value) if isinstance(leaf, NotKnown))


def learnt(role: str) -> set[str]:
    """Return the variables that a role's tasks give a value while they run."""
    text = "".join(path.read_text() for path in sorted((REPOSITORY / "roles" / role / "tasks").glob("*.yml")))
    set_facts = re.findall(r"ansible\.builtin\.set_fact:\n((?:\s{4,}\S.*\n)+)", text)
    return {
        *re.findall(r"register: (\w+)", text),
        *(name for block in set_facts for name in re.findall(r"^\s+(\w+):", block, re.MULTILINE)),
    }


if __name__ == "__main__":
    init_plugin_loader()
    asked = json.load(sys.stdin)
    json.dump(
        {role: [_to_json(asdict(action)) for action in _actions(role, asked["facts"], asked["given"])] for role in asked["roles"]},
        sys.stdout, default=str,
    )  # fmt: skip
