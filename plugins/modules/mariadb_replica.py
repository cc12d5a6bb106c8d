#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_replica
short_description: Make a MariaDB server the replica of another
version_added: "0.1.0"
description:
  - Makes, changes, starts, stops or removes one replication connection (C(CHANGE MASTER), C(START SLAVE), …).
  - What the server shows is compared with what is wanted, and only what differs is changed. Coordinates and GTID
    positions are never compared. An option that is not given leaves what an existing replica has.
  - A replica that cannot start is a failure, with the error of its threads and what to do. One that this call created is
    removed again then, and one that it changed is put back as it was and goes on.
  - Before a replica is created, or changed in how it logs in, the module logs in at the primary as the replica would, in check
    mode too; without O(password) with the one that the server has stored.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
  - dialtone.ha_pbx.mariadb
options:
  state:
    description:
      - V(started) - it exists as described, both threads run, and no error awaits them. One that was started has applied
        something, or there is nothing to apply.
      - V(stopped) - it exists as described and neither thread runs.
      - V(absent) - it does not exist (C(RESET SLAVE ALL)).
      - V(testable) - nothing is changed; the module only logs in at the primary as the replica would, and fails if it
        cannot. A way to find a wrong password or certificate before anything is touched.
    type: str
    choices: [started, stopped, absent, testable]
    default: started
  connection:
    description:
      - Name of the replication connection. Empty is the default connection.
    type: str
    default: ""
  host:
    description:
      - Host of the primary. Needed for a new replica.
    type: str
  port:
    description:
      - Port of the primary. A new replica uses 3306 by default.
    type: int
  user:
    description:
      - Account on the primary, with the privilege REPLICATION SLAVE. Needed for a new replica.
    type: str
  password:
    description:
      - Its password, at most 32 bytes, because the server forgets the rest. Needed for a new replica.
    type: str
  update_password:
    description:
      - V(always) - the password of an existing replica is compared with the one the server has stored in C(master.info)
        and changed if it differs; where that file cannot be read, it is sent each time.
      - V(on_create) - the password of an existing replica is left alone.
    type: str
    choices: [always, on_create]
    default: always
  check_login:
    description:
      - Whether check mode tries the login at the primary, as a real run always does. V(false) is for a login that an earlier task of
        the same run would make, or give its new password.
    type: bool
    default: true
  connect_retry:
    description:
      - Seconds between attempts to connect. A new replica uses 1 by default, because the server's own default of 60 leaves
        a primary without its replica for a minute.
    type: int
  heartbeat_period:
    description:
      - Seconds of silence after which the primary sends a heartbeat. Must be below C(slave_net_timeout). A new replica
        uses 2 by default.
    type: float
  use_gtid:
    description:
      - Whether the replica follows GTIDs from C(gtid_slave_pos), or log coordinates. A new replica uses V(slave_pos) by
        default.
    type: str
    choices: ["no", slave_pos]
  log_file:
    description:
      - For a new replica - file of the primary's binary log to begin with. With O(use_gtid=slave_pos) the replica begins
        there, learns its GTID position from the primary, and follows GTIDs from then on; a position that is left from former
        replication is forgotten. An existing replica ignores it.
    type: str
  log_pos:
    description:
      - Position in O(log_file), in bytes.
    type: int
  until_gtid:
    description:
      - A GTID position that must be contained in C(gtid_slave_pos) in the end. Where the replica has not applied that far
        within O(wait), the module fails.
      - With O(log_file) and O(use_gtid=slave_pos) it is needed, and must be the primary's GTID position at those
        coordinates (an empty string if it has none yet). M(dialtone.ha_pbx.mariadb_snapshot) and
        M(dialtone.ha_pbx.mariadb_primary_status) return both as one - V(gtid_binlog_pos).
    type: str
  demote_to_slave:
    description:
      - Whether the replica's GTID position takes in what this server itself has written (C(MASTER_DEMOTE_TO_SLAVE)). For a
        server that was a primary in the same domain; a pair with a domain for each server does not need it.
    type: bool
    default: false
  ssl:
    description:
      - Whether the connection uses TLS. A new replica does not by default.
    type: bool
  ssl_ca:
    description:
      - Certificate of the authority that signed the primary's certificate.
    type: path
  ssl_cert:
    description:
      - Certificate that this server shows to the primary.
    type: path
  ssl_key:
    description:
      - Key of O(ssl_cert).
    type: path
  ssl_verify:
    description:
      - Whether the primary's certificate must come from O(ssl_ca) and be made out to O(host). Applies with O(ssl=true). A new
        replica verifies by default, and so does one that did not use TLS before.
    type: bool
  wait:
    description:
      - Seconds to wait for each of - both threads run and no error awaits them, the GTID position is known, O(until_gtid) is reached.
    type: int
    default: 30
notes:
  - The password appears in no log, no diff and no result.
seealso:
  - module: dialtone.ha_pbx.mariadb_snapshot
  - module: dialtone.ha_pbx.mariadb_seed
"""

EXAMPLES = r"""
- name: Replicate from the peer, from where the snapshot was made
  dialtone.ha_pbx.mariadb_replica:
    host: 192.0.2.11
    user: replication
    password: "{{ replication_password }}"
    log_file: "{{ snapshot.file }}"
    log_pos: "{{ snapshot.position }}"
    until_gtid: "{{ snapshot.gtid_binlog_pos }}"
    ssl: true
    ssl_ca: /etc/mysql/pbx-ca.pem
    ssl_cert: /etc/mysql/pbx-cert.pem
    ssl_key: /etc/mysql/pbx-key.pem

- name: Stop replicating
  dialtone.ha_pbx.mariadb_replica:
    state: stopped
"""

RETURN = r"""
replica:
  description: The replica afterwards, as M(dialtone.ha_pbx.mariadb_info) describes one; null when there is none.
  returned: success
  type: dict
steps:
  description: What was done, or in check mode would be done, in order.
  returned: success
  type: list
  elements: str
  sample: [log in at the primary, stop the replica, change the replica, start the replica, wait until both threads run]
executed_queries:
  description: The statements that were run, without the password.
  returned: always
  type: list
  elements: str
  sample: ["STOP SLAVE", "CHANGE MASTER TO MASTER_CONNECT_RETRY=1", "START SLAVE"]
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_replication as mariadb_replication
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_server as mariadb_server
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Session, hostname
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_replication import Step, Wanted


def wanted_from(params: dict[str, Any], current: dict[str, Any] | None) -> Wanted:
    # Without TLS the paths say nothing, and what a server has left in them is no difference.
    tls = params["ssl"] is not False
    wanted = Wanted(
        connection=params["connection"],
        host=params["host"],
        port=params["port"],
        user=params["user"],
        password=params["password"],
        connect_retry=params["connect_retry"],
        heartbeat_period=params["heartbeat_period"],
        use_gtid=params["use_gtid"],
        ssl=params["ssl"],
        ssl_ca=params["ssl_ca"] if tls else None,
        ssl_cert=params["ssl_cert"] if tls else None,
        ssl_key=params["ssl_key"] if tls else None,
        # 11.4 and later verify unless told otherwise, and then refuse a connection without TLS.
        ssl_verify=params["ssl_verify"] if tls else False,
    )
    return mariadb_replication.verified(wanted, current)


def stored_password(session: Session, params: dict[str, Any], current: dict[str, Any]) -> str | None:
    """The password that the server has stored for a replica; None when it cannot be read."""
    path = Path(session.value("SELECT @@datadir")) / mariadb_replication.master_info_name(params["connection"])
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return mariadb_replication.replication_password(text, current["host"], current["user"])


class Work:
    """Read, plan, apply."""

    def __init__(self, module: AnsibleModule, session: Session) -> None:
        self.module = module
        self.params = module.params
        self.session = session
        self.name = module.params["connection"]
        # For a new replica only.
        self.coordinates: tuple[str, int] | None = None
        # gtid_slave_pos before the replica was started.
        self.begin = ""
        # Of an existing replica: its password, and its status when it was stopped for a change.
        self.stored: str | None = None
        self.stopped: dict[str, Any] | None = None

    def current(self) -> dict[str, Any] | None:
        return mariadb_server.replica(self.session, self.name)

    def password(self, current: dict[str, Any] | None) -> str | None:
        """The password with which the replica will log in; None when nobody but the server knows it."""
        given = self.params["password"]
        keeps = current is not None and self.params["state"] != "testable" and self.params["update_password"] == "on_create"
        return self.stored if current is not None and (given is None or keeps) else given

    def password_differs(self, current: dict[str, Any] | None) -> bool:
        """Whether the password of an existing replica has to be sent."""
        if current is None or self.params["password"] is None or self.params["update_password"] == "on_create":
            return False
        return self.stored != self.params["password"]

    def login(self, current: dict[str, Any] | None, password: str) -> dict[str, Any]:
        """Log in at the primary as the replica does; what mariadb.test_login returns."""
        like = mariadb_replication.completed(wanted_from(self.params, current), current)
        return mariadb.test_login(
            like.host,
            like.port,
            like.user,
            password,
            {"ca": like.ssl_ca, "cert": like.ssl_cert, "key": like.ssl_key, "verify": like.ssl_verify}
            if like.ssl
            else None,
            self.params["connect_timeout"],
        )

    def test_login(self, current: dict[str, Any] | None) -> None:
        """Refuse a primary at which the replica cannot log in, or that has this server's id."""
        password = self.password(current)
        if password is None:
            return  # only the server knows it, and will try it itself; what then fails is put back
        found = self.login(current, password)
        own = int(self.session.value("SELECT @@server_id"))
        if found["server_id"] == own:
            like = mariadb_replication.completed(wanted_from(self.params, current), current)
            raise MariaDBError(
                f"{hostname()}: this server and the primary {like.host}:{like.port} both have server_id {own}. "
                "Each server needs its own; correct the configuration of one and restart it. Nothing was changed."
            )

    def primary_position(self, status: dict[str, Any]) -> str | None:
        """What the primary has written, as it says itself; None when it cannot be asked."""
        password = self.password(status)
        if password is None:
            return None
        try:
            return str(self.login(status, password)["gtid_binlog_pos"])
        except MariaDBError:
            # The replica is connected, with a password of its own (update_password=on_create).
            return None

    def wait_running(self) -> None:
        """Wait until both threads run and the replica gets on (mariadb_replication.gets_on).

        One that runs all the time without showing that it gets on is at work on something long, or its primary is silent.
        """
        there: list[str | None] = []
        heartbeats: list[int] = []

        # The IO thread keeps trying after most errors, so they are reported when the time is over. Only a stopped
        # thread that says why is final.
        def decided() -> bool:
            status = self.current()
            if status is None:
                return True
            if status["healthy"]:
                # The server counts anew at some moment of the start.
                heartbeats.append(status["heartbeats"])
                if not there:
                    there.append(self.primary_position(status))
                return mariadb_replication.gets_on(status, self.begin, min(heartbeats), there[0])
            return bool(
                (status["io_running"] == "No" and status["io_errno"])
                or (status["sql_running"] == "No" and status["sql_errno"])
            )

        mariadb_server.poll(decided, self.params["wait"])
        status = self.current()
        if status is None or not status["healthy"]:
            why = status["problem"] if status else "the replica is gone: somebody removed it meanwhile."
            raise MariaDBError(f"{hostname()}: {why}")

    def wait_position(self) -> None:
        """Wait until gtid_slave_pos is the place up to which the replica has applied.

        Connected by coordinates, the primary tells the GTID at that place before the first event; until_gtid is that
        GTID, and says when it has arrived. A replica that exists knows it as soon as it applies something, or when there
        is nothing to apply. To wait for everything received would never end where the primary writes faster than the
        replica applies, and is not needed: what is received and not applied is fetched again.
        """
        begin = self.applied(self.current())

        def known() -> bool:
            status = self.current()
            if status is None or (status["sql_running"] == "No" and status["sql_errno"]):
                return True
            return self.reached(status) and bool(
                self.coordinates or status["caught_up"] or self.applied(status) != begin
            )

        self.wait_for_replica(known, "it does not get on")

    def wait_reached(self) -> None:
        """Wait until gtid_slave_pos contains until_gtid."""

        def reached() -> bool:
            status = self.current()
            return status is None or bool(status["sql_running"] == "No" and status["sql_errno"]) or self.reached(status)

        self.wait_for_replica(reached, f"{self.params['until_gtid']} is expected")

    def reached(self, status: dict[str, Any]) -> bool:
        return mariadb_replication.covers(status["gtid_slave_pos"], self.params["until_gtid"])

    @staticmethod
    def applied(status: dict[str, Any] | None) -> tuple[str, int] | None:
        return (status["applied_file"], status["applied_position"]) if status else None

    def wait_for_replica(self, condition: Callable[[], bool], expected: str) -> None:
        in_time = mariadb_server.poll(condition, self.params["wait"])
        status = self.current()
        if status is None or status["sql_running"] != "Yes":
            raise MariaDBError(f"{hostname()}: {status['problem'] if status else 'the replica is gone.'}")
        if not in_time:
            raise MariaDBError(
                f"{hostname()}: after {self.params['wait']} s the replica of {status['host']}:{status['port']} has received "
                f"{status['read_file']}:{status['read_position']}, applied {status['applied_file']}:"
                f"{status['applied_position']} and GTID {status['gtid_slave_pos'] or 'none'}; {expected}. Give it more time "
                "(wait), or look at what it is working on (SHOW PROCESSLIST)."
            )

    def stale_position(self) -> str:
        """What gtid_slave_pos holds from former replication; empty when another replica still uses it."""
        return "" if mariadb_server.replicas(self.session) else str(self.session.value("SELECT @@gtid_slave_pos"))

    def apply(self, steps: list[Step], current: dict[str, Any] | None) -> None:
        self.begin = str(self.session.value("SELECT @@GLOBAL.gtid_slave_pos"))
        for step in steps:
            if step.kind == "test":
                self.test_login(current)
            elif step.kind == "run":
                self.wait_running()
            elif step.kind == "position":
                self.wait_position()
            elif step.kind == "forget":
                self.set_position("")
            elif step.statement is not None:
                self.begin = str(self.session.value("SELECT @@GLOBAL.gtid_slave_pos"))
                if current is not None and step.statement.sql.startswith("CHANGE MASTER"):
                    self.stopped = self.current()
                self.session.execute(step.statement)

    def put_back(self, before: dict[str, Any]) -> str:
        """Leave an existing replica as it was, as far as this call has changed it.

        :returns: a sentence about it, "" when nothing had been changed.
        """
        now = self.current()
        if now is None or not any(query.startswith(("STOP SLAVE", "CHANGE MASTER")) for query in self.session.executed):
            return ""
        sent = self.password_differs(before) and self.stopped is not None
        stopped = self.stopped or now
        steps = mariadb_replication.plan_return(before, now, stopped, self.name, self.stored if sent else None)
        for step in steps:
            if step.statement is None:
                raise AssertionError("only statements put something back")
            # With demote_to_slave it had taken in what this server wrote. Unless it went on from there, that is taken out again.
            moved = self.begin == now["gtid_slave_pos"] != stopped["gtid_slave_pos"]
            if step.statement.sql.startswith("START") and self.params["demote_to_slave"] and moved:
                self.set_position(stopped["gtid_slave_pos"])
            self.session.execute(step.statement)
        if sent and self.stored is None:
            return "The replica has its former settings again, but the new password: the server does not tell the former one."
        if before["use_gtid"] == "no" and (self.current() or before)["use_gtid"] != "no":
            return "The replica has its former settings again, but follows GTIDs, by which it has applied something already."
        return "The replica is as it was before."

    def set_position(self, position: str) -> None:
        """Set gtid_slave_pos, whatever this server has written itself.

        In strict mode a position is refused that leaves out the domain into which this server writes. Naming that
        domain would be wrong: the replica would ask its primary for what it has itself.
        """
        strict = int(self.session.value("SELECT @@GLOBAL.gtid_strict_mode"))
        if strict:
            self.session.execute(mariadb_replication.set_strict(False))
        try:
            self.session.execute(mariadb_replication.set_position(position))
        finally:
            if strict:
                self.session.execute(mariadb_replication.set_strict(True))

    def undo_creation(self, position: str) -> None:
        """Leave the server as it was: without a replica, and with the GTID position it had."""
        for step in mariadb_replication.plan_replica(self.current(), Wanted(connection=self.name), "absent"):
            if step.statement is not None:
                self.session.execute(step.statement)
        if position:
            self.set_position(position)

    def run(self) -> dict[str, Any]:
        params = self.params
        if params["password"] is not None and len(params["password"].encode()) > mariadb_replication.PASSWORD_MAX:
            raise MariaDBError(
                f"{hostname()}: the replication password is longer than {mariadb_replication.PASSWORD_MAX} bytes. MariaDB cuts "
                "the rest off at its next restart (MDEV-29994), and the replica could not log in any more. Choose a shorter one."
            )
        if any(sign in (params["password"] or "") for sign in "\n\r\0"):
            raise MariaDBError(
                f"{hostname()}: the replication password has a line break in it, and the server keeps one line of it. Choose another"
                " one (a text block of YAML ends with a line break: use '|-' instead of '|'). Nothing was changed."
            )
        current = self.current()
        self.stored = None if current is None else stored_password(self.session, params, current)
        if params["state"] == "testable":
            self.test_login(current)
            return {"changed": False, "replica": current, "steps": []}
        wanted = wanted_from(params, current)
        if params["state"] != "absent":
            for warning in mariadb_replication.tls_warnings(wanted, current):
                self.module.warn(f"{hostname()}: {warning}")
        stale = self.stale_position()
        if params["log_file"] and current is None:
            self.coordinates = (params["log_file"], params["log_pos"])
        try:
            steps = mariadb_replication.plan_replica(
                current,
                wanted,
                params["state"],
                self.password_differs(current),
                self.coordinates,
                params["until_gtid"],
                stale,
                params["demote_to_slave"],
            )
        except MariaDBError as error:
            raise MariaDBError(f"{hostname()}: {error}") from error
        if self.module.check_mode:
            # The one step that changes nothing.
            if params["check_login"] and any(step.kind == "test" for step in steps):
                self.test_login(current)
        elif current is not None:
            self.change(steps, current)
        else:
            self.create(steps, stale)
        return self.result(steps, current)

    def change(self, steps: list[Step], current: dict[str, Any]) -> None:
        """Carry out a plan on an existing replica, or leave it as it was."""
        try:
            self.apply(steps, current)
        except MariaDBError as error:
            try:
                result = self.put_back(current)
            except MariaDBError as second:
                raise MariaDBError(
                    f"{error} The replica could not be put back: {second} Look at SHOW ALL SLAVES STATUS, and run this again with"
                    " what is right."
                ) from second
            raise MariaDBError(f"{error} {result}".rstrip()) from error
        if self.params["until_gtid"] and self.params["state"] == "started":
            self.wait_reached()

    def create(self, steps: list[Step], stale: str) -> None:
        """Carry out a plan where there is no replica yet, or leave none."""
        try:
            self.apply(steps, None)
            if self.params["until_gtid"] and self.params["state"] == "started":
                self.wait_reached()
        except MariaDBError as error:
            if not any(query.startswith(("CHANGE MASTER", "SET GLOBAL")) for query in self.session.executed):
                raise
            self.undo_creation(stale)
            raise MariaDBError(f"{error} The replica was removed again, as it was before.") from error

    def result(self, steps: list[Step], current: dict[str, Any] | None) -> dict[str, Any]:
        check = self.module.check_mode
        after = predicted(current, self.params) if check else shown(self.current())
        return {
            # Waiting and testing change nothing.
            "changed": any(step.statement for step in steps),
            "replica": current if check else self.current(),
            "steps": [f"{step.text}: {step.statement}" if step.statement else step.text for step in steps],
            "diff": {"before": text(shown(current)), "after": text(after)},
        }


SHOWN = (*mariadb_replication.CLAUSES, "use_gtid")


def shown(status: dict[str, Any] | None) -> dict[str, Any] | None:
    """What a diff shows of a replica: settings and whether it runs, nothing that moves by itself."""
    if status is None:
        return None
    return {**{name: status[name] for name in SHOWN}, "running": status["healthy"]}


def predicted(current: dict[str, Any] | None, params: dict[str, Any]) -> dict[str, Any] | None:
    if params["state"] == "absent":
        return None
    like = mariadb_replication.completed(wanted_from(params, current), current)
    return {**{name: getattr(like, name) for name in SHOWN}, "running": params["state"] == "started"}


def text(status: dict[str, Any] | None) -> str:
    return "".join(f"{name}: {value}\n" for name, value in status.items()) if status else "no replica\n"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **mariadb.CONNECTION_ARGUMENTS,
            "state": {"type": "str", "choices": ["started", "stopped", "absent", "testable"], "default": "started"},
            "connection": {"type": "str", "default": ""},
            "host": {"type": "str"},
            "port": {"type": "int"},
            "user": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "update_password": {
                "type": "str",
                "choices": ["always", "on_create"],
                "default": "always",
                "no_log": False,
            },
            "check_login": {"type": "bool", "default": True},
            "connect_retry": {"type": "int"},
            "heartbeat_period": {"type": "float"},
            "use_gtid": {"type": "str", "choices": ["no", "slave_pos"]},
            "log_file": {"type": "str"},
            "log_pos": {"type": "int"},
            "until_gtid": {"type": "str"},
            "demote_to_slave": {"type": "bool", "default": False},
            "ssl": {"type": "bool"},
            "ssl_ca": {"type": "path"},
            "ssl_cert": {"type": "path"},
            "ssl_key": {"type": "path", "no_log": False},
            "ssl_verify": {"type": "bool"},
            "wait": {"type": "int", "default": 30},
        },
        required_together=[("log_file", "log_pos"), ("ssl_cert", "ssl_key")],
        required_if=[("state", "testable", ("host", "user", "password"))],
        supports_check_mode=True,
    )
    mariadb.run_module(module, lambda session: Work(module, session).run())


if __name__ == "__main__":
    main()
