"""The lab's hosts as virtual machines: their power through libvirt, and the way to them that Vagrant set up."""

from __future__ import annotations

import functools
from typing import Any

import yaml

from ..command import run, wait_for
from ..config import LAB_DIR, LabError, ns_argv, patience
from . import libvirt, vagrant

INSTANCES = vagrant.DIRECTORY / "instance_config.yml"


@functools.cache
def _instances() -> dict[str, dict[str, Any]]:
    """Return how each machine is reached (address, user, port, identity_file), as molecule's driver wrote it."""
    try:
        found = yaml.safe_load(INSTANCES.read_text())
    except FileNotFoundError:
        raise LabError(f"{INSTANCES} is missing: make the machines first (make test-vm, or make lab-vm)") from None
    return {instance["instance"]: instance for instance in found}


def running(name: str) -> bool:
    """Tell whether the machine runs."""
    return libvirt.virsh("domstate", libvirt.domain(name), check=False) == "running"


def start(name: str) -> None:
    """Switch the machine on; it returns when it begins to boot."""
    if not running(name):
        libvirt.virsh("start", libvirt.domain(name))


def kill(name: str) -> None:
    """End the machine in one instant: its process is killed, and nothing in it is told."""
    if running(name):
        libvirt.virsh("destroy", libvirt.domain(name))
        wait_for(f"{name} to be gone", lambda: not running(name), 10)
    # What ssh keeps open leads to a machine that is no more.
    run([*_ssh(name), "-O", "exit", "-"], check=False)


def _ssh(name: str) -> list[str]:
    # One connection for all commands: the handshake is what takes longest on an emulated machine.
    control = LAB_DIR / "ssh"
    control.mkdir(mode=0o700, exist_ok=True)
    return ns_argv([
        "ssh", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-o", f"ConnectTimeout={10 * patience()}", "-o", "ServerAliveInterval=5",
        "-o", f"ServerAliveCountMax={2 + patience()}",
        "-o", "ControlMaster=auto", "-o", "ControlPersist=300", "-o", f"ControlPath={control}/{name}",
    ])  # fmt: skip


def ssh_argv(name: str, command: str = "") -> list[str]:
    """Return the command line that reaches the machine by ssh as root, with a remote command or for a terminal."""
    instance = _instances()[name]
    return [
        *_ssh(name), "-i", instance["identity_file"], "-p", str(instance["port"]),
        f"{instance['user']}@{instance['address']}", *([f"sudo -- {command}"] if command else ["-t", "sudo -i"]),
    ]  # fmt: skip
