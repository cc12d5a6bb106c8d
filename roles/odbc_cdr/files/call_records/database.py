# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The database of this node, as the loader uses it.

A record can arrive here twice: loaded by this node from the spool, and by replication from the other node, which had loaded it in
the moment in which it died. So every key is made of the record alone, and rows are inserted with INSERT IGNORE in the
statement format of the binary log: then the other node, too, ignores what it has. With rows in the log it would stop.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from record import KINDS, Kind, Row, columns

#: Rows of one INSERT, and of one transaction: a commit waits for the standby.
ROWS = 2000


class DatabaseError(Exception):
    """The database does not take records now; the message is what it said."""


@dataclass(frozen=True)
class Access:
    """How the database is reached, and how long it is waited for (seconds)."""

    socket: str
    user: str
    database: str
    connect_timeout: int
    read_timeout: int


class Database:
    """One connection. After a DatabaseError it is of no use any more.

    :raises DatabaseError: no login.
    """

    def __init__(self, access: Access) -> None:
        options: dict[str, Any] = {}
        if "ssl_disabled" in inspect.signature(pymysql.connections.Connection.__init__).parameters:
            # It is a socket of this host; PyMySQL 1.2 would ask for TLS all the same.
            options["ssl_disabled"] = True
        try:
            self._connection = pymysql.connect(
                unix_socket=access.socket,
                user=access.user,
                database=access.database,
                charset="utf8mb4",
                connect_timeout=access.connect_timeout,
                read_timeout=access.read_timeout,
                write_timeout=access.read_timeout,
                autocommit=False,
                **options,
            )
            # A locked table, or a row, is given up before the connection is.
            patience = max(1, access.read_timeout // 2)
            for statement in (
                "SET SESSION sql_mode = ''",
                "SET SESSION time_zone = '+00:00'",
                "SET SESSION binlog_format = 'STATEMENT'",
                "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                f"SET SESSION lock_wait_timeout = {patience}",
                f"SET SESSION innodb_lock_wait_timeout = {patience}",
            ):
                self._execute(statement)
            self.widths = {kind.name: self._widths(kind) for kind in KINDS.values()}
        except (pymysql.err.Error, OSError) as error:
            raise DatabaseError(str(error)) from None

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, tuple(values) or None)
                return list(cursor.fetchall())
        except (pymysql.err.Error, OSError) as error:
            raise DatabaseError(str(error)) from None

    def _widths(self, kind: Kind) -> dict[str, int]:
        """Columns of a table with the characters that fit into each; numbers and times count as 0."""
        found = self._execute(
            "SELECT column_name, COALESCE(character_maximum_length, 0) FROM information_schema.columns"
            " WHERE table_schema = DATABASE() AND table_name = %s",
            (kind.name,),
        )
        if not found:
            raise DatabaseError(f"the table {kind.name} does not exist")
        return {str(name): int(width) for name, width in found}

    def insert(self, kind: Kind, rows: Sequence[Row]) -> int:
        """Insert rows that are not there yet, and commit; return how many were not.

        :raises DatabaseError: the rest of the rows is not, or may not be, in the database.
        """
        inserted = 0
        for begin in range(0, len(rows), ROWS):
            part = rows[begin : begin + ROWS]
            names = columns(part)
            marks = ", ".join(["%s"] * len(names))
            statement = f"INSERT IGNORE INTO {kind.name} ({', '.join(f'`{name}`' for name in names)}) VALUES ({marks})"  # noqa: S608
            try:
                with self._connection.cursor() as cursor:
                    cursor.executemany(statement, [tuple(item.get(name) for name in names) for item in part])
                    inserted += max(0, cursor.rowcount)
                self._connection.commit()
            except (pymysql.err.Error, OSError) as error:
                raise DatabaseError(str(error)) from None
        return inserted

    def unfinished(self, since: str, before: str, suspect: str) -> list[str]:
        """Linked ids of the calls whose end may be missing.

        :param since: earliest begin of a call that is looked for; all times as `record.when` writes them.
        :param before: when the Asterisk that carries calls now was started.
        :param suspect: calls whose last event is not older than this may have been closed without their record, for
            the event is written before the record.
        """
        open_channels = self._execute(
            "SELECT DISTINCT begun.linkedid FROM cel AS begun"
            " LEFT JOIN cel AS ended ON ended.uniqueid = begun.uniqueid AND ended.eventtype IN ('HANGUP', 'CHAN_END')"
            " WHERE begun.eventtype = 'CHAN_START' AND begun.eventtime >= %s AND begun.eventtime < %s AND ended.uniqueid IS NULL",
            (since, before),
        )
        just_closed = self._execute(
            "SELECT DISTINCT event.linkedid FROM cel AS event LEFT JOIN cdr ON cdr.uniqueid = event.linkedid"
            " WHERE event.eventtime >= %s AND event.eventtime < %s AND cdr.uniqueid IS NULL",
            (suspect, before),
        )
        return sorted({str(linkedid) for (linkedid,) in open_channels + just_closed if linkedid})

    def events(self, linkedid: str) -> list[Row]:
        """The events of a call in their order."""
        names = ("eventtype", "eventtime", "cid_name", "cid_num", "exten", "context", "channame", "appname", "appdata",
                 "accountcode", "peeraccount", "uniqueid", "linkedid", "peer")  # fmt: skip
        found = self._execute(
            f"SELECT {', '.join(names)} FROM cel WHERE linkedid = %s ORDER BY eventtime, spool_file, spool_offset",  # noqa: S608
            (linkedid,),
        )
        return [dict(zip(names, values)) for values in found]

    def record_ends(self, linkedid: str) -> dict[str, Any]:
        """The channels (unique ids) of a call that have a record, with the end of the last one."""
        found = self._execute("SELECT uniqueid, MAX(end) FROM cdr WHERE linkedid = %s GROUP BY uniqueid", (linkedid,))
        return {str(uniqueid): end for uniqueid, end in found}

    def close(self) -> None:
        """End the connection."""
        try:
            self._connection.close()
        except (pymysql.err.Error, OSError):
            return
