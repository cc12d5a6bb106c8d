#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_primary_status
short_description: Where a MariaDB server's binary log stands
version_added: "0.1.0"
description:
  - The answer of C(SHOW MASTER STATUS), in the words that the server's release understands, with the GTID position beside
    the file and position.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
  - dialtone.ha_pbx.mariadb
seealso:
  - module: dialtone.ha_pbx.mariadb_snapshot
    description: The same under a lock, with a dump that belongs to the position.
"""

EXAMPLES = r"""
- name: Where does the binary log stand?
  dialtone.ha_pbx.mariadb_primary_status:
  register: primary

- name: Say it
  ansible.builtin.debug:
    msg: "{{ primary.file }}:{{ primary.position }}, GTID {{ primary.gtid_binlog_pos }}"
"""

RETURN = r"""
is_primary:
  description: Whether the server writes a binary log. Without one, nothing below is returned but the replicated GTID.
  returned: success
  type: bool
  sample: true
file:
  description: File of the binary log that is being written.
  returned: when the server writes a binary log
  type: str
  sample: pbx-bin.000003
position:
  description: Position in that file, in bytes.
  returned: when the server writes a binary log
  type: int
  sample: 15174
binlog_do_db:
  description: Databases to which binary logging is limited.
  returned: when the server writes a binary log
  type: list
  elements: str
  sample: []
binlog_ignore_db:
  description: Databases left out of the binary log.
  returned: when the server writes a binary log
  type: list
  elements: str
  sample: []
gtid_binlog_pos:
  description: The last GTID in the binary log, in each domain.
  returned: when the server writes a binary log
  type: str
  sample: 1-1-120
gtid_slave_pos:
  description: The last GTID that the server replicated from others, in each domain.
  returned: success
  type: str
  sample: 2-2-7
statement:
  description: The statement that was used.
  returned: success
  type: str
  sample: SHOW BINLOG STATUS
executed_queries:
  description: Always empty, because nothing is changed.
  returned: success
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_replication as mariadb_replication
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_server as mariadb_server


def work(session: mariadb.Session) -> dict[str, Any]:
    status = mariadb_server.primary_status(session)
    return {
        "changed": False,
        "is_primary": status is not None,
        **(status or {}),
        "gtid_slave_pos": session.value("SELECT @@gtid_slave_pos"),
        "statement": mariadb_replication.primary_status_statement(mariadb_server.version(session)),
    }


def main() -> None:
    module = AnsibleModule(argument_spec=dict(mariadb.CONNECTION_ARGUMENTS), supports_check_mode=True)
    mariadb.run_module(module, work)


if __name__ == "__main__":
    main()
