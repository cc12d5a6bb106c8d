"""The parts of the virtual machines' lab that need no machine: the agreement of its files, and what it reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from lab import config
from lab.vm import acceleration, box, libvirt, selinux, stages, vagrant

SCENARIO = config.REPOSITORY / "molecule/default/molecule.yml"


def platforms() -> list[dict[str, object]]:
    """Return the machines that the scenario describes, with its variables left as they are."""
    return list(yaml.safe_load(SCENARIO.read_text())["platforms"])


def test_the_scenario_and_libvirt_give_the_same_card_the_same_address() -> None:
    cards = {name: libvirt.cards(name) for name in libvirt.NETWORKS}
    assert cards["dialtone-service"] == {"52:54:00:73:00:11": "10.73.0.11", "52:54:00:73:00:12": "10.73.0.12"}
    described: dict[str, dict[str, str]] = {}
    for machine in platforms():
        for interface in machine["interfaces"]:  # type: ignore[attr-defined]
            described.setdefault(interface["libvirt__network_name"], {})[interface["mac"]] = interface["ip"]
    assert described == cards


def test_the_scenario_and_the_inventory_describe_the_same_hosts() -> None:
    nodes = yaml.safe_load((config.REPOSITORY / "lab/inventories/vms/group_vars/lab_vms/pbx.yml").read_text())["pbx_nodes"]
    assert {node["name"]: (node["address"], node["address2"]) for node in nodes} == {
        machine["name"]: tuple(interface["ip"] for interface in machine["interfaces"])  # type: ignore[attr-defined]
        for machine in platforms()
    }
    assert {node["name"]: node["address"] for node in nodes} == {h.name: h.address for h in config.HOSTS.values()}


def test_both_labs_share_what_is_not_about_their_kind() -> None:
    here = config.REPOSITORY / "lab/inventories/vms/group_vars/lab_pair"
    there = config.REPOSITORY / "lab/inventories/containers/group_vars/lab_pair"
    assert {path.resolve() for path in here.iterdir()} == set(there.iterdir())


def test_boxes_of_another_name_or_provider_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = (
        "dialtone/lab   (libvirt, 0.0.17)\ndialtone/lab   (virtualbox, 0.0.18)\ndialtone/lab2  (libvirt, 0.0.19)\n"
        "dialtone/lab   (libvirt, 0.0.20, (amd64))\n"
    )
    monkeypatch.setattr(vagrant, "run", lambda _arguments: listed)
    assert vagrant.boxes("dialtone/lab") == ["0.0.17", "0.0.20"]
    monkeypatch.setattr(vagrant, "run", lambda _arguments: "There are no installed boxes! Use `vagrant box add`.\n")
    assert vagrant.boxes("dialtone/lab") == []


def test_a_version_of_the_box_belongs_to_its_content(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "key", lambda: "00000000001200ff")
    assert box.version() == "0.0.18"
    assert re.fullmatch(r"0\.0\.\d+", box.version())


@pytest.mark.parametrize("driver", ["kvm", "qemu"])
def test_who_knows_better_overrules_the_probe(monkeypatch: pytest.MonkeyPatch, driver: str) -> None:
    monkeypatch.setenv("DIALTONE_VM_DRIVER", driver)
    assert acceleration.driver(Path("/nonexistent")) == driver


def test_an_unknown_driver_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALTONE_VM_DRIVER", "xen")
    with pytest.raises(config.LabError, match="set it to kvm or to qemu"):
        acceleration.driver(Path("/nonexistent"))


@pytest.mark.parametrize(
    ("says", "driver"),
    [
        ("echo 'Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)'", "kvm"),
        ("echo 'error: kvm run failed'; exit 1", "qemu"),
        ("exec sleep 60", "qemu"),
    ],
    ids=["runs", "dies", "spins"],
)
def test_the_probe_believes_a_guest_that_ran(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, says: str, driver: str
) -> None:
    emulator = tmp_path / "emulator"
    emulator.write_text(f"#!/bin/sh\n{says}\n")
    emulator.chmod(0o755)
    monkeypatch.delenv("DIALTONE_VM_DRIVER", raising=False)
    monkeypatch.setattr(acceleration, "EMULATOR", str(emulator))
    monkeypatch.setattr(acceleration, "DEVICE", emulator)
    monkeypatch.setattr(acceleration, "SECONDS", 1)
    assert acceleration.driver(Path("/boot/vmlinuz")) == driver


AVC = (
    "audit: type=1400 audit(1795418808.100:{n}): avc:  denied  {{ read }} for  pid={pid} comm=\"x\" name=\"y\" dev=\"vda\""
    " ino={n} scontext=system_u:system_r:{source}:s0 tcontext=system_u:object_r:{target}:s0 tclass=file permissive=0"
)


def test_a_denial_concerns_the_exchange_by_who_asks_or_what_is_asked_for() -> None:
    lines = [
        AVC.format(n=1, pid=10, source="asterisk_t", target="var_t"),
        AVC.format(n=2, pid=11, source="asterisk_t", target="var_t"),
        AVC.format(n=3, pid=12, source="sshd_t", target="mysqld_db_t"),
        AVC.format(n=4, pid=13, source="getty_t", target="tmpfs_t"),
        "something else about asterisk_t",
    ]
    found = selinux.concerning("\n".join(lines))
    assert len(found) == 2
    assert "asterisk_t" in found[0]
    assert "mysqld_db_t" in found[1]


@pytest.mark.parametrize(
    ("line", "stage"),
    [
        ("\x1b[36mINFO    \x1b[0m \x1b[32mdefault\x1b[0m ➜ \x1b[33mside_effect\x1b[0m: \x1b[36mExecuting\x1b[0m\n", "side_effect"),
        ("INFO     [default > side_effect] Executing\n", "side_effect"),
        ("INFO     [default > verify] Executing Testinfra tests found in /somewhere/...\n", None),
        ("INFO     [default > verify] Executed: Successful\n", None),
    ],
)
def test_a_stage_begins_where_molecule_says_so_with_and_without_colours(line: str, stage: str | None) -> None:
    assert stages.begun(line) == stage


def test_molecule_can_hand_the_options_of_the_verifier_to_pytest() -> None:
    options = yaml.safe_load(SCENARIO.read_text())["verifier"]["options"]
    assert {name: value for name, value in options.items() if not isinstance(value, (str, bool))} == {}
