"""Two servers, and modules that run as Ansible runs them: programs with their arguments as JSON, answers as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .servers import Server, certificates, client_programs, mysql_user_exists, wait_for, working_directory

REPOSITORY = Path(__file__).resolve().parents[3]
COLLECTIONS = REPOSITORY / ".cache" / "collections"

# A quote, a backslash and a percent sign: what breaks statements that are put together from text; and a letter outside ASCII.
# 32 bytes.
PASSWORD = 'it\'s \\ 100%d "quoted" $(id) ñ78'  # noqa: S105 - of these servers only


@dataclass
class Modules:
    """Runs modules of the collection against one of the servers."""

    path: str
    directory: Path

    def __call__(self, name: str, server: Server, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module, and fail the test if it fails."""
        result = self.attempt(name, server, check, **arguments)
        assert not result.get("failed"), result["msg"]
        return result

    def failing(self, name: str, server: Server, check: bool = False, **arguments: Any) -> str:
        """Run a module that has to fail; return its message."""
        result = self.attempt(name, server, check, **arguments)
        assert result.get("failed"), f"{name} did not fail: {result}"
        return str(result["msg"])

    def attempt(self, name: str, server: Server, check: bool = False, **arguments: Any) -> dict[str, Any]:
        given = {
            "login_unix_socket": server.socket,
            **arguments,
            "_ansible_check_mode": check,
            "_ansible_diff": True,
        }
        process = subprocess.run(
            [sys.executable, "-m", f"ansible_collections.dialtone.ha_pbx.plugins.modules.{name}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            cwd=self.directory,
            env={**os.environ, "PATH": self.path, "PYTHONPATH": str(COLLECTIONS)},
        )
        assert process.stdout, f"{name} said nothing:\n{process.stderr}"
        # Whatever happens, the answer never shows the password. Ansible echoes the arguments, without the secret ones.
        assert PASSWORD not in process.stdout + process.stderr
        assert json.dumps(PASSWORD)[1:-1] not in process.stdout + process.stderr
        answer: dict[str, Any] = json.loads(process.stdout)
        return answer

    def through_ansible(self, name: str, server: Server, *options: str, **arguments: Any) -> dict[str, Any]:
        """Run a module as a user does: `ansible localhost -m …`."""
        process = subprocess.run(
            [
                "ansible",
                "localhost",
                "-m",
                f"dialtone.ha_pbx.{name}",
                "-a",
                json.dumps({"login_unix_socket": server.socket, **arguments}),
                "-e",
                f"ansible_python_interpreter={sys.executable}",
                *options,
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
            cwd=REPOSITORY,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{self.path}",
                "ANSIBLE_STDOUT_CALLBACK": "json",
                "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
                "ANSIBLE_NOCOLOR": "1",
            },
        )
        assert json.dumps(PASSWORD)[1:-1] not in process.stdout + process.stderr
        assert process.stdout, process.stderr
        text = process.stdout[process.stdout.index("{") :]
        answer: dict[str, Any] = json.loads(text)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return answer


@pytest.fixture(scope="session")
def workspace() -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.fail("these tests start servers as the user mysql and log in as root: run them as root")
    if not mysql_user_exists():
        # The package mariadb-server-core brings programs only; the user comes with the package of the service.
        subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "mysql"], check=True)
    with working_directory() as path:
        yield path


@pytest.fixture(scope="session")
def modules(workspace: Path) -> Modules:
    return Modules(client_programs(workspace), workspace)


@pytest.fixture(scope="session")
def pki(workspace: Path) -> dict[str, Path]:
    return certificates(workspace / "pki", ["one", "two"])


@pytest.fixture(scope="session")
def servers(workspace: Path, pki: dict[str, Path]) -> Iterator[list[Server]]:
    """Two servers for all tests: starting them takes longer than most tests."""
    made = []
    try:
        for number, name in enumerate(("one", "two"), start=1):
            server = Server(
                name,
                number,
                workspace / name,
                {
                    "ssl_ca": str(pki["ca"]),
                    "ssl_cert": str(pki[name]),
                    "ssl_key": str(pki[f"{name}.key"]),
                    "read_only": "ON",
                    "log_slave_updates": "OFF",
                },
            )
            server.install()
            made.append(server)
            server.start()
        yield made
    finally:
        for server in made:
            server.kill()


@dataclass
class Pair:
    """Two servers that know the replication account, and how each becomes the other's replica."""

    one: Server
    two: Server
    modules: Modules
    pki: dict[str, Path]

    def peer(self, server: Server) -> Server:
        return self.two if server is self.one else self.one

    def replica_arguments(self, server: Server, **arguments: Any) -> dict[str, Any]:
        return {
            "host": "127.0.0.1",
            "port": self.peer(server).port,
            "user": "replication",
            "password": PASSWORD,
            "ssl": True,
            "ssl_ca": str(self.pki["ca"]),
            "ssl_cert": str(self.pki[server.name]),
            "ssl_key": str(self.pki[f"{server.name}.key"]),
            "wait": 20,
            **arguments,
        }

    def replicate(self, server: Server, check: bool = False, **arguments: Any) -> dict[str, Any]:
        return self.modules("mariadb_replica", server, check, **self.replica_arguments(server, **arguments))

    def replicate_failing(self, server: Server, check: bool = False, **arguments: Any) -> str:
        return self.modules.failing("mariadb_replica", server, check, **self.replica_arguments(server, **arguments))

    def accounts(self, server: Server, check: bool = False, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
        account = {
            "name": "replication",
            "host": "127.0.0.1",
            "password": password,
            "tls": "x509",
            "privileges": {"*.*": ["REPLICATION SLAVE"]},
            **more,
        }
        return self.modules("mariadb_accounts", server, check, accounts=[account])

    def handshake(self, databases: list[str], dump: Path) -> None:
        """What the role does: one is the source, two is seeded."""
        snapshot = self.modules("mariadb_snapshot", self.one, databases=databases, dest=str(dump))
        if databases:
            self.modules("mariadb_seed", self.two, src=str(dump), databases=databases)
            dump.unlink()
        self.replicate(
            self.two, log_file=snapshot["file"], log_pos=snapshot["position"], until_gtid=snapshot["gtid_binlog_pos"]
        )
        status = self.modules("mariadb_primary_status", self.two)
        self.replicate(
            self.one, log_file=status["file"], log_pos=status["position"], until_gtid=status["gtid_binlog_pos"]
        )

    def info(self, server: Server, **arguments: Any) -> dict[str, Any]:
        return self.modules("mariadb_info", server, **arguments)

    def wait_equal(self, table: str) -> Any:
        """Wait until a table is the same on both; return its checksum."""

        def same() -> Any:
            checksums = [server.rows(f"CHECKSUM TABLE {table}")[0]["Checksum"] for server in (self.one, self.two)]
            # As text: the checksum of an empty table is 0, of one that is not there None.
            return str(checksums[0]) if checksums[0] is not None and checksums[0] == checksums[1] else None

        return wait_for(same, 20, f"{table} is equal on both")


RECORDS = "CREATE TABLE records.cdr (id INT PRIMARY KEY AUTO_INCREMENT, note VARCHAR(100)) ENGINE=InnoDB"


@pytest.fixture
def pair(servers: list[Server], modules: Modules, pki: dict[str, Path]) -> Pair:
    made = Pair(servers[0], servers[1], modules, pki)
    for server in servers:
        server.forget_replicas()
    for server in servers:
        server.forget_everything()
        made.accounts(server)
    return made


@pytest.fixture
def running_pair(pair: Pair, workspace: Path) -> Pair:
    """A pair after the handshake, with three rows that one had before it."""
    pair.one.run("CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('a'), ('b'), ('c')")
    pair.handshake(["records"], workspace / "dump.sql.gz")
    pair.wait_equal("records.cdr")
    return pair
