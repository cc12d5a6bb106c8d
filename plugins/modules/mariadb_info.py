#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_info
short_description: The state of a MariaDB server and of its replication
version_added: "0.1.0"
description:
  - Reads what decides about a server's part in a replicating pair - version, position, read-only state, semi-synchronous
    replication, replicas with their health and lag, databases and whether they hold rows.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
  - dialtone.ha_pbx.mariadb
options:
  settings:
    description:
      - Settings of the configuration file, to be compared with what the running server uses.
    type: dict
    default: {}
  wait:
    description:
      - Seconds to wait for replicas that are still connecting, as they are after a restart of the peer. One that has
        stopped is not waited for.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Read the state of this node's database
  dialtone.ha_pbx.mariadb_info:
    wait: 5
  register: database

- name: Stop when call records do not reach this node
  ansible.builtin.assert:
    that: database.replicas | rejectattr('healthy') | length == 0
    fail_msg: "{{ database.replicas | map(attribute='problem') | select | join(' ') }}"
"""

RETURN = r"""
host:
  description: Name of the host.
  returned: success
  type: str
  sample: server1
version:
  description: Version of the server, with C(full) as it names itself and the numbers.
  returned: success
  type: dict
  sample: {full: 10.11.19-MariaDB, major: 10, minor: 11, patch: 19}
dialect:
  description: How this release is spoken to; C(primary_status) is the statement for the binary log's position.
  returned: success
  type: dict
  sample: {primary_status: SHOW BINLOG STATUS}
server_id:
  description: Number of the server.
  returned: success
  type: int
  sample: 1
gtid_domain_id:
  description: Domain into which this server writes.
  returned: success
  type: int
  sample: 1
datadir:
  description: Data directory.
  returned: success
  type: str
  sample: /var/lib/mysql/
uptime:
  description: Seconds since the server started.
  returned: success
  type: int
  sample: 86400
started:
  description: When that was by the host's clock, in whole seconds since 1970. An older configuration file is in force.
  returned: success
  type: int
  sample: 1795824000
read_only:
  description: Whether only administrators may write. The standby of a pair is read-only.
  returned: success
  type: bool
  sample: true
gtid:
  description: >-
    GTID positions. C(slave_pos) is what was replicated, C(binlog_pos) what this server wrote last into its binary log,
    C(current_pos) both; C(strict) whether gtid_strict_mode is on.
  returned: success
  type: dict
  sample: {slave_pos: 2-2-40, binlog_pos: 1-1-7, current_pos: "1-1-7,2-2-40", strict: true}
primary:
  description: The binary log's position, or null when there is none. See M(dialtone.ha_pbx.mariadb_primary_status).
  returned: success
  type: dict
semi_sync:
  description: >-
    Semi-synchronous replication. C(clients) is the number of replicas that acknowledge, C(primary_active) whether the
    server waits for them just now, C(replica_active) whether this server acknowledges to its primary, C(sound) whether
    this release has the fixes without which acknowledged rows can be lost.
  returned: success
  type: dict
  sample:
    primary_enabled: true
    primary_active: true
    replica_enabled: true
    replica_active: true
    clients: 1
    wait_point: AFTER_SYNC
    timeout_ms: 30000
    wait_no_slave: false
    sound: true
replicas:
  description: The replicas this server is, one for each connection.
  returned: success
  type: list
  elements: dict
  contains:
    connection:
      description: Name of the connection, empty for the default one.
      type: str
    host:
      description: Host of the primary.
      type: str
    port:
      description: Port of the primary.
      type: int
    user:
      description: Account used there.
      type: str
    connect_retry:
      description: Seconds between attempts to connect.
      type: int
    heartbeat_period:
      description: Seconds between heartbeats.
      type: float
    use_gtid:
      description: V(no), V(slave_pos) or V(current_pos).
      type: str
    ssl:
      description: Whether the connection uses TLS; C(ssl_ca), C(ssl_cert), C(ssl_key), C(ssl_verify) are its settings.
      type: bool
    io_running:
      description: State of the thread that receives (V(Yes), V(No), V(Connecting), V(Preparing)).
      type: str
    sql_running:
      description: State of the thread that applies.
      type: str
    seconds_behind:
      description: How far it is behind, in seconds; null when that is not known.
      type: int
    io_error:
      description: Last error of the thread that receives; C(io_errno) is its number.
      type: str
    sql_error:
      description: Last error of the thread that applies; C(sql_errno) is its number.
      type: str
    read_file:
      description: File of the primary's binary log up to which it has received, with C(read_position).
      type: str
    applied_file:
      description: File of the primary's binary log up to which it has applied, with C(applied_position).
      type: str
    heartbeats:
      description: How many heartbeats it has received since it was started.
      type: int
    gtid_io_pos:
      description: GTID up to which it has received.
      type: str
    gtid_slave_pos:
      description: GTID up to which it has applied.
      type: str
    healthy:
      description: Whether both threads run.
      type: bool
    caught_up:
      description: Whether everything received is applied.
      type: bool
    problem:
      description: What is wrong, where it stands and what to do; null when it is healthy.
      type: str
databases:
  description: Databases other than the server's own; C(tables) is the number of tables, C(has_rows) whether any has a row.
  returned: success
  type: dict
  sample: {asteriskcdr: {tables: 2, has_rows: true}}
certificate:
  description:
    - The certificate of the server. C(path) is its file, C(in_force) what the server shows and C(on_disk) what the file holds
      (null where the Python library cryptography is missing), each with C(not_before) and C(not_after) in seconds since 1970,
      C(loaded) whether they are the same, C(seconds_left) how long the one in force is still valid, negative when it is not.
  returned: success
  type: dict
  sample:
    path: /etc/mysql/pbx-cert.pem
    in_force: {not_before: 1795824000, not_after: 1890432000}
    on_disk: {not_before: 1795824000, not_after: 1890432000}
    loaded: true
    seconds_left: 94608000
settings_differing:
  description: Of O(settings), those that the running server has otherwise.
  returned: success
  type: dict
  sample: {sync_binlog: {running: "0", wanted: "1"}}
executed_queries:
  description: Always empty, because nothing is changed.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_server as mariadb_server


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **mariadb.CONNECTION_ARGUMENTS,
            "settings": {"type": "dict", "default": {}},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    mariadb.run_module(
        module,
        lambda session: {
            "changed": False,
            **mariadb_server.read(session, module.params["settings"], module.params["wait"]),
        },
    )


if __name__ == "__main__":
    main()
