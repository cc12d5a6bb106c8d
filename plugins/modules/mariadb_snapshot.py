#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_snapshot
short_description: Dump databases together with the binary log's position they belong to
version_added: "0.1.0"
description:
  - Locks all tables against writing (C(FLUSH TABLES WITH READ LOCK)), reads the position of the binary log, dumps the named
    databases in a second session, and unlocks. The lock lives in one connection that stays open for all of it.
  - A replica seeded with the dump and started at the position has every row exactly once.
  - Writers wait while the dump is made. Readers do not.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.mariadb
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
    details: The position is read without a lock, and no dump is made.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
options:
  databases:
    description:
      - Databases to dump. With an empty list only the position is read, under the lock.
    type: list
    elements: str
    required: true
  dest:
    description:
      - File for the dump, readable by its owner only. With a name that ends in C(.gz) it is compressed. A file that exists
        is not overwritten unless O(force) is given. Needed when there are databases to dump.
    type: path
  force:
    description:
      - Whether an existing O(dest) is replaced.
    type: bool
    default: false
  lock_timeout:
    description:
      - Seconds to wait for the lock. While it waits behind a long statement, everybody else's writing waits behind it.
    type: int
    default: 30
seealso:
  - module: dialtone.ha_pbx.mariadb_seed
  - module: dialtone.ha_pbx.mariadb_replica
"""

EXAMPLES = r"""
- name: Dump the call records with their position
  dialtone.ha_pbx.mariadb_snapshot:
    databases: [asteriskcdr]
    dest: /var/lib/mysql-files/asteriskcdr.sql.gz
  register: snapshot
"""

RETURN = r"""
file:
  description: File of the binary log at the moment of the dump.
  returned: success
  type: str
  sample: pbx-bin.000003
position:
  description: Position in that file, in bytes.
  returned: success
  type: int
  sample: 15174
gtid_binlog_pos:
  description: Last GTID in the binary log at that moment, in each domain.
  returned: success
  type: str
  sample: 1-1-120
gtid_slave_pos:
  description: Last GTID replicated from others at that moment, in each domain.
  returned: success
  type: str
  sample: 2-2-7
databases:
  description: The databases in the dump.
  returned: success
  type: list
  elements: str
  sample: [asteriskcdr]
dest:
  description: File of the dump, or null when there was nothing to dump.
  returned: success
  type: str
  sample: /var/lib/mysql-files/asteriskcdr.sql.gz
size:
  description: Size of the file, in bytes.
  returned: success
  type: int
  sample: 81234
locked_seconds:
  description: How long writers were locked out.
  returned: success
  type: float
  sample: 0.8
executed_queries:
  description: The statements that were run in the session that held the lock.
  returned: always
  type: list
  elements: str
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_dump as mariadb_dump
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_server as mariadb_server
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Session, Statement, hostname


def position(session: Session) -> dict[str, Any]:
    status = mariadb_server.primary_status(session)
    if status is None:
        raise MariaDBError(
            f"{hostname()}: this server writes no binary log, so there is no position for a replica to start at. Set log_bin "
            "and restart it."
        )
    return {
        "file": status["file"],
        "position": status["position"],
        "gtid_binlog_pos": status["gtid_binlog_pos"],
        "gtid_slave_pos": session.value("SELECT @@gtid_slave_pos"),
    }


def check(session: Session, params: dict[str, Any]) -> None:
    """Find out what cannot work before anybody is locked out."""
    here = {row["name"] for row in session.rows("SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA")}
    missing = [name for name in params["databases"] if name not in here]
    if missing:
        raise MariaDBError(f"{hostname()}: there is no database {', '.join(missing)} to dump. Correct databases.")
    if not params["databases"]:
        return
    if not params["dest"]:
        raise MariaDBError(
            f"{hostname()}: dest is missing: where shall the dump of {', '.join(params['databases'])} go?"
        )
    if Path(params["dest"]).exists() and not params["force"]:
        raise MariaDBError(f"{hostname()}: {params['dest']} exists already. Remove it, or set force.")


def snapshot(module: AnsibleModule, session: Session) -> dict[str, Any]:
    params = module.params
    names, dest = params["databases"], params["dest"]
    check(session, params)
    result: dict[str, Any] = {"changed": bool(names), "databases": names, "dest": dest if names else None}
    if names:
        result["diff"] = {"before": "", "after": f"{dest}: dump of {', '.join(names)}\n"}
    if module.check_mode:
        return {**result, **position(session), "size": 0, "locked_seconds": 0.0}

    # A dump of hours must not end because the session with the lock was silent.
    session.execute(Statement("SET SESSION wait_timeout = 604800, lock_wait_timeout = %s", (params["lock_timeout"],)))
    try:
        session.execute(Statement("FLUSH TABLES WITH READ LOCK"))
    except MariaDBError as error:
        raise MariaDBError(
            f"{error}. If it timed out, a statement runs for longer than lock_timeout ({params['lock_timeout']} s): see SHOW "
            "PROCESSLIST on that host."
        ) from error
    began = time.monotonic()
    try:
        before = position(session)
        size = mariadb_dump.dump(module, params, names, dest) if names else 0
        # Raises if the session ended meanwhile, and with it the lock.
        after = position(session)
        if before != after:
            if names:
                Path(dest).unlink()
            raise MariaDBError(
                f"{hostname()}: the binary log moved from {before['file']}:{before['position']} to {after['file']}:"
                f"{after['position']} under the lock, so dump and position do not belong together. The dump was removed. Is "
                "this server a replica that applies what it receives? Stop it first."
            )
        session.execute(Statement("UNLOCK TABLES"))
    except MariaDBError:
        # Closing the session unlocks as well, if it still exists.
        session.close()
        raise
    return {**result, **before, "size": size, "locked_seconds": round(time.monotonic() - began, 2)}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **mariadb.CONNECTION_ARGUMENTS,
            "databases": {"type": "list", "elements": "str", "required": True},
            "dest": {"type": "path"},
            "force": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    mariadb.run_module(module, lambda session: snapshot(module, session))


if __name__ == "__main__":
    main()
