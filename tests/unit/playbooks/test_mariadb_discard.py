"""Which node mariadb_discard.yml accepts as the one whose rows are given up, and what it saves and removes there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

PLAYBOOK = Path(__file__).resolve().parents[3] / "playbooks/mariadb_discard.yml"
ROWS = {"tables": 2, "has_rows": True}
TABLES = {"tables": 2, "has_rows": False}
SAVE, REMOVE, COPY = "Save what is given up", "Remove what is given up", "Copy the other node's databases and replicate both ways"
CHECK = "Check that the node whose rows are given up is not in service"


def verdict(read_only: bool, databases: dict[str, Any], host: str = "server2") -> tuple[bool, set[str]]:
    """Return whether giving up server2 is accepted, and which of the tasks that change something would run on a host."""
    loader = DataLoader()
    (play,) = loader.load_from_file(str(PLAYBOOK), trusted_as_template=True)
    tasks = {task["name"]: task for task in play["tasks"]}
    variables = {
        **play["vars"],
        "ansible_check_mode": False,
        "inventory_hostname": host,
        "mariadb_discard_node": "server2",
        "mariadb_discard_found": {"read_only": read_only, "databases": databases},
    }
    templar = Templar(loader=loader, variables=variables)
    runs = {name for name in (SAVE, REMOVE, COPY) if templar.evaluate_conditional(tasks[name]["when"])}
    return templar.evaluate_conditional(tasks[CHECK]["ansible.builtin.assert"]["that"]), runs


@pytest.mark.parametrize("databases", [{"asteriskcdr": ROWS}, {"asteriskcdr": TABLES}])
def test_what_a_standby_has_is_saved_and_removed(databases: dict[str, Any]) -> None:
    assert verdict(True, databases) == (True, {SAVE, REMOVE, COPY})


@pytest.mark.parametrize("databases", [{"asteriskcdr": ROWS}, {"asteriskcdr": TABLES, "other": ROWS}])
def test_the_node_that_is_written_to_is_refused(databases: dict[str, Any]) -> None:
    assert verdict(False, databases)[0] is False


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("databases", [{}, {"other": ROWS}])
def test_a_new_machine_has_nothing_to_give_up(read_only: bool, databases: dict[str, Any]) -> None:
    # Debian's package starts MariaDB writable, and without a binary log, of which a dump would have to know the position.
    assert verdict(read_only, databases) == (True, {COPY})


def test_the_other_node_gives_up_nothing() -> None:
    assert verdict(False, {"asteriskcdr": ROWS}, "server1")[1] == {COPY}
