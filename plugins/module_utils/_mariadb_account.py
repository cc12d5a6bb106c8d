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

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Statement, identifier

# "ssl_type" in mysql.global_priv: the number of each demand (sql/structs.h, enum SSL_type).
TLS_DEMANDS = {0: "none", 1: "ssl", 2: "x509", 3: "specified"}
TLS_CLAUSES = {"none": "REQUIRE NONE", "ssl": "REQUIRE SSL", "x509": "REQUIRE X509"}

FLUSH = Statement("FLUSH PRIVILEGES")


# Other names of a privilege, and the one that SHOW GRANTS uses (sql/privilege.h).
SYNONYMS = {
    "ALL": "ALL PRIVILEGES",
    "REPLICATION CLIENT": "BINLOG MONITOR",
    "REPLICA MONITOR": "SLAVE MONITOR",
    "REPLICATION REPLICA": "REPLICATION SLAVE",
    "REPLICATION REPLICA ADMIN": "REPLICATION SLAVE ADMIN",
}
ALL, GRANT_OPTION = "ALL PRIVILEGES", "GRANT OPTION"


@dataclass(frozen=True)
class Account:
    """An account: who, how it proves it, and what it may do.

    plugin is how it authenticates, hash the proof for mysql_native_password, more_proofs whether there is another way besides;
    tls none, ssl, x509 or specified; privileges a mapping of a level (*.*, `db`.*, `db`.`table`) to privileges as privilege()
    writes them; others what else it was granted (roles, routines, proxies), each as REVOKE names it. default_role, locked and
    expired are only of an account that exists. Of a wanted account, plugin "", tls None and privileges None mean: as it is.
    """

    name: str
    host: str
    plugin: str
    hash: str = ""
    tls: str | None = "none"
    privileges: Mapping[str, frozenset[str]] | None = field(default_factory=dict)
    others: frozenset[str] = frozenset()
    more_proofs: bool = False
    default_role: bool = False
    locked: bool = False
    expired: bool = False

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


def level(text: str, lower: bool = False) -> str:
    """One spelling of a privilege level: asteriskcdr.* and `asteriskcdr`.* are the same.

    :param lower: whether the server keeps names of databases and tables in lower case (lower_case_table_names).
    :raises MariaDBError: when it is not one.
    """
    parts = re.fullmatch(rf"({_PART}|[^`.*]+)\.({_PART}|[^`.*]+)", text.strip())
    if not parts:
        raise MariaDBError(f"'{text}' is no privilege level: write *.*, database.* or database.table.")
    found = ".".join(part if part[0] in "*`" else f"`{part}`" for part in parts.groups())
    return found.lower() if lower else found


def privilege(text: str) -> frozenset[str]:
    """A privilege in the words of SHOW GRANTS, one for each column: "select (a, b)" is SELECT (`a`) and SELECT (`b`).

    :returns: nothing for USAGE, which is no privilege.
    :raises MariaDBError: when it is not one.
    """
    parts = re.fullmatch(r"\s*([A-Za-z][A-Za-z_ \t]*?)\s*(?:\((.*)\))?\s*", text)
    if not parts:
        raise MariaDBError(f"'{text}' is no privilege: write it as SHOW GRANTS does (SELECT, REPLICATION SLAVE, SELECT (column)).")
    name = " ".join(parts[1].upper().split())
    name = SYNONYMS.get(name, name)
    if parts[2] is None:
        return frozenset({name} - {"USAGE"})
    columns = [column.strip() for column in re.findall(r"\s*(`(?:[^`]|``)+`|[^`,]+)\s*(?:,|$)", parts[2])]
    # The server compares names of columns without case.
    quoted = {column if column.startswith("`") else f"`{column}`" for column in columns if column}
    return frozenset(f"{name} ({column.lower()})" for column in quoted)


def privileges_at(levels: Mapping[str, Any], lower: bool = False) -> dict[str, frozenset[str]]:
    """Declared privileges, in one spelling.

    :param levels: level to a list of privileges.
    :param lower: see level().
    :raises MariaDBError: for what is no list, no level, or no privilege.
    """
    found: dict[str, frozenset[str]] = {}
    for place, names in levels.items():
        if names is not None and (not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names)):
            raise MariaDBError(f"privileges at {place} must be a list, such as [SELECT, INSERT], and is {names!r}.")
        here = frozenset[str]().union(*(privilege(name) for name in names or []))
        if ALL in here:
            # All others are a part of it.
            here &= {ALL, GRANT_OPTION}
        if here:
            spelled = level(str(place), lower)
            found[spelled] = found.get(spelled, frozenset()) | here
    return found


# An account as SHOW GRANTS ends a line with it; roles and PUBLIC have no host.
_GRANTEE = r"`(?:[^`]|``)*`@`(?:[^`]|``)*`"


def parse_grants(lines: Iterable[str]) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Read SHOW GRANTS.

    :param lines: its rows.
    :returns: level to privileges, as privilege() writes them; and what else was granted (roles, routines, proxies), as REVOKE
        names it. GRANT OPTION counts as a privilege. What the account's roles have is left out.
    """
    found: dict[str, frozenset[str]] = {}
    others: set[str] = set()
    for line in lines:
        grant = re.match(rf"GRANT (.+?) ON ({_PART}\.{_PART}) TO {_GRANTEE}", line)
        routine = re.match(rf"GRANT (.+?) ON ((?:PROCEDURE|FUNCTION|PACKAGE|PACKAGE BODY) {_PART}\.{_PART}) TO {_GRANTEE}", line)
        proxy = re.match(rf"GRANT PROXY ON ({_GRANTEE}) TO {_GRANTEE}", line)
        role = re.match(rf"GRANT (`(?:[^`]|``)+`) TO {_GRANTEE}", line)
        option = [GRANT_OPTION] if re.search(r" WITH GRANT OPTION\b", line) else []
        if grant:
            names = [*re.split(r",\s*(?![^()]*\))", grant[1]), *option]
            privileges = frozenset[str]().union(*(privilege(name) for name in names))
            if privileges:
                found[grant[2]] = found.get(grant[2], frozenset()) | privileges
        elif routine:
            others |= {f"{name} ON {routine[2]}" for name in [*routine[1].split(", "), *option] if name != "USAGE"}
        elif proxy:
            others.add(f"PROXY ON {proxy[1]}")
        elif role:
            others.add(role[1])
    return found, frozenset(others)


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
    lines = list(grants)
    privileges, others = parse_grants(lines)
    return Account(
        user,
        host,
        str(data.get("plugin", "mysql_native_password")),
        str(data.get("authentication_string", "")),
        TLS_DEMANDS.get(demand, "specified") if isinstance(demand, int) else "specified",
        privileges,
        others,
        more_proofs=len(data.get("auth_or") or []) > 1,
        default_role=bool(data.get("default_role")),
        locked=bool(data.get("account_locked")),
        expired=data.get("password_last_changed") == 0,
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
    demands = current is None or (wanted.tls is not None and current.tls != wanted.tls)
    if current is None or _proof_differs(current, wanted, update_password) or demands:
        values: list[Any] = [wanted.name, wanted.host]
        secrets: set[int] = set()
        text = "CREATE USER %s@%s" if current is None else "ALTER USER %s@%s"
        if current is None or _proof_differs(current, wanted, update_password):
            text += _authentication(wanted, password, values, secrets)
        if demands:
            text += f" {TLS_CLAUSES[wanted.tls or 'none']}"
        statements.append(Statement(text, tuple(values), frozenset(secrets)))
    if wanted.privileges is None:
        return statements
    return [*statements, *_plan_privileges(current, wanted)]


def _plan_privileges(current: Account | None, wanted: Account) -> list[Statement]:
    """Grants first, and then what is too much, so that the account has at each moment what it had and is to have.

    There is one exception: without ALL PRIVILEGES the server forgets each single one with it, and a privilege on a table takes
    those on its columns along. What is too much goes first there.
    """
    have = (current.privileges if current else None) or {}
    want = wanted.privileges or {}
    who = (wanted.name, wanted.host)
    grants: list[Statement] = []
    revokes: list[Statement] = []

    def revoke(what: str) -> Statement:
        # One by one: ALL PRIVILEGES and GRANT OPTION cannot share a statement.
        return Statement("REVOKE " + what.replace("%", "%%") + " FROM %s@%s", who)

    for place in sorted({*have, *want}):
        has, shall = have.get(place, frozenset()), want.get(place, frozenset())
        surplus, missing = has - shall, shall - has
        if ALL in shall:
            surplus &= {GRANT_OPTION}
        covering = {name for name in surplus if name == ALL or any(other.startswith(f"{name} (") for other in shall)}
        if covering:
            missing |= {name for name in shall if ALL in covering or name.split(" (")[0] in covering} - {GRANT_OPTION}
        grants += [revoke(f"{name} ON {place}") for name in sorted(covering)]
        if missing:
            option = " WITH GRANT OPTION" if GRANT_OPTION in missing else ""
            names = ", ".join(sorted(missing - {GRANT_OPTION})) or "USAGE"
            text = f"GRANT {names} ON {place}".replace("%", "%%")
            grants.append(Statement(f"{text} TO %s@%s{option}", who))
        taken_along = {name for name in surplus if " (" in name and name.split(" (")[0] in surplus}
        revokes += [revoke(f"{name} ON {place}") for name in sorted(surplus - covering - taken_along)]
    others = current.others if current else frozenset()
    if current and current.default_role and any(name.startswith("`") for name in others):
        revokes.append(Statement("SET DEFAULT ROLE NONE FOR %s@%s", who))
    revokes += [revoke(name) for name in sorted(others)]
    return [*grants, *revokes]


def _proof_differs(current: Account, wanted: Account, update_password: str) -> bool:
    if not wanted.plugin:
        return False
    if current.plugin != wanted.plugin:
        return True
    if wanted.plugin == "unix_socket":
        return current.more_proofs
    return update_password == "always" and (current.hash != wanted.hash or current.more_proofs)


def account_warnings(current: Account, wanted: Account, update_password: str = "always") -> list[str]:
    """What keeps an account from being of use, or lets somebody else use it, and stays.

    :param current: as it is before the plan.
    :returns: sentences.
    """
    who = f"'{wanted.name}'@'{wanted.host}'"
    found = []
    if current.locked:
        found.append(f"the account {who} is locked, so nobody can log in with it. To use it: ALTER USER {who} ACCOUNT UNLOCK.")
    if current.expired and not _proof_differs(current, wanted, update_password):
        found.append(f"the password of {who} has expired, so it can do nothing until it has a new one (ALTER USER).")
    if current.more_proofs and not _proof_differs(current, wanted, update_password):
        found.append(
            f"the account {who} can log in in other ways too (SHOW CREATE USER), which stay, because its authentication was not to be"
            " changed."
        )
    if wanted.privileges is None and current.others:
        found.append(f"the account {who} has roles, routines or proxies, which stay: {', '.join(sorted(current.others))}.")
    return found


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
