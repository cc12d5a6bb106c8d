"""The exchange as its operator sees it: where it runs, whether the cluster is healthy, what both databases hold.

Everything is read over ssh with the tools that are on the hosts, so that no part of the collection under test says
how the collection is doing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from xml.etree import ElementTree

from . import hosts
from .config import FLOATING_ADDRESS, HOSTS, KIND, LabError, patience

DATABASE = "asteriskcdr"
TABLES = ("cdr", "cel")
#: What tells one call record from every other: also the unique key of the table.
RECORD_KEY = ("uniqueid", "linkedid", "sequence")

#: Seconds between two looks, on a host of ordinary speed.
POLL = 0.5

ASTERISK = "pbx-asterisk"
RUNNING_ROLES = ("Started", "Promoted", "Unpromoted")

Row = dict[str, str]
Result = TypeVar("Result")

_BATCH_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\0": "\0", "\\\\": "\\"}


def run(node: str, argv: list[str], stdin: str | None = None) -> str:
    """Run a command as root on a host and return its output.

    Raises LabError with host, command, exit code and what it said when it fails.
    """
    result = hosts.run(node, argv, stdin)
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip() or "nothing"
        raise LabError(f"{node}: {' '.join(argv)}: exit code {result.returncode}, it said: {said}")
    return result.stdout


def look(command: str, node: str | None = None) -> str:
    """Return the sentence that says how to look for oneself, on a node (the first that is on when None)."""
    return f"look with: make lab-shell NODE={node or next(iter(nodes_on()), 'server1')}, then {command}"


def nodes_on() -> list[str]:
    """Return the names of the hosts whose power is on."""
    return [name for name in HOSTS if hosts.running(name)]


def wait_until(what: str, ask: Callable[[], Result], satisfied: Callable[[Result], bool], seconds: float) -> Result:
    """Ask again and again until the answer satisfies.

    Args:
        what: what is waited for, for the error message.
        ask: gives the answer; a LabError of it (a host that is just booting) counts as one that does not satisfy.
        satisfied: whether the answer is the one waited for.
        seconds: how long to wait (longer by `config.patience`).

    Returns:
        The answer that satisfied.

    Raises:
        LabError: there was none in time; the message ends with the last answer.
    """
    seconds *= patience()
    end = time.monotonic() + seconds
    while True:
        last: object
        try:
            last = answer = ask()
            if satisfied(answer):
                return answer
        except LabError as error:
            last = error
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s for {what}; last seen: {last}")
        # A question costs a slow host seconds, and what is waited for comes no sooner.
        time.sleep(POLL * patience())


# The cluster


@dataclass(frozen=True)
class Resource:
    """A resource of the cluster: its agent, its role, where it is, and whether it failed, is blocked, is managed."""

    name: str
    agent: str
    role: str
    nodes: tuple[str, ...]
    failed: bool
    blocked: bool
    managed: bool


@dataclass(frozen=True)
class Fencing:
    """A fencing that the cluster did: whom, what, how it ended, and when (seconds since 1970)."""

    target: str
    action: str
    status: str
    completed: float


@dataclass(frozen=True)
class Cluster:
    """The cluster's state, as one `crm_mon` of one node shows it. `failures` and `node_problems` are sentences."""

    quorate: bool
    maintenance: bool
    fencing_enabled: bool
    node_problems: tuple[str, ...]
    resources: tuple[Resource, ...]
    failures: tuple[str, ...]
    fencings: tuple[Fencing, ...]

    def resource(self, name: str) -> Resource | None:
        """Return the resource of that id, or None."""
        return next((resource for resource in self.resources if resource.name == name), None)

    def problems(self) -> list[str]:
        """Return what an operator would have to look at, one sentence each; empty when the cluster is healthy."""
        found = list(self.node_problems) + list(self.failures)
        if not self.quorate:
            found.append("the partition has no quorum")
        if self.maintenance:
            found.append("the cluster is in maintenance mode")
        if not self.fencing_enabled:
            found.append("fencing is disabled")
        if self.resource(ASTERISK) is None:
            found.append(f"there is no resource {ASTERISK}")
        if not any(resource.agent.startswith("stonith:") for resource in self.resources):
            found.append("there is no fence device")
        for resource in self.resources:
            if resource.role not in RUNNING_ROLES or not resource.nodes:
                found.append(f"{resource.name} is {resource.role}")
            states = [state for state in ("failed", "blocked") if getattr(resource, state)]
            if not resource.managed:
                states.append("unmanaged")
            found += [f"{resource.name} is {state}" for state in states]
        return found


def parse_crm_mon(text: str) -> Cluster:
    """Read the output of `crm_mon --output-as=xml`, of Pacemaker 2.1 and 3.0.

    Raises LabError when it is no such thing.
    """
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - written by the lab's own host
    except ElementTree.ParseError as error:
        raise LabError(f"crm_mon did not answer with XML ({error}): {text[:200]!r}") from error
    options = root.find("summary/cluster_options")
    current = root.find("summary/current_dc")
    node_problems = []
    for node in root.iterfind("nodes/node"):
        states = [state for state in ("unclean", "standby", "standby_onfail", "maintenance", "pending", "shutdown")
                  if node.get(state) == "true"]  # fmt: skip
        if node.get("online") != "true":
            states.insert(0, "offline")
        node_problems += [f"{node.get('name')} is {state}" for state in states]
    return Cluster(
        quorate=current is not None and current.get("with_quorum") == "true",
        maintenance=options is not None and options.get("maintenance-mode") == "true",
        fencing_enabled=options is not None and options.get("stonith-enabled") == "true",
        node_problems=tuple(node_problems),
        resources=tuple(_resource(element) for element in root.iterfind("resources//resource")),
        failures=tuple(
            f"{failure.get('op_key', failure.get('id'))} on {failure.get('node')}: {failure.get('exitstatus')}"
            f" {failure.get('exitreason', '')}".rstrip()
            for failure in root.iterfind("failures/failure")
        ),
        fencings=tuple(
            Fencing(event.get("target", ""), event.get("action", ""), event.get("status", ""),
                    _seconds_since_1970(event.get("completed", "")))
            for event in root.iterfind("fence_history/fence_event")
        ),
    )  # fmt: skip


def _resource(element: ElementTree.Element) -> Resource:
    return Resource(
        name=element.get("id", ""),
        agent=element.get("resource_agent", ""),
        role=element.get("role", ""),
        nodes=tuple(node.get("name", "") for node in element.iterfind("node")),
        failed=element.get("failed") == "true",
        blocked=element.get("blocked") == "true",
        managed=element.get("managed") == "true",
    )


def _seconds_since_1970(text: str) -> float:
    """Read a time as crm_mon writes it: "2026-11-23 05:20:23.123456Z", or with " +01:00"; 0 for a pending action."""
    try:
        return datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$|Z$)", "", text.strip())).timestamp()
    except ValueError:
        return 0.0


def cluster(node: str | None = None) -> Cluster:
    """Return the cluster's state as a node sees it: the given one, or the first that answers.

    Raises LabError when none does.
    """
    problems = []
    for name in [node] if node else nodes_on():
        result = hosts.run(name, ["crm_mon", "--one-shot", "--inactive", "--output-as=xml"])
        if result.returncode == 0:
            return parse_crm_mon(result.stdout)
        problems.append(f"{name}: {(result.stderr or result.stdout).strip() or 'no answer'}")
    raise LabError(f"no node tells the state of the cluster: {'; '.join(problems) or 'every host is off'}")


def configuration() -> str:
    """Return the cluster's configuration as XML; its version counts every change, also one taken back."""
    return run(next(iter(HOSTS)), ["cibadmin", "--query", "--scope=configuration"])


def active_node(node: str | None = None) -> str:
    """Return the node on which Asterisk runs, as `node` (or the first that answers) sees it.

    Raises LabError when it runs nowhere.
    """
    return _active_node(cluster(node))


def _active_node(seen: Cluster) -> str:
    resource = seen.resource(ASTERISK)
    if resource is None or resource.role != "Started" or len(resource.nodes) != 1:
        raise LabError(f"{ASTERISK} runs on no node: {resource}; {look('pcs status')}")
    return resource.nodes[0]


def main_process(node: str, service: str) -> str:
    """Return the id of a service's main process on a node.

    Raises LabError when it does not run there.
    """
    pid = run(node, ["systemctl", "show", "--property=MainPID", "--value", service]).strip()
    if pid == "0":
        raise LabError(f"{service} does not run on {node}; {look(f'systemctl status {service}', node)}")
    return pid


def remove_address(node: str) -> None:
    """Take the floating address away from a node, as a colleague or a network manager does, behind the cluster's back.

    Raises LabError when the node does not have it.
    """
    shown = run(node, ["ip", "-oneline", "-4", "address", "show", "to", FLOATING_ADDRESS]).split()
    if "inet" not in shown:
        raise LabError(f"{node} does not have {FLOATING_ADDRESS}; {look('ip address', node)}")
    run(node, ["ip", "address", "delete", shown[shown.index("inet") + 1], "dev", shown[1]])


def acknowledge_failures() -> None:
    """Have the cluster forget the failures that it remembers, as an operator does who has read of them."""
    run(nodes_on()[0], ["pcs", "resource", "cleanup"])


def peer(node: str) -> str:
    """Return the other node."""
    return next(name for name in HOSTS if name != node)


#: Prints the registrations that are in the file. Without a lock, so that Asterisk's own commit never finds it busy.
_STORED_CONTACTS = """
import sqlite3
db = sqlite3.connect("file:/var/lib/asterisk/astdb.sqlite3?mode=ro&immutable=1", uri=True)
for row in db.execute("SELECT value FROM astdb WHERE key LIKE '/registrar/contact/%'"):
    print(row[0])
"""


def wait_registrations_stored(*addresses: str, seconds: float = 10) -> None:
    """Wait until the active node has written the registrations of telephones at `addresses` (IP:port) to its disk.

    Asterisk commits them about once a second. What it has not committed dies with the node, and the telephone cannot be
    called until it registers again: true of a telephone that registered in that very second, and not what a failover
    of telephones that were there before is about.
    """
    node = active_node()
    wait_until(
        f"the registrations of {', '.join(addresses)} on the disk of {node}",
        lambda: run(node, ["python3", "-c", _STORED_CONTACTS]),
        lambda stored: all(address in stored for address in addresses),
        seconds,
    )


def fenced_at(target: str, since: float, seen_by: str) -> float:
    """Return when the cluster had fenced a node.

    Args:
        target: that node.
        since: earliest time that counts, in seconds since 1970.
        seen_by: the node to ask.

    Returns:
        Seconds since 1970.

    Raises:
        LabError: it has not.
    """
    times = [
        fencing.completed
        for fencing in cluster(seen_by).fencings
        if fencing.target == target and fencing.status == "success" and fencing.completed >= since
    ]
    if not times:
        raise LabError(f"{seen_by} has not fenced {target}; {look('pcs stonith history', seen_by)}")
    return min(times)


# The disk


@dataclass(frozen=True)
class Disk:
    """How DRBD is on a node; of `role` and `state` the first is the node's own, the second the peer's."""

    connection: str
    role: tuple[str, str]
    state: tuple[str, str]


def disk(node: str) -> Disk:
    """Return the state of the DRBD disk on a node, as the kernel (8.4) shows it.

    Raises LabError when the resource is down.
    """
    shown = run(node, ["cat", "/proc/drbd"])
    found = re.search(r"cs:(\w+) ro:(\w+)/(\w+) ds:(\w+)/(\w+)", shown)
    if found is None:
        raise LabError(f"{node}: DRBD has no device that is up: {shown.strip()}")
    connection, *rest = found.groups()
    return Disk(connection, (rest[0], rest[1]), (rest[2], rest[3]))


def disk_problems() -> list[str]:
    """Return what is wrong with the replicated disk, one sentence each; empty where it is whole on both nodes."""
    found = []
    for node in HOSTS:
        now = disk(node)
        if now.connection != "Connected" or now.state != ("UpToDate", "UpToDate"):
            found.append(f"{node}: the disk is {now.connection}, {'/'.join(now.state)}")
    return found


# The databases


def sql(node: str, statement: str) -> list[Row]:
    """Run one SQL statement as root on a node's database; return its rows by column name (NULL is "NULL").

    Raises LabError with what the database said when it fails.
    """
    return parse_batch(run(node, ["mariadb", "--skip-ssl", "--batch", f"--database={DATABASE}"], stdin=statement))


def parse_batch(text: str) -> list[Row]:
    """Read what `mariadb --batch` writes: a line of column names, a line for each row, fields between tabs."""
    lines = [
        [re.sub(r"\\[nt0\\]", lambda found: _BATCH_ESCAPES[found[0]], field) for field in line.split("\t")]
        for line in text.splitlines()
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def records(node: str) -> list[Row]:
    """Return every call record of a node's database."""
    return sql(node, "SELECT * FROM cdr")


def record_keys(nodes: Iterable[str] | None = None) -> set[tuple[str, ...]]:
    """Return what identifies each call record that the databases (of all hosts that are on) hold by now."""
    return {_key(record) for node in nodes or nodes_on() for record in records(node)}


def _key(record: Row) -> tuple[str, ...]:
    return tuple(record[column] for column in RECORD_KEY)


def wait_record(
    src: str,
    dst: str,
    known: set[tuple[str, ...]],
    nodes: Iterable[str] | None = None,
    seconds: float = 20,
    talked: int = 0,
) -> Row:
    """Wait until every given database holds the record of one answered call, the same one.

    Args:
        src: caller.
        dst: number that was dialled.
        known: records that do not count, as `record_keys` returns them: those from before the call.
        nodes: whose databases; every host that is on when None.
        seconds: how long to wait.
        talked: seconds of talk; a record of less is that of another call, which its caller gave up as it was answered.

    Returns:
        The record.

    Raises:
        LabError: it did not come, or there are several, or the databases differ; the message says what each holds.
    """
    asked = list(nodes or nodes_on())

    def new() -> dict[str, list[Row]]:
        return {
            node: [
                record
                for record in records(node)
                if _key(record) not in known
                and (record["src"], record["dst"], record["disposition"]) == (src, dst, "ANSWERED")
                and int(record["billsec"]) >= talked
            ]
            for node in asked
        }

    def one_and_the_same(found: dict[str, list[Row]]) -> bool:
        rows = list(found.values())
        return len(rows[0]) == 1 and all(row == rows[0] for row in rows)

    what = f"one new record of the answered call {src} -> {dst} in the database of {' and '.join(asked)}"
    return wait_until(what, new, one_and_the_same, seconds)[asked[0]][0]


def spool_empty() -> bool:
    """Tell whether no record waits for the database on the active node."""
    answer = json.loads(run(active_node(), ["/usr/local/sbin/call-records", "status", "--json"]))
    return bool(answer["pending"]["files"] == 0)


def checksums() -> dict[str, dict[str, str]]:
    """Return the checksum of each table of call records, by node and table."""
    statement = f"CHECKSUM TABLE {', '.join(TABLES)}"
    return {node: {row["Table"]: row["Checksum"] for row in sql(node, statement)} for node in HOSTS}


def wait_databases_equal(seconds: float = 30) -> dict[str, str]:
    """Wait until both databases hold the same; return the checksums by table."""
    first, second = HOSTS
    found = wait_until(
        "equal checksums of both databases", checksums,
        lambda sums: sums[first] == sums[second] and "NULL" not in sums[first].values(), seconds,
    )  # fmt: skip
    return found[first]


def replication_problems() -> list[str]:
    """Return what is wrong with the replication between the databases, one sentence each; empty when all is well.

    Each node's replica has to run without error and to have applied everything that the other one wrote; and the
    one that may write has to have a replica that acknowledges.
    """
    found = []
    written, applied = {}, {}
    for node in HOSTS:
        variables = ("gtid_binlog_pos", "gtid_slave_pos", "read_only")
        state = sql(node, f"SELECT {', '.join(f'@@{variable} AS {variable}' for variable in variables)}")[0]
        written[node], applied[node] = _positions(state["gtid_binlog_pos"]), _positions(state["gtid_slave_pos"])
        replicas = sql(node, "SHOW ALL SLAVES STATUS")
        if len(replicas) != 1:
            found.append(f"{node} replicates from {len(replicas)} servers, not from one")
        for replica in replicas:
            for thread in ("Slave_IO_Running", "Slave_SQL_Running"):
                if replica[thread] != "Yes":
                    error = replica["Last_IO_Error"] or replica["Last_SQL_Error"]
                    found.append(f"{node}: {thread} is {replica[thread]} {error}".rstrip())
        if state["read_only"] == "0":
            rows = sql(node, "SHOW STATUS LIKE 'Rpl_semi_sync_master_%'")
            status = {row["Variable_name"]: row["Value"] for row in rows}
            if status.get("Rpl_semi_sync_master_status") != "ON" or status.get("Rpl_semi_sync_master_clients") != "1":
                found.append(f"{node} writes without a replica that acknowledges (semi-synchronous replication is off)")
    for node in HOSTS:
        missing = {
            domain: sequence
            for domain, sequence in written[node].items()
            if applied[peer(node)].get(domain, 0) < sequence
        }
        if missing:
            found.append(f"{peer(node)} has not applied what {node} wrote, up to {missing} (domain: sequence)")
    return found


def _positions(text: str) -> dict[str, int]:
    """Read a GTID position, "1-1-5,2-2-7": the last sequence number by domain."""
    if text in ("", "NULL"):
        return {}
    return {domain: int(sequence) for domain, _server, sequence in (gtid.split("-") for gtid in text.split(","))}


# All of it


def problems() -> list[str]:
    """Return everything that is wrong with the exchange, one sentence each; empty when it is whole.

    Raises LabError when it cannot be asked.
    """
    off = [f"{name} is off" for name in HOSTS if not hosts.running(name)]
    if off:
        return off
    # What one node sees is what the cluster agreed on, unless it fell apart: so both are asked.
    seen = {node: cluster(node) for node in HOSTS}
    views = {f"{problem} (says {node})" for node, state in seen.items() for problem in state.problems()}
    places = {_active_node(state) for state in seen.values()} if not views else set()
    if len(places) > 1:
        views.add(f"the nodes do not agree on where Asterisk runs: {', '.join(sorted(places))}")
    return sorted(views) + replication_problems() + (disk_problems() if KIND == "vms" else [])


def wait_healthy(seconds: float = 120) -> None:
    """Wait until nothing is wrong: hosts on, cluster healthy, replication running both ways and caught up.

    Raises LabError with what is still wrong when the time is over.
    """
    wait_until("a healthy exchange", problems, lambda found: not found, seconds)
