# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a running exchange is as it should be: judges what the modules read of it, and reads nothing itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.cluster_service import BIND, bind_name
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

#: What the cluster has of every exchange. The names are those of cluster_service.py.
RESOURCES = ("pbx-fs", "pbx-ip", "pbx-asterisk", "pbx-db", "pbx-records")
#: A file system is nearly full when both are left: a large disk has room with one of them.
NEARLY_FULL_PART, NEARLY_FULL_BYTES = 0.1, 2 * 2**30
NEARLY_FULL_FILES = 2000
#: Seconds by which a replica may be behind, days that a certificate is to last, seconds since the loader of records was seen.
LATE_SECONDS, CERTIFICATE_DAYS, LOADER_SECONDS = 30, 7, 30


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


class Cluster:
    """The cluster as M(dialtone.ha_pbx.pcs_info) found it.

    :param found: the module's result.
    :param nodes: names of the nodes.
    """

    def __init__(self, found: Mapping[str, Any], nodes: Sequence[str]) -> None:
        self.found = found
        self.nodes = list(nodes)
        self.state: Mapping[str, Any] = found["cluster"]
        self.resources = [entry for entry in found.get("resources", []) if entry["type"] != "stonith"]
        self.single = [entry for entry in self.resources if not entry["clone"]]
        self.maintained = [entry["name"] for entry in found.get("nodes", []) if entry.get("maintenance")]
        constraints = self.constraints = [entry["id"] for entry in found.get("constraints", [])]
        #: What a person told the cluster, and no deployment takes back.
        self.placed = [name for name in constraints if re.match(r"cli-(ban|prefer)-", name)]
        self.stopped = sorted({entry["stopped_by"] for entry in self.resources if entry["stopped_by"]})
        #: What DRBD told the cluster, and takes back itself when the other node's copy is current again.
        self.barred = [name for name in constraints if name.startswith("drbd-fence-by-handler")]

    @property
    def active(self) -> list[str]:
        """The nodes on which parts of the service run: one, if all is well."""
        return list(dict.fromkeys(entry["node"] for entry in self.single if entry["node"]))

    @property
    def decided(self) -> bool:
        """Whether a person decided some of what is not well: waiting does not end it."""
        return bool(self.state["maintenance"] or self.state["standby"] or self.maintained or self.stopped or self.placed)

    @property
    def unfenced(self) -> list[str]:
        """The nodes that no fence device which runs could switch off."""
        fenced = {node for device in self.found.get("stonith", []) if device["role"] == "Started" for node in device["targets"]}
        return sorted(set(self.nodes) - fenced)

    def problems(self, unfenced_allowed: bool) -> Iterator[Problem]:
        """Give what is wrong and may end by itself.

        :param unfenced_allowed: C(pacemaker_cluster_allow_unfenced).
        """
        yield from self._nodes_and_quorum()
        yield from self._broken()
        yield from self._people()
        if self.barred:
            yield problem(
                "DRBD lets only one node use the disk, for the other's copy is not current, so the standby cannot take over"
                f" ({', '.join(self.barred)})",
                "Wait until DRBD has fetched what is missing (`cat /proc/drbd`, with DRBD 9 `drbdadm status`): it takes this"
                " constraint away itself. When nothing moves, mend the connection (docs/disk.md, When the nodes lose sight of each"
                " other). Do not remove it by hand but as that page says.",
            )
        if len(self.active) > 1:
            yield problem(
                f"the service is spread over {' and '.join(self.active)}",
                "See `pcs constraint --full`; colocations are missing, or somebody moved a part of it (`pcs resource clear`).",
            )
        if self.found.get("failed_actions"):
            told = "; ".join(
                f"{failure['action']} of {failure['resource']} on {failure['node']} ({failure['status']}"
                f"{': ' + failure['reason'] if failure['reason'] else ''}, {failure['when']})"
                for failure in self.found["failed_actions"]
            )
            yield problem(
                f"failures that the cluster remembers: {told}",
                "When the cause is known and gone, `pcs resource cleanup` (`pcs stonith cleanup` for fence devices).",
            )
        yield from self._fencing(unfenced_allowed)

    def _nodes_and_quorum(self) -> Iterator[Problem]:
        state = self.state
        if not state["running"]:
            yield problem(
                "the cluster does not run here",
                "Start it with `pcs cluster start`, and see `journalctl -u corosync -u pacemaker` if it does not stay.",
            )
        if state["running"] and not state["quorate"]:
            yield problem(
                "the cluster has no quorum, so it runs nothing",
                "See `corosync-quorumtool` and `corosync-cfgtool -s` for the link to the peer. After both were off, both must be up"
                " once.",
            )
        away = set(self.nodes) - set(state["online"])
        if away:
            yield problem(
                f"not online in the cluster: {_names(away)}",
                "There, see `pcs status` and `journalctl -u pacemaker -u corosync`, and start it with `pcs cluster start`.",
            )
        if state["unclean"]:
            yield problem(
                f"waiting for fencing: {', '.join(state['unclean'])}",
                "See `pcs stonith history`. Only when the node is certainly without power, `pcs stonith confirm <node>`.",
            )

    def differences(self, paths: Sequence[str] | None, devices: Sequence[str] | None) -> Iterator[Problem]:
        """Give what the cluster has and the inventory has not, and the other way round: no waiting ends it.

        :param paths: C(pbx_replicated_paths); None when the inventory is not in force yet (a dry run).
        :param devices: names of the fence devices of the inventory; None likewise.
        """
        there = {entry["id"] for entry in self.resources}
        binds = {bind_name(path) for path in paths or []}
        missing = (set(RESOURCES) | binds) - there
        if self.state["running"] and missing:
            yield problem(f"resources that the cluster does not have: {_names(missing)}", "Deploy them with site.yml.")
        left = sorted({name for name in there if name.startswith(BIND)} - binds)
        if paths is not None and left:
            yield problem(
                f"mounts that the cluster has and pbx_replicated_paths does not: {', '.join(left)}",
                "If the directory is no longer to be replicated, save what it holds, and in a quiet hour, for it ends all calls,"
                f" {', '.join(f'`pcs resource delete {name}`' for name in left)}: from then on each node has its own. Otherwise put it"
                " back into pbx_replicated_paths.",
            )
        # Those that a deployment made: with each comes a constraint of this name. A device that somebody made by hand for both nodes,
        # such as sbd, is nothing that the inventory could have.
        made = {
            device["id"] for device in self.found.get("stonith", [])
            if any(f"{device['id']}-avoids-{node}" in self.constraints for node in device["targets"])
        }  # fmt: skip
        gone = sorted(made - set(devices or []))
        if devices is not None and gone:
            yield problem(
                f"fence devices that the cluster has and the inventory does not: {', '.join(gone)}",
                f"If it is no longer there, `pcs stonith delete {gone[0]}`: the cluster would wait for it when a node is to be fenced."
                " If it is, put it back into pacemaker_cluster_fence_devices.",
            )

    def _broken(self) -> Iterator[Problem]:
        # What waits for something that a person stopped is not broken, and comes back with it.
        broken = [
            *(entry for entry in self.single if entry["role"] != "Started" and not self.stopped),
            *(entry for entry in self.resources if entry["failed"] or entry["blocked"]),
        ]
        if broken:
            told = dict.fromkeys(f"{entry['id']} is {entry['role']}" for entry in broken)
            yield problem(
                f"resources not well: {', '.join(told)}",
                "See `pcs status --full` and the reason of each failure; then `pcs resource cleanup <resource>`.",
            )

    def _people(self) -> Iterator[Problem]:
        """What a person decided, each with how it is taken back."""
        state = self.state
        if state["maintenance"]:
            yield problem(
                "the cluster is in maintenance, so nobody watches the service",
                "When the work is done, `pcs property set maintenance-mode=false`.",
            )
        if state["standby"]:
            yield problem(
                f"on standby, and of no help if the other fails: {', '.join(state['standby'])}",
                "When the work is done, `pcs node unstandby <node>`.",
            )
        if self.maintained:
            yield problem(
                f"in maintenance, so nobody watches what runs there: {', '.join(self.maintained)}",
                "When the work is done, `pcs node unmaintenance <node>`.",
            )
        # What the cluster's or a node's maintenance leaves alone comes back with it, and not by `pcs resource manage`.
        unmanaged = [
            entry["id"] for entry in self.resources
            if not state["maintenance"] and not entry["managed"] and entry["node"] not in self.maintained
        ]  # fmt: skip
        if unmanaged:
            yield problem(
                f"resources that the cluster was told not to manage: {', '.join(unmanaged)}",
                "When the work is done, `pcs resource manage <resource>`.",
            )
        if self.stopped:
            yield problem(
                f"resources that somebody has stopped: {', '.join(self.stopped)}",
                f"When the work is done, `pcs resource enable {' '.join(self.stopped)}`.",
            )
        if self.placed:
            yield problem(
                f"somebody has tied resources to a node, or barred them from one: {', '.join(self.placed)}",
                "When the work is done, `pcs resource clear <resource>`; until then the service cannot go wherever it has to.",
            )

    def _fencing(self, allowed: bool) -> Iterator[Problem]:
        if self.state["running"] and self.unfenced and not allowed:
            yield problem(
                f"no fence device runs that could switch off {' or '.join(self.unfenced)}",
                "See `pcs stonith status`, and pacemaker_cluster_fence_devices in the inventory.",
            )
        enabled = str(self.found.get("properties", {}).get("stonith-enabled", "true")).lower()
        if enabled in ("false", "no", "off", "0") and not allowed:
            yield problem("fencing is switched off (stonith-enabled)", "Run site.yml, which switches it on.")


def judge_cluster(
    found: Mapping[str, Any],
    nodes: Sequence[str],
    unfenced_allowed: bool = False,
    paths: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return what there is to say of a cluster.

    :param found: the result of M(dialtone.ha_pbx.pcs_info).
    :param nodes: names of the nodes.
    :param unfenced_allowed: C(pacemaker_cluster_allow_unfenced).
    :param paths: C(pbx_replicated_paths); None when the inventory is not in force yet.
    :param devices: names of the fence devices of the inventory; None likewise.
    :returns: C(problems), each with C(found) and C(cure); C(active), nodes with the service; C(unfenced), nodes that nothing can
        switch off; C(waiting), whether some of the problems may end by themselves; C(decided), whether a person decided some of
        them, so that waiting is in vain.
    """
    if "cluster" not in found:
        return {"problems": [], "active": [], "unfenced": sorted(nodes), "waiting": False, "decided": False}
    cluster = Cluster(found, nodes)
    problems = list(cluster.problems(unfenced_allowed))
    return {
        "problems": [*problems, *cluster.differences(paths, devices)],
        "active": cluster.active,
        "waiting": bool(problems),
        "unfenced": cluster.unfenced,
        "decided": cluster.decided,
    }


# --- the database ----------------------------------------------------------------------------------------------------


def judge_database(found: Mapping[str, Any], host: str, active: Sequence[str]) -> list[Problem]:
    """Return what is wrong with a node's database.

    :param found: the result of M(dialtone.ha_pbx.mariadb_info), also of a failure.
    :param host: name of the node.
    :param active: nodes with the service; where it is not one, nobody is told what to be.
    """
    if "replicas" not in found:
        return [
            problem(
                f"the database could not be asked: {found.get('msg', 'no reason given')}",
                "See `systemctl status mariadb` and `journalctl -u mariadb`.",
            )
        ]
    return [*_replicas(found["replicas"]), *_role(found, host, list(active)), *_certificate(found.get("certificate") or {})]


def _replicas(replicas: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
    if not replicas:
        yield problem(
            "the database replicates from nowhere, so the peer's call records do not come here",
            "Run site.yml. Where both have rows of their own it says what has to be decided, and mariadb_discard.yml does it.",
        )
    unwell = [replica["problem"] or "" for replica in replicas if not replica["healthy"]]
    if unwell:
        yield problem(f"replication from the peer: {' '.join(filter(None, unwell))}", "It is said there.")
    behind = [replica["seconds_behind"] for replica in replicas if replica["healthy"]]
    late = [seconds for seconds in behind if isinstance(seconds, (int, float)) and seconds > LATE_SECONDS]
    if late:
        yield problem(
            f"replication from the peer is {', '.join(map(str, late))} s late",
            "See `SHOW ALL SLAVES STATUS` and the load of this host; it should fall while you look.",
        )
    if not all(replica["ssl"] for replica in replicas):
        yield problem("replication from the peer is not encrypted", "Run site.yml.")


def _role(found: Mapping[str, Any], host: str, active: list[str]) -> Iterator[Problem]:
    if active == [host]:
        if found["read_only"]:
            yield problem(
                "the database is read-only on the node in service, so call records wait in their spool",
                "See `pcs status` for pbx-db, which makes it writable.",
            )
        if not found["semi_sync"]["primary_active"]:
            yield problem(
                "a call record counts as written although the peer does not have it (semi-synchronous replication is not active)",
                "See whether the peer's database runs and replicates; it becomes active by itself when the peer has caught up.",
            )
    elif len(active) == 1 and not found["read_only"]:
        yield problem(
            "the database is writable on the standby",
            "Somebody changed it by hand. Set it back with `SET GLOBAL read_only = ON`, once nobody writes.",
        )


def _certificate(about: Mapping[str, Any]) -> Iterator[Problem]:
    if not about.get("loaded", True):
        yield problem(
            f"the database still shows its former certificate, or its former authority's, and not what is in {about.get('path', '')}",
            "Run site.yml, which has it read that, or there `mariadb --skip-ssl -e 'FLUSH LOCAL SSL'`.",
        )
    seconds = about.get("seconds_left")
    if seconds is None:
        return
    days = int(seconds // 86400)
    if days < 0:
        yield problem(
            f"the database's certificate ended {-days} days ago: the peer gets no call records once its connection breaks, and the"
            " client refuses its own socket",
            "Is the clock right (`timedatectl`)? Then run site.yml for both nodes: it makes a new certificate and has the server show"
            " it, without a restart. Meanwhile `mariadb --skip-ssl` gets in.",
        )
    elif days < CERTIFICATE_DAYS:
        yield problem(
            f"the database's certificate ends in {days} days", "Run site.yml for both nodes; it makes new ones before they end."
        )


# --- call records ----------------------------------------------------------------------------------------------------


def judge_records(spool: Mapping[str, Any], writers: str, alert: int, mount: str) -> list[Problem]:
    """Return what keeps call records from arriving, on the node in service.

    :param spool: the result of the command C(call-records status --json): C(rc), C(stdout) and C(stderr).
    :param writers: what Asterisk's console says to C(module show like _custom.so), C(cdr show status) and C(cel show status).
    :param alert: age in seconds of the oldest record from which on it is a problem.
    :param mount: where the replicated disk is mounted.
    """
    return [*_spool(spool, alert, mount), *_writers(writers)]


def _spool(answer: Mapping[str, Any], alert: int, mount: str) -> Iterator[Problem]:
    said = str(answer.get("stderr") or answer.get("stdout") or "no answer").strip()
    try:
        status = json.loads(answer["stdout"]) if answer.get("rc", 1) == 0 else {}
        loader, pending, spool = status["loader"] or {}, status["pending"], status["spool"]
    except (KeyError, TypeError, ValueError):
        yield problem(
            f"the spool of call records cannot be looked at: {said}", "Run site.yml, which installs what looks at it (role odbc_cdr)."
        )
        return
    if not loader or status["loader_age"] > LOADER_SECONDS:
        yield problem(
            f"the service that brings call records to the database does not run, so they wait in {spool}",
            "See `pcs status` for pbx-records, and `journalctl -u call-records`.",
        )
    if pending["oldest"] > alert:
        yield problem(
            f"{pending['files']} files with call records ({pending['bytes']} bytes) wait for the database, the oldest record for"
            f" {int(pending['oldest'])} s; the database says {loader.get('database') or 'nothing'}",
            "See docs/night/records-missing.md. None is lost, and all are loaded when the database takes them again.",
        )
    if status["rejected"]:
        yield problem(
            f"records that could not be read are kept in {spool}/rejected: {', '.join(status['rejected'])}",
            "See docs/night/records-missing.md; remove the files when you have looked at them.",
        )
    if not loader.get("reserve", True):
        yield problem(
            f"the disk of {spool} is full, and the room that was kept for call records is in use",
            f"Make room there (`du -xh {mount} | sort -h | tail`).",
        )


def _writers(said: str) -> Iterator[Problem]:
    for what, module, works, file in (
        ("call records", "cdr_custom", re.search(r"^ +Logging: +Enabled", said, re.MULTILINE), "cdr.conf"),
        ("channel events", "cel_custom", "CEL Logging: Enabled" in said, "cel.conf"),
    ):
        # The status alone goes on naming a module that is not loaded any more.
        if f"{module}.so" not in said or not works:
            yield problem(
                f"Asterisk writes no {what} ({module} is not loaded, or {file} is not in force)",
                f'Run site.yml; if it stays so, see `asterisk -rx "module load {module}.so"` and /var/log/asterisk/messages.log.',
            )


# --- what users reach ------------------------------------------------------------------------------------------------


def judge_answers(sip: Mapping[str, Any], odbc: Mapping[str, Any], address: str, active: Sequence[str]) -> list[Problem]:
    """Return what does not answer.

    :param sip: the result of the SIP request, or that it was skipped on this host.
    :param odbc: the result of the query through ODBC: C(rc), C(stdout), C(stderr).
    :param address: the floating address.
    :param active: nodes with the service.
    """
    problems, where = [], "".join(active)
    if not sip.get("skipped") and sip.get("rc", 3) != 0:
        problems.append(
            problem(
                f"SIP OPTIONS from here to {address}, which {where} has: {sip.get('stdout') or ''}{sip.get('stderr') or ''}".strip(),
                f'On {where}, see `asterisk -rx "pjsip show transports"` and `journalctl -u asterisk`; does `ip address` have the'
                " address? Does `firewall-cmd --zone=pbx-peers --list-services` have pbx-telephones? Does the network between the two"
                " nodes let SIP through?",
            )
        )
    said = f"{odbc.get('stdout') or ''}{odbc.get('stderr') or ''}".strip()
    if odbc.get("rc", 1) != 0 or "ERROR" in said:
        problems.append(
            problem(
                f"the table of call records is not reachable through ODBC: {said}",
                "As the user asterisk, `isql -v asteriskcdr`; see /etc/odbc.ini and whether MariaDB runs.",
            )
        )
    return problems


def judge_space(found: Mapping[str, Any]) -> list[Problem]:
    """Return which file systems are nearly full.

    :param found: the result of M(dialtone.ha_pbx.preflight_info), also of a failure. Of C(space) are read C(path), C(bytes) and
        C(files) that are left, and C(size) in bytes.
    """
    if "space" not in found:
        return [problem(f"how much room there is could not be read: {found.get('msg', 'no reason given')}", "See `df -h` there.")]
    problems = []
    for room in found["space"]:
        few = room["bytes"] < NEARLY_FULL_BYTES and room["bytes"] < NEARLY_FULL_PART * room["size"]
        if few or (room["files"] is not None and room["files"] < NEARLY_FULL_FILES):
            left = f"{room['bytes'] // 2**20} MiB" if few else f"{room['files']} files"
            problems.append(
                problem(
                    f"the file system of {room['path']} is nearly full: {left} are left",
                    f"Make room (`du -xh {room['path']} | sort -h | tail`, `journalctl --vacuum-size=200M`), or make it larger.",
                )
            )
    return problems
