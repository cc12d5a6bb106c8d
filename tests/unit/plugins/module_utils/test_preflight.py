"""What the preflight reads out of what tools print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _preflight as preflight
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result

COROSYNC = Path(__file__).parent / "pcs/fixtures"

# lsblk (util-linux 2.41): a disk with the system, one for LVM, an empty one, one of DRBD, an optical drive without a medium.
HOST: list[dict[str, Any]] = [
    {"name": "vda", "path": "/dev/vda", "type": "disk", "size": 10737418240, "ro": False, "fstype": None, "mountpoints": [None],
     "children": [
         {"name": "vda1", "path": "/dev/vda1", "type": "part", "size": 10736352768, "ro": False, "fstype": "ext4",
          "mountpoints": ["/"]}]},
    {"name": "vdb", "path": "/dev/vdb", "type": "disk", "size": 4294967296, "ro": False, "fstype": "LVM2_member",
     "mountpoints": [None],
     "children": [
         {"name": "vg-swap", "path": "/dev/mapper/vg-swap", "type": "lvm", "size": 1073741824, "ro": False, "fstype": "swap",
          "mountpoints": ["[SWAP]"]},
         {"name": "vg-free", "path": "/dev/mapper/vg-free", "type": "lvm", "size": 2147483648, "ro": False, "fstype": None,
          "mountpoints": [None]}]},
    {"name": "vdc", "path": "/dev/vdc", "type": "disk", "size": 1073741824, "ro": False, "fstype": None, "mountpoints": [None]},
    {"name": "vdd", "path": "/dev/vdd", "type": "disk", "size": 1073741824, "ro": True, "fstype": None, "mountpoints": [None]},
    {"name": "sr0", "path": "/dev/sr0", "type": "rom", "size": 1073741312, "ro": False, "fstype": None, "mountpoints": [None]},
]  # fmt: skip


def said(devices: list[dict[str, Any]]) -> Result:
    return Result(0, json.dumps({"blockdevices": devices}), "")


def test_what_uses_a_disk_is_named_through_all_layers() -> None:
    system, lvm, free = (preflight.parse_lsblk(said([device])) for device in HOST[:3])
    assert system["used"] == ["part vda1", "mounted at /"]
    assert lvm["used"] == ["lvm vg-swap", "[SWAP]", "lvm vg-free"]
    assert free == {"size": 1073741824, "type": "disk", "used": [], "read_only": False}


def test_old_versions_of_lsblk_write_texts() -> None:
    old = {"name": "sdb", "type": "disk", "size": "1048576", "ro": "1", "mountpoints": ["/mnt"]}
    expected = {"size": 1048576, "type": "disk", "used": ["mounted at /mnt"], "read_only": True}
    assert preflight.parse_lsblk(said([old])) == expected


def test_only_what_nothing_uses_is_proposed() -> None:
    assert preflight.parse_candidates(said(HOST)) == ["/dev/mapper/vg-free (2048 MiB)", "/dev/vdc (1024 MiB)"]
    assert preflight.parse_candidates(Result(1, "", "lsblk: permission denied")) == []


def test_what_is_no_disk_is_not_looked_into(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.touch()
    for path, exists in ((file, True), (tmp_path / "none", False)):
        found = preflight.disk(lambda argv, stdin=None: said(HOST), str(path))
        assert found == {
            "exists": exists, "block": False, "candidates": ["/dev/mapper/vg-free (2048 MiB)", "/dev/vdc (1024 MiB)"],
        }  # fmt: skip


def test_the_cluster_of_a_host(tmp_path: Path) -> None:
    none = {"name": "", "nodes": [], "error": ""}
    assert preflight.cluster(tmp_path / "none") == none
    # What Debian's package brings is no cluster.
    assert preflight.cluster(COROSYNC / "corosync-debian.conf") == none
    found = preflight.cluster(COROSYNC / "corosync-pair.conf")
    assert len(found["nodes"]) == 2
    assert found["name"] and not found["error"]
    broken = tmp_path / "corosync.conf"
    broken.write_text("totem {\n")
    assert "totem is not closed" in preflight.cluster(broken)["error"]


def test_accounts() -> None:
    assert preflight.account("root") == {"uid": 0, "gid": 0}
    assert preflight.account("nobody-has-this-name") == {}
    assert preflight.owner(0) == "root"
    assert preflight.owner(3999999) == ""


def test_modules_and_prompts_of_asterisk(tmp_path: Path) -> None:
    assert preflight.asterisk_modules(tmp_path) == [] == preflight.asterisk_sounds(tmp_path)
    names = ("lib64/asterisk/modules/app_dial.so", "lib/x86_64-linux-gnu/asterisk/modules/res_srtp.so", "lib/asterisk/modules/a")
    for place in names:
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).touch()
    assert preflight.asterisk_modules(tmp_path) == ["app_dial", "res_srtp"]
    for place in ("en_US_f_Allison/vm-intro.wav", "fr/vm-intro.gsm", "custom/own.wav"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    # As Debian has it: the language by its short name is an alternative.
    (tmp_path / "en").symlink_to("en_US_f_Allison")
    assert preflight.asterisk_sounds(tmp_path) == ["en", "en_US_f_Allison", "fr"]


def test_what_each_interface_is() -> None:
    # `ip -json -details link show` (iproute2 6.1): a card in a bond, the bond, a VLAN on it, and the end of a pair in a container.
    text = """[
      {"ifname": "lo", "link_type": "loopback", "inet6_addr_gen_mode": "eui64"},
      {"ifname": "eth0", "master": "bond0", "linkinfo": {"info_slave_kind": "bond", "info_slave_data": {"state": "ACTIVE"}}},
      {"ifname": "bond0", "linkinfo": {"info_kind": "bond", "info_data": {"mode": "active-backup"}}},
      {"ifname": "voice", "link": "bond0", "linkinfo": {"info_kind": "vlan", "info_data": {"protocol": "802.1Q", "id": 10}}},
      {"ifname": "host0", "link_index": 3, "linkinfo": {"info_kind": "veth"}},
      {}]"""
    found = preflight.parse_links(Result(0, text, ""))
    assert {name: (link["kind"], link["master"]) for name, link in found.items() if name} == {
        "lo": ("", ""), "eth0": ("", "bond0"), "bond0": ("bond", ""), "voice": ("vlan", ""), "host0": ("veth", ""),
    }  # fmt: skip
    assert preflight.parse_links(Result(1, "", "no such option")) == {}


class Server:
    """A database that lets root in at some sockets, and how many databases of its own it holds."""

    def __init__(self, listens: str, databases: int) -> None:
        self.listens, self.databases = listens, databases

    def connect(self, params: dict[str, Any]) -> Server:
        if params["login_unix_socket"] not in (None, self.listens):
            raise preflight.mariadb.MariaDBError("no such file")
        if params["login_unix_socket"] is None and self.listens != "usual":
            raise preflight.mariadb.MariaDBError("nobody at the usual sockets")
        return self

    def value(self, sql: str) -> str:
        return str(self.databases) if "COUNT" in sql else "11.8.3-MariaDB"


@pytest.mark.parametrize(
    ("listens", "databases", "asked", "version"),
    [
        ("usual", 1, None, "11.8.3-MariaDB"),
        ("/srv/db", 1, "/srv/db", "11.8.3-MariaDB"),
        # As Debian starts what it has just installed: the role gives it its socket.
        ("usual", 0, "/nowhere/db", "11.8.3-MariaDB"),
        ("usual", 1, "/nowhere/db", ""),
        ("/srv/db", 0, None, ""),
    ],
)
def test_a_database_that_listens_elsewhere_is_told_unless_it_is_nobodys(
    monkeypatch: pytest.MonkeyPatch, listens: str, databases: int, asked: str | None, version: str
) -> None:
    monkeypatch.setattr(preflight.mariadb, "PYMYSQL_MISSING", False)
    monkeypatch.setattr(preflight.mariadb, "connect", Server(listens, databases).connect)
    found = preflight.database(lambda _argv: Result(0, "LoadState=loaded\nActiveState=active\nUnitFileState=enabled\n", ""), asked)
    assert found["version"] == version
    assert bool(found["error"]) == (not version)
