"""One variable says to all roles where the database listens, and each of them asks there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import rendering
import yaml
from test_enterprise_linux import FACTS, GIVEN

from tools.artifact import ROOT

FILES = [*sorted(ROOT.glob("roles/*/tasks/*.yml")), *sorted(ROOT.glob("playbooks/*.yml"))]
MODULE = re.compile(r"dialtone\.ha_pbx\.mariadb_\w+$")
GROUP = "group/dialtone.ha_pbx.mariadb"
SOCKET = {"pbx_mariadb_socket": "/srv/db/socket"}


def unsaid(entries: Any, said: bool) -> Iterator[str]:
    """Give the names of the tasks that talk to the database and are not told where, wherever they are in a file."""
    for entry in entries if isinstance(entries, list) else []:
        here = said or "pbx_mariadb_socket" in str(entry.get("module_defaults", {}).get(GROUP))
        for key, value in entry.items():
            if MODULE.match(key) and not here and "socket" not in str((value or {}).get("login_unix_socket")):
                yield entry["name"]
        for key in ("block", "rescue", "always", "tasks"):
            yield from unsaid(entry.get(key), here)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_is_told_where_to_ask(path: Any) -> None:
    # All of this role's are imported and included below main.yml's block.
    below = path.parent.parent.name == "mariadb_mm_replication" and path.name != "main.yml"
    assert list(unsaid(yaml.safe_load(path.read_text(encoding="utf-8")), below)) == []


def test_the_blocks_of_the_role_are_told() -> None:
    main = yaml.safe_load((ROOT / "roles/mariadb_mm_replication/tasks/main.yml").read_text(encoding="utf-8"))
    imported = {
        task["ansible.builtin.import_tasks"]
        for entry in main
        if "pbx_mariadb_socket" in str(entry.get("module_defaults", {}).get(GROUP))
        for task in entry["block"]
    }
    assert imported == {"configure.yml", "service.yml"}


@pytest.mark.parametrize(("given", "path"), [({}, ""), (SOCKET, SOCKET["pbx_mariadb_socket"])])
def test_the_server_and_its_clients_are_told(given: dict[str, str], path: str) -> None:
    role = rendering.all_actions(FACTS["el9"], {**GIVEN, **given})["mariadb_mm_replication"]
    files = [action.arguments["files"] for action in role if action.module == "dialtone.ha_pbx.config_tree"]
    (text,) = {text for written in files for name, text in written.items() if name.endswith(".cnf")}
    assert re.findall(r"\[client-server\]\nsocket = (.*)\n", text) == ([path] if path else [])
    assert text.count("[mysqld]\n") == 1


@pytest.mark.parametrize(("given", "path"), [({}, "/var/lib/mysql/mysql.sock"), (SOCKET, SOCKET["pbx_mariadb_socket"])])
def test_cluster_and_call_records_ask_there(given: dict[str, str], path: str) -> None:
    roles = rendering.all_actions(FACTS["el9"], {**GIVEN, **given})
    asked = {
        resource["options"]["socket"]
        for action in roles["exchange_service"]
        if action.module == "dialtone.ha_pbx.pcs_cib"
        for resource in action.arguments["resources"]
        if resource["name"] == "pbx-db"
    }
    asked |= {action.arguments["login_unix_socket"] for action in roles["odbc_cdr"] if action.module.endswith("mariadb_accounts")}
    assert asked == {path}
