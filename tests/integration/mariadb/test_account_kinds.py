"""Accounts: what is not given stays, what a server's own settings change, what else an account can have."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_account import native_hash

from .conftest import PASSWORD, Pair
from .servers import Server
from .test_accounts import ACCOUNT, grants, login

WHO = "caller@127.0.0.1"


def may(server: Server, who: str = WHO) -> list[str]:
    """What an account has, without how it logs in."""
    return [line.split(" TO ")[0].split(" FOR ")[0] for line in grants(server, who)]


def declared(**more: Any) -> list[dict[str, Any]]:
    return [{**ACCOUNT, **more}]


def given(**more: Any) -> list[dict[str, Any]]:
    """The account with nothing but its name and these."""
    return [{"name": ACCOUNT["name"], "host": ACCOUNT["host"], **more}]


def prepare(pair: Pair, *statements: str) -> None:
    """A table to have privileges on, an account, and what somebody did to it."""
    pair.one.run(
        "SET sql_log_bin=0",
        "CREATE DATABASE records",
        "CREATE TABLE records.cdr (id INT, Note INT, `a b` INT)",
        "CREATE PROCEDURE records.p() SELECT 1",
    )
    pair.modules("mariadb_accounts", pair.one, accounts=declared())
    pair.one.run("SET sql_log_bin=0", *statements)


def test_what_is_not_given_stays(pair: Pair) -> None:
    prepare(pair)
    server, modules = pair.one, pair.modules
    before = server.rows("SELECT * FROM mysql.global_priv WHERE User = 'caller'"), may(server)
    for accounts in (given(), given(tls="ssl"), given(password=PASSWORD), given(privileges=ACCOUNT["privileges"])):
        assert not modules("mariadb_accounts", server, accounts=accounts)["changed"]
    assert (server.rows("SELECT * FROM mysql.global_priv WHERE User = 'caller'"), may(server)) == before
    assert modules("mariadb_accounts", server, accounts=given(tls="x509"))["planned_queries"] == [
        "ALTER USER 'caller'@'127.0.0.1' REQUIRE X509"
    ]
    assert may(server) == before[1]
    # A dict that is given is complete.
    modules("mariadb_accounts", server, accounts=given(privileges={}))
    assert may(server) == ["GRANT USAGE ON *.*"]
    assert login(server, "caller", PASSWORD, ssl_disabled=True) == 1045, "it still demands TLS"
    assert "either a password or plugin" in modules.failing("mariadb_accounts", server, accounts=[{"name": "new"}])


@pytest.mark.parametrize(
    "settings",
    [
        {"sql_mode": "ANSI_QUOTES"},
        {"sql_mode": "ORACLE"},
        {"sql_mode": "NO_BACKSLASH_ESCAPES,ANSI"},
        {"sql_quote_show_create": 0},
        {"old_passwords": 1},
        {"sql_safe_updates": 1},
    ],
    ids=str,
)
def test_a_servers_own_settings_change_nothing(pair: Pair, settings: dict[str, Any]) -> None:
    server, modules = pair.one, pair.modules
    server.set(**settings)
    wide = {"*.*": ["REPLICATION SLAVE"], "records.*": ["SELECT", "INSERT"]}
    modules("mariadb_accounts", server, accounts=declared(privileges=wide))
    assert not modules("mariadb_accounts", server, accounts=declared(privileges=wide))["changed"]
    less = {"records.*": ["SELECT"]}
    modules("mariadb_accounts", server, accounts=declared(privileges=less), remove_test_database=True)
    assert not modules("mariadb_accounts", server, accounts=declared(privileges=less))["changed"]
    server.set(sql_mode="", sql_quote_show_create=1)
    assert may(server) == ["GRANT SELECT ON `records`.*", "GRANT USAGE ON *.*"]
    assert login(server, "caller", PASSWORD, ssl={"ca": str(pair.pki["ca"])}) == 0


@pytest.fixture
def lower_case(pair: Pair) -> Any:
    """The first server with names of databases in lower case, which it takes at its start only."""
    server = pair.one
    server.stop()
    server.settings["lower_case_table_names"] = 1
    server.start()
    yield pair
    server.stop()
    del server.settings["lower_case_table_names"]
    server.start()


def test_names_that_the_server_writes_in_lower_case(lower_case: Pair) -> None:
    server, modules = lower_case.one, lower_case.modules
    both = {"AsteriskCDR.*": ["SELECT"], "asteriskcdr.*": ["INSERT"]}
    for levels in ({"AsteriskCDR.*": ["SELECT", "INSERT"]}, both):
        for _again in range(2):
            modules("mariadb_accounts", server, accounts=declared(privileges=levels))
            assert may(server) == ["GRANT SELECT, INSERT ON `asteriskcdr`.*", "GRANT USAGE ON *.*"]
        assert not modules("mariadb_accounts", server, accounts=declared(privileges=levels))["changed"]


@pytest.mark.parametrize(
    ("levels", "has"),
    [
        ({"records.*": ["ALL"]}, ["ALL PRIVILEGES ON `records`.*"]),
        ({"records.*": ["all", "SELECT", "grant option"]}, ["ALL PRIVILEGES ON `records`.*"]),
        ({"*.*": ["USAGE"]}, []),
        ({"*.*": []}, []),
        ({"*.*": ["REPLICATION CLIENT"]}, ["BINLOG MONITOR ON *.*"]),
        ({"*.*": ["REPLICA MONITOR", "replication  replica"]}, ["REPLICATION SLAVE, SLAVE MONITOR ON *.*"]),
        ({"*.*": ["REPLICATION REPLICA ADMIN"]}, ["REPLICATION SLAVE ADMIN ON *.*"]),
        ({"records.cdr": ["SELECT (id)"]}, ["SELECT (`id`) ON `records`.`cdr`"]),
        ({"records.cdr": ["select (NOTE, `a b`)", "SELECT(id)", "INSERT"]}, None),
        ({"records.*": [" insert", "Select "]}, ["SELECT, INSERT ON `records`.*"]),
    ],
    ids=str,
)
def test_each_spelling_of_a_privilege_is_the_same(pair: Pair, levels: dict[str, list[str]], has: list[str] | None) -> None:
    prepare(pair)
    server, modules = pair.one, pair.modules
    assert modules("mariadb_accounts", server, accounts=declared(privileges=levels))["changed"]
    assert not modules("mariadb_accounts", server, accounts=declared(privileges=levels))["changed"]
    if has is not None:
        assert sorted(set(may(server)) - {"GRANT USAGE ON *.*"}) == [f"GRANT {line}" for line in has]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (["SELECT", "INSERT"], ["ALL"]),
        (["ALL"], ["SELECT"]),
        (["ALL", "GRANT OPTION"], ["SELECT", "GRANT OPTION"]),
        (["SELECT"], ["SELECT (id)"]),
        (["SELECT (id, note)"], ["SELECT (id)"]),
        (["SELECT (id)"], ["SELECT"]),
        (["SELECT", "UPDATE (id)", "UPDATE"], ["SELECT"]),
    ],
)
def test_from_some_privileges_to_others(pair: Pair, first: list[str], then: list[str]) -> None:
    prepare(pair)
    for names in (first, then, first):
        accounts = declared(privileges={"records.cdr": names})
        assert pair.modules("mariadb_accounts", pair.one, accounts=accounts)["changed"]
        assert not pair.modules("mariadb_accounts", pair.one, accounts=accounts)["changed"]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"records.*": "SELECT,INSERT"}, "privileges at records.* must be a list"),
        ({"records.*": {"SELECT": True}}, "must be a list"),
        ({"records.*": ["SELECT, INSERT"]}, "is no privilege"),
        ({"records.*": ["SELECT ON x.* TO y; DROP"]}, "is no privilege"),
        ({"records": ["SELECT"]}, "is no privilege level"),
    ],
    ids=str,
)
def test_what_is_no_list_of_privileges_is_refused(pair: Pair, levels: dict[str, Any], message: str) -> None:
    prepare(pair)
    before = may(pair.one)
    result = pair.modules.attempt("mariadb_accounts", pair.one, accounts=declared(privileges=levels))
    assert result["failed"]
    assert message in result["msg"]
    assert "caller@127.0.0.1" in result["msg"]
    assert result["executed_queries"] == []
    assert may(pair.one) == before


MORE = (
    "CREATE ROLE operators",
    "GRANT DELETE ON records.* TO operators",
    "GRANT operators TO caller@127.0.0.1 WITH ADMIN OPTION",
    "SET DEFAULT ROLE operators FOR caller@127.0.0.1",
    "GRANT EXECUTE, ALTER ROUTINE ON PROCEDURE records.p TO caller@127.0.0.1 WITH GRANT OPTION",
    "GRANT PROXY ON replication@127.0.0.1 TO caller@127.0.0.1",
)


@pytest.fixture
def no_role(pair: Pair) -> Any:
    """Roles are no accounts that the next test would find removed."""
    yield
    pair.one.run("SET sql_log_bin=0", "DROP ROLE IF EXISTS operators")


@pytest.mark.usefixtures("no_role")
def test_an_account_has_exactly_what_is_declared(pair: Pair) -> None:
    prepare(pair)
    server, modules = pair.one, pair.modules
    before = may(server)
    server.run("SET sql_log_bin=0", *MORE)
    assert may(server) != before
    kept = modules("mariadb_accounts", server, accounts=given(tls="ssl"))
    assert not kept["changed"]
    assert "roles, routines or proxies, which stay: ALTER ROUTINE ON PROCEDURE" in str(kept["warnings"])
    assert modules("mariadb_accounts", server, accounts=declared())["changed"]
    assert may(server) == before
    assert not modules("mariadb_accounts", server, accounts=declared())["changed"]


def test_a_second_way_to_log_in_ends(pair: Pair) -> None:
    second = "ALTER USER caller@127.0.0.1 IDENTIFIED VIA mysql_native_password USING PASSWORD('second') OR unix_socket"
    proofs = f"mysql_native_password USING '{native_hash(PASSWORD)}' OR mysql_native_password USING PASSWORD('second')"
    tls = {"ssl": {"ca": str(pair.pki["ca"])}}
    prepare(pair, f"ALTER USER caller@127.0.0.1 IDENTIFIED VIA {proofs}")
    server, modules = pair.one, pair.modules
    assert login(server, "caller", "second", **tls) == 0
    kept = modules("mariadb_accounts", server, accounts=declared(update_password="on_create"))
    assert not kept["changed"]
    assert "can log in in other ways too" in str(kept["warnings"])
    assert modules("mariadb_accounts", server, accounts=declared())["changed"]
    assert login(server, "caller", "second", **tls) == 1045
    assert login(server, "caller", PASSWORD, **tls) == 0
    assert not modules("mariadb_accounts", server, accounts=declared())["changed"]
    # The same with an account of the operating system.
    server.run("SET sql_log_bin=0", second)
    system = given(plugin="unix_socket")
    assert modules("mariadb_accounts", server, accounts=system)["changed"]
    assert not modules("mariadb_accounts", server, accounts=system)["changed"]
    assert "second" not in str(server.rows("SHOW CREATE USER caller@127.0.0.1"))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER USER caller@127.0.0.1 ACCOUNT LOCK", "is locked"),
        ("ALTER USER caller@127.0.0.1 PASSWORD EXPIRE", "has expired"),
    ],
)
def test_what_keeps_an_account_from_logging_in_is_told(pair: Pair, statement: str, told: str) -> None:
    prepare(pair, statement)
    for check in (True, False):
        result = pair.modules("mariadb_accounts", pair.one, check, accounts=declared())
        assert not result["changed"]
        assert told in str(result["warnings"])
    # A new password ends the one, and not the other.
    again = pair.modules("mariadb_accounts", pair.one, accounts=declared(password="new"))
    assert again["changed"]
    assert (told in str(again.get("warnings"))) == (told == "is locked")


@pytest.mark.parametrize(("part", "value"), [("name", "caller "), ("name", " caller"), ("host", "127.0.0.1 ")])
def test_a_name_with_a_space_is_refused(pair: Pair, part: str, value: str) -> None:
    message = pair.modules.failing("mariadb_accounts", pair.one, accounts=[{**ACCOUNT, part: value}])
    assert f"the {part} '{value}' of an account begins or ends with a space" in message


def test_a_host_in_capitals_is_the_same(pair: Pair) -> None:
    account = {"name": "caller", "host": "Example.ORG", "password": PASSWORD}
    assert pair.modules("mariadb_accounts", pair.one, accounts=[account])["changed"]
    assert not pair.modules("mariadb_accounts", pair.one, accounts=[account])["changed"]


def test_what_the_server_makes_something_else_of_is_put_back(pair: Pair) -> None:
    """Every single privilege on a database is ALL PRIVILEGES to the server: it is said, and the account is as it was."""
    prepare(pair)
    server, modules = pair.one, pair.modules
    before = may(server)
    every = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER", "CREATE TEMPORARY TABLES",
        "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT", "TRIGGER",
        "DELETE HISTORY",
    ]  # fmt: skip
    message = modules.failing("mariadb_accounts", server, accounts=declared(privileges={"records.*": every}))
    assert "REVOKE ALL PRIVILEGES ON `records`.*" in message
    assert "as SHOW GRANTS shows them" in message
    assert "as they were before" in message
    assert may(server) == before
