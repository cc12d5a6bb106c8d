"""The lab's network namespace and its bridge, which is the lab's only network."""

from __future__ import annotations

from pathlib import Path

from .command import run
from .config import BRIDGE, MACHINE_ADDRESS, NETNS, PREFIX, ns_argv


def exists() -> bool:
    """Tell whether the lab's namespace is there."""
    return Path("/run/netns", NETNS).exists()


def make_namespace() -> None:
    """Make the namespace, unless it is there. There is no route out of it."""
    if not exists():
        run(["ip", "netns", "add", NETNS])
        run(ns_argv(["ip", "link", "set", "lo", "up"]))


def up() -> None:
    """Make the namespace and the bridge in it."""
    make_namespace()
    if run(ns_argv(["ip", "link", "show", BRIDGE]), check=False).returncode == 0:
        return
    for line in (
        f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0",
        f"addr add {MACHINE_ADDRESS}/{PREFIX} dev {BRIDGE}",
        f"link set {BRIDGE} up",
    ):
        run(ns_argv(["ip", *line.split()]))


def down() -> None:
    """Remove the namespace, and with it the bridge. The processes in it must have ended before."""
    if exists():
        run(["ip", "netns", "delete", NETNS])
