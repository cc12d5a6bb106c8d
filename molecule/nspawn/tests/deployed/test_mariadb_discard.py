"""Two databases with rows of their own: nothing is decided by itself, and what is given up is saved."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.testing import playbook

pytestmark = pytest.mark.long


def part() -> None:
    """Let neither node replicate the other any more, and give each database a record that the other does not get."""
    insert = "INSERT INTO cdr (src, dst, uniqueid) VALUES ('alone', @@hostname, CONCAT('alone-', @@hostname))"
    for statement in ("STOP SLAVE; RESET SLAVE ALL", insert):
        for node in HOSTS:
            exchange.sql(node, statement)


def alone(node: str) -> set[str]:
    """Return whose records of `part` a node has."""
    return {row["dst"] for row in exchange.sql(node, "SELECT dst FROM cdr WHERE src = 'alone'")}


def saved(node: str) -> list[str]:
    """Return what a node keeps of databases that were given up: mode and path of each file."""
    return exchange.run(node, ["find", "/root", "-name", "given-up-*", "-printf", "%m %p\\n"]).splitlines()


def test_what_one_database_has_alone_is_given_up_when_somebody_says_so() -> None:
    active = exchange.active_node()
    standby = exchange.peer(active)
    discard = ("containers", "mariadb_discard.yml", "--extra-vars")
    decided = f"mariadb_discard_node={standby} mariadb_discard_confirm={standby}"

    healthy = playbook(*discard, decided)
    assert healthy.returncode != 0
    assert "The pair is not broken (healthy)" in healthy.stdout

    part()
    try:
        undecided = playbook(*discard, f"mariadb_discard_node={standby}")
        assert undecided.returncode != 0
        assert "mariadb_discard_confirm=NAME" in undecided.stdout
        wrong = playbook(*discard, f"mariadb_discard_node={active} mariadb_discard_confirm={active}")
        assert wrong.returncode != 0
        assert "Its database is the one that is written to" in wrong.stdout
        assert (alone(active), alone(standby)) == ({active}, {standby})
        assert saved(standby) == []
    finally:
        done = playbook(*discard, decided)
    assert done.returncode == 0, done.stdout + done.stderr

    exchange.wait_databases_equal()
    assert alone(active) == alone(standby) == {active}
    (file,) = saved(standby)
    mode, path = file.split()
    assert mode == "600"
    assert f"alone-{standby}" in exchange.run(standby, ["zcat", path])
    exchange.wait_healthy(60)
    exchange.run(standby, ["rm", path])
    exchange.sql(active, "DELETE FROM cdr WHERE src = 'alone'")
    exchange.wait_databases_equal()
