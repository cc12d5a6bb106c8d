# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster runs, in which order and where, as M(dialtone.ha_pbx.pcs_cib) is told of it.

The disk, the directories on it, the floating address, Asterisk, the part of the database that may be written to, and the service
that brings call records there. The order, and each placement, is in docs/architecture.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

Declaration = dict[str, Any]


def _colocation(name: str, resource: str, with_resource: str, with_role: str = "") -> Declaration:
    # A field of a constraint that is not given stays as it is in the cluster, so all are given, here and below.
    return {
        "id": name, "type": "colocation", "resource": resource, "with_resource": with_resource, "resource_role": "",
        "with_role": with_role, "score": "INFINITY",
    }  # fmt: skip


def _order(name: str, first: str, then: str, first_action: str = "start", kind: str = "Mandatory") -> Declaration:
    return {
        "id": name, "type": "order", "first": first, "first_action": first_action, "then": then, "then_action": "start",
        "kind": kind, "symmetrical": True,
    }  # fmt: skip


#: What the names of the resources begin with that mount the replicated paths.
BIND = "pbx-bind-"


def directory_name(path: str) -> str:
    """Return the name of a replicated path on the disk: "var-lib-asterisk" for /var/lib/asterisk."""
    return os.path.normpath(path).strip("/").replace("/", "-")


def bind_name(path: str) -> str:
    """Return the name of the resource that mounts a replicated path."""
    return BIND + directory_name(path)


class Service:
    """The service of one exchange, from the variables of its inventory."""

    def __init__(self, variables: Mapping[str, Any], socket: str) -> None:
        """Take the variables by their names (pbx_* and exchange_service_*), and the distribution's socket of MariaDB."""
        self._variables = variables
        self._socket = socket
        self._factor = int(variables["pbx_time_factor"] or 1)
        self._replicated = variables["pbx_storage"] == "drbd"
        #: Where each replicated path lies on the disk: {"/var/lib/asterisk": "var-lib-asterisk"}.
        self.directories = {path: directory_name(path) for path in variables["pbx_replicated_paths"]}

    def _of(self, name: str) -> Any:
        return self._variables[f"exchange_service_{name}"]

    def _operations(self, monitor: int, patience: int, start: int, stop: int) -> list[Declaration]:
        """Return the operations; all in seconds: between two checks, that one may take, that starting and stopping may take."""
        return [
            {"name": "monitor", "interval": self._seconds(monitor), "timeout": self._seconds(patience)},
            {"name": "start", "timeout": self._seconds(start)},
            {"name": "stop", "timeout": self._seconds(stop)},
        ]

    def _seconds(self, seconds: int) -> str:
        return f"{int(seconds) * self._factor}s"

    # --- resources ----------------------------------------------------------------------------------------------

    def disk_resources(self) -> list[Declaration]:
        """Return the disk, and with DRBD what makes a node its primary."""
        return [*([self._drbd()] if self._replicated else []), self._disk()]

    def resources(self) -> list[Declaration]:
        """Return all, the disk among them."""
        return [*self.disk_resources(), *self._binds(), self._address(), self._asterisk(), self._database(), self._records()]

    def _drbd(self) -> Declaration:
        # Of the same length the two checks would be the same operation to Pacemaker.
        checks = [
            {"name": "monitor", "interval": self._seconds(interval), "role": role, "timeout": self._seconds(30)}
            for role, interval in (("Promoted", 29), ("Unpromoted", 31))
        ]
        changes = [
            {"name": name, "timeout": self._seconds(seconds)}
            for name, seconds in (("start", 240), ("stop", 100), ("promote", 90), ("demote", 90))
        ]
        return {
            "name": "pbx-drbd",
            "agent": "ocf:linbit:drbd",
            "options": {
                "drbd_resource": self._of("drbd_resource"),
                # A node whose own disk failed while it serves is to go on over the other's, as is one that fetches what it missed:
                # with the agent's 10 for that (the second of "0 10 1000 10000") the cluster would move the service, and cut off
                # every call, at the agent's next look. Where nothing runs yet a node with a disk of its own still comes first.
                # The four are not to decrease.
                "adjust_master_score": "0 9990 9995 10000",
            },
            "operations": [*checks, *changes],
            "promotable": {"promoted-max": 1, "promoted-node-max": 1, "clone-max": 2, "clone-node-max": 1, "notify": "true"},
        }

    def _mount(self, name: str, group: str, options: Mapping[str, str]) -> Declaration:
        patience = self._of("storage_timeout")
        return {
            "name": name,
            "agent": "ocf:heartbeat:Filesystem",
            "group": group,
            # "safe" ends processes whose files are open below this mount. The default asks fuser, which takes every process on the
            # same file system for a user of a bind mount.
            "options": {name: value for name, value in {**options, "force_unmount": "safe"}.items() if value},
            "operations": self._operations(20, patience, patience, patience),
        }

    def _disk(self) -> Declaration:
        variables = self._variables
        if self._replicated:
            source = {"device": self._of("drbd_device"), "fstype": self._of("drbd_fstype"), "options": self._of("drbd_mount_options")}
        else:
            source = {
                "device": variables["pbx_shared_device"], "fstype": variables["pbx_shared_fstype"],
                "options": variables["pbx_shared_options"],
            }  # fmt: skip
        return self._mount("pbx-fs", "pbx", {"directory": variables["pbx_storage_mount"], **source})

    def _binds(self) -> list[Declaration]:
        # Beside the group: in it they would be mounted one after the other, a tenth of a second each, while calls are away.
        mount = self._variables["pbx_storage_mount"]
        return [
            self._mount(
                bind_name(path), "", {"device": f"{mount}/{name}", "directory": path, "fstype": "none", "options": "bind"}
            )
            for path, name in self.directories.items()
        ]

    def _address(self) -> Declaration:
        options = {
            "ip": self._variables["pbx_floating_address"],
            "cidr_netmask": str(self._variables["pbx_floating_prefix"]),
            "nic": self._variables["pbx_floating_interface"],
        }
        patience = self._of("address_timeout")
        return {
            "name": "pbx-ip",
            "agent": "ocf:heartbeat:IPaddr2",
            # Beside the group: what stands behind it in a group is restarted with it. Asterisk keeps its calls when somebody takes
            # the address away and the cluster puts it back.
            "group": "",
            "options": {name: value for name, value in options.items() if value},
            "operations": self._operations(self._of("address_monitor_interval"), patience, patience, patience),
        }

    def _asterisk(self) -> Declaration:
        return {
            "name": "pbx-asterisk",
            "agent": "ocf:dialtone:asterisk",
            "group": "pbx",
            "options": {
                "sip_address": self._variables["pbx_floating_address"],
                "sip_port": str(self._variables["asterisk_sip_port"] or 5060),
                "unit": self._of("asterisk_unit"),
                "sip_timeout_ms": str(self._of("sip_timeout_ms")),
                "sip_retries": str(self._of("sip_retries")),
                "stop_grace": str(self._of("asterisk_stop_grace")),
            },
            # Counts with priority-fencing-delay only.
            "meta": {"priority": "10"},
            "operations": self._operations(*self._of_each("asterisk")),
        }

    def _of_each(self, part: str) -> Iterable[int]:
        names = ("monitor_interval", "monitor_timeout", "start_timeout", "stop_timeout")
        return (self._of(f"{part}_{name}") for name in names)

    def _database(self) -> Declaration:
        return {
            "name": "pbx-db",
            "agent": "ocf:dialtone:mariadb_writer",
            "options": {
                "socket": self._variables["pbx_mariadb_socket"] or self._socket,
                "unit": self._of("mariadb_unit"),
                "start_wait": str(self._of("mariadb_start_wait")),
                "drain_timeout": str(self._of("mariadb_drain_timeout")),
            },
            "meta": {
                # Its failures must not move what it is placed with: calls do not follow the database, it follows them.
                "critical": "false",
                # A server that is down fails the start at once, and it is tried again soon: to wait inside the start would hold up
                # whatever else the cluster has to do.
                "failure-timeout": f"{self._of('mariadb_failure_timeout')}s",
            },
            "operations": self._operations(*self._of_each("mariadb")),
        }

    def _records(self) -> Declaration:
        # Calls depend on neither the database nor this, so nothing of it moves the service.
        return {
            "name": "pbx-records",
            "agent": "ocf:dialtone:call_records",
            "options": {},
            "meta": {
                "critical": "false",
                # Here or nowhere: it is tried again and again.
                "migration-threshold": "INFINITY",
                "failure-timeout": f"{self._of('records_failure_timeout')}s",
            },
            "operations": self._operations(10, 10, 20, 20),
        }

    # --- constraints --------------------------------------------------------------------------------------------

    def disk_constraints(self) -> list[Declaration]:
        """Return where the disk is mounted: where DRBD's primary is, after it."""
        if not self._replicated:
            return []
        return [
            _colocation("pbx-with-disk", "pbx", "pbx-drbd-clone", "Promoted"),
            _order("disk-then-pbx", "pbx-drbd-clone", "pbx", first_action="promote"),
        ]

    def constraints(self) -> list[Declaration]:
        """Return all, those of the disk among them."""
        return [*self.disk_constraints(), *self._bind_constraints(), *self._address_constraints(), *self._other_constraints()]

    def _bind_constraints(self) -> list[Declaration]:
        # Each bind where the disk is and after it, and Asterisk, which is with the disk too, after them all.
        return [
            entry
            for path, name in self.directories.items()
            for entry in (
                _colocation(f"bind-{name}-with-disk", bind_name(path), "pbx-fs"),
                _order(f"disk-then-bind-{name}", "pbx-fs", bind_name(path)),
                _order(f"bind-{name}-then-asterisk", bind_name(path), "pbx-asterisk"),
            )
        ]

    def _address_constraints(self) -> list[Declaration]:
        # The address is never placed with the group's disk: the group follows the address, so that were a circle, in which Pacemaker
        # takes one of them first, anywhere; with DRBD's primary on the other node nothing started. It is placed with the primary
        # itself, or, where the disk is shared, by what follows it.
        return [
            _colocation("pbx-with-ip", "pbx", "pbx-ip"),
            # Optional: when both start or both stop, in this order; an address that is put back stops nothing.
            _order("ip-then-asterisk", "pbx-ip", "pbx-asterisk", kind="Optional"),
            # No address without the disk, also when somebody disables the group. It costs no time: the directories are mounted
            # meanwhile.
            _order("disk-then-ip", "pbx-fs", "pbx-ip"),
            *([_colocation("ip-with-drbd", "pbx-ip", "pbx-drbd-clone", "Promoted")] if self._replicated else []),
        ]

    def _other_constraints(self) -> list[Declaration]:
        # The spool is in one of the directories on the disk: they are there before, and given up after it.
        mounts = [f"bind-{name}" for name in self.directories.values()] or ["fs"]
        return [
            _colocation("db-with-pbx", "pbx-db", "pbx"),
            _colocation("records-with-pbx", "pbx-records", "pbx"),
            *(_order(f"{mount}-then-records", f"pbx-{mount}", "pbx-records") for mount in mounts),
        ]
