"""A pair on one standalone ESXi host, made from nothing, and what the API holds of it afterwards."""

from __future__ import annotations

import io
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from conftest import ADDRESSES, KEY, PASSWORD, UUID, Host, Site, succeeded, unchanged
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion
from pyVmomi import vim

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.esxi_fencing import esxi_fence_devices

GIB = 1 << 30


@pytest.fixture(scope="module")
def host(simulators: Any) -> Host:
    """Give a standalone host."""
    return simulators()


@pytest.fixture(scope="module")
def site(host: Host, installer: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give an inventory whose machines are on that host."""
    return Site(tmp_path_factory.mktemp("site"), host, {**installer, "esxi_vm_cpus": 3, "esxi_vm_data_disk_gib": 50})


def devices(machine: Any, kind: Any) -> list[Any]:
    """Return the devices of a machine that are of a kind, in their order."""
    return sorted((item for item in machine.config.hardware.device if isinstance(item, kind)), key=lambda item: item.key)


def content(host: Host, path: str) -> bytes:
    """Return a file of the datastore."""
    directory = Path(host.api().rootFolder.childEntity[0].datastoreFolder.childEntity[0].info.url)
    return (directory / path).read_bytes()


# The tests of this file are one story, in this order.


def test_check_mode_says_what_it_would_make_and_makes_nothing(site: Site, host: Host) -> None:
    before = set(host.machines())
    said = succeeded(site.play("--check", "--limit=pbx1"))
    assert "+name: pbx1" in said
    assert "+disk 1: 50 GiB" in said
    assert set(host.machines()) == before
    assert "Telephones" not in [item.name for item in host.api().rootFolder.childEntity[0].networkFolder.childEntity]


def test_a_pair_is_made_from_nothing(site: Site, host: Host) -> None:
    succeeded(site.play())
    machines = host.machines()
    assert {"pbx1", "pbx2"} < set(machines)
    for name in ("pbx1", "pbx2"):
        machine, config = machines[name], machines[name].config
        assert machine.runtime.powerState == "poweredOn"
        assert (config.hardware.numCPU, config.hardware.memoryMB, config.version, config.firmware) == (3, 4096, "vmx-17", "efi")
        assert (config.instanceUuid, config.uuid) == (UUID[name], UUID[name])
        assert config.guestId == "rhel8_64Guest"
        assert f"Node {name} of the telephone exchange pbx" in config.annotation
        assert {item.key: item.value for item in config.extraConfig}["dialtone.ha_pbx.machine"] == f"pbx/{name}"


def test_its_disks_are_blank_and_on_one_controller(host: Host) -> None:
    for name in ("pbx1", "pbx2"):
        machine = host.machines()[name]
        (controller,) = devices(machine, vim.vm.device.ParaVirtualSCSIController)
        disks = devices(machine, vim.vm.device.VirtualDisk)
        assert [(disk.unitNumber, disk.controllerKey) for disk in disks] == [(0, controller.key), (1, controller.key)]
        assert [disk.capacityInKB * 1024 for disk in disks] == [20 * GIB, 50 * GIB]
        assert [disk.backing.thinProvisioned for disk in disks] == [False, False]


def test_its_cards_are_in_the_networks_that_were_made(host: Host) -> None:
    network = host.api().rootFolder.childEntity[0].hostFolder.childEntity[0].host[0].configManager.networkSystem.networkInfo
    groups = {group.spec.name: (group.spec.vswitchName, group.spec.vlanId) for group in network.portgroup}
    assert groups["Telephones"] == ("vSwitch0", 73)
    assert groups["Replication"] == ("vSwitch0", 0)
    seen = set()
    for name in ("pbx1", "pbx2"):
        cards = devices(host.machines()[name], vim.vm.device.VirtualVmxnet3)
        assert [card.backing.deviceName for card in cards] == ["Telephones", "Replication"]
        assert all(card.macAddress.startswith("00:50:56:") and int(card.macAddress[9:11], 16) < 0x40 for card in cards)
        seen |= {card.macAddress for card in cards}
    assert len(seen) == 4


def test_its_drives_hold_the_installer_and_its_own_kickstart(site: Site, host: Host) -> None:
    for name in ("pbx1", "pbx2"):
        drives = devices(host.machines()[name], vim.vm.device.VirtualCdrom)
        common, own = (drive.backing.fileName.removeprefix("[LocalDS_0] ") for drive in drives)
        assert all(drive.connectable.startConnected for drive in drives)
        assert content(host, common) == Path(site.variables["esxi_vm_media_url"].removeprefix("file://")).read_bytes()
        image = pycdlib.PyCdlib()
        image.open_fp(io.BytesIO(content(host, own)))
        assert image.pvd.volume_identifier.decode().strip() == "OEMDRV"
        kickstart = io.BytesIO()
        image.get_file_from_iso_fp(kickstart, rr_path="/ks.cfg")
        assert KEY in kickstart.getvalue().decode()
        assert devices(host.machines()[name], vim.vm.device.VirtualVmxnet3)[0].macAddress in kickstart.getvalue().decode()


def test_the_kickstart_is_one(site: Site, host: Host) -> None:
    for node, address in ADDRESSES.items():
        (path,) = site.directory.glob(f"cache/dialtone-{node}-*/ks.cfg")
        for version in ("RHEL9", "RHEL10"):
            parser = KickstartParser(makeVersion(version))
            parser.readKickstart(str(path))
            handler = parser.handler
            first, second, name = handler.network.network
            assert [first.device, second.device] == [
                card.macAddress for card in devices(host.machines()[node], vim.vm.device.VirtualVmxnet3)
            ]
            assert (first.ip, first.netmask, first.gateway) == (address, "255.255.255.0", "127.73.0.1")
            assert first.nameserver == "127.73.0.1,127.73.0.2"
            assert (second.ip, second.netmask, second.nodefroute) == (address.replace(".0.1", ".1.1"), "255.255.255.240", True)
            assert name.hostname == node
            assert handler.rootpw.lock
            assert [(item.username, item.key) for item in handler.sshkey.dataList()] == [("ansible", KEY)]
            assert [(item.name, item.lock, item.password) for item in handler.user.dataList()] == [("ansible", True, "")]
            assert handler.ignoredisk.onlyuse == ["disk/by-path/pci-*-scsi-0:0:0:0"]
            assert "open-vm-tools" in handler.packages.packageList
            subprocess.run(["sh", "-n"], input=handler.scripts[0].script, text=True, check=True)
            assert "-----BEGIN CERTIFICATE-----" in handler.scripts[0].script


def test_the_fence_device_names_the_machine_and_has_options_that_the_agent_takes(host: Host) -> None:
    variables = {"esxi_vm_hostname": "127.0.0.1", "esxi_vm_port": host.port, "esxi_vm_username": "root", "esxi_vm_password": PASSWORD}
    devices_of = esxi_fence_devices([{"name": name} for name in ADDRESSES], dict.fromkeys(ADDRESSES, variables), "pbx")
    described = ET.fromstring(subprocess.run(["fence_vmware_soap", "-o", "metadata"], check=True, capture_output=True).stdout)
    taken = {parameter.get("name") for parameter in described.iter("parameter")}
    for device in devices_of:
        assert device["agent"] == "fence_vmware_soap"
        assert device["options"].keys() <= taken
        # The uuid by which the agent looks for the machine (FindByUuid).
        assert host.api().searchIndex.FindByUuid(None, device["options"]["plug"], True, False).name == device["node"]


def test_again_nothing_changes(site: Site) -> None:
    assert unchanged(site.play())


def test_a_running_machine_is_not_shut_down_unasked(site: Site, host: Host) -> None:
    refused = site.module("esxi_machine", name="pbx2", uuid=UUID["pbx2"], mark="pbx/pbx2", cpus=3, memory_mb=8192)
    assert refused["found"] == "the machine pbx2 runs, and has to be shut down for a change of memory_mb 4096 to 8192"
    assert "-e esxi_vm_power_cycle=pbx2" in refused["cure"]
    assert host.machines()["pbx2"].config.hardware.memoryMB == 4096


def test_another_size_changes_that_and_nothing_else(site: Site, host: Host) -> None:
    def shape(name: str) -> tuple[Any, ...]:
        machine = host.machines()[name]
        extra = sorted((item.key, item.value) for item in machine.config.extraConfig)
        cards = [(card.macAddress, card.backing.deviceName) for card in devices(machine, vim.vm.device.VirtualVmxnet3)]
        disks = [(disk.backing.fileName, disk.capacityInKB) for disk in devices(machine, vim.vm.device.VirtualDisk)]
        return machine.config.hardware.numCPU, machine.config.uuid, extra, cards, disks, machine.runtime.powerState

    before = shape("pbx2")
    said = succeeded(site.play("--limit=pbx2", "-e", "esxi_vm_power_cycle=pbx2", esxi_vm_memory_mb=8192))
    assert "-memory_mb: 4096\n+memory_mb: 8192" in said
    assert host.machines()["pbx2"].config.hardware.memoryMB == 8192
    assert shape("pbx2") == before


def test_a_disk_grows_while_the_machine_runs_and_never_shrinks(site: Site, host: Host) -> None:
    machine = {"cpus": 3, "networks": ["Telephones", "Replication"], "macs": ["00:50:56:00:00:01", "00:50:56:00:00:02"]}
    grown = site.module("esxi_machine", disks=[{"size_gib": 20}, {"size_gib": 60}], **machine)
    assert grown["actions"]["grow"] == {"1": [50 * GIB, 60 * GIB]}
    assert devices(host.machines()["pbx1"], vim.vm.device.VirtualDisk)[1].capacityInBytes == 60 * GIB
    refused = site.module("esxi_machine", disks=[{"size_gib": 10}, {"size_gib": 60}], **machine)
    assert refused["found"] == "disk 0 of the machine pbx1 has 20 GiB, and 10 GiB are declared"


def test_a_card_in_another_network_is_put_back(site: Site, host: Host) -> None:
    wanted = {"cpus": 3, "disks": [{"size_gib": 20}, {"size_gib": 60}], "macs": ["00:50:56:00:00:01", "00:50:56:00:00:02"]}
    moved = site.module("esxi_machine", networks=["Replication", "Telephones"], **wanted)
    assert moved["actions"]["networks"] == {"0": ["Telephones", "Replication"], "1": ["Replication", "Telephones"]}
    cards = devices(host.machines()["pbx1"], vim.vm.device.VirtualVmxnet3)
    assert [card.backing.deviceName for card in cards] == ["Replication", "Telephones"]
    assert site.module("esxi_machine", networks=["Telephones", "Replication"], **wanted)["changed"]


def test_a_machine_that_is_off_is_switched_on(site: Site, host: Host) -> None:
    assert host.machines()["pbx1"].PowerOffVM_Task().info.state == "success"
    said = site.module("esxi_machine", check=True, cpus=3)
    assert said["diff"]["before"].replace("power: off", "power: on") == said["diff"]["after"]
    assert host.machines()["pbx1"].runtime.powerState == "poweredOff"
    assert site.module("esxi_machine", cpus=3)["changed"]
    assert host.machines()["pbx1"].runtime.powerState == "poweredOn"
    assert not site.module("esxi_machine", cpus=3)["changed"]


def test_a_machine_of_the_name_that_is_not_ours_is_not_touched(site: Site, host: Host) -> None:
    foreign = next(name for name in host.machines() if not name.startswith("pbx"))
    before = host.machines()[foreign].config.modified
    looked = site.module("esxi_info", name=foreign, uuid="00000000-0000-5000-8000-000000000001")
    assert [item["found"] for item in looked["problems"]] == [f"there is a machine {foreign} already that was not made for this node"]
    for state in ("present", "absent"):
        refused = site.module("esxi_machine", name=foreign, uuid="00000000-0000-5000-8000-000000000001", state=state)
        assert "It was not touched." in refused["cure"]
    # A machine with our uuid whose mark is somebody else's: a copy.
    copied = site.module("esxi_machine", uuid=UUID["pbx2"], name="pbx2", state="absent", mark="other/pbx2")
    assert "it was not made by this collection, or it is a copy" in copied["found"]
    assert {foreign, "pbx1", "pbx2"} <= set(host.machines())
    assert host.machines()[foreign].config.modified == before


def test_it_is_removed_only_when_named_twice(site: Site, host: Host) -> None:
    refused = site.play("-e", "esxi_remove_node=pbx2", playbook="esxi_remove")
    assert refused.returncode != 0
    assert "Nothing was done. Say whose machine is destroyed, twice" in refused.stdout
    assert "pbx2" in host.machines()
    succeeded(site.play("-e", "esxi_remove_node=pbx2", "-e", "esxi_remove_confirm=pbx2", playbook="esxi_remove"))
    assert "pbx2" not in host.machines()
    assert "pbx1" in host.machines()
    gone = site.module("esxi_machine", name="pbx2", uuid=UUID["pbx2"], mark="pbx/pbx2", state="absent")
    assert not gone["changed"]
