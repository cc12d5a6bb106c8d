"""A pair on two hosts of a vCenter, from a cloud image, in a port group of a distributed switch; and the real fence agent."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import KEY, PASSWORD, Host, Site, succeeded, unchanged
from pyVmomi import vim

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.esxi_fencing import esxi_fence_devices

GIB = 1 << 30


@pytest.fixture(scope="module")
def host(simulators: Any) -> Host:
    """Give a vCenter with two hosts."""
    return simulators("-vcenter")


@pytest.fixture(scope="module")
def site(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give an inventory with one machine on each of its hosts."""
    directory = tmp_path_factory.mktemp("site")
    image = directory / "debian-12-generic-amd64.raw"
    image.write_bytes(b"a system" * 1024)
    variables = {
        "esxi_vm_datacenter": "DC0",
        "esxi_vm_install": "cloud_image",
        "esxi_vm_media_url": image.as_uri(),
        "esxi_vm_media_checksum": f"sha256:{hashlib.sha256(image.read_bytes()).hexdigest()}",
        "esxi_vm_networks": [
            {"port_group": "DC0_DVPG0", "prefix": 24, "gateway": "127.73.0.1", "dns": ["127.73.0.1"]},
            {"port_group": "Replication", "vswitch": "vSwitch0", "prefix": 24},
        ],
    }
    nodes = {"pbx1": {"esxi_vm_esxi_host": "DC0_H0"}, "pbx2": {"esxi_vm_esxi_host": "DC0_H1"}}
    return Site(directory, host, variables, nodes)


# The tests of this file are one story, in this order.


def test_each_host_gets_one_machine(site: Site, host: Host) -> None:
    succeeded(site.play())
    machines = host.machines()
    assert [machines[name].runtime.host.name for name in ("pbx1", "pbx2")] == ["DC0_H0", "DC0_H1"]
    for name in ("pbx1", "pbx2"):
        groups = machines[name].runtime.host.configManager.networkSystem.networkInfo.portgroup
        assert "Replication" in [group.spec.name for group in groups]
        assert machines[name].runtime.powerState == "poweredOn"


def test_the_cards_are_in_the_distributed_and_in_the_plain_port_group(host: Host) -> None:
    content = host.api()
    distributed = {
        item.key: item.name for dc in content.rootFolder.childEntity for item in dc.networkFolder.childEntity
        if isinstance(item, vim.dvs.DistributedVirtualPortgroup)
    }  # fmt: skip
    for machine in (host.machines()[name] for name in ("pbx1", "pbx2")):
        first, second = sorted(
            (item for item in machine.config.hardware.device if isinstance(item, vim.vm.device.VirtualVmxnet3)),
            key=lambda item: item.key,
        )
        assert distributed[first.backing.port.portgroupKey] == "DC0_DVPG0"
        assert second.backing.deviceName == "Replication"


def test_the_systems_disk_is_a_copy_of_the_image_that_grew(site: Site, host: Host) -> None:
    for machine in (host.machines()[name] for name in ("pbx1", "pbx2")):
        disks = {item.unitNumber: item for item in machine.config.hardware.device if isinstance(item, vim.vm.device.VirtualDisk)}
        assert {unit: disk.capacityInBytes or disk.capacityInKB * 1024 for unit, disk in disks.items()} == {0: 20 * GIB, 1: 20 * GIB}
        store = Path(machine.datastore[0].info.url)
        copied = store / disks[0].backing.fileName.removeprefix("[LocalDS_0] ")
        assert 'createType="vmfs"' in copied.read_text()
        assert "RW 16 VMFS" in copied.read_text()
        image = Path(site.variables["esxi_vm_media_url"].removeprefix("file://"))
        assert copied.with_name(copied.stem + "-flat.vmdk").read_bytes() == image.read_bytes()


def test_the_guest_is_told_who_it_is(host: Host) -> None:
    for name, last in (("pbx1", 11), ("pbx2", 12)):
        options = {item.key: item.value for item in host.machines()[name].config.extraConfig}
        assert options["guestinfo.metadata.encoding"] == options["guestinfo.userdata.encoding"] == "base64"
        metadata = yaml.safe_load(base64.b64decode(options["guestinfo.metadata"]))
        assert metadata["local-hostname"] == name
        first, second = metadata["network"]["ethernets"].values()
        assert first["addresses"] == [f"127.73.0.{last}/24"]
        assert first["routes"] == [{"to": "0.0.0.0/0", "via": "127.73.0.1"}]
        assert second["addresses"] == [f"127.73.1.{last}/24"]
        cards = {item.macAddress for item in host.machines()[name].config.hardware.device if hasattr(item, "macAddress")}
        assert {first["match"]["macaddress"], second["match"]["macaddress"]} == cards
        text = base64.b64decode(options["guestinfo.userdata"]).decode()
        assert text.startswith("#cloud-config\n")
        userdata = yaml.safe_load(text)
        assert userdata["users"][0]["ssh_authorized_keys"] == [KEY]
        assert (userdata["ssh_pwauth"], userdata["disable_root"], userdata["users"][0]["lock_passwd"]) == (False, True, True)
        assert userdata["ca_certs"]["trusted"][0].startswith("-----BEGIN CERTIFICATE-----")


def test_again_nothing_changes(site: Site) -> None:
    assert unchanged(site.play("--limit=pbx1"))


def test_the_real_agent_fences_with_the_variables_that_made_the_machine(site: Site, host: Host) -> None:
    """fence_vmware_rest as Pacemaker runs it: options on its input, the certificate verified."""
    names = {**site.variables, "esxi_vm_hostname": "127.0.0.1", "esxi_vm_port": host.port, "esxi_vm_username": "root"}
    variables = {name: {**names, **own, "esxi_vm_password": PASSWORD} for name, own in site.nodes.items()}
    first, second = esxi_fence_devices([{"name": "pbx1"}, {"name": "pbx2"}], variables, "pbx")
    assert (first["delay"], "delay" in second) == (2, False)

    def agent(device: dict[str, Any], action: str, trusted: bool = True, **more: str) -> int:
        options = {**device["options"], **more, "action": action}
        text = "".join(f"{name}={value}\n" for name, value in options.items())
        # The agent trusts what its system trusts: for this process alone, that is the certificate of the simulator.
        script = f"mount --bind {host.ca_file} /etc/ssl/certs/ca-certificates.crt && " if trusted else ""
        argv = ["unshare", "--mount", "sh", "-c", f"{script}exec {device['agent']}"]
        return subprocess.run(argv, input=text, text=True, capture_output=True, check=False).returncode

    assert first["agent"] == "fence_vmware_rest"
    assert [agent(first, action) for action in ("monitor", "status")] == [0, 0]
    assert agent(first, "off") == 0
    assert host.machines()["pbx1"].runtime.powerState == "poweredOff"
    assert host.machines()["pbx2"].runtime.powerState == "poweredOn"
    # A machine that is off is status 2 (fencing.py: 0 on, 2 off).
    assert agent(first, "status") == 2
    assert agent(first, "on") == 0
    assert agent(second, "reboot") == 0
    assert host.machines()["pbx2"].runtime.powerState == "poweredOn"
    assert agent(first, "status", password="wrong") != 0
    assert agent(first, "status", trusted=False) != 0
