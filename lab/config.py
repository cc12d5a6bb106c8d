"""Where the lab is: names, addresses and directories. The inventory `inventories/lab` says the same."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

#: What belongs to the running lab: disks of the hosts, keys, secrets, logs. `up` and `down` empty it.
LAB_DIR = Path(os.environ.get("DIALTONE_LAB_DIR", "/var/lib/dialtone-lab"))
#: Golden images, kept between labs under the key of what they were made from.
CACHE_DIR = Path(os.environ.get("DIALTONE_LAB_CACHE", "/var/cache/dialtone-lab"))
#: The network namespace of every process of the lab.
NETNS = os.environ.get("DIALTONE_LAB_NETNS", "dialtone-lab")

BRIDGE = "pbx0"
PREFIX = 24
#: This machine, as the hosts see it: telephones and the power switch are here.
MACHINE_ADDRESS = "10.73.0.1"
FLOATING_ADDRESS = "10.73.0.10"
SWITCH_PORT = 7443
SWITCH_USER = "cluster"

SUITE = "forky"
MIRROR = os.environ.get("DIALTONE_LAB_MIRROR", "http://deb.debian.org/debian")


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str
    address: str


HOSTS = {host.name: host for host in (Host("server1", "10.73.0.11"), Host("server2", "10.73.0.12"))}


class LabError(Exception):
    """The lab cannot do what was asked; the message says what was found and what to do."""


def ns_argv(argv: list[str]) -> list[str]:
    """Return `argv` as a command that runs in the lab's network namespace.

    `nsenter --net` and not `ip netns exec`: the latter mounts a new /sys, without which nspawn finds no cgroups.
    """
    return ["nsenter", f"--net=/run/netns/{NETNS}", *argv]
