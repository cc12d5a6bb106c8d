"""How long a deployment takes: python3 -m lab.benchmarks.deployment --runs N [--ha-cluster DIRECTORY].

Each run begins with two fresh hosts: playbooks/site.yml, then again, when nothing is to be done; where the time goes, by role,
as Ansible's own profile (ansible.posix.profile_roles) says it.

With --ha-cluster, a directory with the role `ha_cluster` of linux-system-roles, that role and pacemaker_cluster then do the same
on the same hosts, in turn: make the cluster anew, with all that site.yml had put into it as ha_cluster itself exports
it, and then find nothing to do.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lab import exchange, nspawn
from lab.__main__ import up
from lab.config import HOSTS, LAB_DIR, REPOSITORY, LabError
from lab.playbooks import invocation

from . import Measured, measure, parser, report

_HERE = Path(__file__).parent
#: The variables of the cluster as ha_cluster exports them: passwords of fence devices are among them.
EXPORTED = LAB_DIR / "ha_cluster.json"


def roles(output: str) -> Measured:
    """Return the seconds of each role, or of a module that no role calls, of what profile_roles printed."""
    _before, _heading, profile = output.rpartition("ROLES RECAP")
    found = re.findall(r"^(\S+) -+ ([0-9.]+)s$", profile, re.MULTILINE)
    return [(name, float(seconds)) for name, seconds in found if name != "total"]


def _playbook(playbook: Path, *arguments: str, variables: dict[str, str] | None = None) -> tuple[float, str]:
    begun = time.monotonic()
    profiled = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_roles", "PROFILE_ROLES_SUMMARY_ONLY": "1"}
    result = subprocess.run(
        **invocation("containers", str(playbook), *arguments, **profiled, **(variables or {})), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    taken = time.monotonic() - begun
    if result.returncode != 0:
        raise LabError(f"{playbook.name}: exit code {result.returncode}:\n{(result.stdout + result.stderr)[-3000:]}")
    return taken, result.stdout


def _destroy_cluster() -> None:
    node = next(iter(HOSTS))
    exchange.run(node, ["pcs", "cluster", "stop", "--all"])
    exchange.run(node, ["pcs", "cluster", "destroy", "--all"])


def _site() -> Measured:
    first, profile = _playbook(REPOSITORY / "playbooks/site.yml")
    exchange.wait_healthy()
    second, profile_again = _playbook(REPOSITORY / "playbooks/site.yml")
    return [
        ("site.yml on two fresh hosts", first),
        ("site.yml again, nothing to do", second),
        *((f"  first run: {name}", seconds) for name, seconds in roles(profile) if seconds >= 1),
        *((f"  second run: {name}", seconds) for name, seconds in roles(profile_again) if seconds >= 1),
    ]


def _cluster(name: str, run: Callable[[], float]) -> Measured:
    _destroy_cluster()
    first = run()
    exchange.wait_healthy()
    return [(f"the cluster anew with {name}", first), (f"the cluster again with {name}", run())]


def _clusters(role: Path, ours_first: bool) -> Measured:
    theirs = {"ANSIBLE_ROLES_PATH": str(role.resolve().parent)}
    # Programs that the role calls on every node and that the lab's hosts have no use for.
    for node in HOSTS:
        nspawn.install(node, ["corosync-qnetd", "libxml2-utils"])
    arguments = (f"-eha_cluster_role={role.resolve().name}", f"-eha_cluster_exported={EXPORTED}")
    _playbook(_HERE / "ha_cluster.yml", "--tags=export", *arguments, variables=theirs)

    def ours() -> Measured:
        return _cluster("pacemaker_cluster", lambda: _playbook(_HERE / "pacemaker_cluster.yml")[0])

    def other() -> Measured:
        return _cluster("ha_cluster", lambda: _playbook(_HERE / "ha_cluster.yml", "--tags=make", *arguments, variables=theirs)[0])

    return ours() + other() if ours_first else other() + ours()


def main() -> int:
    """Run the deployments and print the table; return 1 when one of them fails."""
    command_line = parser("lab.benchmarks.deployment", __doc__ or "")
    command_line.add_argument("--ha-cluster", type=Path, help="directory of the role ha_cluster of linux-system-roles, to compare")
    arguments = command_line.parse_args()

    def once(before: int) -> Measured:
        up()
        run = _site()
        if arguments.ha_cluster:
            run += _clusters(arguments.ha_cluster, ours_first=before % 2 == 0)
        print(report(f"run {before + 1}, seconds", [run]), flush=True)
        return run

    return measure(arguments.runs, "seconds", once)


if __name__ == "__main__":
    sys.exit(main())
