"""The generator of the roles' READMEs, on a role of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import role_readme

SPECS = """
argument_specs:
  main:
    short_description: Does a thing
    description:
      - Does it with O(thing_mode=fast), or V(slow) | both.
    options:
      thing_mode:
        type: str
        choices: [fast, slow]
        default: fast
        description: How.
      thing_tenants:
        type: list
        elements: dict
        required: true
        description: For whom.
        options:
          name:
            type: str
            required: true
            description: B(Short) name.
          pin:
            type: str
            description: Secret.
      thing_later:
        type: str
        description: Its default is only in defaults/main.yml.
      pbx_nodes:
        type: list
        elements: str
        description: The pair.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    role = tmp_path / "roles/thing"
    for name, text in {
        "meta/argument_specs.yml": SPECS,
        "defaults/main.yml": "thing_mode: fast\nthing_later: \"{{ x | default('a`b') }}\"\n",
    }.items():
        (role / name).parent.mkdir(parents=True)
        (role / name).write_text(text)
    inventory = tmp_path / role_readme.EXAMPLE_INVENTORY
    inventory.mkdir(parents=True)
    (inventory / "thing.yml").write_text("thing_tenants:\n  - name: office\npbx_nodes: [a, b]\nother: 1\n")
    return tmp_path


def test_writes_what_check_then_finds_current(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert role_readme.main(["--check"], root) == 1
    assert not (root / "roles/thing/README.md").exists()
    assert role_readme.main([], root) == 0
    assert role_readme.main(["--check"], root) == 0
    (root / "roles/thing/defaults/main.yml").write_text("thing_later: other\n")
    capsys.readouterr()
    assert role_readme.main(["--check"], root) == 1
    assert "+| `thing_later` | str | `other` |" in capsys.readouterr().out


def test_tables_have_every_variable_and_its_sub_options(root: Path) -> None:
    role_readme.main([], root)
    text = (root / "roles/thing/README.md").read_text()
    own, shared = text.split("## Shared variables it reads")
    assert "Does it with `thing_mode=fast`, or `slow` | both." in own
    assert "| `thing_mode` | str | `fast` | How. One of `fast`, `slow`. |" in own
    assert "| `thing_tenants` | list of dict | **required** | For whom. |" in own
    assert "| `thing_tenants[].name` | str | **required** | **Short** name. |" in own
    assert "| `thing_tenants[].pin` | str |  | Secret. |" in own
    assert "pbx_nodes" not in own
    assert "| `pbx_nodes` | list of str |  | The pair. |" in shared


def test_a_default_that_contains_markup_stays_readable(root: Path) -> None:
    role_readme.main([], root)
    text = (root / "roles/thing/README.md").read_text()
    assert "| ``{{ x \\| default('a`b') }}`` |" in text


def test_the_example_shows_what_the_inventory_says_of_the_role(root: Path) -> None:
    role_readme.main([], root)
    example = (root / "roles/thing/README.md").read_text().split("## Example")[1]
    assert "role: dialtone.ha_pbx.thing" in example
    assert "    thing_tenants:\n      - name: office\n" in example
    assert "pbx_nodes" not in example, "the role does not require it"
    assert "other" not in example
