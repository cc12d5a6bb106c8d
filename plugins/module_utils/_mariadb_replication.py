# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What replication is like and what would have to be done about it. Pure: no connection, no clock, no files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Statement

# master.info keeps 32 bytes and cuts the rest after a restart of the server (MDEV-29994).
PASSWORD_MAX = 32

# The releases in which semi-synchronous replication keeps its promise (MDEV-33465, MDEV-36934).
SEMI_SYNC_SOUND = {(10, 11): 14, (11, 4): 8, (11, 8): 3}

# Numbers of errors whose cure is known. The IO thread's come from the primary or the client library.
CURES = {
    1032: "A row that the primary changed is not here: the two databases differ. Find out which is right, then re-seed.",
    1045: "The primary refuses the account or its password. site.yml gives both what the inventory says; by hand, STOP SLAVE; "
    "CHANGE MASTER TO MASTER_PASSWORD='...'; START SLAVE sets the replica's.",
    1062: "A row that the primary inserted is already here: both sides wrote the same key. Find out which is right, then re-seed.",
    1146: "A table of the primary is not here: it was created or dropped on one side only. Create it, or re-seed.",
    1236: "The primary has no longer (or never had) the transactions this replica needs next. Re-seed it.",
    1593: "Both servers have the same server_id, or the primary's answer makes no sense. Compare server_id on both.",
    1950: "A transaction has a lower sequence number than one already here: somebody wrote into the peer's domain. Re-seed.",
    2003: "The primary does not answer: is its host up, MariaDB running, the port open in the firewall between the two?",
    2013: "The primary hung up. At 'reading authorization packet' it does not accept the certificate of this replica, for example "
    "because that is over: site.yml makes a new one.",
    2026: "TLS fails: compare the CA, the certificates' dates, and the address in the primary's certificate. site.yml makes new ones.",
}


@dataclass(frozen=True, order=True)
class Gtid:
    """One global transaction id, and at the same time a position in its domain."""

    domain: int
    server: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.domain}-{self.server}-{self.sequence}"


def parse_gtids(text: str | None) -> dict[int, Gtid]:
    """Read a GTID position.

    :param text: comma-separated domain-server-sequence, as in gtid_slave_pos ("1-1-5,2-2-7"); empty or None: no position.
    :returns: domain to its GTID.
    :raises MariaDBError: when it is not one.
    """
    found: dict[int, Gtid] = {}
    for part in (text or "").replace("\n", "").split(","):
        if not part.strip():
            continue
        numbers = re.fullmatch(r"\s*([0-9]{1,10})-([0-9]{1,10})-([0-9]{1,20})\s*", part)
        if not numbers:
            raise MariaDBError(f"'{text}' is no GTID position: it must look like 1-1-5,2-2-7 (domain-server-sequence).")
        gtid = Gtid(*(int(number) for number in numbers.groups()))
        # A binlog state names each server of a domain; the furthest is the domain's position.
        if gtid.domain not in found or found[gtid.domain].sequence < gtid.sequence:
            found[gtid.domain] = gtid
    return found


def covers(position: str | None, target: str | None) -> bool:
    """Whether a position contains everything up to another: in each domain of `target` at least its sequence number."""
    have = parse_gtids(position)
    return all(
        domain in have and have[domain].sequence >= gtid.sequence for domain, gtid in parse_gtids(target).items()
    )


def parse_version(text: str) -> tuple[int, int, int]:
    """Read VERSION() or @@version: "10.11.19-MariaDB-0+deb12u1-log" is (10, 11, 19)."""
    numbers = re.match(r"(?:5\.5\.5-)?([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?![0-9])", text)
    if not numbers:
        raise MariaDBError(f"'{text}' is no version of MariaDB.")
    major, minor, patch = (int(number) for number in numbers.groups())
    return major, minor, patch


def semi_sync_sound(version: tuple[int, int, int]) -> bool:
    """Whether this release has the fixes that semi-synchronous replication needs to keep acknowledged rows."""
    series = version[:2]
    if series in SEMI_SYNC_SOUND:
        return version[2] >= SEMI_SYNC_SOUND[series]
    # Later series were branched from fixed ones; series in between and before are not maintained.
    return series > max(SEMI_SYNC_SOUND)


def primary_status_statement(version: tuple[int, int, int]) -> str:
    """The statement for the binary log's position. The old one is understood by every release so far; the new one by
    10.5.2 and later, and so it is what remains should the old one go."""
    return "SHOW BINLOG STATUS" if version >= (10, 5, 2) else "SHOW MASTER STATUS"


def primary_status(row: Mapping[str, Any] | None, variables: Mapping[str, str]) -> dict[str, Any] | None:
    """Read SHOW MASTER STATUS.

    :param row: its row; None when binary logging is off.
    :param variables: gtid_binlog_pos, for releases before 12.3 whose row has no such column.
    :returns: file (str), position (int, bytes), binlog_do_db and binlog_ignore_db (lists), gtid_binlog_pos (str); or None.
    """
    if row is None:
        return None
    return {
        "file": row["File"],
        "position": int(row["Position"]),
        "binlog_do_db": [name for name in row["Binlog_Do_DB"].split(",") if name],
        "binlog_ignore_db": [name for name in row["Binlog_Ignore_DB"].split(",") if name],
        "gtid_binlog_pos": row.get("Gtid_Binlog_Pos", variables.get("gtid_binlog_pos", "")),
    }


def replica_status(row: Mapping[str, Any], gtid_slave_pos: str) -> dict[str, Any]:
    """Read one row of SHOW ALL SLAVES STATUS.

    :param gtid_slave_pos: the variable. The row's column of that name is gtid_current_pos, which contains what this
        server wrote itself.
    :returns: see RETURN of mariadb_info, replicas.
    """
    gtid = {"No": "no", "Slave_Pos": "slave_pos", "Current_Pos": "current_pos"}[row["Using_Gtid"]]
    status = {
        "connection": row["Connection_name"],
        "host": row["Master_Host"],
        "port": int(row["Master_Port"]),
        "user": row["Master_User"],
        "connect_retry": int(row["Connect_Retry"]),
        "heartbeat_period": float(row["Slave_heartbeat_period"]),
        "use_gtid": gtid,
        "ssl": row["Master_SSL_Allowed"] == "Yes",
        "ssl_ca": row["Master_SSL_CA_File"] or "",
        "ssl_cert": row["Master_SSL_Cert"] or "",
        "ssl_key": row["Master_SSL_Key"] or "",
        "ssl_verify": row["Master_SSL_Verify_Server_Cert"] == "Yes",
        # Yes, No, Connecting, Preparing
        "io_running": row["Slave_IO_Running"],
        "sql_running": row["Slave_SQL_Running"],
        "io_state": row["Slave_IO_State"] or "",
        "sql_state": row.get("Slave_SQL_Running_State") or "",
        "seconds_behind": None if row["Seconds_Behind_Master"] is None else int(row["Seconds_Behind_Master"]),
        "primary_server_id": int(row["Master_Server_Id"]),
        "read_file": row["Master_Log_File"],
        "read_position": int(row["Read_Master_Log_Pos"]),
        "applied_file": row["Relay_Master_Log_File"],
        "applied_position": int(row["Exec_Master_Log_Pos"]),
        "heartbeats": int(row.get("Slave_received_heartbeats") or 0),
        "gtid_io_pos": row["Gtid_IO_Pos"] or "",
        "gtid_slave_pos": gtid_slave_pos,
        "io_errno": int(row["Last_IO_Errno"]),
        "io_error": row["Last_IO_Error"] or "",
        "sql_errno": int(row["Last_SQL_Errno"]),
        "sql_error": row["Last_SQL_Error"] or "",
    }
    status["healthy"] = status["io_running"] == status["sql_running"] == "Yes"
    status["caught_up"] = caught_up(status)
    status["problem"] = None if status["healthy"] else problem(status)
    return status


def caught_up(status: Mapping[str, Any]) -> bool:
    """Whether a replica has applied everything it has received (not: everything that its primary has)."""
    if status["sql_running"] != "Yes" or not status["read_file"]:
        return False
    if status["use_gtid"] != "no":
        return covers(status["gtid_slave_pos"], status["gtid_io_pos"])
    return (status["read_file"], status["read_position"]) == (status["applied_file"], status["applied_position"])


def gets_on(status: Mapping[str, Any], begin: str, heartbeats: int, there: str | None) -> bool:
    """Whether a replica that was started has shown that no error awaits it.

    That both threads run does not show it: the SQL thread runs until it meets the transaction that it cannot apply, which may
    not even have arrived.

    :param begin: gtid_slave_pos before the start.
    :param heartbeats: how many it had received at a moment after the start.
    :param there: gtid_binlog_pos of the primary after the start; None when that is not known.
    :returns: whether it runs and has applied all that the primary had, or anything, or received all (a primary that has nothing
        more to send sends a heartbeat) and applied that.
    """
    if not status["healthy"]:
        return False
    if there is not None and covers(status["gtid_slave_pos"], there):
        return True
    # A replica by coordinates is told its position before it has applied anything.
    if status["use_gtid"] != "no" and status["gtid_slave_pos"] != begin:
        return True
    return bool(status["heartbeats"] > heartbeats and status["caught_up"])


def problem(status: Mapping[str, Any]) -> str:
    """Say what is wrong with a replica that does not run: which thread, the error, the position, what to do."""
    parts = []
    for thread, running, errno, error, position in (
        (
            "receives nothing (IO thread",
            status["io_running"],
            status["io_errno"],
            status["io_error"],
            f"read up to {status['read_file'] or 'the beginning'}:{status['read_position']}",
        ),
        (
            "applies nothing (SQL thread",
            status["sql_running"],
            status["sql_errno"],
            status["sql_error"],
            f"applied up to {status['applied_file'] or 'the beginning'}:{status['applied_position']}",
        ),
    ):
        if running == "Yes":
            continue
        text = f"{thread}: {running}; {position}, GTID {status['gtid_slave_pos'] or 'none'})"
        if errno:
            text += f": error {errno}, {error.rstrip('.')}. " + CURES.get(
                errno, "See the server's log: journalctl -u mariadb."
            )
        elif running == "No":
            text += ": it was stopped, with no error. Find out who stopped it and why, then START SLAVE."
        else:
            text += ": it is still trying."
        parts.append(text)
    where = f"the replica of {status['host']}:{status['port']}"
    return " ".join(f"{where} {part}" for part in parts)


def replication_password(text: str, host: str, user: str) -> str | None:
    """Find the password in a master.info file: the server shows it nowhere else.

    The file is a list of lines: the number of lines that follow, log file, position, host, user, password, port, …
    (sql/rpl_mi.cc of MariaDB).

    :param text: the file.
    :param host: host that the server says the replica has, and `user` its user: the file must agree.
    :returns: the password, or None when this is not such a file.
    """
    lines = text.split("\n")
    if len(lines) < 7 or not lines[0].strip().isdigit() or lines[3:5] != [host, user]:
        return None
    return lines[5]


def master_info_name(connection: str) -> str:
    """Name of the file, in the data directory, in which the server keeps a replica's settings."""
    # Named connections: lower case, and letters outside the file name alphabet encoded; those are not looked for.
    return f"master-{connection.lower()}.info" if connection else "master.info"


@dataclass(frozen=True)
class Wanted:
    """What a replica should be like. None: leave it as it is, or the server's default for a new one."""

    connection: str = ""
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    connect_retry: int | None = None
    heartbeat_period: float | None = None
    use_gtid: str | None = None
    ssl: bool | None = None
    ssl_ca: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    ssl_verify: bool | None = None


# What a new replica is like where nothing else is wanted. Retry and heartbeat: see DOCUMENTATION of mariadb_replica.
NEW: dict[str, Any] = {
    "port": 3306,
    "connect_retry": 1,
    "heartbeat_period": 2.0,
    "use_gtid": "slave_pos",
    "ssl": False,
    "ssl_ca": "",
    "ssl_cert": "",
    "ssl_key": "",
    "ssl_verify": True,
}


def verified(wanted: Wanted, current: Mapping[str, Any] | None) -> Wanted:
    """A connection that begins to use TLS verifies the primary unless told otherwise, as a new one does."""
    begins = wanted.ssl is True and wanted.ssl_verify is None and current is not None and not current["ssl"]
    return replace(wanted, ssl_verify=True) if begins else wanted


def tls_warnings(wanted: Wanted, current: Mapping[str, Any] | None) -> list[str]:
    """What a declaration seems to say of TLS and does not."""
    like = completed(wanted, current)
    where = f"the replica of {like.host}:{like.port}"
    if like.ssl and not like.ssl_verify and wanted.ssl_verify is None:
        return [f"{where} does not verify the primary's certificate, so anybody can pass for it: set ssl_verify to true."]
    if not like.ssl and wanted.ssl is None and wanted.ssl_ca:
        return [f"{where} does not use TLS, and ssl_ca does not change that: set ssl to true."]
    return []


def completed(wanted: Wanted, current: Mapping[str, Any] | None) -> Wanted:
    """What a replica will be like: what is wanted, and for the rest what it has, or what a new one gets."""
    rest = current if current is not None else NEW
    return replace(
        wanted,
        **{name: rest[name] for name in (*CLAUSES, "use_gtid") if getattr(wanted, name) is None and name in rest},
    )


# Field of Wanted and of a replica's status, the clause of CHANGE MASTER, and whether it takes a quoted string.
CLAUSES = {
    "host": "MASTER_HOST",
    "port": "MASTER_PORT",
    "user": "MASTER_USER",
    "connect_retry": "MASTER_CONNECT_RETRY",
    "heartbeat_period": "MASTER_HEARTBEAT_PERIOD",
    "ssl": "MASTER_SSL",
    "ssl_ca": "MASTER_SSL_CA",
    "ssl_cert": "MASTER_SSL_CERT",
    "ssl_key": "MASTER_SSL_KEY",
    "ssl_verify": "MASTER_SSL_VERIFY_SERVER_CERT",
}


@dataclass(frozen=True)
class Step:
    """One step of a plan.

    kind: "test" (log in at the primary), "sql" (run the statement), "run" (wait until both threads run), "position" (wait
    until the replica knows its place in GTIDs), "forget" (run the statement, which strict mode would refuse).
    """

    kind: str
    text: str
    statement: Statement | None = None


def differences(current: Mapping[str, Any], wanted: Wanted) -> dict[str, tuple[Any, Any]]:
    """Compare what can be compared: never coordinates, which move by themselves.

    :returns: field to (what is, what should be).
    """
    found = {}
    for name in (*CLAUSES, "use_gtid"):
        want = getattr(wanted, name)
        if want is not None and current[name] != want:
            found[name] = (current[name], want)
    return found


def _named(statement: str, connection: str) -> Statement:
    """`{}` in a statement becomes the connection's name, or nothing for the default connection."""
    if not connection:
        return Statement(statement.format("").replace("  ", " ").rstrip())
    return Statement(statement.format("%s"), (connection,))


def _change(
    connection: str,
    fields: Mapping[str, Any],
    password: str | None = None,
    use_gtid: str | None = None,
    coordinates: tuple[str, int] | None = None,
    demote: bool = False,
) -> Statement:
    clauses: list[str] = []
    values: list[Any] = [connection] if connection else []
    secrets = set()
    for name, value in fields.items():
        clauses.append(f"{CLAUSES[name]}=%s")
        values.append(int(value) if isinstance(value, bool) else value)
    if password is not None:
        clauses.append("MASTER_PASSWORD=%s")
        secrets.add(len(values))
        values.append(password)
    if coordinates:
        clauses += ["MASTER_LOG_FILE=%s", "MASTER_LOG_POS=%s"]
        values += coordinates
    if use_gtid is not None:
        clauses.append(f"MASTER_USE_GTID={use_gtid}")
    if demote:
        clauses.append("MASTER_DEMOTE_TO_SLAVE=1")
    name = " %s" if connection else ""
    return Statement(f"CHANGE MASTER{name} TO {', '.join(clauses)}", tuple(values), frozenset(secrets))


def plan_replica(
    current: Mapping[str, Any] | None,
    wanted: Wanted,
    state: str,
    password_differs: bool = False,
    coordinates: tuple[str, int] | None = None,
    gtid_there: str | None = None,
    stale_position: str = "",
    demote: bool = False,
) -> list[Step]:
    """What has to happen for a replica to be as wanted.

    :param current: its status (replica_status), or None when there is none.
    :param state: "started", "stopped" or "absent".
    :param password_differs: whether the password has to be sent to a replica that exists.
    :param coordinates: file and position in the primary's binary log, for a new replica only.
    :param gtid_there: the primary's GTID position at these coordinates; empty: it has none yet.
    :param stale_position: gtid_slave_pos, if it is a leftover that no replica uses.
    :param demote: whether the replica's position takes in what this server itself wrote, when use_gtid is set.
    :returns: steps, in order; none when nothing has to change.
    :raises MariaDBError: when what is wanted is incomplete or would lose the replica's position.
    """
    name = wanted.connection
    stop = Step("sql", "stop the replica", _named("STOP SLAVE {}", name))
    start = [
        Step("sql", "start the replica", _named("START SLAVE {}", name)),
        Step("run", "wait until both threads run"),
    ]
    if state == "absent":
        if current is None:
            return []
        # RESET SLAVE keeps a running replica from being forgotten: it has to be stopped first.
        stopped = current["io_running"] == current["sql_running"] == "No"
        return [*([] if stopped else [stop]), Step("sql", "forget the replica", _named("RESET SLAVE {} ALL", name))]

    if current is None:
        if coordinates is None:
            return _plan_new_by_gtid(wanted, demote, start if state == "started" else [])
        return _plan_new_by_coordinates(
            wanted, coordinates, gtid_there, stale_position, stop, start if state == "started" else []
        )

    changes = differences(current, wanted)
    running = not current["io_running"] == current["sql_running"] == "No"
    fields = {field: want for field, (_is, want) in changes.items() if field != "use_gtid"}
    # The server sets the heartbeat back to half of slave_net_timeout in a CHANGE MASTER that does not name it.
    beat = {"heartbeat_period": current["heartbeat_period"]}
    password = wanted.password if password_differs else None
    steps: list[Step] = []
    if changes or password is not None:
        moves = [field for field in ("host", "port") if field in changes]
        if moves and current["use_gtid"] == "no":
            raise MariaDBError(
                f"the replica of {current['host']}:{current['port']} uses log coordinates, and another {' and '.join(moves)} "
                "would make it forget them. Change use_gtid to slave_pos first, then the address."
            )
        gtid = changes.get("use_gtid", (None, None))[1]
        if {"host", "port", "user", "ssl", "ssl_ca", "ssl_cert", "ssl_key", "ssl_verify"} & set(
            changes
        ) or password is not None:
            steps.append(Step("test", "log in at the primary"))
        if gtid == "slave_pos" and running:
            steps.append(Step("position", "wait until the GTID position is known"))
        if running:
            steps.append(stop)
        steps.append(
            Step(
                "sql",
                "change the replica",
                _change(name, {**beat, **fields}, password, gtid, demote=demote and gtid is not None),
            )
        )
        running = False
    if state == "started":
        if not running or "No" in (current["io_running"], current["sql_running"]):
            steps += start
        elif not current["healthy"]:
            # It is connecting. Nothing is to be done but to wait.
            steps += start[1:]
    elif running:
        steps.append(stop)
    return steps


def _new_fields(wanted: Wanted) -> tuple[Wanted, dict[str, Any]]:
    missing = [name for name in ("host", "user", "password") if not getattr(wanted, name)]
    if missing:
        raise MariaDBError(f"there is no replica yet, and to make one {' and '.join(missing)} must be given.")
    new = completed(wanted, None)
    # Paths that are not given are left out.
    return new, {name: getattr(new, name) for name in CLAUSES if getattr(new, name) not in (None, "")}


TEST = Step("test", "log in at the primary")


def _plan_new_by_gtid(wanted: Wanted, demote: bool, start: list[Step]) -> list[Step]:
    """The position is gtid_slave_pos as it is; without GTID, the beginning of the primary's binary log."""
    new, fields = _new_fields(wanted)
    change = _change(new.connection, fields, new.password, new.use_gtid, demote=demote and new.use_gtid != "no")
    return [TEST, Step("sql", "create the replica", change), *start]


def _plan_new_by_coordinates(
    wanted: Wanted,
    coordinates: tuple[str, int],
    gtid_there: str | None,
    stale_position: str,
    stop: Step,
    start: list[Step],
) -> list[Step]:
    new, fields = _new_fields(wanted)
    create = Step("sql", "create the replica", _change(new.connection, fields, new.password, coordinates=coordinates))
    if new.use_gtid == "no":
        return [TEST, create, *start]
    if gtid_there is None or not start:
        raise MariaDBError(
            "to begin at log_file and log_pos and then follow GTIDs (use_gtid=slave_pos), the replica has to run "
            "(state=started) and until_gtid must be the primary's GTID position at these coordinates."
        )
    steps = [TEST]
    if stale_position:
        # Of a domain in which the primary has nothing yet it tells nothing, and what is left here would be asked for.
        steps.append(Step("forget", "forget the position of former replication", set_position("")))
    # Connected by coordinates, the primary tells its GTID at that place; gtid_slave_pos is right from then on.
    beat = {"heartbeat_period": new.heartbeat_period}
    return [
        *steps,
        create,
        *start,
        Step("position", "wait until the GTID position is known"),
        stop,
        Step("sql", "follow GTIDs from now on", _change(new.connection, beat, use_gtid=new.use_gtid)),
        *start,
    ]


def plan_return(
    before: Mapping[str, Any], now: Mapping[str, Any], stopped: Mapping[str, Any], connection: str, password: str | None
) -> list[Step]:
    """What puts a replica back that was changed and does not start as it is now.

    :param before: its status before anything was done.
    :param now: its status.
    :param stopped: its status when it was stopped for the change: where it goes on, when it followed coordinates.
    :param connection: its name.
    :param password: the one it had, if another was sent; None: it has it still, or nobody knows it.
    :returns: steps; none when it is as it was.
    """
    wanted = Wanted(connection, **{name: before[name] for name in CLAUSES})
    fields = {name: want for name, (_is, want) in differences(now, wanted).items()}
    gtid, coordinates = None, None
    if before["use_gtid"] != now["use_gtid"]:
        if before["use_gtid"] == "slave_pos":
            gtid = "slave_pos"
        elif now["gtid_slave_pos"] == stopped["gtid_slave_pos"]:
            # Once it has applied something by GTIDs, the coordinates of then would apply it again.
            gtid, coordinates = "no", (stopped["applied_file"], stopped["applied_position"])
    ran = not before["io_running"] == before["sql_running"] == "No"
    runs = not now["io_running"] == now["sql_running"] == "No"
    steps: list[Step] = []
    if fields or gtid is not None or password is not None:
        beat = {"heartbeat_period": before["heartbeat_period"]}
        change = _change(connection, {**beat, **fields}, password, gtid, coordinates)
        steps += [Step("sql", "stop the replica", _named("STOP SLAVE {}", connection))] if runs else []
        steps.append(Step("sql", "change the replica back", change))
        runs = False
    if ran and not runs:
        steps.append(Step("sql", "start the replica", _named("START SLAVE {}", connection)))
    elif runs and not ran:
        steps.append(Step("sql", "stop the replica", _named("STOP SLAVE {}", connection)))
    return steps


def set_position(position: str) -> Statement:
    """The statement that sets the GTID position of this server as a replica."""
    return Statement("SET GLOBAL gtid_slave_pos = %s", (position,))


def set_strict(strict: bool) -> Statement:
    """The statement that switches gtid_strict_mode."""
    return Statement(f"SET GLOBAL gtid_strict_mode = {int(strict)}")


def settings_differing(wanted: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Compare settings of a configuration file with a running server's variables.

    :param wanted: names as in the file (either of - and _) and values.
    :param variables: SHOW GLOBAL VARIABLES.
    :returns: name to {"running": …, "wanted": …}, as text. A name that is no variable (log_basename) is left out.
    """
    found = {}
    for key, value in wanted.items():
        name = key.replace("-", "_")
        if name in variables and _comparable(variables[name]) != _comparable(value):
            found[name] = {"running": variables[name], "wanted": str(value)}
    return found


def _comparable(value: Any) -> str:
    """One spelling for one value: ON and 1, 16M and 16777216, 10 and 10.000000."""
    text = str(value).strip().upper()
    if text in ("ON", "TRUE", "YES"):
        return "1"
    if text in ("OFF", "FALSE", "NO"):
        return "0"
    size = re.fullmatch(r"(\d+)([KMGT])", text)
    if size:
        return str(int(size[1]) * 1024 ** ("KMGT".index(size[2]) + 1))
    if re.fullmatch(r"\d+\.\d+", text):
        return text.rstrip("0").rstrip(".")
    return text
