"""Does an interrupted deployment end as an undisturbed one does? python3 -m lab.interruption --kills N --seed S.

playbooks/site.yml is killed in the middle of its run on fresh hosts, once in each of N equal parts of the time that an
undisturbed run takes, at a random moment in it, and started again. What is then on the hosts must be what undisturbed
runs leave. Two of those are made: in what they differ (keys, certificates, identifiers), an interrupted one may too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import __main__ as lab
from . import exchange, snapshot
from .command import plain, run
from .config import LAB_DIR, REPOSITORY, LabError
from .playbooks import invocation
from .snapshot import Snapshot
from .story import talk

SITE = invocation("containers", "playbooks/site.yml")
#: The passwords that a lab makes up, by file in its directory of secrets: kept, so that two labs can be compared.
Secrets = dict[Path, bytes]


@dataclass(frozen=True)
class Run:
    """A deployment that went to its end: how long it took, in seconds, and what it left."""

    seconds: float
    outcome: Snapshot


def moments(kills: int, seed: int) -> list[float]:
    """Return when to kill, as fractions of an undisturbed run: one random moment in each of `kills` equal parts."""
    dice = random.Random(seed)  # noqa: S311 - it chooses moments, not secrets
    return [(part + dice.random()) / kills for part in range(kills)]


def last_task(output: str) -> str:
    """Return the last heading of a play or a task that ansible-playbook printed; '' without one.

    With `display_skipped_hosts` off a task's heading comes with its first result: it is the one after this that was killed.
    """
    headings = re.findall(r"^((?:PLAY|TASK|RUNNING HANDLER) \[.*\])", plain(output), re.MULTILINE)
    return headings[-1] if headings else ""


def _fresh_lab(secrets: Secrets) -> None:
    lab.up()
    for path, content in secrets.items():
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(content)


def _kill_with_descendants(root: int) -> None:
    """Kill a process and all that it started, its group or not: Ansible's workers have sessions of their own.

    What already runs on the hosts goes on there, as when the machine with the playbook dies.
    """
    parents = {
        int(pid): int(parent) for pid, parent in (line.split() for line in run(["ps", "-eo", "pid=,ppid="]).stdout.splitlines())
    }
    family = [root]
    for member in family:
        family += [pid for pid, parent in parents.items() if parent == member]
    for member in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def _deploy(log: Path, seconds: float | None = None) -> int | None:
    """Run site.yml, its output going to `log`; kill it and all its processes after `seconds` and return None."""
    with log.open("wb") as out, subprocess.Popen(**SITE, stdout=out, stderr=subprocess.STDOUT) as process:
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.returncode is None:
                _kill_with_descendants(process.pid)


def _deploy_whole(log: Path) -> Run:
    begun = time.monotonic()
    if _deploy(log) != 0:
        raise LabError(f"site.yml failed: see {log}; it ended with\n{log.read_text(errors='replace')[-3000:]}")
    taken = time.monotonic() - begun
    exchange.wait_healthy(120)
    talk()
    exchange.wait_databases_equal()
    return Run(taken, snapshot.deployed())


def _undisturbed(log: Path, secrets: Secrets) -> Run:
    _fresh_lab(secrets)
    deployed = _deploy_whole(log)
    for path in (LAB_DIR / "secrets").iterdir():
        secrets.setdefault(path, path.read_bytes())
    return deployed


def interrupt(kills: int, seed: int) -> list[str]:
    """Make the undisturbed and the interrupted deployments; return what of the latter ended otherwise, a line each.

    Args:
        kills: how many deployments are interrupted.
        seed: what the moments are drawn from; the same seed gives the same ones.

    Raises:
        LabError: a run that was started again failed, or the exchange is not healthy after it.
    """
    logs = REPOSITORY / ".cache/log"
    logs.mkdir(parents=True, exist_ok=True)
    secrets: Secrets = {}
    one, other = (_undisturbed(logs / f"undisturbed-{number}.log", secrets) for number in (1, 2))
    expected = {key: value for key, value in one.outcome.items() if other.outcome.get(key) == value}
    volatile = (one.outcome.keys() | other.outcome.keys()) - expected.keys()
    seconds = min(one.seconds, other.seconds)
    print(
        f"undisturbed: {one.seconds:.0f} s and {other.seconds:.0f} s; alike {len(expected)} entries, not {len(volatile)}",
        flush=True,
    )
    found: list[str] = []
    for number, moment in enumerate(moments(kills, seed), start=1):
        _fresh_lab(secrets)
        log = logs / f"interrupted-{number}.log"
        code = _deploy(log, moment * seconds)
        where = f"after {last_task(log.read_text(errors='replace'))}" if code is None else f"it had ended, exit code {code}"
        ended = _deploy_whole(logs / f"interrupted-{number}-again.log").outcome
        wrong = snapshot.differences(expected, {key: value for key, value in ended.items() if key not in volatile})
        print(f"kill {number} of {kills} at {moment * seconds:.1f} s, {where}: {len(wrong)} differences", flush=True)
        found += [f"kill {number}: {line}" for line in wrong]
    return found


def main() -> int:
    """Interrupt deployments; return 0 when each ended as an undisturbed one."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.interruption", description=__doc__)
    parser.add_argument("--kills", type=int, default=10, help="how many deployments are interrupted (1 to 50, default 10)")
    parser.add_argument("--seed", type=int, default=1, help="what the moments are drawn from (default 1)")
    arguments = parser.parse_args()
    try:
        found = interrupt(min(50, max(1, arguments.kills)), arguments.seed)
    except LabError as error:
        print(f"interruption: {error}", file=sys.stderr)
        return 1
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
