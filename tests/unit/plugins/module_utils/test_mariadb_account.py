"""Accounts as servers tell them (recorded from MariaDB 10.11.19 and 11.8.9), and what is planned from it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_account as account
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError

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


def test_names_in_lower_case_where_the_server_has_them_so() -> None:
    assert account.level("AsteriskCDR.Cdr", lower=True) == "`asteriskcdr`.`cdr`"
    assert account.privileges_at({"A.*": ["SELECT"], "`a`.*": ["INSERT"]}, lower=True) == {"`a`.*": {"SELECT", "INSERT"}}
    assert set(account.privileges_at({"A.*": ["SELECT"], "`a`.*": ["INSERT"]})) == {"`A`.*", "`a`.*"}


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("all", {"ALL PRIVILEGES"}),
        (" insert ", {"INSERT"}),
        ("Replication  Client", {"BINLOG MONITOR"}),
        ("REPLICA MONITOR", {"SLAVE MONITOR"}),
        ("usage", set()),
        ("select (Id, `a``b`,`c d` )", {"SELECT (`id`)", "SELECT (`a``b`)", "SELECT (`c d`)"}),
        ("READ_ONLY ADMIN", {"READ_ONLY ADMIN"}),
    ],
)
def test_one_spelling_of_a_privilege(text: str, same: set[str]) -> None:
    assert account.privilege(text) == same


@pytest.mark.parametrize("text", ["", "SELECT, INSERT", "SELECT ON a.* TO b", "1", "SELECT`"])
def test_what_is_no_privilege(text: str) -> None:
    with pytest.raises(MariaDBError, match="is no privilege"):
        account.privilege(text)


@pytest.mark.parametrize("names", ["SELECT", {"SELECT": 1}, [["SELECT"]], 5])
def test_privileges_that_are_no_list(names: object) -> None:
    with pytest.raises(MariaDBError, match="must be a list"):
        account.privileges_at({"a.*": names})


def test_what_is_not_given_stays(replicator: account.Account) -> None:
    nothing = account.Account("repl", "127.0.0.1", "", tls=None, privileges=None)
    assert plan(replace(replicator, others=frozenset({"`role`"}), more_proofs=True), nothing, None) == []
    assert plan(replicator, replace(nothing, tls="none"), None) == ["ALTER USER 'repl'@'127.0.0.1' REQUIRE NONE"]
    assert plan(replicator, replace(nothing, privileges={}), None) == ["REVOKE REPLICATION SLAVE ON *.* FROM 'repl'@'127.0.0.1'"]


def test_what_else_an_account_has_goes(replicator: account.Account) -> None:
    others = frozenset({"`role`", "EXECUTE ON PROCEDURE `a%b`.`p`", "PROXY ON `x`@`%`"})
    assert plan(replace(replicator, others=others, default_role=True), WANTED) == [
        "SET DEFAULT ROLE NONE FOR 'repl'@'127.0.0.1'",
        "REVOKE EXECUTE ON PROCEDURE `a%b`.`p` FROM 'repl'@'127.0.0.1'",
        "REVOKE PROXY ON `x`@`%` FROM 'repl'@'127.0.0.1'",
        "REVOKE `role` FROM 'repl'@'127.0.0.1'",
    ]
    assert plan(replace(replicator, more_proofs=True), WANTED) == ["ALTER USER 'repl'@'127.0.0.1' IDENTIFIED BY '********'"]


def test_an_account_as_the_server_keeps_it_with_two_proofs_and_locked() -> None:
    priv = (
        '{"access":0,"plugin":"mysql_native_password","authentication_string":"*B6","password_last_changed":0,"default_role":"r",'
        '"auth_or":[{},{"plugin":"unix_socket"}],"account_locked":true,"password_lifetime":-1}'
    )
    found = account.account_from("u", "localhost", priv, ["GRANT `r` TO `u`@`localhost` WITH ADMIN OPTION"])
    assert (found.more_proofs, found.locked, found.expired, found.default_role, found.others) == (True, True, True, True, {"`r`"})
    told = str(account.account_warnings(found, replace(WANTED, plugin=""), "always"))
    assert all(word in told for word in ("is locked", "has expired", "other ways"))
    # A password that is set now ends the last two.
    told = str(account.account_warnings(found, WANTED, "always"))
    assert [word for word in ("is locked", "has expired", "other ways") if word in told] == ["is locked"]


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
