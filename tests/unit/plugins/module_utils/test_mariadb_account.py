"""Accounts as servers tell them (recorded from MariaDB 10.11.19 and 11.8.9), and what is planned from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import mariadb_account as account
from ansible_collections.dialtone.ha_pbx.plugins.module_utils.mariadb import MariaDBError

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
NO_PRIVILEGES: dict[str, frozenset[str]] = {}


@pytest.fixture(params=["10.11", "11.8"])
def recorded(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"mariadb_{request.param}.json").read_text())
    return found


@pytest.fixture
def replicator(recorded: dict[str, Any]) -> account.Account:
    return account.account_from("repl", "127.0.0.1", recorded["priv"], recorded["grants"])


WANTED = account.Account(
    "repl", "127.0.0.1", "mysql_native_password", account.native_hash("it's"), "x509",
    {"*.*": frozenset({"REPLICATION SLAVE"})},
)  # fmt: skip


def plan(current: account.Account | None, wanted: account.Account, proof: str | None = "it's", **more: Any) -> list[str]:
    return [str(statement) for statement in account.plan_account(current, wanted, proof, **more)]


def test_an_account_that_is_right(replicator: account.Account) -> None:
    assert replicator == WANTED
    assert plan(replicator, WANTED) == []


def test_the_proof_of_a_password() -> None:
    # PASSWORD('password') of the server.
    assert account.native_hash("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


def test_a_new_account() -> None:
    assert plan(None, WANTED) == [
        "CREATE USER 'repl'@'127.0.0.1' IDENTIFIED BY '********' REQUIRE X509",
        "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'127.0.0.1'",
    ]
    system = account.Account("asterisk", "localhost", "unix_socket", privileges={"`a%b`.*": frozenset({"INSERT", "SELECT"})})
    assert plan(None, system, None) == [
        "CREATE USER 'asterisk'@'localhost' IDENTIFIED VIA unix_socket REQUIRE NONE",
        "GRANT INSERT, SELECT ON `a%b`.* TO 'asterisk'@'localhost'",
    ]


def test_another_password(replicator: account.Account) -> None:
    other = replace(WANTED, hash=account.native_hash("other"))
    assert plan(replicator, other, "other") == ["ALTER USER 'repl'@'127.0.0.1' IDENTIFIED BY '********'"]
    assert plan(replicator, other, "other", update_password="on_create") == []


def test_other_demands(replicator: account.Account) -> None:
    assert plan(replicator, replace(WANTED, tls="none")) == ["ALTER USER 'repl'@'127.0.0.1' REQUIRE NONE"]
    assert plan(replicator, replace(WANTED, plugin="unix_socket", hash=""), None) == [
        "ALTER USER 'repl'@'127.0.0.1' IDENTIFIED VIA unix_socket"
    ]


def test_other_privileges(recorded: dict[str, Any], replicator: account.Account) -> None:
    assert plan(replicator, replace(WANTED, privileges={"`a`.*": frozenset({"SELECT", "GRANT OPTION"})})) == [
        "GRANT SELECT ON `a`.* TO 'repl'@'127.0.0.1' WITH GRANT OPTION",
        "REVOKE REPLICATION SLAVE ON *.* FROM 'repl'@'127.0.0.1'",
    ]
    other = account.account_from("u", "localhost", recorded["other_priv"], recorded["other_grants"])
    assert other.plugin == "unix_socket"
    assert other.privileges["`a%b`.*"] == {"ALL PRIVILEGES", "GRANT OPTION"}
    assert {name.split(" ")[0] for name in other.privileges["`a%b`.`t`"]} == {"SELECT", "INSERT"}
    assert plan(other, replace(other, privileges={"`a%b`.`t`": other.privileges["`a%b`.`t`"]}), None) == [
        "REVOKE ALL PRIVILEGES ON `a%b`.* FROM 'u'@'localhost'",
        "REVOKE GRANT OPTION ON `a%b`.* FROM 'u'@'localhost'",
    ]


def test_what_is_no_privilege_on_a_database_is_left_out(recorded: dict[str, Any]) -> None:
    root = account.account_from("root", "localhost", recorded["root_priv"], recorded["root_grants"])
    assert root.privileges == {"*.*": frozenset({"ALL PRIVILEGES", "GRANT OPTION"})}
    lines = [
        "GRANT `role` TO `u`@`localhost`",
        "GRANT PROXY ON 'x'@'192.0.2.1' TO 'u'@'localhost'",
        "GRANT EXECUTE ON PROCEDURE `d`.`p` TO `u`@`localhost`",
        "GRANT USAGE ON *.* TO `u`@`localhost`",
    ]
    lines[1] = "GRANT PROXY ON `x`@`192.0.2.1` TO `u`@`localhost` WITH GRANT OPTION"
    others = {"`role`", "PROXY ON `x`@`192.0.2.1`", "EXECUTE ON PROCEDURE `d`.`p`"}
    assert account.parse_grants(lines) == (NO_PRIVILEGES, others)
    found = account.parse_grants(["GRANT SELECT ON `with space`.`a``b` TO `u`@`h`", "GRANT SELECT ON `a`.* TO `role`"])
    assert found == ({"`with space`.`a``b`": {"SELECT"}}, frozenset())


@pytest.mark.parametrize(
    ("text", "same"), [("*.*", "*.*"), ("a.*", "`a`.*"), ("`a`.*", "`a`.*"), ("a.b", "`a`.`b`"), (" a.b ", "`a`.`b`")]
)
def test_levels(text: str, same: str) -> None:
    assert account.level(text) == same


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "`a", "a.`b", "*.*; DROP DATABASE x"])
def test_what_is_no_level(text: str) -> None:
    with pytest.raises(MariaDBError, match="privilege level"):
        account.level(text)


def test_hygiene() -> None:
    everybody = [("root", "localhost"), ("", "localhost"), ("", "host")]
    assert account.plan_hygiene(everybody, True, 2, False, False) == []
    assert [str(statement) for statement in account.plan_hygiene(everybody, True, 2, True, True)] == [
        "DROP USER ''@'localhost'",
        "DROP USER ''@'host'",
        r"DELETE FROM mysql.db WHERE User = '' AND Db IN ('test', 'test\_%')",
        "FLUSH PRIVILEGES",
        "DROP DATABASE `test`",
    ]
    # A database test with tables is not "empty", and stays.
    assert account.plan_hygiene([("root", "localhost")], False, 0, True, True) == []


def rows(**tables: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    return {table: tables.get(table, []) for table in account.GRANT_TABLES}


def test_what_did_not_change_needs_no_restoration() -> None:
    same = rows(global_priv=[{"Host": "a", "User": "b", "Priv": "{}"}])
    assert account.plan_restoration(same, same) == []


def test_a_restoration_removes_puts_back_and_shows_no_proof_of_a_password() -> None:
    before = rows(
        global_priv=[{"Host": "%", "User": "kept", "Priv": "PROOF"}, {"Host": "%", "User": "same", "Priv": "{}"}],
        db=[{"Host": "%", "Db": "records", "User": "kept", "Select_priv": "Y"}],
    )
    now = rows(
        global_priv=[{"Host": "%", "User": "made", "Priv": "{}"}, {"Host": "%", "User": "same", "Priv": "{}"}],
        db=[{"Host": "%", "Db": "records", "User": "kept", "Select_priv": "N"}],
    )
    statements = account.plan_restoration(before, now)
    assert [str(statement) for statement in statements] == [
        "DELETE FROM mysql.global_priv WHERE Host = '%' AND User = 'made'",
        "REPLACE INTO mysql.global_priv (Host, User, Priv) VALUES ('%', 'kept', '********')",
        "REPLACE INTO mysql.db (Host, Db, User, Select_priv) VALUES ('%', 'records', 'kept', 'Y')",
        "FLUSH PRIVILEGES",
    ]
    assert statements[1].values == ("%", "kept", "PROOF")
