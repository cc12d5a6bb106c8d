"""Accounts of a real server."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_account import native_hash

from .conftest import PASSWORD, Pair
from .servers import Server

ACCOUNT = {
    "name": "caller",
    "host": "127.0.0.1",
    "password": PASSWORD,
    "tls": "ssl",
    "privileges": {"*.*": ["REPLICATION SLAVE"], "records.*": ["select", "INSERT"]},
}


def grants(server: Server, who: str) -> list[str]:
    return sorted(str(next(iter(row.values()))) for row in server.rows(f"SHOW GRANTS FOR {who}"))


def login(server: Server, user: str, password: str, **tls: Any) -> int:
    """Log in by TCP; return the error's number, 0 for none."""
    try:
        pymysql.connect(host="127.0.0.1", port=server.port, user=user, password=password.encode(), **tls).close()
    except pymysql.err.Error as error:
        return int(error.args[0])
    return 0


def test_an_account(pair: Pair) -> None:
    server, modules = pair.one, pair.modules
    tls = {"ssl": {"ca": str(pair.pki["ca"])}}
    before = server.rows("SHOW MASTER STATUS")

    planned = modules("mariadb_accounts", server, check=True, accounts=[ACCOUNT])
    assert planned["changed"]
    assert planned["executed_queries"] == []
    assert login(server, "caller", PASSWORD, **tls) != 0

    made = modules("mariadb_accounts", server, accounts=[ACCOUNT])
    assert made["planned_queries"] == planned["planned_queries"]
    assert made["executed_queries"] == ["SET SESSION sql_log_bin = 0", *planned["planned_queries"]]
    assert login(server, "caller", PASSWORD, **tls) == 0
    assert login(server, "caller", PASSWORD, ssl_disabled=True) == 1045
    assert [line.split(" TO ")[0] for line in grants(server, "caller@127.0.0.1")] == [
        "GRANT REPLICATION SLAVE ON *.*",
        "GRANT SELECT, INSERT ON `records`.*",
    ]

    assert not modules("mariadb_accounts", server, accounts=[ACCOUNT])["changed"]
    # The other node gets its own.
    assert server.rows("SHOW MASTER STATUS") == before


def test_an_account_with_other_values(pair: Pair) -> None:
    server, modules = pair.one, pair.modules
    modules("mariadb_accounts", server, accounts=[ACCOUNT])
    other = {**ACCOUNT, "password": "other", "tls": "none", "privileges": {"records.*": ["SELECT", "DELETE"]}}
    kept = modules(
        "mariadb_accounts", server, accounts=[{**ACCOUNT, "password": "other", "update_password": "on_create"}]
    )
    assert not kept["changed"]
    assert modules("mariadb_accounts", server, accounts=[other])["changed"]
    assert login(server, "caller", "other", ssl_disabled=True) == 0
    assert [line.split(" TO ")[0] for line in grants(server, "caller@127.0.0.1")] == [
        "GRANT SELECT, DELETE ON `records`.*",
        "GRANT USAGE ON *.*",
    ]
    assert not modules("mariadb_accounts", server, accounts=[other])["changed"]


def test_only_host_and_absent(pair: Pair) -> None:
    server, modules = pair.one, pair.modules
    server.run("SET sql_log_bin=0", "CREATE USER caller@'192.0.2.1'", "CREATE USER other@'192.0.2.1'")
    modules("mariadb_accounts", server, accounts=[{**ACCOUNT, "only_host": True}])
    here = {(row["User"], row["Host"]) for row in server.rows("SELECT User, Host FROM mysql.global_priv")}
    assert ("caller", "192.0.2.1") not in here
    assert {("caller", "127.0.0.1"), ("other", "192.0.2.1")} <= here
    gone = [{"name": "caller", "host": "127.0.0.1", "state": "absent"}]
    assert modules("mariadb_accounts", server, accounts=gone)["changed"]
    assert not modules("mariadb_accounts", server, accounts=gone)["changed"]


def test_an_account_of_the_operating_system(pair: Pair) -> None:
    server, modules = pair.one, pair.modules
    account = {"name": "nobody", "plugin": "unix_socket", "privileges": {"records.*": ["INSERT"]}}
    assert modules("mariadb_accounts", server, accounts=[account])["changed"]
    assert not modules("mariadb_accounts", server, accounts=[account])["changed"]
    assert "unix_socket" in str(server.rows("SHOW CREATE USER nobody@localhost"))
    both = modules.failing("mariadb_accounts", server, accounts=[{**account, "password": "x"}])
    assert "either a password or plugin" in both


GRANT_TABLES = ("global_priv", "db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv", "roles_mapping")


@pytest.mark.parametrize(
    ("privileges", "code"),
    [
        # The server knows no such privilege; there is no such table.
        ({"*.*": ["SELECT", "SUPERVISE"]}, 1064),
        ({"*.*": ["PROCESS"], "records.nothing": ["SELECT"]}, 1146),
    ],
)
def test_a_statement_that_fails_in_the_middle_leaves_all_accounts_as_they_were(
    pair: Pair, privileges: dict[str, list[str]], code: int
) -> None:
    server, modules = pair.one, pair.modules
    server.run(
        "SET sql_log_bin=0",
        "CREATE DATABASE records",
        "CREATE TABLE records.cdr (id INT)",
        "CREATE USER caller@'192.0.2.1' IDENTIFIED BY 'elsewhere'",
        "CREATE USER leaver@localhost IDENTIFIED VIA unix_socket",
        "GRANT SELECT (id) ON records.cdr TO leaver@localhost WITH GRANT OPTION",
        "CREATE USER ''@'localhost'",
        "INSERT INTO mysql.db (Host, Db, User, Select_priv) VALUES ('%', 'test', '', 'Y')",
    )
    modules("mariadb_accounts", server, accounts=[ACCOUNT])

    def state() -> dict[str, list[str]]:
        return {table: sorted(map(str, server.rows(f"SELECT * FROM mysql.{table}"))) for table in GRANT_TABLES}

    before, log = state(), server.rows("SHOW MASTER STATUS")
    accounts = [
        {"name": "newcomer", "password": PASSWORD, "privileges": {"records.*": ["SELECT"]}},
        {**ACCOUNT, "password": "other", "tls": "none", "privileges": {"records.*": ["DELETE"]}, "only_host": True},
        {"name": "leaver", "state": "absent"},
    ]
    tidy = {"remove_anonymous": True, "remove_test_database": True}
    last = {"name": "last", "password": PASSWORD, "privileges": privileges}
    result = modules.attempt("mariadb_accounts", server, accounts=[*accounts, last], **tidy)
    assert result["failed"]
    assert str(code) in result["msg"]
    assert "as they were before" in result["msg"]
    # They had been changed, and not only planned.
    assert [query for query in result["executed_queries"] if query.startswith("DROP USER")] != []
    assert state() == before
    assert native_hash(PASSWORD) not in str(result)
    # Not only in the tables: the server acts by it.
    assert login(server, "caller", PASSWORD, ssl={"ca": str(pair.pki["ca"])}) == 0
    assert login(server, "caller", "other", ssl_disabled=True) == 1045
    assert [line.split(" TO ")[0] for line in grants(server, "caller@127.0.0.1")] == [
        "GRANT REPLICATION SLAVE ON *.*",
        "GRANT SELECT, INSERT ON `records`.*",
    ]
    assert "SELECT (`id`)" in str(grants(server, "leaver@localhost"))
    assert server.rows("SHOW MASTER STATUS") == log
    assert not modules("mariadb_accounts", server, accounts=[ACCOUNT])["changed"]
    # Without the mistake all of it goes through.
    modules("mariadb_accounts", server, accounts=accounts, **tidy)
    assert login(server, "caller", "other", ssl_disabled=True) == 0
    assert not modules("mariadb_accounts", server, accounts=accounts, **tidy)["changed"]


def test_what_installations_leave_behind(pair: Pair) -> None:
    server, modules = pair.one, pair.modules
    server.run(
        "SET sql_log_bin=0",
        "CREATE USER ''@'localhost'",
        "CREATE USER ''@'example'",
        "CREATE DATABASE test",
        "INSERT INTO mysql.db (Host, Db, User, Select_priv) VALUES ('%', 'test', '', 'Y'), ('%', 'test\\\\_%', '', 'Y')",
    )
    assert server.value("SELECT COUNT(*) FROM mysql.db WHERE Db LIKE 'test%'") == 2
    arguments = {"remove_anonymous": True, "remove_test_database": True}
    assert modules("mariadb_accounts", server, check=True, **arguments)["changed"]
    assert server.value("SELECT COUNT(*) FROM mysql.global_priv WHERE User = ''") == 2
    assert modules("mariadb_accounts", server, **arguments)["changed"]
    assert server.value("SELECT COUNT(*) FROM mysql.global_priv WHERE User = '' AND Host <> ''") == 0
    assert server.value("SELECT COUNT(*) FROM mysql.db WHERE Db LIKE 'test%'") == 0
    assert server.rows("SHOW DATABASES LIKE 'test'") == []
    assert not modules("mariadb_accounts", server, **arguments)["changed"]


def test_a_database_called_test_that_is_used_stays(pair: Pair) -> None:
    pair.one.run("SET sql_log_bin=0", "CREATE DATABASE test", "CREATE TABLE test.t (id INT)")
    assert not pair.modules("mariadb_accounts", pair.one, remove_test_database=True)["changed"]
    assert pair.one.rows("SHOW TABLES FROM test") != []


def test_no_server_is_said_in_words(pair: Pair) -> None:
    message = pair.modules.failing("mariadb_info", pair.one, login_unix_socket="/nonexistent/sock")
    assert "/nonexistent/sock" in message
    assert "systemctl start mariadb" in message
