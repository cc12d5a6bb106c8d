"""Where the lab is: names, addresses and directories. The inventory `lab/inventories/containers` says the same."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

#: What the hosts are: `containers` (systemd-nspawn) or `vms` (virtual machines of Vagrant). Both can stand side by side.
KIND = os.environ.get("DIALTONE_LAB_KIND", "containers")
#: Which pair this is. A second one of containers can stand beside the first: other names, addresses, network and directory.
PAIR = int(os.environ.get("DIALTONE_LAB_PAIR", "1"))
_NAME = {"containers": "dialtone-lab", "vms": "dialtone-lab-vms"}[KIND] + {1: "", 2: "-second"}[PAIR]
#: What belongs to the running lab: disks of the hosts, keys, secrets, logs. `up` and `down` empty it.
LAB_DIR = Path(os.environ.get("DIALTONE_LAB_DIR", f"/var/lib/{_NAME}"))
#: Golden images, kept between labs under the key of what they were made from.
CACHE_DIR = Path(os.environ.get("DIALTONE_LAB_CACHE", "/var/cache/dialtone-lab"))
#: The network namespace of every process of the lab.
NETNS = os.environ.get("DIALTONE_LAB_NETNS", _NAME)

BRIDGE = "pbx0"
PREFIX = 24
#: This machine, as the hosts see it: telephones and the power switch are here.
MACHINE_ADDRESS = {1: "10.73.0.1", 2: "10.73.2.1"}[PAIR]
FLOATING_ADDRESS = {1: "10.73.0.10", 2: "10.73.2.10"}[PAIR]
#: The same, on the network between the virtual machines alone.
LINK_ADDRESS = "10.73.1.1"
#: fence_virtd of the virtual machines' lab.
FENCE_PORT = 1229
SWITCH_PORT = 7443
SWITCH_USER = "cluster"

SUITE = "forky"
MIRROR = os.environ.get("DIALTONE_LAB_MIRROR", "http://deb.debian.org/debian")


@dataclass(frozen=True)
class Host:
    """One host of the lab."""

    name: str
    address: str


_PAIRS = {
    1: (Host("server1", "10.73.0.11"), Host("server2", "10.73.0.12")),
    2: (Host("server3", "10.73.2.11"), Host("server4", "10.73.2.12")),
}
HOSTS = {host.name: host for host in _PAIRS[PAIR]}


class LabError(Exception):
    """The lab cannot do what was asked; the message says what was found and what to do."""


#: How libvirt runs the virtual machines, kvm or qemu (software emulation), as the probe found it; the inventory reads it.
DRIVER = LAB_DIR / "driver"


@functools.cache
def patience() -> int:
    """Return by what every wait for a host is multiplied: an emulated machine is slow as a whole."""
    return 6 if KIND == "vms" and DRIVER.exists() and DRIVER.read_text() == "qemu" else 1


def namespaced() -> bool:
    """Tell whether the lab lives in a network namespace of its own.

    Virtual machines on a machine that systemd runs do not: they belong to that machine's libvirt.
    """
    return KIND == "containers" or not Path("/run/systemd/system").is_dir()


def ns_argv(argv: list[str]) -> list[str]:
    """Return `argv` as a command that runs where the lab's network is.

    `nsenter --net` and not `ip netns exec`: the latter mounts a new /sys, without which nspawn finds no cgroups.
    """
    return ["nsenter", f"--net=/run/netns/{NETNS}", *argv] if namespaced() else argv
