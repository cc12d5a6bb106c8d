"""Does site.yml take over a pair that another version deployed? python3 -m lab.takeover --from COMMIT.

The pair is deployed on fresh hosts as COMMIT does it, from a work tree of its own. Then, with ten calls a second, this version's
site.yml runs. Not one of those calls may fail or have no record, and Asterisk goes on as the process that it was. What only a start
brings into effect comes with one planned move of the service; after it the pair is as one that this version deployed: a telephone
is called, and site.yml changes nothing where the service is. --deployed leaves the first step out and takes the lab as it is.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import __main__ as lab
from . import exchange
from .cli import exit_code
from .command import run
from .config import HOSTS, REPOSITORY, LabError
from .playbooks import invocation
from .sipp import Load
from .story import talk

#: Calls begun in a second, how long each is, and for how long there are calls: longer than a run takes.
RATE, TALK_SECONDS, SECONDS = 10.0, 2.0, 240
#: Seconds for a node to take the service over as planned, and for the other to come back.
MOVE_SECONDS = 120


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Give a work tree of a commit, with this one's tools and its own collection; it is removed in the end.

    Raises LabError when there is no such commit.
    """
    place = Path(tempfile.mkdtemp(prefix="takeover-"))
    tree = place / "tree"
    git = ["git", "-C", str(REPOSITORY)]
    try:
        added = subprocess.run(
            [*git, "worktree", "add", "--detach", str(tree), commit], capture_output=True, text=True, check=False
        )
        if added.returncode != 0:
            raise LabError(f"no work tree of {commit}: {added.stderr.strip()}")
        (tree / ".venv").symlink_to(REPOSITORY / ".venv")
        space = tree / ".cache/collections/ansible_collections/dialtone"
        space.mkdir(parents=True)
        (space / "ha_pbx").symlink_to("../../../..")
        yield tree
    finally:
        subprocess.run([*git, "worktree", "remove", "--force", str(tree)], capture_output=True, check=False)
        shutil.rmtree(place, ignore_errors=True)


def site(tree: Path, log: Path) -> None:
    """Run site.yml of a work tree on the lab, its output going to `log`.

    Raises LabError with the end of the output when it fails.
    """
    how = invocation("containers", "playbooks/site.yml", ANSIBLE_CONFIG=str(tree / "ansible.cfg"))
    with log.open("wb") as out:
        code = subprocess.run(**{**how, "cwd": tree}, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if code != 0:
        raise LabError(f"site.yml of {tree} failed: see {log}; it ended with\n{log.read_text(errors='replace')[-3000:]}")


def changed(output: str) -> dict[str, int]:
    """Return how many tasks changed each host, as the recap of ansible-playbook says."""
    recap = output.rpartition("PLAY RECAP")[2]
    rows = [line.partition(":") for line in recap.splitlines() if "changed=" in line]
    return {name.strip(): int(rest.partition("changed=")[2].split()[0]) for name, _colon, rest in rows}


def move() -> None:
    """Move the service to the other node as an operator does, and let the first one stand by."""
    node = exchange.active_node()
    other = exchange.peer(node)
    exchange.run(other, ["pcs", "node", "standby", node])
    exchange.wait_until(f"the service on {other}", lambda: exchange.active_node(other), lambda active: active == other, MOVE_SECONDS)
    exchange.run(other, ["pcs", "node", "unstandby", node])
    exchange.wait_healthy(MOVE_SECONDS)


def take_over(logs: Path) -> None:
    """Have this version take over the pair that is deployed, in the middle of calls, and print what was seen.

    Raises LabError when a call or a record is missing, when Asterisk was restarted, or when the pair is not as a new one after the
    planned move.
    """
    exchange.wait_healthy(MOVE_SECONDS)
    exchange.wait_databases_equal()
    node = exchange.active_node()
    process = exchange.main_process(node, "asterisk")
    known = exchange.record_keys()
    log = logs / "takeover.log"
    with Load(RATE, round(RATE * SECONDS), talk_seconds=TALK_SECONDS) as load:
        begun = time.monotonic()
        site(REPOSITORY, log)
        seconds = time.monotonic() - begun
        if not load.running:
            raise LabError(f"site.yml took {seconds:.0f} s, longer than there were calls")
        outcome = load.wait()
    print(f"site.yml: {seconds:.0f} s, changed {changed(log.read_text())}; {outcome}", flush=True)
    wrong = []
    if outcome.failed or outcome.succeeded != outcome.begun:
        wrong.append("calls failed")
    if (exchange.active_node(), exchange.main_process(node, "asterisk")) != (node, process):
        wrong.append(f"Asterisk on {node} is not the process that it was")
    exchange.wait_until("an empty spool of records", exchange.spool_empty, bool, 60)
    exchange.wait_databases_equal()
    rows = {name: len(exchange.record_keys([name]) - known) for name in HOSTS}
    print(f"records of {outcome.begun} calls: {rows}", flush=True)
    if set(rows.values()) != {outcome.begun}:
        wrong.append("records are missing, or there are too many")
    talk()
    if wrong:
        raise LabError(f"{'; '.join(wrong)}: see {log}")
    move()
    talk()
    log = logs / "takeover-again.log"
    site(REPOSITORY, log)
    again = changed(log.read_text())
    print(f"after a planned move site.yml changed {again}", flush=True)
    # The node that had the service has its own directories again, which were under the disk when their files were written.
    if again[exchange.peer(node)]:
        raise LabError(f"site.yml changes something on the node in service again after the takeover: see {log}")


def main() -> int:
    """Deploy another version, take it over; return 0 when no call and no record was lost."""
    parser = argparse.ArgumentParser(prog="python3 -m lab.takeover", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--from", dest="commit", help="the commit that deploys the pair")
    which.add_argument("--deployed", action="store_true", help="the lab is deployed already")
    given = parser.parse_args()

    def measure() -> None:
        logs = REPOSITORY / ".cache/log"
        logs.mkdir(parents=True, exist_ok=True)
        if given.commit:
            lab.up()
            with work_tree(given.commit) as tree:
                # It bakes no image of its own: what a role installs is the same, or site.yml installs it.
                site(tree, logs / "takeover-former.log")
                shown = run(["git", "-C", str(tree), "log", "-1", "--format=%h %s"]).stdout.strip()
            print(f"deployed by {shown}", flush=True)
        take_over(logs)

    return exit_code(measure)


if __name__ == "__main__":
    sys.exit(main())
