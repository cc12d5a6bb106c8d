# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts: what the server says of them, and what would have to be done. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils.mariadb import MariaDBError, Statement, identifier

# "ssl_type" in mysql.global_priv: the number of each demand (sql/structs.h, enum SSL_type).
TLS_DEMANDS = {0: "none", 1: "ssl", 2: "x509", 3: "specified"}
TLS_CLAUSES = {"none": "REQUIRE NONE", "ssl": "REQUIRE SSL", "x509": "REQUIRE X509"}

FLUSH = Statement("FLUSH PRIVILEGES")


@dataclass(frozen=True)
class Account:
    """An account: who, how it proves it, and what it may do.

    plugin is how it authenticates, hash the proof for mysql_native_password; tls none, ssl, x509 or specified;
    privileges a mapping of a level (*.*, `db`.*, `db`.`table`) to privileges in upper case.
    """

    name: str
    host: str
    plugin: str
    hash: str = ""
    tls: str = "none"
    privileges: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def who(self) -> tuple[str, str]:
        return self.name, self.host


def native_hash(password: str) -> str:
    """The proof that mysql_native_password stores: '*' and SHA1(SHA1(password)) in hexadecimal digits.

    Source: MariaDB Knowledge Base, "Authentication Plugin - mysql_native_password".
    """
    # The protocol's choice, not ours; it is compared with what the server has, and protects nothing here.
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


# A name as SHOW GRANTS quotes it, or a star.
_PART = r"(?:\*|`(?:[^`]|``)+`)"


def level(text: str) -> str:
    """One spelling of a privilege level: asteriskcdr.* and `asteriskcdr`.* are the same.

    :raises MariaDBError: when it is not one.
    """
    parts = re.fullmatch(rf"({_PART}|[^`.*]+)\.({_PART}|[^`.*]+)", text.strip())
    if not parts:
        raise MariaDBError(f"'{text}' is no privilege level: write *.*, database.* or database.table.")
    return ".".join(part if part[0] in "*`" else f"`{part}`" for part in parts.groups())


def parse_grants(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Read SHOW GRANTS.

    :param lines: its rows. Column privileges (SELECT (a, b)) are one privilege each, with their columns.
    :returns: level to privileges; USAGE, which is none, is left out; GRANT OPTION counts as a privilege. Roles, proxies
        and privileges on routines are left out.
    """
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        grant = re.match(rf"GRANT (.+?) ON ({_PART}\.{_PART}) TO ", line)
        if not grant:
            continue
        privileges = {part.strip().upper() for part in re.split(r",\s*(?![^()]*\))", grant[1])} - {"USAGE"}
        if re.search(r" WITH GRANT OPTION\b", line):
            privileges.add("GRANT OPTION")
        if privileges:
            found[grant[2]] = found.get(grant[2], frozenset()) | privileges
    return found


def account_from(user: str, host: str, priv: str, grants: Iterable[str]) -> Account:
    """Read one account.

    :param priv: the JSON of mysql.global_priv.
    :param grants: rows of SHOW GRANTS.
    :raises MariaDBError: when there is no such JSON.
    """
    try:
        data = json.loads(priv)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        # Not what it holds: a proof of a password may be in it.
        raise MariaDBError(
            f"what mysql.global_priv holds about '{user}'@'{host}' is no JSON object. Drop the account (DROP USER) and run"
            " this again, which makes it anew."
        )
    demand = data.get("ssl_type", 0)
    return Account(
        user,
        host,
        str(data.get("plugin", "mysql_native_password")),
        str(data.get("authentication_string", "")),
        TLS_DEMANDS.get(demand, "specified") if isinstance(demand, int) else "specified",
        parse_grants(grants),
    )


def _authentication(account: Account, password: str | None, values: list[Any], secrets: set[int]) -> str:
    if account.plugin == "unix_socket":
        return " IDENTIFIED VIA unix_socket"
    secrets.add(len(values))
    values.append(password)
    return " IDENTIFIED BY %s"


def plan_account(
    current: Account | None, wanted: Account, password: str | None, update_password: str = "always"
) -> list[Statement]:
    """What has to be run for an account to be as wanted.

    :param current: what is there, or None.
    :param wanted: with its hash when it has a password.
    :param password: the password itself, for the statement.
    :param update_password: "always", or "on_create": leave the password of an account that exists.
    :returns: statements; none when the account is right.
    """
    statements: list[Statement] = []
    if current is None or _proof_differs(current, wanted, update_password) or current.tls != wanted.tls:
        values: list[Any] = [wanted.name, wanted.host]
        secrets: set[int] = set()
        text = "CREATE USER %s@%s" if current is None else "ALTER USER %s@%s"
        if current is None or _proof_differs(current, wanted, update_password):
            text += _authentication(wanted, password, values, secrets)
        if current is None or current.tls != wanted.tls:
            text += f" {TLS_CLAUSES[wanted.tls]}"
        statements.append(Statement(text, tuple(values), frozenset(secrets)))
    have = current.privileges if current else {}
    for place in sorted({*have, *wanted.privileges}):
        surplus = have.get(place, frozenset()) - wanted.privileges.get(place, frozenset())
        missing = wanted.privileges.get(place, frozenset()) - have.get(place, frozenset())
        text_of_place = place.replace("%", "%%")
        # One by one: ALL PRIVILEGES and GRANT OPTION cannot share a statement.
        statements += [
            Statement(f"REVOKE {privilege} ON {text_of_place} FROM %s@%s", (wanted.name, wanted.host))
            for privilege in sorted(surplus)
        ]
        if missing:
            option = " WITH GRANT OPTION" if "GRANT OPTION" in missing else ""
            names = ", ".join(sorted(missing - {"GRANT OPTION"})) or "USAGE"
            statements.append(
                Statement(f"GRANT {names} ON {text_of_place} TO %s@%s{option}", (wanted.name, wanted.host))
            )
    return statements


def _proof_differs(current: Account, wanted: Account, update_password: str) -> bool:
    if current.plugin != wanted.plugin:
        return True
    return wanted.plugin != "unix_socket" and update_password == "always" and current.hash != wanted.hash


def plan_hygiene(
    accounts: Iterable[tuple[str, str]],
    test_database_empty: bool,
    anyone_rows: int,
    remove_anonymous: bool,
    remove_test_database: bool,
) -> list[Statement]:
    """What an installation may have left that nobody asked for.

    :param accounts: (user, host) of all accounts.
    :param test_database_empty: whether there is a database test, without a table.
    :param anyone_rows: number of rows in mysql.db that give every account the databases test and test_…
    :returns: statements. A database test with tables stays: somebody uses it.
    """
    statements = []
    if remove_anonymous:
        statements += [Statement("DROP USER %s@%s", who) for who in accounts if who[0] == ""]
    if remove_test_database:
        if anyone_rows:
            # No GRANT or REVOKE reaches these rows.
            statements.append(
                Statement("DELETE FROM mysql.db WHERE User = '' AND Db IN (%s, %s)", ("test", r"test\_%"))
            )
            statements.append(FLUSH)
        if test_database_empty:
            # At the end of all: what else was done can be put back when a statement fails.
            statements.append(Statement(f"DROP DATABASE {identifier('test')}"))
    return statements


# Where the server keeps accounts and what they may do, each with the columns that tell its rows apart.
GRANT_TABLES = {
    "global_priv": ("Host", "User"),
    "db": ("Host", "Db", "User"),
    "tables_priv": ("Host", "Db", "User", "Table_name"),
    "columns_priv": ("Host", "Db", "User", "Table_name", "Column_name"),
    "procs_priv": ("Host", "Db", "User", "Routine_name", "Routine_type"),
    "proxies_priv": ("Host", "User", "Proxied_host", "Proxied_user"),
    "roles_mapping": ("Host", "User", "Role"),
}

Rows = list[dict[str, Any]]


def plan_restoration(before: Mapping[str, Rows], now: Mapping[str, Rows]) -> list[Statement]:
    """What puts accounts back as they were. CREATE, ALTER, GRANT and DROP belong to no transaction that could be rolled back.

    Rows and not accounts are put back: a plugin that validates passwords refuses the hash of one that was there before.

    :param before: for each of GRANT_TABLES the rows of the accounts in question, as they were.
    :param now: as they are.
    :returns: statements; none when nothing differs.
    """
    statements: list[Statement] = []
    for table, key in GRANT_TABLES.items():
        old = {tuple(row[name] for name in key): row for row in before[table]}
        new = {tuple(row[name] for name in key): row for row in now[table]}
        where = " AND ".join(f"{name} = %s" for name in key)
        statements += [
            Statement(f"DELETE FROM mysql.{table} WHERE {where}", which)  # noqa: S608 - names are those above
            for which in new
            if which not in old
        ]
        for which, row in old.items():
            if new.get(which) != row:
                marks = ", ".join(["%s"] * len(row))
                # The proof of a password is in Priv.
                secrets = frozenset(index for index, name in enumerate(row) if name == "Priv")
                text = f"REPLACE INTO mysql.{table} ({', '.join(row)}) VALUES ({marks})"  # noqa: S608 - the table's own columns
                statements.append(Statement(text, tuple(row.values()), secrets))
    return [*statements, FLUSH] if statements else []
