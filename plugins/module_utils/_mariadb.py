# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to MariaDB: statements, the session that runs them, the errors that come back, the client programs."""

from __future__ import annotations

import inspect
import socket
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import pymysql
    import pymysql.cursors
except ImportError:
    PYMYSQL_MISSING: str | None = traceback.format_exc()
else:
    PYMYSQL_MISSING = None

# Where the packages of Debian and of EL put the socket.
SOCKETS = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")

# A server's own defaults change what its answers look like (ANSI_QUOTES, ORACLE, sql_quote_show_create) and what statements
# do (old_passwords, sql_safe_updates); each session has the ones that these modules are written for.
SESSION_SETTINGS = (
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION', "
    "SESSION sql_quote_show_create = 1, SESSION old_passwords = 0, SESSION sql_safe_updates = 0"
)

CONNECTION_ARGUMENTS: dict[str, dict[str, Any]] = {
    "login_unix_socket": {"type": "path"},
    "login_user": {"type": "str", "default": "root"},
    "connect_timeout": {"type": "int", "default": 10},
}

# What a client says when the server ended the session (CR_SERVER_GONE_ERROR, CR_SERVER_LOST).
CONNECTION_LOST = (2006, 2013)


class MariaDBError(Exception):
    """Something a person has to do something about: the message says what was found, where, and what to do."""


def hostname() -> str:
    """The name of this machine, as messages give it."""
    return socket.gethostname().split(".")[0]


@dataclass(frozen=True)
class Statement:
    """One SQL statement: text with %s for each value, the values, and which of them (by index) nobody may see."""

    sql: str
    values: tuple[Any, ...] = ()
    secrets: frozenset[int] = field(default_factory=frozenset)

    def __str__(self) -> str:
        """The statement as logs, diffs and results show it. For reading, never for running: its quoting is naive."""
        return self.sql % tuple(
            "'********'" if index in self.secrets else _readable(value) for index, value in enumerate(self.values)
        )


def _readable(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


def identifier(name: str) -> str:
    """Quote the name of a database or table for the text of a statement.

    :param name: the name.
    :returns: the name in backquotes, with %% for % because the text passes through %-formatting.
    """
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


class Session:
    """One connection to a server. It keeps what it changed: `executed` is a list of statements without their secrets."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.executed: list[str] = []

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Ask.

        :param sql: a statement that returns rows, with %s for each value.
        :returns: one dict per row, keyed by column name as the server wrote it.
        :raises MariaDBError: when the server refuses.
        """
        with self._connection.cursor() as cursor:
            self._run(cursor, Statement(sql, tuple(values)))
            return list(cursor.fetchall())

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Ask for one value; None when there is no row."""
        rows = self.rows(sql, values)
        return next(iter(rows[0].values())) if rows else None

    def variables(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """The server's global variables, as text.

        :param names: only these; those that this server does not know are left out. None: all.
        """
        found = {row["Variable_name"]: row["Value"] for row in self.rows("SHOW GLOBAL VARIABLES")}
        return found if names is None else {name: found[name] for name in names if name in found}

    def execute(self, statement: Statement) -> None:
        """Change something, and remember it in `executed`.

        :raises MariaDBError: when the server refuses; the statement counts as executed only when it went through.
        """
        with self._connection.cursor() as cursor:
            self._run(cursor, statement)
        self.executed.append(str(statement))

    def set_binlog(self, enabled: bool) -> None:
        """Say whether what this session changes from now on goes to the binary log, and so to the peer."""
        self.execute(Statement(f"SET SESSION sql_log_bin = {int(enabled)}"))

    def close(self) -> None:
        self._connection.close()

    @staticmethod
    def _run(cursor: Any, statement: Statement) -> None:
        try:
            # Without values PyMySQL leaves the text alone, and %% would stay doubled.
            cursor.execute(
                statement.sql if statement.values else statement.sql.replace("%%", "%"), statement.values or None
            )
        except pymysql.err.Error as error:
            code, text = _code_and_text(error)
            if code in CONNECTION_LOST:
                raise MariaDBError(
                    f"{hostname()}: the server ended the session during: {statement}. "
                    "See its log (journalctl -u mariadb) for the reason, and run this again."
                ) from None
            # `from None`: the driver's own traceback may carry the statement with its secrets.
            raise MariaDBError(f"{hostname()}: MariaDB refused: {statement}. It says ({code}): {text}") from None


def _code_and_text(error: Exception) -> tuple[int, str]:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    return code, str(error.args[1]) if len(error.args) > 1 else str(error)


def find_socket(wanted: str | None) -> str:
    """The server's unix socket.

    :param wanted: path that the user gave, or None: the first of the distributions' usual ones that exists.
    :raises MariaDBError: when there is none, so that the message can say what to do instead of "errno 2".
    """
    for path in [wanted] if wanted else SOCKETS:
        if Path(path).exists():
            return path
    raise MariaDBError(
        f"{hostname()}: there is no MariaDB socket at {wanted or ' or '.join(SOCKETS)}: the server does not run, or listens "
        "elsewhere. Start it (systemctl start mariadb; journalctl -u mariadb says why it does not), or set login_unix_socket."
    )


def connect(params: dict[str, Any]) -> Session:
    """Log in over the unix socket, where the operating system vouches for the user and no password exists.

    :param params: the module's parameters with those of CONNECTION_ARGUMENTS.
    :raises MariaDBError: no socket, no server behind it, no such account.
    """
    path = find_socket(params["login_unix_socket"])
    try:
        connection = pymysql.connect(
            unix_socket=path,
            user=params["login_user"],
            connect_timeout=params["connect_timeout"],
            cursorclass=pymysql.cursors.DictCursor,
            autocommit=True,
            charset="utf8mb4",
            init_command=SESSION_SETTINGS,
            # Not ~/.my.cnf of whoever runs this.
            read_default_file=None,
        )
    except (pymysql.err.Error, OSError) as error:
        code, text = _code_and_text(error)
        raise MariaDBError(
            f"{hostname()}: no login as {params['login_user']} at {path} ({code}): {text}. The server must run, and the "
            "account must authenticate by unix_socket (the packages' default); the task must run as that user (become)."
        ) from None
    return Session(connection)


def test_login(
    host: str, port: int, user: str, password: str, tls: dict[str, Any] | None, timeout: int
) -> dict[str, Any]:
    """Log in at another server as a replica would, and ask who it is.

    :param tls: None for no TLS, else keys ca, cert, key (paths or None) and verify (bool: check the certificate's chain
        and that it is for this host).
    :param timeout: seconds.
    :returns: server_id (int), version and gtid_binlog_pos (str) of that server.
    :raises MariaDBError: it cannot be reached, the certificate is not right, or the login is refused; says which.
    """
    options: dict[str, Any] = {}
    if tls is not None:
        options["ssl"] = {key: tls[key] for key in ("ca", "cert", "key") if tls.get(key)}
        options["ssl"]["check_hostname"] = bool(tls["verify"])
        options["ssl"]["verify_mode"] = "required" if tls["verify"] else "none"
    elif "ssl_disabled" in inspect.signature(pymysql.connections.Connection.__init__).parameters:
        # Since 1.2 it takes TLS by itself where the server offers it, and a replica does not.
        options["ssl_disabled"] = True
    where = f"{hostname()}: the primary {host}:{port} "
    try:
        connection = pymysql.connect(
            host=host,
            port=port,
            user=user,
            # As bytes: of a text PyMySQL would take Latin-1, and the account was made with UTF-8.
            password=password.encode(),
            connect_timeout=timeout,
            read_timeout=timeout,
            cursorclass=pymysql.cursors.DictCursor,
            **options,
        )
    except (pymysql.err.Error, OSError) as error:
        code, text = _code_and_text(error)
        if code in (1044, 1045, 1698):
            cure = (
                f"It must have the account {user} for this host's address, with this password and these TLS demands, "
                "and the privilege REPLICATION SLAVE."
            )
        elif code == 1130:
            cure = f"Its account {user} is not for the address from which this host speaks."
        elif "certificate" in text.lower() or "ssl" in text.lower():
            cure = "Check ssl_ca, ssl_cert and ssl_key here, and that the certificate of the primary names its address."
        else:
            cure = "Its server must run, listen on that address, and the firewall between the two must let the port through."
        raise MariaDBError(f"{where}does not let {user} in ({code}): {text}. {cure} Nothing was changed.") from None
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@server_id AS server_id, VERSION() AS version, @@gtid_binlog_pos AS gtid_binlog_pos")
            found: dict[str, Any] = cursor.fetchone()
            return found
    except pymysql.err.Error as error:
        raise MariaDBError(
            f"{where}let {user} in and then failed: {_code_and_text(error)[1]}. Nothing was changed."
        ) from None
    finally:
        connection.close()


def client_arguments(program: str, params: dict[str, Any]) -> list[str]:
    """Begin the command line of a client program (mariadb, mariadb-dump) that logs in as `connect` does.

    :param program: path of the program.
    :returns: arguments; no secret is among them, because there is none.
    """
    return [
        program,
        # The option files of whoever runs this must not decide what is dumped or where it goes.
        "--no-defaults",
        # A socket needs no TLS, and a client of 11.4 or later would refuse it with the server's certificate when that has expired.
        "--skip-ssl",
        f"--socket={find_socket(params['login_unix_socket'])}",
        f"--user={params['login_user']}",
        "--default-character-set=utf8mb4",
    ]


def run_module(module: Any, work: Callable[[Session], dict[str, Any]]) -> None:
    """Connect, work, and leave with the result: what every module of this collection that talks to MariaDB does.

    :param module: the AnsibleModule; its argument spec contains CONNECTION_ARGUMENTS.
    :param work: gets the session, returns the result. `executed_queries` is added to it, and to a failure as well.
    """
    if PYMYSQL_MISSING:
        module.fail_json(
            msg=f"{hostname()}: the Python library PyMySQL is missing for {module_python()}. Install python3-pymysql "
            "(Debian) or python3-PyMySQL (EL).",
            exception=PYMYSQL_MISSING,
        )
    session: Session | None = None
    try:
        session = connect(module.params)
        result = work(session)
    except MariaDBError as error:
        executed = session.executed if session else []
        module.fail_json(msg=str(error), executed_queries=executed)
    else:
        module.exit_json(executed_queries=session.executed, **result)


def module_python() -> str:
    """The Python that runs this module."""
    import sys  # noqa: PLC0415 - only for a message that is seldom needed

    return sys.executable
