"""Command line of the lab: python3 -m lab bake|up|down|start|kill|status|shell."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable

from . import cli, hosts, image, network, nspawn, switch
from .command import run
from .config import HOSTS, LAB_DIR


def up() -> None:
    """Make a new lab: both hosts booted, nothing deployed. A lab of before is removed first."""
    base_image = image.bake()
    started = time.monotonic()
    down()
    for part in ("", "log", "run", "secrets", "ssh"):
        (LAB_DIR / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dialtone lab", "-f", str(nspawn.SSH_KEY)])
    switch.make_identity()
    network.up()
    for name in HOSTS:
        nspawn.create(name, base_image)
        hosts.start(name)
    switch.start()
    for name in HOSTS:
        hosts.wait_booted(name)
    print(f"lab: {', '.join(HOSTS)} are up after {time.monotonic() - started:.0f} s", flush=True)


def down() -> None:
    """End everything of the lab and remove it; golden images stay in the cache."""
    # The switch first: while it lives, the cluster can have a host started again.
    switch.stop()
    for name in HOSTS:
        nspawn.destroy(name)
    network.down()
    shutil.rmtree(LAB_DIR, ignore_errors=True)


def main() -> int:
    """Run the command of the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python3 -m lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("bake", help="make the golden image, if the cache has none")
    commands.add_parser("up", help="make a new lab (removes the lab of before)")
    commands.add_parser("down", help="end the lab and remove it")
    commands.add_parser("status", help="which hosts run")
    for command, text in (
        ("start", "switch a host on"),
        ("kill", "end a host in one instant"),
        ("shell", "a shell on a host"),
    ):
        commands.add_parser(command, help=text).add_argument("node", choices=sorted(HOSTS))
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("lab: it takes root to make network namespaces and containers", file=sys.stderr)
        return 1
    simple: dict[str, Callable[[], object]] = {"bake": image.bake, "up": up, "down": down, "status": cli.status}
    of_a_node: dict[str, Callable[[str], int | None]] = {"start": hosts.start, "kill": hosts.kill, "shell": hosts.shell}

    def chosen() -> int | None:
        if arguments.command in of_a_node:
            return of_a_node[arguments.command](arguments.node)
        simple[arguments.command]()
        return None

    return cli.exit_code(chosen)


if __name__ == "__main__":
    sys.exit(main())
