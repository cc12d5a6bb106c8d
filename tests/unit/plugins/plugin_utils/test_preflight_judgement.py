"""What the preflight says of each mistake that can be seen on a machine: what was found, and what to do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import preflight

MEBIBYTE = 2**20


def facts(last: int, **changes: Any) -> dict[str, Any]:
    """The facts of the machine at 192.0.2.<last>, as Ansible gathers them."""
    return {
        "os_family": "Debian",
        "interfaces": ["lo", "ens-1"],
        "lo": {"ipv4": {"address": "127.0.0.1", "netmask": "255.0.0.0", "prefix": "8"}},
        "ens_1": {
            "macaddress": f"52:54:00:00:00:{last}",
            "ipv4": {"address": f"192.0.2.{last}", "netmask": "255.255.255.0", "prefix": "24"},
            "ipv6": [{"address": f"fe80::{last}", "prefix": "64"}, {"address": f"2001:db8::{last}", "prefix": "64"}],
        },
        **changes,
    }  # fmt: skip


class Case:
    """A machine that can become a node, and what a test changes of it."""

    def __init__(self) -> None:
        self.facts = facts(11)
        self.pair = [self.facts, facts(12)]
        self.begun, self.ended = 1000.0, 1002.0
        self.looked: dict[str, Any] = {
            "time": 1001.0,
            "euid": 0,
            "names": {"ntp.example.com": ["192.0.2.53"]},
            "kernel_arguments": ["quiet"],
            "neighbour": {"kind": "direct", "interface": "ens-1", "lladdr": ""},
            "links": {"lo": {"kind": "", "master": ""}, "ens-1": {"kind": "", "master": ""}},
            "cluster": {"name": "", "nodes": [], "error": ""},
            "account": {},
            "uid_owner": "",
            "asterisk_modules": [], "asterisk_sounds": [],
            "asterisk_version": "",
            "units": {
                "firewalld.service": {"load": "not-found", "active": "inactive", "file": ""},
                "NetworkManager.service": {"load": "not-found", "active": "inactive", "file": ""},
                "systemd-networkd.service": {"load": "loaded", "active": "active", "file": "enabled"},
            },
            "space": [{"path": "/etc", "bytes": 4096 * MEBIBYTE, "files": 100000, "read_only": False}],
            "database": {"version": "", "error": ""},
            "disk": {
                "exists": True, "block": True, "size": 2048 * MEBIBYTE, "type": "disk", "used": [], "read_only": False,
                "signatures": [],
            },
        }  # fmt: skip
        self.settings: dict[str, Any] = {
            "nodes": [{"name": "pbx1", "address": "192.0.2.11"}, {"name": "pbx2", "address": "192.0.2.12"}],
            "cluster_name": "pbx", "floating_address": "192.0.2.10", "floating_interface": "", "disk": "/dev/sdb",
            "static_addresses": [], "selinux_state": "enforcing", "asterisk_uid": 850, "asterisk_gid": 850,
            "asterisk_install_method": "package",
            "asterisk": {
                "asterisk_language": "en", "asterisk_sound_languages": ["en"], "asterisk_extra_modules": [],
                "asterisk_source_menuselect_enable": [],
            },
            "inventory_hosts": ["pbx1", "pbx2"],
            "firewall": True, "base_in_run": True, "shared": "",
        }  # fmt: skip

    def judge(self) -> list[dict[str, str]]:
        return preflight.judge(
            self.looked, "pbx1", self.facts, self.pair, self.settings, self.begun, self.ended
        )


def test_a_machine_that_is_as_it_should_be_has_nothing_to_report() -> None:
    assert Case().judge() == []


def deployed(case: Case) -> None:
    case.looked["cluster"].update(name="pbx", nodes=["pbx1", "pbx2"])
    case.looked["units"]["firewalld.service"] = {"load": "loaded", "active": "active", "file": "enabled"}
    case.looked["database"]["version"] = "11.8.9-MariaDB-log"
    case.looked["account"] = {"uid": 850, "gid": 850}
    case.looked["uid_owner"] = "asterisk"
    case.looked["disk"].update(signatures=["drbd"], used=["drbd drbd0", "mounted at /srv/pbx"])


@pytest.mark.parametrize("active", [True, False])
def test_a_deployed_node_has_nothing_to_report(active: bool) -> None:
    case = Case()
    deployed(case)
    case.looked["neighbour"] = (
        {"kind": "own", "interface": "lo", "lladdr": ""}
        if active
        else {"kind": "direct", "interface": "ens-1", "lladdr": "52:54:00:00:00:12"}
    )
    assert case.judge() == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda c: (
                c.settings.update(static_addresses=[{"interface": "ens-1", "addresses": ["192.0.2.11/24"]}]),
                c.looked["links"].update({"ens-1": {"kind": "veth", "master": ""}, "bond0": {"kind": "bond", "master": ""}}),
            ),
            id="a bond that is left alone",
        ),
        pytest.param(
            lambda c: c.settings.update(floating_address="198.51.100.10", floating_interface="ens-1"), id="interface given"
        ),
        pytest.param(
            lambda c: c.settings.update(
                floating_address="198.51.100.10",
                static_addresses=[{"interface": "ens-1", "addresses": ["198.51.100.11/24"]}],
            ),
            id="network to come",
        ),
        pytest.param(
            lambda c: (
                c.settings["nodes"][0].update(address="192.0.2.99"),
                c.settings.update(static_addresses=[{"interface": "ens-1", "addresses": ["192.0.2.99/24"]}]),
            ),
            id="address to come",
        ),
        pytest.param(lambda c: c.looked.update(asterisk_version="22.10.1"), id="asterisk"),
        pytest.param(
            lambda c: (
                c.settings["asterisk"].update(asterisk_language="de", asterisk_extra_modules=["codec_g729"]),
                c.looked.update(asterisk_modules=["codec_g729"], asterisk_sounds=["de", "en"]),
            ), id="prompts and a module that somebody put there",
        ),
        pytest.param(
            lambda c: (c.looked.update(asterisk_version="16.1"), c.settings.update(asterisk_install_method="source")), id="built over"
        ),
        pytest.param(lambda c: firewalld(c, False), id="a firewall that this run starts"),
        pytest.param(lambda c: (firewalld(c, active="failed"), c.settings.update(firewall=False)), id="another firewall"),
        pytest.param(lambda c: firewalld(c, active="reloading"), id="a firewall that reloads"),
        pytest.param(lambda c: c.looked["space"][0].update(files=None), id="a file system that counts no files"),
        pytest.param(lambda c: c.looked["database"].update(version="10.11.6-MariaDB"), id="the oldest database"),
        # The other one is away, and may have the address.
        pytest.param(
            lambda c: (c.pair.pop(), c.looked["neighbour"].update(lladdr="52:54:00:00:00:12")), id="the other one is away"
        ),
        pytest.param(lambda c: c.looked.update(time=1031.9), id="clock within what the question took"),
    ],
)
def test_what_is_unusual_and_right(change: Callable[[Case], Any]) -> None:
    case = Case()
    change(case)
    assert case.judge() == []


FIREWALLD = "firewalld.service"


def firewalld(case: Case, deployed_before: bool = True, **state: str) -> None:
    """Have a host with firewalld in a state, deployed before or not."""
    case.looked["units"][FIREWALLD] = {"load": "loaded", "active": "inactive", "file": "enabled", **state}
    if deployed_before:
        case.looked["cluster"].update(name="pbx", nodes=["pbx1", "pbx2"])


MISTAKES = [
    ("a firewall that was stopped", firewalld, "firewalld does not run, and nothing is filtered",
     "`systemctl enable --now firewalld`"),
    ("a masked firewall", lambda c: firewalld(c, False, load="masked", file="masked"), "firewalld is masked",
     "systemctl unmask --now"),
    ("a firewall that failed", lambda c: firewalld(c, active="failed"), "firewalld has failed", "journalctl -u firewalld"),
    ("a firewall that this run does not start", lambda c: (firewalld(c, False), c.settings.update(base_in_run=False)),
     "firewalld does not run", "systemctl enable"),
    ("no firewall, and this run does not install it", lambda c: c.settings.update(base_in_run=False),
     "firewalld is not installed", "site.yml without --tags"),
    ("a full disk", lambda c: c.looked["space"][0].update(bytes=5 * MEBIBYTE), "/etc has 5 MiB left, and 128 are needed", "du -xh"),
    ("a disk without inodes", lambda c: c.looked["space"][0].update(files=3), "/etc has room for 3 more files only", "du --inodes"),
    ("a read-only disk", lambda c: c.looked["space"][0].update(read_only=True), "/etc is mounted read-only", "remount,rw"),
    ("a database that refuses root",
     lambda c: c.looked["database"].update(error="pbx1: no login as root at /run/mysqld/mysqld.sock (1698): Access denied"),
     "does not let root in: pbx1: no login as root", "IDENTIFIED VIA unix_socket"),
    ("an old database", lambda c: c.looked["database"].update(version="10.5.27-MariaDB"), "runs MariaDB 10.5.27-MariaDB, and 10.11",
     "dnf module switch-to"),
    ("a shared directory that is not there",
     lambda c: (c.looked.update(shared={"exists": False, "own": False}), c.settings.update(shared="/mnt/shared")),
     "pbx_shared_device /mnt/shared is not there", "Mount the shared"),
    ("a shared directory of its own",
     lambda c: (c.looked.update(shared={"exists": True, "own": True}), c.settings.update(shared="/mnt/shared")),
     "pbx_shared_device /mnt/shared is on its own disk", "Mount the shared"),
    ("nobody who sets addresses",
     lambda c: (
         c.looked["units"]["systemd-networkd.service"].update(active="inactive"),
         c.settings.update(static_addresses=[{"interface": "ens-1", "addresses": ["192.0.2.11/24"]}]),
     ), "neither NetworkManager nor systemd-networkd runs", "Start one of them"),
    ("not root", lambda c: c.looked.update(euid=1000), "not root there (user number 1000)", "ansible_become: true"),
    ("SELinux off at boot",
     lambda c: (c.facts.update(os_family="RedHat"), c.looked.update(kernel_arguments=["selinux=0"])),
     "SELinux is switched off", "grubby"),
    ("clock ahead", lambda c: c.looked.update(time=1092.0), "its clock is 90 s ahead of", "timedatectl"),
    ("clock behind", lambda c: c.looked.update(time=400.0), "its clock is 600 s behind", "timedatectl"),
    ("a name without an address", lambda c: c.looked["names"].update({"ipmi.example.com": []}),
     "no address for the name ipmi.example.com", "/etc/resolv.conf"),
    ("a node that the inventory lacks", lambda c: c.settings.update(inventory_hosts=["pbx1"]),
     "lists pbx2, and the inventory has no host", "Add pbx2 to the group pbx"),
    ("a name for an address", lambda c: c.settings["nodes"][1].update(address="pbx2.example.com"),
     "the address of pbx2 in pbx_nodes is pbx2.example.com, which is no IP address", "Give the address itself"),
    ("confused nodes", lambda c: c.settings["nodes"][0].update(address="192.0.2.12"),
     "it does not have its address of pbx_nodes, 192.0.2.12 (it has", "are the two nodes confused?"),
    ("a second link that is not there", lambda c: c.settings["nodes"][0].update(address2="198.51.100.11"),
     "it does not have its address2 of pbx_nodes, 198.51.100.11", "centos_base_static_addresses"),
    ("a prefix in the floating address", lambda c: c.settings.update(floating_address="192.0.2.10/24"),
     "pbx_floating_address is 192.0.2.10/24, which is no IP address", "without a prefix length"),
    ("a floating address of IPv6", lambda c: c.settings.update(floating_address="2001:db8::10"),
     "pbx_floating_address 2001:db8::10 is an IPv6 address, and the exchange answers by IPv4 only", "Give an IPv4 address"),
    *(
        (f"an address for {said}",
         lambda c, link=link: (c.settings.update(static_addresses=[{"interface": "ens-1", "addresses": ["192.0.2.11/24"]}]),
                               c.looked["links"].update({"ens-1": link})),
         f"centos_base_static_addresses names ens-1, which is {said}", "nmcli connection modify")
        for said, link in {
            "a bond": {"kind": "bond", "master": ""}, "a VLAN": {"kind": "vlan", "master": ""},
            "a bridge": {"kind": "bridge", "master": ""}, "a part of bond0": {"kind": "", "master": "bond0"},
        }.items()
    ),
    ("the floating address is a node's", lambda c: c.settings.update(floating_address="192.0.2.12"),
     "pbx_floating_address 192.0.2.12 is the address of pbx2 itself", "Choose a free address"),
    ("the floating address in another network", lambda c: c.settings.update(floating_address="203.0.113.10"),
     "pbx_floating_address 203.0.113.10 is in no network of the host (192.0.2.11/24, 2001:db8::11/64)", "pbx_floating_interface"),
    ("an interface that is not there", lambda c: c.settings.update(floating_interface="eth7"),
     "pbx_floating_interface is eth7, which it does not have (it has ens-1, lo)", "host_vars"),
    ("the floating address in use", lambda c: c.looked["neighbour"].update(lladdr="00:11:22:33:44:55"),
     "pbx_floating_address 192.0.2.10 is in use: 00:11:22:33:44:55 answers for it on ens-1", "Choose a free one"),
    ("the new floating address of a deployed pair in use",
     lambda c: (deployed(c), c.looked["neighbour"].update(lladdr="00:11:22:33:44:55")),
     "pbx_floating_address 192.0.2.10 is in use", "Choose a free one"),
    ("the floating address configured by hand", lambda c: c.looked.update(neighbour={"kind": "own", "interface": "lo", "lladdr": ""}),
     "is configured on it already (lo), and not by a cluster", "the cluster alone gives and takes it"),
    ("a foreign cluster", lambda c: c.looked["cluster"].update(name="web", nodes=["a", "b"]),
     "it belongs to the cluster 'web' of a, b, and the inventory says 'pbx' of pbx1, pbx2", "pcs cluster destroy"),
    ("a cluster with another peer", lambda c: c.looked["cluster"].update(name="pbx", nodes=["pbx1", "pbx3"]),
     "the cluster 'pbx' of pbx1, pbx3", "Is this the right machine"),
    ("an unreadable corosync.conf", lambda c: c.looked["cluster"].update(error="corosync.conf line 3: what"),
     "its corosync.conf cannot be read: corosync.conf line 3", "/etc/corosync/corosync.conf"),
    ("an account with another number", lambda c: c.looked.update(account={"uid": 120, "gid": 128}),
     "its account asterisk has the numbers 120:128, and asterisk_uid:asterisk_gid are 850:850", "the same on both nodes"),
    ("a number that somebody has", lambda c: c.looked.update(uid_owner="backup"),
     "the number 850 (asterisk_uid) belongs to its account backup", "free on both nodes"),
    ("an Asterisk that is too old", lambda c: c.looked.update(asterisk_version="16.28.0~dfsg"),
     "Asterisk 16.28.0~dfsg is installed", "asterisk_install_method to source"),
    ("a certified Asterisk that is too old", lambda c: c.looked.update(asterisk_version="certified/18.9-cert8"),
     "Asterisk certified/18.9-cert8 is installed", "Remove it"),
    ("a module that Asterisk does not have", lambda c: c.settings["asterisk"].update(asterisk_extra_modules=["chan_sip"]),
     "Asterisk is to load the module chan_sip", "Correct asterisk_extra_modules"),
    ("a language without prompts", lambda c: c.settings["asterisk"].update(asterisk_language="es"),
     "asterisk_language is 'es', and there are no prompts of it (en)", "Add it to asterisk_sound_languages"),
    ("no such disk",
     lambda c: c.looked.update(disk={"exists": False, "block": False, "candidates": ["/dev/sdc (8192 MiB)"]}),
     "drbd_disk /dev/sdb does not exist", "Nothing uses these: /dev/sdc (8192 MiB)"),
    ("a file for a disk", lambda c: c.looked.update(disk={"exists": True, "block": False, "candidates": []}),
     "drbd_disk /dev/sdb is no block device", "Nothing uses these: none"),
    ("a disk in use", lambda c: c.looked["disk"].update(used=["mounted at /home"], signatures=["ext4"]),
     "drbd_disk /dev/sdb is in use: mounted at /home", "/etc/fstab"),
    ("a disk with a file system", lambda c: c.looked["disk"].update(signatures=["ext4"]),
     "drbd_disk /dev/sdb is not blank: ext4", "wipefs --all /dev/sdb"),
    ("a disk that is read-only", lambda c: c.looked["disk"].update(read_only=True), "is read-only", "can be written to"),
    ("a disk that is too small", lambda c: c.looked["disk"].update(size=100 * MEBIBYTE),
     "drbd_disk /dev/sdb is too small: 100 MiB", "at least 512 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "found", "cure"), [pytest.param(*rest, id=name) for name, *rest in MISTAKES])
def test_each_mistake_is_named_alone_with_what_to_do(change: Callable[[Case], Any], found: str, cure: str) -> None:
    case = Case()
    change(case)
    (problem,) = case.judge()
    assert found in problem["found"]
    assert cure in problem["cure"]


def test_all_mistakes_are_reported_at_once() -> None:
    case = Case()
    case.looked.update(time=1092.0, euid=1000, uid_owner="backup")
    case.settings["floating_address"] = "203.0.113.10"
    assert len(case.judge()) == 4


def test_nothing_of_what_is_judged_is_changed() -> None:
    case = Case()
    before = copy.deepcopy((case.looked, case.facts, case.pair, case.settings))
    case.judge()
    assert (case.looked, case.facts, case.pair, case.settings) == before


SECONDARY = {"address": "192.0.2.21", "netmask": "255.255.255.0", "prefix": "24"}


@pytest.mark.parametrize(
    ("reached", "addresses", "lost"),
    [
        ("192.0.2.11", ["192.0.2.11/24"], []),
        ("192.0.2.11", ["192.0.2.12/24"], ["192.0.2.11"]),
        # Not the first of the interface, and not of IPv4.
        ("192.0.2.21", ["192.0.2.11/24"], ["192.0.2.21"]),
        ("192.0.2.21", ["192.0.2.11/24", "192.0.2.21/24"], []),
        ("2001:db8::11", ["192.0.2.11/24"], ["2001:db8::11"]),
        ("2001:0db8::0011", ["192.0.2.11/24", "2001:db8:0::11/64"], []),
        # Behind NAT, or by another interface.
        ("203.0.113.7", ["192.0.2.12/24"], []),
        # By a name: any of them may be it, but not the floating one.
        ("pbx1.example.com", ["192.0.2.11/24"], ["192.0.2.21"]),
        ("pbx1.example.com", ["192.0.2.11/24", "192.0.2.21/24"], []),
    ],
)
def test_the_way_in_is_kept_whichever_address_it_is(reached: str, addresses: list[str], lost: list[str]) -> None:
    here = facts(11)
    here["ens_1"]["ipv4_secondaries"] = [SECONDARY, {"address": "192.0.2.10", "netmask": "255.255.255.0", "prefix": "24"}]
    entries = [{"interface": "ens-1", "addresses": addresses}, {"interface": "ens-2", "addresses": ["198.51.100.1/24"]}]
    assert preflight.lost_addresses(entries, here, reached, "192.0.2.10") == lost
