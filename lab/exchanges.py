"""Two exchanges in one inventory, each on its own: python3 -m lab.exchanges

Two pairs of containers, made anew. On one host of the second the database cannot start, so its deployment ends in the middle: its
other host must stop with it and say why, and the first exchange must be whole and take a call. Then the fault is mended and site.yml
run again, for all and for the second alone. Raises LabError where something is otherwise.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tools import recap

from . import __main__ as lab
from . import cli, exchange, hosts
from .command import plain
from .config import HOSTS, PAIR, REPOSITORY, LabError
from .playbooks import invocation
from .story import talk

FIRST, SECOND = ("server1", "server2"), ("server3", "server4")
#: Whose database cannot start, and who must stop with it.
FAULTY, WITH_IT = SECOND
GROUP = "lab_second"

Counts = dict[str, dict[str, int]]


def _of_second(*arguments: str) -> str:
    """Run this program, or the lab's, for the second pair: each process knows one."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=REPOSITORY, env={**os.environ, "DIALTONE_LAB_PAIR": "2"}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise LabError(f"second pair: {' '.join(arguments)}: exit code {done.returncode}: {said}")
    return done.stdout.strip()


def _call() -> None:
    """Have this pair's telephones talk, through its floating address."""
    exchange.wait_healthy(120)
    call = talk()
    print(f"{exchange.active_node()}: a call was answered after {call.answered_after:.2f} s, audio both ways", flush=True)


def _play(playbook: str, *arguments: str) -> tuple[str, Counts]:
    """Run a playbook over both exchanges; return what it printed and its recap."""
    begun = time.monotonic()
    run = invocation("exchanges", f"playbooks/{playbook}.yml", *arguments)
    done = subprocess.run(**run, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    log = REPOSITORY / f".cache/log/exchanges-{playbook}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(done.stdout, encoding="utf-8")
    counts = recap.parse(done.stdout)
    told = "; ".join(f"{host} changed {count['changed']}, failed {count['failed']}" for host, count in counts.items())
    print(f"{playbook} {' '.join(arguments)}: {time.monotonic() - begun:.0f} s, exit code {done.returncode}: {told}", flush=True)
    return plain(done.stdout), counts


def _expect(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise LabError(f"{what}: {found}, and should be {expected}; see .cache/log")


def _failed(counts: Counts) -> list[str]:
    return sorted(host for host, count in counts.items() if count["failed"] or count["unreachable"])


def two() -> None:
    """Deploy both, with a fault in the second, and without."""
    lab.up()
    print(_of_second("lab", "up"), flush=True)
    _of_second("lab.exchanges", "--database", "mask")
    said, counts = _play("site")
    _expect("hosts whose deployment failed", sorted(SECOND), _failed(counts))
    if f"because {FAULTY} failed in this run" not in " ".join(said.split()):
        raise LabError(f"{WITH_IT} does not say that it stopped because of {FAULTY}; see .cache/log")
    _call()

    _of_second("lab.exchanges", "--database", "unmask")
    _said, counts = _play("site")
    _expect("hosts whose deployment failed", [], _failed(counts))
    _expect("what the run after it changed on the first exchange", [0, 0], [counts[host]["changed"] for host in FIRST])
    _call()
    print(_of_second("lab.exchanges", "--call"), flush=True)

    _said, counts = _play("site", "--limit", GROUP)
    _expect("hosts of a run that is limited to the second", sorted(SECOND), sorted(counts))
    _expect("what it changed", [0, 0], [counts[host]["changed"] for host in SECOND])
    # Its pair is not broken, so nothing is given up; and the first exchange has no part in it.
    _said, counts = _play("mariadb_discard", "-e", f"mariadb_discard_node={FAULTY}", "-e", f"mariadb_discard_confirm={FAULTY}")
    _expect("hosts that refuse to give up the rows of a healthy pair", sorted(SECOND), _failed(counts))
    _of_second("lab", "down")


def main() -> int:
    """Do all of it, or one part for the second pair."""
    if sys.argv[1:2] == ["--call"]:
        return cli.exit_code(_call)
    if sys.argv[1:2] == ["--database"]:
        host = next(iter(HOSTS))
        return cli.exit_code(lambda: print(hosts.run(host, ["systemctl", sys.argv[2], "mariadb.service"]).stderr) or 0)
    if PAIR != 1:
        raise SystemExit("python3 -m lab.exchanges is for both pairs: without DIALTONE_LAB_PAIR")
    return cli.exit_code(two)


if __name__ == "__main__":
    sys.exit(main())
