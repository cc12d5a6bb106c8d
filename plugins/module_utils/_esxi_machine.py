# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine of an ESXi host: reading it, and carrying out what esxi_plan says."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _esxi_plan as esxi_plan
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._vsphere import POLL_INTERVAL, Vsphere, VsphereError

# Where it is missing, the modules say so before they come here.
with contextlib.suppress(ImportError):
    from pyVmomi import vim

#: The key of a machine's settings that says whose it is. A machine without it is never touched.
MARK = "dialtone.ha_pbx.machine"

#: The card of a disk's kind: ParaVirtual SCSI, which leaves unit 7 to itself.
SCSI_KEY = -101
SATA_KEY = -102


def mark_of(machine: Any) -> str | None:
    """Return whose a machine is, as it says itself; None when it is not marked."""
    values = {item.key: item.value for item in machine.config.extraConfig} if machine.config else {}
    return values.get(MARK)


def find(api: Vsphere, name: str, uuid: str, mark: str) -> Any | None:
    """Return our machine, or None when there is none.

    :param api: the session.
    :param name: its name.
    :param uuid: its instance uuid.
    :param mark: what its mark must be.
    :raises VsphereError: something of the name or uuid is there that is not ours.
    """
    machine = api.machine(uuid)
    if machine is not None and mark_of(machine) != mark:
        raise VsphereError(
            f"the machine {machine.name} has the instance uuid {uuid}, but not the mark {MARK} = {mark}: it was not made by this"
            " collection, or it is a copy",
            "It was not touched. Remove it, or give this node another name.",
        )
    for other in api.machines_named(name):
        if machine is None or other != machine:
            raise VsphereError(
                f"there is a machine {name} already that was not made for this node",
                "It was not touched. Choose another name with esxi_vm_name, or remove it; for machines that were made by hand leave"
                " the esxi_vm variables out.",
            )
    return machine


def _devices(machine: Any, kind: Any) -> list[Any]:
    return sorted((item for item in machine.config.hardware.device if isinstance(item, kind)), key=lambda item: item.key)


def _scsi(machine: Any) -> Any:
    """Return the SCSI controller that the machine's disks are on.

    :raises VsphereError: it has none any more.
    """
    found = _devices(machine, vim.vm.device.ParaVirtualSCSIController)
    if not found:
        raise VsphereError(
            f"the machine {machine.name} has no ParaVirtual SCSI controller any more", "Somebody removed it; give it one again."
        )
    return found[0]


def _disks(machine: Any) -> dict[int, Any]:
    """Return the disks by their unit on the first SCSI controller."""
    key = _scsi(machine).key
    return {item.unitNumber: item for item in _devices(machine, vim.vm.device.VirtualDisk) if item.controllerKey == key}


def _network_of(api: Vsphere, card: Any) -> str:
    """Return the name of the network that a card is in."""
    if isinstance(card.backing, vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo):
        key = card.backing.port.portgroupKey
        return next((name for name, item in api.networks().items() if getattr(item, "key", None) == key), key)
    return str(getattr(card.backing, "deviceName", ""))


def read(api: Vsphere, machine: Any) -> esxi_plan.Machine:
    """Return a machine as esxi_plan takes it."""
    config = machine.config
    power = {"poweredOn": "on", "poweredOff": "off"}
    return {
        "name": config.name,
        "power": power.get(str(machine.runtime.powerState), "suspended"),
        "cpus": config.hardware.numCPU,
        "memory_mb": config.hardware.memoryMB,
        "disks": {unit: disk.capacityInBytes or disk.capacityInKB * 1024 for unit, disk in _disks(machine).items()},
        "networks": [_network_of(api, card) for card in _devices(machine, vim.vm.device.VirtualEthernetCard)],
    }


def _switch(network: Any) -> Any:
    """Return the distributed switch of a port group."""
    return network.config.distributedVirtualSwitch


def _network_backing(api: Vsphere, name: str) -> Any:
    """Return what a card needs to be in a network.

    :raises VsphereError: the host has no such network.
    """
    networks = api.networks()
    network: Any = networks.get(name)
    if network is None:
        raise VsphereError(
            f"there is no port group {name}, but {', '.join(sorted(networks))}",
            "Name one of them in esxi_vm_networks, or say with `vswitch` on which virtual switch it is to be made.",
        )
    if isinstance(network, vim.dvs.DistributedVirtualPortgroup):
        return vim.vm.device.VirtualEthernetCard.DistributedVirtualPortBackingInfo(
            port=vim.dvs.PortConnection(portgroupKey=network.key, switchUuid=_switch(network).uuid)
        )
    return vim.vm.device.VirtualEthernetCard.NetworkBackingInfo(deviceName=name, network=network)


def _change(operation: str, device: Any, file_operation: str | None = None) -> Any:
    spec: Any = vim.vm.device.VirtualDeviceSpec(operation=operation, device=device)
    if file_operation:
        spec.fileOperation = file_operation
    return spec


def _card(api: Vsphere, place: int, name: str, mac: str) -> Any:
    return _change(
        "add",
        vim.vm.device.VirtualVmxnet3(
            key=-(201 + place), backing=_network_backing(api, name), addressType="manual", macAddress=mac,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, connected=True, allowGuestControl=True),
            deviceInfo=vim.Description(label="", summary=""),
        ),
    )  # fmt: skip


def _disk(params: dict[str, Any], unit: int, controller: int) -> Any:
    """Return the change that adds a blank disk."""
    disk = params["disks"][unit]
    backing = vim.vm.device.VirtualDisk.FlatVer2BackingInfo(
        fileName=f"[{params['datastore']}]", diskMode="persistent", thinProvisioned=disk["provisioning"] == "thin",
        eagerlyScrub=disk["provisioning"] == "eagerzeroedthick",
    )  # fmt: skip
    return _change(
        "add",
        vim.vm.device.VirtualDisk(
            key=-(301 + unit), controllerKey=controller, unitNumber=unit, backing=backing,
            capacityInKB=disk["size_gib"] * esxi_plan.GIB // 1024, deviceInfo=vim.Description(label="", summary=""),
        ),
        "create",
    )  # fmt: skip


def _blank(params: dict[str, Any], units: list[int]) -> list[int]:
    return [unit for unit in units if not params["disks"][unit].get("image")]


def create(api: Vsphere, params: dict[str, Any], actions: dict[str, Any]) -> Any:
    """Make the machine, marked as ours in the same call, and return it. Disks that begin as a copy are added afterwards."""
    options = {MARK: params["mark"], "disk.EnableUUID": "TRUE", **params["guestinfo"]}
    sata = vim.vm.device.VirtualAHCIController(key=SATA_KEY, busNumber=0)
    changes = [
        _change("add", vim.vm.device.ParaVirtualSCSIController(key=SCSI_KEY, busNumber=0, sharedBus="noSharing")),
        _change("add", sata),
        *(_disk(params, unit, SCSI_KEY) for unit in _blank(params, actions["add_disks"])),
        *(_card(api, place, name, params["macs"][place]) for place, name in actions["add_networks"].items()),
    ]
    for unit, path in enumerate(params["isos"]):
        backing = vim.vm.device.VirtualCdrom.IsoBackingInfo(fileName=path)
        drive = vim.vm.device.VirtualCdrom(
            key=-(401 + unit), controllerKey=SATA_KEY, unitNumber=unit, backing=backing,
            connectable=vim.vm.device.VirtualDevice.ConnectInfo(startConnected=True, connected=True, allowGuestControl=True),
        )  # fmt: skip
        changes.append(_change("add", drive))
    spec = vim.vm.ConfigSpec(
        name=params["name"], annotation=params["annotation"], instanceUuid=params["uuid"], uuid=params["uuid"],
        guestId=params["guest_id"], numCPUs=params["cpus"], memoryMB=params["memory_mb"], firmware=params["firmware"],
        version=f"vmx-{params['hardware_version']:02d}", files=vim.vm.FileInfo(vmPathName=f"[{params['datastore']}]"),
        deviceChange=changes, extraConfig=[vim.option.OptionValue(key=key, value=value) for key, value in options.items()],
    )  # fmt: skip
    host = api.host()
    return api.wait(api.datacenter().vmFolder.CreateVM_Task(spec, host.parent.resourcePool, host))


def copy_disks(api: Vsphere, params: dict[str, Any], machine: Any, units: list[int]) -> None:
    """Add the disks that begin as a copy of an image, and let them grow to their size."""
    datacenter = api.datacenter()
    directory = machine.config.files.vmPathName.rpartition("/")[0]
    for unit in units:
        disk = params["disks"][unit]
        if not disk.get("image"):
            continue
        # A copy that was interrupted is begun anew: what is not attached to the machine is nobody's yet.
        target = f"{directory}/disk{unit}.vmdk"
        api.wait(
            api.content.virtualDiskManager.CopyVirtualDisk_Task(disk["image"], datacenter, target, datacenter, None, True)
        )
        added = vim.vm.device.VirtualDisk(
            key=-1, controllerKey=_scsi(machine).key, unitNumber=unit,
            backing=vim.vm.device.VirtualDisk.FlatVer2BackingInfo(fileName=target, diskMode="persistent"),
            deviceInfo=vim.Description(label="", summary=""),
        )  # fmt: skip
        api.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[_change("add", added)])))
        size, wanted = read(api, machine)["disks"][unit], disk["size_gib"] * esxi_plan.GIB
        if size < wanted:
            api.wait(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[_grown(machine, unit, wanted)])))
        elif size > wanted:
            raise VsphereError(
                f"the image {disk['image']} has {size / esxi_plan.GIB:g} GiB, and {disk['size_gib']} GiB are declared for the disk",
                "Declare a disk of at least that size (esxi_vm_system_disk_gib).",
            )


def _grown(machine: Any, unit: int, size: int) -> Any:
    device = _disks(machine)[unit]
    device.capacityInBytes = size
    device.capacityInKB = size // 1024
    return _change("edit", device)


def _moved(api: Vsphere, machine: Any, place: int, name: str) -> Any:
    device = _devices(machine, vim.vm.device.VirtualEthernetCard)[place]
    device.backing = _network_backing(api, name)
    return _change("edit", device)


def reconfigure(api: Vsphere, params: dict[str, Any], machine: Any, actions: dict[str, Any]) -> None:
    """Apply what differs, and nothing else, in one call."""
    changes = [
        *(_grown(machine, unit, sizes[1]) for unit, sizes in actions["grow"].items()),
        *(_disk(params, unit, _scsi(machine).key) for unit in _blank(params, actions["add_disks"])),
        *(_moved(api, machine, place, names[1]) for place, names in actions["networks"].items()),
        *(_card(api, place, name, params["macs"][place]) for place, name in actions["add_networks"].items()),
    ]
    spec = vim.vm.ConfigSpec()
    if changes:
        spec.deviceChange = changes
    for name, values in actions["settings"].items():
        setattr(spec, {"name": "name", "cpus": "numCPUs", "memory_mb": "memoryMB"}[name], values[1])
    if changes or actions["settings"]:
        api.wait(machine.ReconfigVM_Task(spec))


def shut_down(api: Vsphere, machine: Any) -> None:
    """Let the guest shut itself down, and wait for it.

    :raises VsphereError: it does not, or has no VMware tools that could tell it to.
    """
    try:
        machine.ShutdownGuest()
    except vim.fault.ToolsUnavailable as error:
        raise VsphereError(
            f"the machine {machine.name} has no VMware tools running, so it cannot be told to shut down",
            "Shut it down by itself (`systemctl poweroff`), and run this again.",
        ) from error
    deadline = time.monotonic() + api.params["timeout"]
    while str(machine.runtime.powerState) != "poweredOff":
        if time.monotonic() >= deadline:
            raise VsphereError(
                f"the machine {machine.name} was told to shut down and still runs after {api.params['timeout']} s",
                "See its console. Nothing was changed.",
            )
        time.sleep(POLL_INTERVAL)


def apply(api: Vsphere, params: dict[str, Any], machine: Any | None, actions: dict[str, Any]) -> Any:
    """Carry a plan out and return the machine."""
    if machine is None:
        machine = create(api, params, actions)
    else:
        if actions["shut_down"]:
            shut_down(api, machine)
        reconfigure(api, params, machine, actions)
    copy_disks(api, params, machine, actions["add_disks"])
    if actions["switch_on"]:
        api.wait(machine.PowerOnVM_Task())
    return machine


def remove(api: Vsphere, machine: Any) -> None:
    """Cut the machine's power and destroy it with its disks."""
    if str(machine.runtime.powerState) != "poweredOff":
        api.wait(machine.PowerOffVM_Task())
    api.wait(machine.Destroy_Task())
