# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done for a virtual machine of an ESXi host to be as it is declared. Pure: it asks nobody."""

from __future__ import annotations

from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._vsphere import VsphereError

GIB = 1 << 30

#: A machine as it is: name, power ('on', 'off', 'suspended'), cpus, memory_mb, disks ({unit: bytes}), networks (names in the
#: order of the cards).
Machine = dict[str, Any]


#: What a new machine has where nothing is said.
NEW = {"cpus": 2, "memory_mb": 4096}


def completed(current: Machine | None, desired: dict[str, Any]) -> dict[str, Any]:
    """Fill in what is not declared (None): what the machine has, or what a new one gets."""
    has = NEW if current is None else current
    return {**desired, **{name: has[name] for name in NEW if desired[name] is None}}


def _gib(size: int) -> str:
    """Return a size in GiB, as a person writes it."""
    return f"{size / GIB:g} GiB"


def plan(current: Machine | None, desired: dict[str, Any]) -> dict[str, Any]:
    """Compare a machine with its declaration.

    :param current: the machine as it is, or None.
    :param desired: name, cpus, memory_mb, disks (list of size_gib, the place in it being the unit), networks, power_cycle
        (whether it may be shut down for what cannot be changed while it runs).
    :returns: create (bool); settings ({name: [before, after]}); add_disks (units); grow ({unit: [bytes before, bytes after]});
        add_networks and networks ({place: name, [before, after]}); shut_down, switch_on (bool).
    :raises VsphereError: it cannot become what is declared, or not while it runs.
    """
    actions: dict[str, Any] = {
        "create": current is None, "settings": {}, "add_disks": [], "grow": {}, "add_networks": {}, "networks": {},
        "shut_down": False, "switch_on": True,
    }  # fmt: skip
    if current is None:
        actions["add_disks"] = list(range(len(desired["disks"])))
        actions["add_networks"] = dict(enumerate(desired["networks"]))
        return actions

    for name in ("name", "cpus", "memory_mb"):
        if current[name] != desired[name]:
            actions["settings"][name] = [current[name], desired[name]]
    for unit, disk in enumerate(desired["disks"]):
        size, wanted = current["disks"].get(unit), disk["size_gib"] * GIB
        if size is None:
            actions["add_disks"].append(unit)
        elif size < wanted:
            actions["grow"][unit] = [size, wanted]
        elif size > wanted:
            raise VsphereError(
                f"disk {unit} of the machine {current['name']} has {_gib(size)}, and {_gib(wanted)} are declared",
                "A disk cannot shrink: declare what it has, or move to a new machine.",
            )
    for place, network in enumerate(desired["networks"]):
        if place >= len(current["networks"]):
            actions["add_networks"][place] = network
        elif current["networks"][place] != network:
            actions["networks"][place] = [current["networks"][place], network]

    cold = {name: values for name, values in actions["settings"].items() if name in ("cpus", "memory_mb")}
    if cold and current["power"] != "off":
        if not desired["power_cycle"]:
            changes = ", ".join(f"{name} {before} to {after}" for name, (before, after) in sorted(cold.items()))
            raise VsphereError(
                f"the machine {current['name']} runs, and has to be shut down for a change of {changes}",
                f"Move the service away from it (`pcs node standby`), then run again with -e esxi_vm_power_cycle={desired['node']};"
                " one node at a time.",
            )
        actions["shut_down"] = True
    actions["switch_on"] = current["power"] != "on" or actions["shut_down"]
    return actions


def changes(actions: dict[str, Any]) -> bool:
    """Whether a plan does anything."""
    return any(bool(value) for value in actions.values())


def describe(machine: Machine | None) -> str:
    """Return a machine as text, for the diff that Ansible shows; empty where there is none."""
    if machine is None:
        return ""
    lines = [f"name: {machine['name']}", f"cpus: {machine['cpus']}", f"memory_mb: {machine['memory_mb']}"]
    lines += [f"disk {unit}: {_gib(size)}" for unit, size in sorted(machine["disks"].items())]
    lines += [f"network {place}: {network}" for place, network in enumerate(machine["networks"])]
    return "\n".join([*lines, f"power: {machine['power']}"]) + "\n"


def after(current: Machine | None, desired: dict[str, Any]) -> Machine:
    """Return the machine as a plan leaves it: what is declared, and what else it has."""
    current = current or {"disks": {}, "networks": []}
    disks = {unit: disk["size_gib"] * GIB for unit, disk in enumerate(desired["disks"])}
    return {
        "name": desired["name"], "cpus": desired["cpus"], "memory_mb": desired["memory_mb"], "power": "on",
        "disks": {**current["disks"], **disks},
        "networks": desired["networks"] + current["networks"][len(desired["networks"]) :],
    }  # fmt: skip
