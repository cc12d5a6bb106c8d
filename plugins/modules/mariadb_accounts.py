#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_accounts
short_description: Accounts of one node of a replicating MariaDB pair
version_added: "0.1.0"
description:
  - Makes accounts, with how they authenticate, the TLS they must use and exactly the privileges they have, and removes what
    installations leave behind. All of it in one call. Of an account that exists, what is not given stays.
  - Nothing is written to the binary log. Each node of a pair gets its own accounts, which differ between the two, and an
    account must be right before replication is.
  - When the server refuses one of the statements, or makes something else of them than is declared, all accounts that this
    call changed are put back as they were.
  - An account that is locked or whose password has expired stays so, with a warning.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
  - dialtone.ha_pbx.mariadb
options:
  accounts:
    description:
      - The accounts. Others are left alone.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the account.
        type: str
        required: true
      host:
        description: Host or address from which it may log in, as MariaDB writes it (V(%) for any).
        type: str
        default: localhost
      password:
        description:
          - Its password. The account then logs in with it, and in no other way.
          - A new account needs either this or O(accounts[].plugin); one that exists keeps its way to log in when neither is given.
        type: str
      plugin:
        description: How the account authenticates without a password. It does so in no other way.
        type: str
        choices: [unix_socket]
      update_password:
        description:
          - V(always) compares the password with the proof the server has of it, and changes it when it differs.
          - V(on_create) leaves the password of an account that exists.
        type: str
        choices: [always, on_create]
        default: always
      tls:
        description:
          - What a connection must show - V(none) nothing, V(ssl) TLS, V(x509) TLS and a certificate of the authority that
            the server trusts.
          - Not given, an account that exists keeps what it has, and a new one has V(none).
        type: str
        choices: [none, ssl, x509]
      privileges:
        description:
          - Level (V(*.*), V(database.*) or V(database.table)) to a list of privileges, as C(SHOW GRANTS) names them. The
            account has these afterwards, and no others, also no roles, routines or proxies. An empty dict is none at all.
          - Not given, an account that exists keeps what it has, and a new one has none.
        type: dict
      only_host:
        description: Whether accounts of the same name for other hosts are removed.
        type: bool
        default: false
      state:
        description: Whether the account exists.
        type: str
        choices: [present, absent]
        default: present
  remove_anonymous:
    description:
      - Whether accounts without a name are removed.
    type: bool
    default: false
  remove_test_database:
    description:
      - Whether everybody's right to use databases called test or test_... is removed, and the database test if it has no
        tables.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Let the peer replicate, and tidy up after the installation
  dialtone.ha_pbx.mariadb_accounts:
    accounts:
      - name: replication
        host: 192.0.2.12
        password: "{{ replication_password }}"
        tls: x509
        only_host: true
        privileges:
          "*.*": [REPLICATION SLAVE]
    remove_anonymous: true
    remove_test_database: true

- name: Let Asterisk write call records
  dialtone.ha_pbx.mariadb_accounts:
    accounts:
      - name: asterisk
        plugin: unix_socket
        privileges:
          asteriskcdr.*: [SELECT, INSERT]
"""

RETURN = r"""
executed_queries:
  description: The statements that were run, without passwords.
  returned: always
  type: list
  elements: str
  sample: ["CREATE USER 'replication'@'192.0.2.12' IDENTIFIED BY '********' REQUIRE X509"]
planned_queries:
  description: The statements that were run, or in check mode would be.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Session, Statement, hostname
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_account import (
    GRANT_TABLES,
    Account,
    Rows,
    account_from,
    account_warnings,
    native_hash,
    plan_account,
    plan_hygiene,
    plan_restoration,
    privileges_at,
)


def read_account(session: Session, who: tuple[str, str]) -> Account | None:
    rows = session.rows("SELECT Priv FROM mysql.global_priv WHERE User = %s AND Host = %s", who)
    if not rows:
        return None
    grants = [next(iter(row.values())) for row in session.rows("SHOW GRANTS FOR %s@%s", who)]
    return account_from(*who, rows[0]["Priv"], grants)


def wanted_account(params: dict[str, Any], lower: bool, exists: bool) -> Account:
    """The declaration of an account.

    :param lower: whether the server keeps names of databases in lower case.
    :param exists: whether the account does; a new one needs a way to log in.
    """
    who = f"{params['name']}@{params['host']}"
    if params["password"] and params["plugin"] or not (exists or params["password"] or params["plugin"]):
        raise MariaDBError(f"{hostname()}: the account {who} needs either a password or plugin, and not both.")
    try:
        privileges = None if params["privileges"] is None else privileges_at(params["privileges"], lower)
    except MariaDBError as error:
        raise MariaDBError(f"{hostname()}: account {who}: {error} Nothing was changed.") from error
    return Account(
        params["name"],
        params["host"],
        "mysql_native_password" if params["password"] else params["plugin"] or "",
        native_hash(params["password"]) if params["password"] else "",
        params["tls"],
        privileges,
    )


def check_names(accounts: list[dict[str, Any]]) -> None:
    """Refuse names that the server would make others of."""
    for account in accounts:
        for part in ("name", "host"):
            if account[part] != account[part].strip():
                raise MariaDBError(
                    f"{hostname()}: the {part} '{account[part]}' of an account begins or ends with a space, which the server cuts off."
                    " Nothing was changed."
                )
        # The server writes them so.
        account["host"] = account["host"].lower()


def plan(session: Session, params: dict[str, Any]) -> list[Statement]:
    everybody = [
        (row["User"], row["Host"])
        # Roles are accounts without a host, and not in question here.
        for row in session.rows("SELECT User, Host FROM mysql.global_priv WHERE Host <> '' OR User = ''")
    ]
    statements: list[Statement] = []
    lower = bool(int(session.value("SELECT @@lower_case_table_names")))
    for account in params["accounts"]:
        who = (account["name"], account["host"])
        if account["state"] == "absent":
            statements += [Statement("DROP USER %s@%s", who)] if who in everybody else []
            continue
        current = read_account(session, who)
        wanted = wanted_account(account, lower, current is not None)
        statements += plan_account(current, wanted, account["password"], account["update_password"])
        if account["only_host"]:
            statements += [
                Statement("DROP USER %s@%s", other) for other in everybody if other[0] == who[0] and other[1] != who[1]
            ]
    test_tables = session.value(
        "SELECT COUNT(TABLE_NAME) FROM information_schema.SCHEMATA LEFT JOIN information_schema.TABLES "
        "ON TABLE_SCHEMA = SCHEMA_NAME WHERE SCHEMA_NAME = 'test' GROUP BY SCHEMA_NAME"
    )
    anyone = session.value("SELECT COUNT(*) FROM mysql.db WHERE User = '' AND Db IN (%s, %s)", ("test", r"test\_%"))
    return statements + plan_hygiene(
        everybody, test_tables == 0, int(anyone), params["remove_anonymous"], params["remove_test_database"]
    )


def read_rows(session: Session, names: set[str]) -> dict[str, Rows]:
    """What the server keeps about accounts of these names."""
    return {
        table: session.rows(f"SELECT * FROM mysql.{table} WHERE User IN %s", [tuple(names)])  # noqa: S608 - our own names
        for table in GRANT_TABLES
    }


def warnings(session: Session, params: dict[str, Any]) -> list[str]:
    """What the accounts that exist have about them that is not changed, and somebody should know."""
    found = []
    lower = bool(int(session.value("SELECT @@lower_case_table_names")))
    for account in params["accounts"]:
        current = read_account(session, (account["name"], account["host"])) if account["state"] == "present" else None
        if current is not None:
            found += account_warnings(current, wanted_account(account, lower, True), account["update_password"])
    return found


def apply(
    session: Session, statements: list[Statement], names: set[str], remaining: Callable[[], list[Statement]]
) -> None:
    """Run statements, all or none.

    :param names: of the accounts that they concern.
    :param remaining: what would have to be done now.
    :raises MariaDBError: when the server refuses one; then the accounts are as before, or it is said that they are not.
    """
    session.set_binlog(False)
    before = read_rows(session, names)
    try:
        for statement in statements:
            session.execute(statement)
        left = remaining()
        if left:
            # Without this an account would change in every run, and be without a privilege meanwhile.
            raise MariaDBError(
                f"{hostname()}: the server took all statements, and the accounts are not as declared. {'; '.join(map(str, left))}"
                " would be next. Write privileges and names as SHOW GRANTS shows them."
            )
    except MariaDBError as error:
        try:
            for statement in plan_restoration(before, read_rows(session, names)):
                session.execute(statement)
        except MariaDBError as second:
            known = ", ".join(sorted(name or "those without a name" for name in names))
            raise MariaDBError(
                f"{error} What was done before could not be put back: {second} Look at the accounts {known} (SHOW GRANTS) and run"
                " this again."
            ) from second
        raise MariaDBError(f"{error} The accounts are as they were before.") from error


def work(module: AnsibleModule, session: Session) -> dict[str, Any]:
    check_names(module.params["accounts"])
    statements = plan(session, module.params)
    for warning in warnings(session, module.params):
        module.warn(f"{hostname()}: {warning}")
    if statements and not module.check_mode:
        # Of accounts without a name as well: they are what is tidied up.
        names = {"", *(account["name"] for account in module.params["accounts"])}
        apply(session, statements, names, lambda: plan(session, module.params))
    shown = [str(statement) for statement in statements]
    return {
        "changed": bool(statements),
        "planned_queries": shown,
        "diff": {"before": "", "after": "".join(f"{line}\n" for line in shown)},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **mariadb.CONNECTION_ARGUMENTS,
            "accounts": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "host": {"type": "str", "default": "localhost"},
                    "password": {"type": "str", "no_log": True},
                    "plugin": {"type": "str", "choices": ["unix_socket"]},
                    "update_password": {
                        "type": "str",
                        "choices": ["always", "on_create"],
                        "default": "always",
                        "no_log": False,
                    },
                    "tls": {"type": "str", "choices": ["none", "ssl", "x509"]},
                    "privileges": {"type": "dict"},
                    "only_host": {"type": "bool", "default": False},
                    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
                },
            },
            "remove_anonymous": {"type": "bool", "default": False},
            "remove_test_database": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    mariadb.run_module(module, lambda session: work(module, session))


if __name__ == "__main__":
    main()
