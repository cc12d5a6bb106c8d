"""The action groups of meta/runtime.yml: module_defaults reach every module that belongs to a group."""

from __future__ import annotations

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
GROUPS = yaml.safe_load((ROOT / "meta/runtime.yml").read_text())["action_groups"]
MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("*.py"))


def test_all_modules_are_in_the_group_of_all() -> None:
    assert GROUPS["all"] == MODULES


def test_modules_of_one_thing_are_in_its_group() -> None:
    for group in ("esxi", "mariadb"):
        assert GROUPS[group] == [name for name in MODULES if name.startswith(f"{group}_")]
