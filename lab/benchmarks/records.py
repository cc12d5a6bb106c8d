"""Is a call record ever lost? python3 -m lab.benchmarks.records --runs N --seed S [--only NAME], on a deployed lab.

Calls are made at a rate while something happens to the database of the active node, at a random moment. Afterwards the calls that
SIPp saw closed are compared with the rows of both databases, call by call: each dials a number of its own. A line for each
run; the exit code is 0 when no closed call is without its row, none has two, and no call failed that the database is no reason for.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from lab import exchange, hosts
from lab.config import HOSTS, LabError
from lab.sipp import Load, Outcome

#: Calls begun in a second, and how long each talks (seconds).
RATE = 20.0
TALK_SECONDS = 2.0
#: Seconds from the end of a fault until every record is in both databases.
ARRIVAL_LIMIT = 120.0
#: The echo, with a number of its own for each call behind it.
PREFIX = "*43"
#: The fault begins so long after the first call, at random between the two (seconds).
BEGINS = (2.0, 5.0)
#: A process that is stopped this way answers nobody, and the cluster may well kill it.
_MARIADB = "mariadb.service"


_PATTERN = "_" + PREFIX + "XXXXXX"


@contextmanager
def numbers_taken() -> Iterator[None]:
    """Have the active node's dialplan answer the numbers of the calls, until the end; a restart of Asterisk takes them away, too."""
    node = exchange.active_node()
    for step in ("1,Set(CDR(node)=${ENV(PBX_NODE)})", "2,Answer", "3,Echo", "4,Hangup"):
        exchange.run(node, ["asterisk", "-rx", f"dialplan add extension {_PATTERN},{step} into demo-internal replace"])
    try:
        yield
    finally:
        # Whatever became of the node: the acceptance would name what nobody declared.
        hosts.run(node, ["asterisk", "-rx", f"dialplan remove extension {_PATTERN}@demo-internal"])


@dataclass(frozen=True)
class Audit:
    """What became of the calls of a run.

    `rows` are the calls that have a row, of which `rebuilt` were made from events; `lost` were closed and have none in one of the
    databases, `twice` have several. `arrival` is the time until all of it was so, in seconds after the end of the fault; `waiting`
    says that ARRIVAL_LIMIT was over before nothing waited in the spool and both databases were equal.
    """

    outcome: Outcome
    closed: int
    rows: int
    rebuilt: int
    lost: int
    twice: int
    arrival: float
    waiting: bool

    def problems(self, calls_may_fail: bool) -> list[str]:
        """Return what must not be, one sentence each."""
        found = []
        if self.lost:
            found.append(f"{self.lost} closed calls have no record")
        if self.twice:
            found.append(f"{self.twice} calls have several records")
        if self.outcome.failed and not calls_may_fail:
            found.append(f"{self.outcome.failed} calls failed")
        if self.waiting:
            found.append("records wait still, or the databases differ")
        if not self.closed:
            found.append("no call was closed")
        return found

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.outcome}; {self.closed} closed, {self.rows} rows in both databases ({self.rebuilt} rebuilt), {self.lost} lost,"
            f" {self.twice} twice; complete after {self.arrival:.1f} s"
        )


def _rows(node: str, numbers: tuple[str, str]) -> dict[str, list[bool]]:
    """Return the rows of the run's calls in a node's database: for each number dialled, whether each row was rebuilt."""
    found: dict[str, list[bool]] = {}
    for row in exchange.sql(node, f"SELECT dst, rebuilt FROM cdr WHERE dst BETWEEN '{numbers[0]}' AND '{numbers[1]}'"):  # noqa: S608
        found.setdefault(row["dst"], []).append(row["rebuilt"] == "1")
    return found


def audit(outcome: Outcome, closed: set[str], numbers: tuple[str, str], since: float) -> Audit:
    """Wait until every closed call has its row in both databases, or for ARRIVAL_LIMIT seconds, and count.

    Args:
        outcome: of the load.
        closed: numbers of the calls that count as closed.
        numbers: first and last number of the run.
        since: end of the fault (time.monotonic).
    """
    end = time.monotonic() + ARRIVAL_LIMIT
    while True:
        try:
            rows = {node: _rows(node, numbers) for node in HOSTS}
            missing = {number for number in closed for node in HOSTS if number not in rows[node]}
            equal = rows["server1"] == rows["server2"]
            settled = exchange.spool_empty()
        except LabError:
            missing, equal, settled, rows = closed, False, False, {node: {} for node in HOSTS}
        complete = not missing and equal and settled
        if complete or time.monotonic() > end:
            break
        time.sleep(0.5)
    arrival = time.monotonic() - since
    first = rows["server1"]
    counts = Counter(len(found) for node in HOSTS for found in rows[node].values())
    return Audit(
        outcome=outcome, closed=len(closed), rows=len(first), rebuilt=sum(any(found) for found in first.values()),
        lost=len(missing), twice=sum(count for times, count in counts.items() if times > 1), arrival=arrival,
        waiting=not complete,
    )  # fmt: skip


# What happens to the database. Each is a context manager: begun at entry, over at exit.


@contextmanager
def stopped(node: str) -> Iterator[None]:
    """MariaDB is stopped, and started again."""
    exchange.run(node, ["systemctl", "stop", _MARIADB])
    try:
        yield
    finally:
        exchange.run(node, ["systemctl", "start", _MARIADB])


@contextmanager
def frozen(node: str) -> Iterator[None]:
    """MariaDB's process is stopped (SIGSTOP) and continues; the cluster may have killed it meanwhile, and systemd started it."""
    exchange.run(node, ["systemctl", "kill", "--signal=SIGSTOP", _MARIADB])
    try:
        yield
    finally:
        hosts.run(node, ["systemctl", "kill", "--signal=SIGCONT", _MARIADB])


@contextmanager
def locked(node: str) -> Iterator[None]:
    """Somebody has locked the table of call records; the lock goes with his session."""
    session = "call-records-lock"
    exchange.run(node, [
        "systemd-run", "--quiet", "--collect", f"--unit={session}", "sh", "-c",
        f"(echo 'LOCK TABLES {exchange.DATABASE}.cdr WRITE;'; sleep 120) | mariadb",
    ])  # fmt: skip
    try:
        yield
    finally:
        exchange.run(node, ["systemctl", "stop", session])


#: Puts MariaDB's files on a small disk of their own, fills it, empties it, and puts them back: $1 is which, $2 where they are.
_SMALL_DISK = """
set -eu
data=${2%/}
case "$1" in
small)
  systemctl stop mariadb.service
  # Room for what all runs add: tables grow by megabytes at a time.
  size=$(( $(du -sm "$data" | cut -f1) + 256 ))
  mv "$data" "$data.large"
  mkdir "$data"
  mount -t tmpfs -o "size=${size}m" tmpfs "$data"
  chown mysql:mysql "$data"
  chmod 0700 "$data"
  cp -a "$data.large/." "$data/"
  systemctl start mariadb.service ;;
fill) head -c 1G /dev/zero > "$data/filler" 2>/dev/null || true ;;
empty) rm -f "$data/filler" ;;
back)
  systemctl stop mariadb.service
  rm -f "$data/filler"
  find "$data.large" -mindepth 1 -delete
  cp -a "$data/." "$data.large/"
  umount "$data"
  rmdir "$data"
  mv "$data.large" "$data"
  systemctl start mariadb.service ;;
esac
"""


def _small_disk(node: str, step: str) -> None:
    exchange.run(node, ["sh", "-c", _SMALL_DISK, "sh", step, _data_directory(node)])


@functools.cache
def _data_directory(node: str) -> str:
    """Return where MariaDB of a node has its files; asked while it runs."""
    return exchange.sql(node, "SELECT @@datadir AS path")[0]["path"]


@contextmanager
def full(node: str) -> Iterator[None]:
    """The disk of MariaDB has no byte left."""
    _small_disk(node, "fill")
    try:
        yield
    finally:
        _small_disk(node, "empty")


@contextmanager
def on_a_small_disk() -> Iterator[None]:
    """MariaDB of the active node has a disk of its own, before the calls and until after them."""
    node = exchange.active_node()
    _small_disk(node, "small")
    try:
        exchange.wait_healthy(120)
        yield
    finally:
        _small_disk(node, "back")
        exchange.wait_healthy(120)


@contextmanager
def started_without(node: str) -> Iterator[None]:
    """MariaDB is stopped and Asterisk is killed; the cluster starts Asterisk again, and calls come before the database does."""
    with stopped(node):
        _restart_asterisk(node)
        yield
    exchange.acknowledge_failures()


def _restart_asterisk(node: str) -> None:
    def started() -> str:
        return exchange.run(node, ["systemctl", "show", "--property=ActiveState,ExecMainStartTimestampMonotonic", "asterisk"])

    before = started()
    exchange.run(node, ["systemctl", "kill", "--signal=SIGKILL", "asterisk"])
    exchange.wait_until(
        f"Asterisk on {node} to be started again", started, lambda now: now != before and "ActiveState=active" in now, 30
    )
    exchange.wait_until(
        f"Asterisk on {node} to have booted", lambda: hosts.run(node, ["asterisk", "-rx", "core waitfullybooted"]).returncode,
        lambda code: code == 0, 30,
    )  # fmt: skip
    # Until the cluster has seen it answer it says that it is starting.
    exchange.wait_until("the cluster to have it", exchange.active_node, node.__eq__, 30)


# The runs

Fault = Callable[[str], AbstractContextManager[None]]


class Numbers:
    """Numbers that no call has dialled before, six digits behind the prefix."""

    def __init__(self) -> None:
        """Go on after the last that a database has seen."""
        pattern = PREFIX + "_" * 6
        last = exchange.sql(exchange.active_node(), f"SELECT MAX(dst) AS last FROM cdr WHERE dst LIKE '{pattern}'")[0]["last"]  # noqa: S608
        self._next = 0 if last == "NULL" else int(last.removeprefix(PREFIX)) + 1

    def take(self, count: int) -> list[str]:
        """Return the next `count` numbers. Raises LabError when there are no more."""
        first = self._next
        self._next += count
        if self._next > 10**6:
            raise LabError("a million calls have been made on this lab: begin with a fresh one (make lab-down)")
        return [f"{PREFIX}{number:06}" for number in range(first, self._next)]


def with_fault(fault: Fault, seconds: float, before_calls: bool, dice: random.Random, numbers: Numbers) -> Audit:
    """Make calls, have the fault for `seconds` beginning at a random moment (or before the calls), and audit.

    Args:
        fault: what happens to the active node.
        seconds: for how long.
        before_calls: whether it begins before the first call.
        dice: chooses the moment.
        numbers: for the calls.
    """
    node = exchange.active_node()
    begins = dice.uniform(*BEGINS)
    dialled = numbers.take(round(RATE * (begins + seconds + BEGINS[1])))
    with ExitStack() as at_end:
        happening = at_end.enter_context(ExitStack())
        if before_calls:
            happening.enter_context(fault(node))
        at_end.enter_context(numbers_taken())
        load = at_end.enter_context(Load(RATE, len(dialled), talk_seconds=TALK_SECONDS, numbers=dialled))
        time.sleep(begins)
        if not before_calls:
            happening.enter_context(fault(node))
        time.sleep(seconds)
        happening.close()
        since = time.monotonic()
        outcome = load.wait()
        closed = {event.number for event in load.closed()}
    result = audit(outcome, closed, (dialled[0], dialled[-1]), since)
    exchange.wait_healthy(120)
    return result


def host_killed(dice: random.Random, numbers: Numbers) -> Audit:
    """Kill the active host while its database has been away for some seconds; what was closed before the kill counts."""
    node = exchange.active_node()
    dialled = numbers.take(round(RATE * 12))
    with numbers_taken(), Load(RATE, len(dialled), talk_seconds=TALK_SECONDS, numbers=dialled) as load:
        time.sleep(dice.uniform(*BEGINS))
        exchange.run(node, ["systemctl", "stop", _MARIADB])
        time.sleep(dice.uniform(1, 4))
        hosts.kill(node)
        since = time.monotonic()
        closed = {event.number for event in load.closed()}
        load.stop()
        outcome = load.outcome()
    exchange.wait_until(f"{node} to be switched on again", lambda: hosts.running(node), bool, 180)
    exchange.wait_healthy(180)
    return audit(outcome, closed, (dialled[0], dialled[-1]), since)


@dataclass(frozen=True)
class Scenario:
    """One kind of fault: its name, for how long (seconds), how many runs of ten, and whether calls may fail for it."""

    name: str
    fault: Fault | None
    seconds: float
    before_calls: bool = False
    small_disk: bool = False
    runs: int = 10


SCENARIOS = (
    Scenario("database stopped for 6 s", stopped, 6),
    Scenario("database stopped for 60 s", stopped, 60),
    Scenario("database frozen for 30 s", frozen, 30),
    Scenario("table locked for 15 s", locked, 15),
    Scenario("disk of the database full for 15 s", full, 15, small_disk=True),
    Scenario("Asterisk started without the database", started_without, 10, before_calls=True),
    Scenario("host killed while its database is away", None, 0, runs=5),
)


def measure_scenario(scenario: Scenario, runs: int, seed: int, numbers: Numbers) -> bool:
    """Do all runs of one scenario, print a line for each; return whether all went well."""
    dice = random.Random(f"{seed} {scenario.name}")  # noqa: S311 - it chooses moments, not secrets
    good = True
    with on_a_small_disk() if scenario.small_disk else nullcontext():
        for run in range(max(1, round(scenario.runs * runs / 10))):
            if scenario.fault is None:
                result = host_killed(dice, numbers)
            else:
                result = with_fault(scenario.fault, scenario.seconds, scenario.before_calls, dice, numbers)
            problems = result.problems(calls_may_fail=scenario.fault is None)
            print(f"{scenario.name}, run {run + 1}: {result}{''.join(f' - {problem}' for problem in problems)}", flush=True)
            good = good and not problems
    return good


def main() -> int:
    """Do what the command line says; return 0 when no record was lost, none is there twice, and no call failed for it."""
    arguments = argparse.ArgumentParser(prog="python3 -m lab.benchmarks.records", description=__doc__)
    arguments.add_argument("--runs", type=int, default=10, help="how often each fault (1 to 10, default 10; a killed host half of it)")
    arguments.add_argument("--seed", type=int, default=1, help="of the moments at which faults begin (default 1)")
    arguments.add_argument("--only", default="", help="only faults with this in their name")
    given = arguments.parse_args()
    good = True
    try:
        exchange.wait_healthy(60)
        numbers = Numbers()
        for scenario in SCENARIOS:
            if given.only in scenario.name:
                good = measure_scenario(scenario, min(10, max(1, given.runs)), given.seed, numbers) and good
    except LabError as error:
        print(f"records: it failed here: {error}", file=sys.stderr)
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
