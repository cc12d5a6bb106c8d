"""What is said, before anything is made, when something is missing or nobody is let in."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Host, Site

NETWORKS = [{"port_group": "VM Network", "vswitch": None}]


@pytest.fixture(scope="module")
def host(simulators: Any) -> Host:
    """Give a standalone host whose datastore is nearly full."""
    return simulators("-free-gib", "30")


@pytest.fixture(scope="module")
def site(host: Host, installer: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give an inventory whose machines would be on that host."""
    return Site(tmp_path_factory.mktemp("site"), host, {**installer})


def refused(site: Site, *arguments: str, **variables: Any) -> str:
    """Return what machines.yml says before it makes anything, on one line."""
    before = set(site.host.machines())
    done = site.play(*arguments, **variables)
    assert done.returncode != 0, done.stdout
    assert set(site.host.machines()) == before
    assert "Telephones" not in [item.name for item in site.host.api().rootFolder.childEntity[0].networkFolder.childEntity]
    said = " ".join(done.stdout.split())
    assert "pbx1: nothing was made." in said
    return said


def test_a_wrong_password(site: Site) -> None:
    said = refused(site, "--limit=pbx1", esxi_vm_password="wr0ng-Passw0rd")
    assert "On 127.0.0.1: 1. it refuses the password of root. What to do: Correct esxi_vm_username and esxi_vm_password" in said
    assert "wr0ng" not in said


def test_a_certificate_that_nobody_vouches_for(site: Site) -> None:
    result = site.module("esxi_info", ca_file=None)
    assert result["found"].startswith("its certificate is not trusted: self-signed certificate (SHA-256 ")
    assert "name the file in esxi_vm_ca_file" in result["cure"]
    assert site.module("esxi_info", ca_file=None, validate_certs=False)["problems"] == []


def test_a_certificate_for_another_name(site: Site) -> None:
    result = site.module("esxi_info", hostname="localhost")
    assert "its certificate is not trusted: Hostname mismatch" in result["found"]
    assert "The name in esxi_vm_hostname must be one that the certificate has." in result["cure"]


def test_nobody_there(site: Site) -> None:
    result = site.module("esxi_info", port=1)
    assert result["msg"].startswith("127.0.0.1: port 1 does not answer: ")


def test_a_read_only_licence(simulators: Any, site: Site) -> None:
    free = Site(site.directory, simulators("-free-licence"))
    looked = free.module("esxi_info")
    assert [item["found"] for item in looked["problems"]] == ["its licence makes the API read-only, as that of the free ESXi does"]
    assert "Give the host a licence with the vSphere API" in looked["problems"][0]["cure"]
    # And when the licence does not say so, but the first change does.
    made = free.module("esxi_machine", networks=["VM Network"], macs=["00:50:56:00:00:01"], disks=[{"size_gib": 1}])
    assert made["found"] == "its licence makes the API read-only, as that of the free ESXi does"
    assert "pbx1" not in free.host.machines()


def test_no_such_datastore(site: Site) -> None:
    (problem,) = site.module("esxi_info", datastore="ssd")["problems"]
    assert problem == {"found": "there is no datastore ssd, but LocalDS_0", "cure": "Name one of them in esxi_vm_datastore."}


def test_no_such_port_group_nor_switch(site: Site) -> None:
    networks = [{"port_group": "Telefones", "vswitch": None}, {"port_group": "Replication", "vswitch": "vSwitch9"}]
    found = [item["found"] for item in site.module("esxi_info", networks=networks)["problems"]]
    assert found == [
        "there is no port group Telefones, but VM Network",
        "there is no virtual switch vSwitch9 for the port group Replication, but vSwitch0",
    ]
    assert site.module("esxi_info", networks=NETWORKS)["problems"] == []


def test_several_things_at_once_and_too_little_space_for_both(site: Site) -> None:
    """Either machine would fit by itself."""
    said = refused(
        site, esxi_vm_media_url=None, esxi_vm_media_checksum=None, esxi_vm_media_path="iso/none.iso",
        esxi_vm_system_disk_gib=10, esxi_vm_data_disk_gib=10, esxi_vm_memory_mb=2048,
        esxi_vm_networks=[
            {"port_group": "Telefones", "prefix": 24}, {"port_group": "Replication", "vswitch": "vSwitch0", "prefix": 24},
        ],
    )  # fmt: skip
    for found in (
        "1. there is no port group Telefones, but VM Network.",
        "2. there is no file iso/none.iso in the datastore LocalDS_0.",
        "3. the datastore LocalDS_0 has 30.0 GiB free, and this run takes 44.0 GiB of it for disks and memory.",
    ):
        assert found in said


def test_a_vcenter_without_the_name_of_a_host_and_the_other_way_round(simulators: Any, site: Site) -> None:
    vcenter = Site(site.directory, simulators("-vcenter"))
    (problem,) = vcenter.module("esxi_info", datacenter="DC0")["problems"]
    assert "has no host without a name, but DC0_H0, DC0_H1" in problem["found"]
    (problem,) = vcenter.module("esxi_info")["problems"]
    assert problem["found"] == "there is no datacenter ha-datacenter, but DC0"
    (problem,) = site.module("esxi_info", esxi_host="esxi1")["problems"]
    assert "it is a standalone ESXi host" in problem["found"]


def test_an_inventory_that_does_not_say_enough(site: Site) -> None:
    said = refused(site, "--limit=pbx1", esxi_vm_datastore=None, esxi_vm_ssh_public_keys=None)
    assert "esxi_vm_datastore is not set" in said
    assert "esxi_vm_ssh_public_keys is not set" in said
    said = refused(site, "--limit=pbx1", esxi_vm_media_checksum=None, esxi_vm_addresses=["127.73.0.11"])
    assert "esxi_vm_networks lists 2 networks, and there are 1 addresses for them" in said
    assert "what is not verified is not used" in said
