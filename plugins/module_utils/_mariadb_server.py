# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a server through a session."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_certificate as mariadb_certificate
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_replication as replication
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import Session, hostname, identifier

# The server's own; what is in them is not for replication to seed.
SYSTEM_DATABASES = ("information_schema", "mysql", "performance_schema", "sys")

# How often a wait looks again, in seconds.
POLL_INTERVAL = 0.1


def poll(condition: Callable[[], bool], timeout: float) -> bool:
    """Look until a condition holds, and at least once.

    :param timeout: seconds.
    :returns: whether it held in time.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_INTERVAL)
    return True


def version(session: Session) -> tuple[int, int, int]:
    """The server's version as numbers."""
    return replication.parse_version(session.value("SELECT VERSION()"))


def primary_status(session: Session) -> dict[str, Any] | None:
    """The binary log's position (see mariadb_replication.primary_status); None when binary logging is off."""
    rows = session.rows(replication.primary_status_statement(version(session)))
    return replication.primary_status(rows[0] if rows else None, session.variables(["gtid_binlog_pos"]))


def replicas(session: Session) -> list[dict[str, Any]]:
    """The replicas of this server, as mariadb_replication.replica_status gives them."""
    # The position first: read after the status, it could be further than the status says.
    position = str(session.value("SELECT @@GLOBAL.gtid_slave_pos"))
    return [replication.replica_status(row, position) for row in session.rows("SHOW ALL SLAVES STATUS")]


def replica(session: Session, connection: str) -> dict[str, Any] | None:
    """The replica with this connection name, or None. The server does not distinguish upper and lower case in it."""
    return next((found for found in replicas(session) if found["connection"].lower() == connection.lower()), None)


def databases(session: Session) -> dict[str, dict[str, Any]]:
    """Databases that are not the server's own: number of tables, and whether any table has a row."""
    found: dict[str, dict[str, Any]] = {
        row["name"]: {"tables": 0, "has_rows": False}
        for row in session.rows("SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")
        if row["name"] not in SYSTEM_DATABASES
    }
    if not found:
        return found
    tables = session.rows(
        "SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name FROM information_schema.TABLES "
        "WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN %s",
        [tuple(found)],
    )
    for row in tables:
        database = found[row["db"]]
        database["tables"] += 1
        # TABLE_ROWS is an estimate and can be 0 for a table that has some.
        if not database["has_rows"]:
            place = f"{identifier(row['db'])}.{identifier(row['name'])}"
            database["has_rows"] = bool(session.rows(f"SELECT 1 FROM {place} LIMIT 1"))  # noqa: S608 - quoted
    return found


def semi_sync(session: Session, variables: Mapping[str, str], sound: bool) -> dict[str, Any]:
    """Semi-synchronous replication: what is configured, and what is so just now."""
    status = {row["Variable_name"]: row["Value"] for row in session.rows("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync%%'")}
    return {
        "primary_enabled": variables.get("rpl_semi_sync_master_enabled") == "ON",
        "primary_active": status.get("Rpl_semi_sync_master_status") == "ON",
        "replica_enabled": variables.get("rpl_semi_sync_slave_enabled") == "ON",
        "replica_active": status.get("Rpl_semi_sync_slave_status") == "ON",
        "clients": int(status.get("Rpl_semi_sync_master_clients", 0)),
        "wait_point": variables.get("rpl_semi_sync_master_wait_point", ""),
        "timeout_ms": int(variables.get("rpl_semi_sync_master_timeout", 0)),
        "wait_no_slave": variables.get("rpl_semi_sync_master_wait_no_slave") == "ON",
        "sound": sound,
    }


def read(session: Session, settings: Mapping[str, Any], wait: float) -> dict[str, Any]:
    """Everything mariadb_info returns (see its RETURN)."""
    found: list[dict[str, Any]] = []

    def settled() -> bool:
        found[:] = replicas(session)
        # A thread that has stopped does not start by itself. One that connects may still arrive.
        return not any(
            status["sql_running"] == "Yes" and status["io_running"] in ("Connecting", "Preparing") for status in found
        )

    poll(settled, wait)
    variables = session.variables()
    numbers = replication.parse_version(variables["version"])
    rows = session.rows(replication.primary_status_statement(numbers))
    return {
        "host": hostname(),
        "version": {"full": variables["version"], "major": numbers[0], "minor": numbers[1], "patch": numbers[2]},
        "dialect": {"primary_status": replication.primary_status_statement(numbers)},
        "server_id": int(variables["server_id"]),
        "gtid_domain_id": int(variables["gtid_domain_id"]),
        "datadir": variables["datadir"],
        "uptime": int(session.rows("SHOW GLOBAL STATUS LIKE 'Uptime'")[0]["Value"]),
        # Both by the second in which the statement began, so that it is the same whenever it is asked.
        "started": int(
            session.value(
                "SELECT CAST(UNIX_TIMESTAMP() - VARIABLE_VALUE AS INTEGER) FROM information_schema.GLOBAL_STATUS "
                "WHERE VARIABLE_NAME = 'UPTIME'"
            )
        ),
        # 12.x knows more than ON and OFF (NO_LOCK, …), all of them kinds of read-only.
        "read_only": variables["read_only"] not in ("OFF", "0"),
        "gtid": {
            "slave_pos": variables["gtid_slave_pos"],
            "binlog_pos": variables["gtid_binlog_pos"],
            "current_pos": variables["gtid_current_pos"],
            "strict": variables["gtid_strict_mode"] == "ON",
        },
        "primary": replication.primary_status(rows[0] if rows else None, variables),
        "semi_sync": semi_sync(session, variables, replication.semi_sync_sound(numbers)),
        "replicas": found,
        "databases": databases(session),
        "certificate": mariadb_certificate.read(session, variables),
        "settings_differing": replication.settings_differing(settings, variables),
    }
