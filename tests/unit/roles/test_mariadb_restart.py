"""When the role restarts a database: never one that somebody writes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

VARIABLES = Path(__file__).resolve().parents[3] / "roles/mariadb_mm_replication/vars/main.yml"
#: A server that never had the role's settings, as a package starts it, and one that has them but for one that changed.
NEVER = {"gtid_domain_id": {"running": "0", "wanted": "1"}, "server_id": {"running": "1", "wanted": "2"}}
ONE = {"sync_binlog": {"running": "0", "wanted": "1"}}
RUNS = {"healthy": True, "caught_up": False}
ALONE = {"healthy": False, "caught_up": True}
BEHIND = {"healthy": False, "caught_up": False}


def templated(what: str, **given: Any) -> Any:
    """Return one of the role's variables, given what the modules returned."""
    loader = DataLoader()
    variables = {**loader.load_from_file(str(VARIABLES), trusted_as_template=True), **given}
    return Templar(loader=loader, variables=variables).template(variables[f"__mariadb_mm_replication_{what}"])


@pytest.mark.parametrize(
    ("differing", "written", "changed", "expected"),
    [
        ({}, 99.9, False, False),
        # Written and then read, in the second in which the server was started.
        ({}, 100.9, False, False),
        ({}, 101.0, False, True),
        # A dry run writes nothing, and before the first one there is no file.
        ({}, 99.9, True, True),
        ({}, None, False, False),
        (ONE, 99.9, False, True),
    ],
)
def test_a_restart_is_wanted_until_the_server_has_read_its_settings(
    differing: dict[str, Any], written: float | None, changed: bool, expected: bool
) -> None:
    given = {
        "__mariadb_mm_replication_info": {"settings_differing": differing, "started": 100},
        "__mariadb_mm_replication_configured": {"changed": changed},
        "__mariadb_mm_replication_written": {"stat": {"exists": False} if written is None else {"exists": True, "mtime": written}},
    }
    assert templated("restart_wanted", **given) is expected


@pytest.mark.parametrize(
    ("read_only", "replicas", "differing", "expected"),
    [
        # New, before it has its settings.
        (False, [], NEVER, True),
        (True, [], NEVER, True),
        # Its first start with them made it read-only.
        (True, [], ONE, True),
        (True, [], {}, True),
        # A standby.
        (True, [RUNS], ONE, True),
        (True, [ALONE], ONE, True),
        (True, [BEHIND], ONE, False),
        # In service; also while mariadb_discard has ended replication.
        (False, [RUNS], ONE, False),
        (False, [RUNS], NEVER, False),
        (False, [], ONE, False),
        (False, [], {}, False),
    ],
)
def test_which_server_may_be_restarted(
    read_only: bool, replicas: list[dict[str, bool]], differing: dict[str, Any], expected: bool
) -> None:
    info = {"read_only": read_only, "replicas": replicas, "settings_differing": differing}
    assert templated("restartable", __mariadb_mm_replication_info=info) is expected
