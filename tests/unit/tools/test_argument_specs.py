"""Every role's argument specs and defaults say the same, and every public variable is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())


def load(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {}


def options_of(role: str) -> dict[str, dict[str, Any]]:
    return load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options", {})


def defaults_of(role: str) -> dict[str, Any]:
    return load(ROOT / "roles" / role / "defaults/main.yml")


def every_option(options: Mapping[str, Mapping[str, Any]], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, option in options.items():
        yield prefix + name, option
        yield from every_option(option.get("options", {}), f"{prefix}{name}.")


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_specs(role: str) -> None:
    specified = {
        name: option["default"]
        for name, option in options_of(role).items()
        if "default" in option and not name.startswith("pbx_")
    }
    assert specified == defaults_of(role)


def test_shared_variables_are_the_same_to_all_roles() -> None:
    meanings: dict[str, dict[str, dict[str, Any]]] = {}
    for role in ROLES:
        for name, option in options_of(role).items():
            if name.startswith("pbx_"):
                meaning = {key: option[key] for key in ("type", "elements", "choices") if key in option}
                meanings.setdefault(name, {})[role] = meaning
    different = {name: roles for name, roles in meanings.items() if len({str(m) for m in roles.values()}) > 1}
    assert different == {}


@pytest.mark.parametrize("role", ROLES)
def test_names_belong_to_the_role_or_are_shared(role: str) -> None:
    # What a role is named after has its name.
    foreign = [name for name in options_of(role) if name != role and not name.startswith((f"{role}_", "pbx_"))]
    assert foreign == []
    shared = [name for name in defaults_of(role) if name.startswith("pbx_")]
    assert shared == [], "shared variables come from the inventory: a default in one role would not hold in the others"


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_has_a_type_and_an_explanation(role: str) -> None:
    unexplained = [
        name for name, option in every_option(options_of(role)) if not option.get("description") or "type" not in option
    ]
    assert unexplained == []


@pytest.mark.parametrize("role", ROLES)
def test_what_is_required_has_no_default(role: str) -> None:
    options = every_option(options_of(role))
    assert [name for name, option in options if option.get("required") and "default" in option] == []


INVENTORIES = ["lab/inventories/containers/group_vars/lab_pair", "inventories/example/group_vars/pbx"]


def variables_of(inventory: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in sorted((ROOT / inventory).glob("*.yml")):
        found.update(load(path))
    return found


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_inventories_set_only_variables_that_exist(inventory: str) -> None:
    known = {name for role in ROLES for name in options_of(role)}
    # Variables of Ansible itself, and those that an inventory uses to build the others.
    own = ("ansible_", "lab_")
    assert [name for name in variables_of(inventory) if name not in known and not name.startswith(own)] == []


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_inventories_set_everything_that_is_required(inventory: str) -> None:
    found = variables_of(inventory)
    used = [role for role in ROLES if role != "drbd" or found["pbx_storage"] == "drbd"]
    # It makes the machines where they are not there yet.
    used = [role for role in used if role != "esxi_vm" or "esxi_vm_hostname" in found]
    required = {name for role in used for name, option in options_of(role).items() if option.get("required")}
    assert required - set(found) == set()


def test_the_example_names_every_secret_that_it_uses() -> None:
    directory = ROOT / "inventories/example/group_vars/pbx"
    used = {name for path in directory.glob("*.yml") for name in re.findall(r"\bvault_\w+", path.read_text("utf-8"))}
    named = set(re.findall(r"^# (vault_\w+):", (directory / "vault.example").read_text("utf-8"), re.MULTILINE))
    assert used == named
