"""A replication password that MariaDB cannot keep is refused before anything is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

PREFLIGHT = Path(__file__).resolve().parents[3] / "roles/mariadb_mm_replication/tasks/preflight.yml"


@pytest.mark.parametrize(
    ("password", "accepted"), [("x" * 32, True), ("x" * 33, False), ("ñ" * 16, True), ("ñ" * 2 + "x" * 29, False), ("€" * 11, False)]
)
def test_the_bytes_of_the_password_count(password: str, accepted: bool) -> None:
    loader = DataLoader()
    task = next(task for task in loader.load_from_file(str(PREFLIGHT), trusted_as_template=True) if "password" in task["name"])
    templar = Templar(loader=loader, variables={"mariadb_mm_replication_password": password})
    assert templar.evaluate_conditional(task["ansible.builtin.assert"]["that"]) is accepted
