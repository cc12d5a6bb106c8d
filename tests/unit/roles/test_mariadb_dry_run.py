"""A dry run tries the replication login only with a password that the other node has already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

SERVICE = Path(__file__).resolve().parents[3] / "roles/mariadb_mm_replication/tasks/service.yml"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        # The other node would get the password in this run, and has the former one still.
        ({"__mariadb_mm_replication_accounts": {"changed": True}}, False),
        ({"__mariadb_mm_replication_accounts": {"changed": False}}, True),
        # It is not in this run.
        ({}, True),
    ],
)
def test_the_password_that_is_tried(peer: dict[str, Any], expected: bool) -> None:
    loader = DataLoader()
    tasks = loader.load_from_file(str(SERVICE), trusted_as_template=True)
    task = next(task for task in tasks if task["name"] == "Keep the replica as the inventory describes it")
    variables = {
        **task["vars"],
        "hostvars": {"server2": peer},
        "__mariadb_mm_replication_peer": {"name": "server2"},
    }
    assert Templar(loader=loader, variables=variables).template(task["dialtone.ha_pbx.mariadb_replica"]["check_login"]) == expected
