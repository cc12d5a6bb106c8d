#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_seed
short_description: Fill a MariaDB server from a peer's dump, before it becomes the peer's replica
version_added: "0.1.0"
description:
  - Reads a dump of M(dialtone.ha_pbx.mariadb_snapshot) into the server without writing to its binary log, so that the peer
    does not get its own rows back.
  - A database that has rows of its own is never overwritten unless O(force) is given; neither is anything done while the
    server replicates, or with a dump that is not complete.
  - It does what it is told each time it is called. Whether there is something to seed is the caller's question, which
    M(dialtone.ha_pbx.mariadb_info) answers.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
  - dialtone.ha_pbx.mariadb
options:
  src:
    description:
      - The dump, on the host of the server. With a name that ends in C(.gz) it is compressed.
    type: path
    required: true
  databases:
    description:
      - The databases in the dump.
    type: list
    elements: str
    required: true
  force:
    description:
      - Whether the databases are dropped first if they have rows. B(These rows are lost.)
    type: bool
    default: false
  gtid_slave_pos:
    description:
      - GTID position to set afterwards, for a replica that will follow GTIDs at once. It replaces the whole position, so it
        must name every domain.
    type: str
seealso:
  - module: dialtone.ha_pbx.mariadb_snapshot
  - module: dialtone.ha_pbx.mariadb_replica
"""

EXAMPLES = r"""
- name: Take over the peer's call records
  dialtone.ha_pbx.mariadb_seed:
    src: /root/asteriskcdr.sql.gz
    databases: [asteriskcdr]
"""

RETURN = r"""
databases:
  description: The databases that were filled, with what they hold afterwards (in check mode - before).
  returned: success
  type: dict
  sample: {asteriskcdr: {tables: 2, has_rows: true}}
gtid_slave_pos:
  description: GTID position of the server afterwards.
  returned: success
  type: str
  sample: 1-1-120
executed_queries:
  description: The statements that were run besides those in the dump.
  returned: always
  type: list
  elements: str
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb as mariadb,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb_dump as mariadb_dump,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb_replication as mariadb_replication,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb_server as mariadb_server,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import (
    MariaDBError,
    Session,
    Statement,
    hostname,
    identifier,
)


def plan(
    here: Mapping[str, Mapping[str, Any]],
    replicas: list[dict[str, Any]],
    databases: list[str],
    force: bool,
) -> list[Statement]:
    """What has to be cleared away first. Pure.

    :param here: databases of the server, as mariadb_server.databases gives them.
    :raises MariaDBError: when seeding would destroy rows that nobody gave up, or mix with what is replicated.
    """
    # One thread is enough: the one receives, the other may still apply what was received.
    running = [found for found in replicas if {found["io_running"], found["sql_running"]} != {"No"}]
    if running:
        raise MariaDBError(
            f"{hostname()}: this server replicates from {running[0]['host']}:{running[0]['port']}; what it receives would mix "
            "with what is seeded. Stop the replica first."
        )
    filled = [name for name in databases if name in here and here[name]["has_rows"]]
    if filled and not force:
        raise MariaDBError(
            f"{hostname()}: the database {', '.join(filled)} has rows of its own, which seeding would destroy. Find out which "
            "node's rows are to be kept. Save these (mariadb-dump) and drop the database, or give force to lose them."
        )
    return [Statement(f"DROP DATABASE {identifier(name)}") for name in filled]


def seed(module: AnsibleModule, session: Session) -> dict[str, Any]:
    params = module.params
    src, names = params["src"], params["databases"]
    if int(session.value("SELECT @@lower_case_table_names")):
        # So the server keeps them, and by another name it would look as if there was nothing to lose.
        names = [name.lower() for name in names]
    before = mariadb_server.databases(session)
    drops = plan(before, mariadb_server.replicas(session), names, params["force"])
    mariadb_replication.parse_gtids(params["gtid_slave_pos"])
    if not Path(src).is_file():
        raise MariaDBError(f"{hostname()}: there is no dump at {src}.")
    if not mariadb_dump.is_complete(src, src.endswith(".gz")):
        raise MariaDBError(f"{hostname()}: the dump {src} is cut short: its end is missing. Make it again.")

    if not module.check_mode:
        session.set_binlog(False)
        for statement in drops:
            session.execute(statement)
        try:
            mariadb_dump.load(module, params, src)
        except MariaDBError as error:
            clear(session, names, before)
            lost = " but for the rows that force gave up" if drops else ""
            raise MariaDBError(f"{error} The databases are without rows again, as they were before{lost}.") from error
        if params["gtid_slave_pos"] is not None:
            session.execute(Statement("SET GLOBAL gtid_slave_pos = %s", (params["gtid_slave_pos"],)))
    after = mariadb_server.databases(session)
    return {
        "changed": True,
        "databases": {name: after[name] for name in names if name in after},
        "gtid_slave_pos": session.value("SELECT @@gtid_slave_pos"),
        "diff": {
            "before": "".join(f"{name}: {describe(before.get(name))}\n" for name in names),
            "after": "".join(f"{name}: as in {src}\n" for name in names),
        },
    }


def clear(session: Session, names: list[str], before: Mapping[str, Mapping[str, Any]]) -> None:
    """Take out what an import that failed has left: half a database would look like one with rows of its own."""
    for name in names:
        if name not in before or before[name]["has_rows"]:
            session.execute(Statement(f"DROP DATABASE IF EXISTS {identifier(name)}"))
            continue
        for row in session.rows(
            "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA = %s",
            [name],
        ):
            session.execute(Statement(f"DELETE FROM {identifier(name)}.{identifier(row['name'])}"))


def describe(database: Mapping[str, Any] | None) -> str:
    if database is None:
        return "absent"
    return f"{database['tables']} tables, {'with' if database['has_rows'] else 'without'} rows"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **mariadb.CONNECTION_ARGUMENTS,
            "src": {"type": "path", "required": True},
            "databases": {"type": "list", "elements": "str", "required": True},
            "force": {"type": "bool", "default": False},
            "gtid_slave_pos": {"type": "str"},
        },
        supports_check_mode=True,
    )
    mariadb.run_module(module, lambda session: seed(module, session))


if __name__ == "__main__":
    main()
