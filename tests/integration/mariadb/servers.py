"""Real MariaDB servers for the tests: unprivileged processes in a temporary directory, on loopback ports.

They are never the machine's own instance. With MARIADB_ROOT=DIRECTORY the server and its client programs come from that
root directory (a chroot of another distribution), so that the same tests judge another version of MariaDB.
"""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
import pymysql.cursors

from lab.certificates import self_signed

ROOT = Path(os.environ.get("MARIADB_ROOT", "/"))
START_TIMEOUT = 60
SYSTEM_DATABASES = ("information_schema", "mysql", "performance_schema", "sys")


def in_root(*argv: str) -> list[str]:
    return list(argv) if Path("/") == ROOT else ["chroot", str(ROOT), *argv]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Any, timeout: float, what: str) -> Any:
    """Ask `condition` until it answers with something true; its last exception explains a timeout."""
    deadline = time.monotonic() + timeout
    reason: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if found := condition():
                return found
        except (pymysql.err.Error, OSError) as error:
            reason = error
        select.select([], [], [], 0.05)
    raise TimeoutError(f"{what}: not within {timeout} s") from reason


@contextmanager
def working_directory() -> Iterator[Path]:
    """A directory that has the same path here and in ROOT: sockets and dumps are named on both sides."""
    inside = Path(tempfile.mkdtemp(prefix="pbx-mariadb-", dir=ROOT / "var/tmp"))
    path = Path("/var/tmp") / inside.name  # noqa: S108 - mkdtemp made the name
    if path != inside:
        path.symlink_to(inside)
    inside.chmod(0o755)
    try:
        yield path
    finally:
        if path != inside:
            path.unlink()
        shutil.rmtree(inside)


@dataclass
class Server:
    """One mariadbd. The settings are those of the role where replication depends on them."""

    name: str
    number: int
    directory: Path
    settings: dict[str, str | int] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    # What tests changed, and what it was.
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def socket(self) -> str:
        return str(self.directory / "sock")

    @property
    def log(self) -> str:
        return (self.directory / "error.log").read_text(errors="replace")

    def install(self) -> None:
        """Make an empty data directory whose root account authenticates by unix_socket, as the packages do."""
        self.directory.mkdir()
        subprocess.run(in_root("chown", "mysql:", str(self.directory)), check=True)
        subprocess.run(
            in_root(
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={self.directory}/data",
                "--user=mysql",
                "--skip-test-db",
                "--auth-root-authentication-method=socket",
                "--skip-name-resolve",
                # The machine's name need not resolve: nobody uses it here.
                "--force",
            ),
            check=True,
            capture_output=True,
            timeout=120,
        )

    def start(self) -> None:
        """Start, and wait until it answers. Its own unprivileged user; nothing but loopback."""
        options: dict[str, str | int] = {
            "datadir": f"{self.directory}/data",
            "socket": self.socket,
            "pid_file": f"{self.directory}/pid",
            "log_error": f"{self.directory}/error.log",
            "bind_address": "127.0.0.1",
            "port": self.port,
            "server_id": self.number,
            "gtid_domain_id": self.number,
            "auto_increment_offset": self.number,
            "auto_increment_increment": 2,
            "log_basename": "pbx",
            "log_bin": "pbx-bin",
            "binlog_format": "ROW",
            "gtid_strict_mode": "ON",
            "slave_net_timeout": 10,
            "skip_name_resolve": "ON",
            # Small and fast; the settings for durability are switched on where a test is about them.
            "innodb_flush_log_at_trx_commit": 0,
            "innodb_buffer_pool_size": "32M",
            "innodb_log_file_size": "16M",
            "skip_slave_start": "OFF",
            **self.settings,
        }
        self.process = subprocess.Popen(
            in_root(
                "mariadbd", "--no-defaults", "--user=mysql", *(f"--{key}={value}" for key, value in options.items())
            ),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait_for(self._answers, START_TIMEOUT, f"{self.name} starts")
        except TimeoutError:
            print(self.log)
            self.kill()
            raise

    def _answers(self) -> bool:
        if self.process and self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended at its start:\n{self.log}")
        self.rows("SELECT 1")
        return True

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def kill(self) -> None:
        """SIGKILL: as a power cut looks to the peer."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def connect(self, **options: Any) -> Any:
        return pymysql.connect(
            unix_socket=self.socket, user="root", autocommit=True, cursorclass=pymysql.cursors.DictCursor, **options
        )

    def rows(self, sql: str, values: Sequence[Any] | None = None) -> list[dict[str, Any]]:
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, values)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def value(self, sql: str) -> Any:
        rows = self.rows(sql)
        return next(iter(rows[0].values())) if rows else None

    def run(self, *statements: str) -> None:
        """Run statements in one session."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        finally:
            connection.close()

    def replica(self) -> dict[str, Any] | None:
        rows = self.rows("SHOW ALL SLAVES STATUS")
        return rows[0] if rows else None

    def forget_replicas(self) -> None:
        """Stop being a replica; start first if a test ended the server."""
        if self.process is None:
            self.start()
        self.run("STOP ALL SLAVES")
        for row in self.rows("SHOW ALL SLAVES STATUS"):
            self.rows("RESET SLAVE %s ALL", [row["Connection_name"]])

    def forget_everything(self) -> None:
        """Be as after the installation: no databases, no accounts but the installation's, an empty binary log."""
        for row in self.rows("SHOW PROCESSLIST"):
            if row["Command"] == "Binlog Dump":
                # The peer does not ask any more, and the log cannot be reset while it is sent.
                with suppress(pymysql.err.Error):
                    self.run(f"KILL {row['Id']}")
        databases = [row["Database"] for row in self.rows("SHOW DATABASES")]
        accounts = self.rows(
            "SELECT User, Host FROM mysql.global_priv WHERE User NOT IN ('root', 'mysql', 'mariadb.sys', 'PUBLIC')"
        )
        self.run(
            "SET sql_log_bin = 0",
            *(f"DROP DATABASE `{name}`" for name in databases if name not in SYSTEM_DATABASES),
            *(f"DROP USER '{row['User']}'@'{row['Host']}'" for row in accounts),
        )
        wait_for(self._reset, 20, f"{self.name} resets its binary log")
        for name, value in self.defaults.items():
            self.run(f"SET GLOBAL {name} = '{value}'" if isinstance(value, str) else f"SET GLOBAL {name} = {value}")

    def _reset(self) -> bool:
        self.run("RESET MASTER", "SET GLOBAL gtid_slave_pos = ''")
        return True

    def set(self, **variables: str | int) -> None:
        """Set global variables until the next test; a restart forgets them."""
        for name, value in variables.items():
            self.defaults.setdefault(name, self.value(f"SELECT @@GLOBAL.{name}"))
            self.run(f"SET GLOBAL {name} = '{value}'" if isinstance(value, str) else f"SET GLOBAL {name} = {value}")


def client_programs(directory: Path) -> str:
    """A PATH on which mariadb and mariadb-dump are those of ROOT."""
    system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if Path("/") == ROOT:
        return system
    programs = directory / "bin"
    programs.mkdir()
    for name in ("mariadb", "mariadb-dump"):
        wrapper = programs / name
        wrapper.write_text(f'#!/bin/sh\nexec chroot {ROOT} /usr/bin/{name} "$@"\n')
        wrapper.chmod(0o755)
    return f"{programs}:{system}"


def certificates(directory: Path, names: Sequence[str]) -> dict[str, Path]:
    """A private authority and one certificate for each name, all for 127.0.0.1.

    :returns: path of the authority under "ca", and for each name "<name>" (certificate) and "<name>.key".
    """
    directory.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=directory, timeout=60)

    self_signed(directory / "ca.pem", directory / "ca.key", "test authority")
    paths = {"ca": directory / "ca.pem"}
    for name in names:
        (directory / f"{name}.ext").write_text(f"subjectAltName=DNS:{name},IP:127.0.0.1\n")
        openssl(
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            f"{name}.key",
            "-out",
            f"{name}.csr",
            "-subj",
            f"/CN={name}",
        )
        openssl(
            "x509",
            "-req",
            "-in",
            f"{name}.csr",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-out",
            f"{name}.pem",
            "-extfile",
            f"{name}.ext",
        )
        paths[name] = directory / f"{name}.pem"
        paths[f"{name}.key"] = directory / f"{name}.key"
    for path in directory.glob("*"):
        # The servers run as somebody else. Only these two servers ever trust this authority.
        path.chmod(0o644)
    return paths


def expire(certificate: Path) -> None:
    """Put one in a certificate's place that is over."""
    name = certificate.stem
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext", "-days", "-1"]
    subprocess.run(
        ["openssl", "x509", "-req", "-in", f"{name}.csr", "-out", certificate.name, *signed],
        check=True, capture_output=True, cwd=certificate.parent, timeout=60,
    )  # fmt: skip


def mysql_user_exists() -> bool:
    with suppress(KeyError):
        pwd.getpwnam("mysql")
        return True
    return False
