# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a host can become, or is, a node of the exchange: judges what was read of it, and reads nothing itself."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import wipe
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_settings
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

Interface = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

#: Seconds by which a host's clock may differ from the controller's: more than Ansible needs to ask for it, and less than
#: what a certificate made a moment ago or a package list would be refused for.
CLOCK_SECONDS = 30

#: The oldest major version whose modules and options the roles' configuration names (the oldest that upstream maintains).
OLDEST_ASTERISK = 20

#: The oldest MariaDB that listens on several addresses.
OLDEST_MARIADB = (10, 11)

#: Bytes and files that must be left where the roles write: packages, configuration, a day of logs.
ROOM_BYTES = 128 * 2**20
ROOM_FILES = 2000

#: Bytes below which a disk holds no exchange: an hour of recordings is 60 MB.
DISK_BYTES = 512 * 2**20


def is_address(text: Any) -> bool:
    """Whether a text is an IP address (without a prefix length)."""
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def _interfaces(facts: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each interface's name and what the facts say of it; as a key its name has underscores."""
    for name in facts.get("interfaces", []):
        yield str(name), facts.get(str(name).replace("-", "_").replace(":", "_"), {})


def networks(facts: Mapping[str, Any]) -> dict[str, list[Interface]]:
    """Return the addresses of each interface with their networks, from the facts that Ansible gathers (subset network)."""
    found: dict[str, list[Interface]] = {}
    for name, about in _interfaces(facts):
        first = about.get("ipv4") or {}
        entries = [first] if isinstance(first, Mapping) else list(first)
        entries += about.get("ipv4_secondaries") or []
        texts = [f"{e['address']}/{e.get('prefix') or e.get('netmask')}" for e in entries if e.get("address")]
        texts += [f"{e['address']}/{e['prefix']}" for e in about.get("ipv6") or [] if e.get("address") and e.get("prefix")]
        found[name] = [ipaddress.ip_interface(text) for text in texts]
    return found


def link_addresses(pair: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the link-layer addresses of all interfaces of hosts, from their facts."""
    return {
        str(about["macaddress"]).lower()
        for facts in pair
        for _name, about in _interfaces(facts)
        if about.get("macaddress")
    }


# --- what is judged, one subject at a time ---------------------------------------------------------------------------


def _system(looked: Mapping[str, Any], facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    if looked["euid"] != 0:
        yield problem(
            f"Ansible is not root there (user number {looked['euid']})",
            "Set ansible_become: true for the group pbx in the inventory, and let that account use sudo.",
        )
    if (
        facts.get("os_family") == "RedHat"
        and settings["selinux_state"] != "disabled"
        and "selinux=0" in looked["kernel_arguments"]
    ):
        yield problem(
            "SELinux is switched off by the kernel's arguments (selinux=0)",
            "`grubby --update-kernel ALL --remove-args selinux`, `fixfiles -F onboot`, and restart it. Where the host cannot"
            " have SELinux, set centos_base_selinux_state to disabled for it.",
        )


def _clock(looked: Mapping[str, Any], begun: float, ended: float) -> Iterator[Problem]:
    # It was read at some moment between the two, so only what lies outside of them is certain.
    ahead, behind = looked["time"] - ended, begun - looked["time"]
    if max(ahead, behind) > CLOCK_SECONDS:
        yield problem(
            f"its clock is {max(ahead, behind):.0f} s {'ahead of' if ahead > behind else 'behind'} the controller's",
            "Find out which of the two is wrong, and set it (`timedatectl set-ntp true`, or `date --set`). Certificates made on"
            " the one would not be valid yet, or package lists too old, on the other.",
        )


def _names(looked: Mapping[str, Any]) -> Iterator[Problem]:
    for name, addresses in looked["names"].items():
        if not addresses:
            yield problem(
                f"it finds no address for the name {name}",
                "Correct the name in the inventory (centos_base_time_servers, pacemaker_cluster_fence_devices), or the name"
                " servers of the host (/etc/resolv.conf). For a fence device an address is better than a name.",
            )


def _nodes(host: str, facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    planned = {
        str(address).split("/", maxsplit=1)[0]
        for entry in settings["static_addresses"] or []
        for address in entry["addresses"]
    }
    present = {str(entry.ip) for entries in networks(facts).values() for entry in entries}
    for node in settings["nodes"]:
        if node["name"] not in settings["inventory_hosts"]:
            yield problem(
                f"pbx_nodes lists {node['name']}, and the inventory has no host of this name",
                f"Add {node['name']} to the group pbx, or write in pbx_nodes the name that it has in the inventory.",
            )
        for key in ("address", "address2"):
            address = node.get(key)
            if address is None:
                continue
            if not is_address(address):
                yield problem(
                    f"the {key} of {node['name']} in pbx_nodes is {address}, which is no IP address",
                    "Give the address itself. A cluster must not depend on a name server.",
                )
            elif node["name"] == host and not {str(ipaddress.ip_address(address))} & (present | planned):
                yield problem(
                    f"it does not have its {key} of pbx_nodes, {address} (it has {', '.join(sorted(present)) or 'none'})",
                    "Correct pbx_nodes (are the two nodes confused?), or give the host the address, for instance with"
                    " centos_base_static_addresses.",
                )


def lost_addresses(
    entries: Iterable[Mapping[str, Any]], facts: Mapping[str, Any], reached: str, floating: str = ""
) -> list[str]:
    """Return the addresses whose loss would cut Ansible off, when a host's interfaces get these addresses and no other.

    :param entries: C(centos_base_static_addresses).
    :param facts: the host's facts, with the subset network.
    :param reached: by what Ansible reaches the host (C(ansible_host)). Of a name nobody here knows the address, so every IPv4
        address that would go may be it.
    :param floating: the floating address, which the cluster gives and takes.
    """
    here, entries = networks(facts), list(entries)
    now = [str(entry.ip) for about in entries for entry in here.get(about["interface"], [])]
    wanted = {str(ipaddress.ip_interface(address).ip) for about in entries for address in about["addresses"]}
    if is_address(reached):
        return [address for address in now if address == str(ipaddress.ip_address(reached)) and address not in wanted]
    return [address for address in now if ":" not in address and address not in wanted and address != floating]


#: Links that are built on others, as the kernel names them: what they consist of is in their profiles, which the role does not write.
BUILT = {"bond": "a bond", "team": "a team", "bridge": "a bridge", "vlan": "a VLAN"}


def _static(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    for about in settings["static_addresses"] or []:
        name = about["interface"]
        link = looked["links"].get(name, {})
        what = BUILT.get(link.get("kind", "")) or (f"a part of {link['master']}" if link.get("master") else "")
        if what:
            yield problem(
                f"centos_base_static_addresses names {name}, which is {what}",
                "Give it its address where it was made (NetworkManager: `nmcli connection modify`, then `nmcli connection up`;"
                " systemd-networkd: its .network file, with KeepConfiguration=static), and leave it out here. The role writes"
                " profiles of Ethernet cards only, and would take it apart.",
            )


def _floating(
    looked: Mapping[str, Any], facts: Mapping[str, Any], pair: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> Iterator[Problem]:
    text = str(settings["floating_address"])
    if not is_address(text):
        yield problem(f"pbx_floating_address is {text}, which is no IP address", "Give the address without a prefix length.")
        return
    address = ipaddress.ip_address(text)
    if address.version != 4:
        yield problem(
            f"pbx_floating_address {text} is an IPv6 address, and the exchange answers by IPv4 only",
            "Give an IPv4 address. No pair has ever run with another: what it writes for Asterisk would not be understood.",
        )
        return
    for node in settings["nodes"]:
        if text in (node.get("address"), node.get("address2")):
            yield problem(
                f"pbx_floating_address {text} is the address of {node['name']} itself",
                "Choose a free address: it moves from one node to the other, each of which keeps its own.",
            )
            return
    here = networks(facts)
    planned = [
        ipaddress.ip_interface(a)
        for entry in settings["static_addresses"] or []
        for a in entry["addresses"]
        if "/" in str(a)
    ]
    interface = settings["floating_interface"]
    if interface:
        if interface not in here:
            yield problem(
                f"pbx_floating_interface is {interface}, which it does not have (it has {', '.join(sorted(here))})",
                "Correct it in the inventory; where the two nodes differ, for each in host_vars.",
            )
    else:
        around = [e for entries in here.values() for e in entries if not e.ip.is_loopback and not e.ip.is_link_local] + planned
        # Its own /32 is what the cluster put there.
        if not any(address in e.network for e in around if e.ip != address):
            yield problem(
                f"pbx_floating_address {text} is in no network of the host ({', '.join(sorted({str(e) for e in around}))})",
                "Choose a free address of the network in which the telephones reach both nodes, or say with"
                " pbx_floating_interface on which interface it is to be.",
            )
    about = looked.get("neighbour") or {}
    # A deployed exchange has the address, on either node.
    if about.get("kind") == "own" and not looked["cluster"]["name"]:
        yield problem(
            f"pbx_floating_address {text} is configured on it already ({about['interface']}), and not by a cluster",
            "Take it away there, also from what configures the interface at boot: the cluster alone gives and takes it.",
        )
    elif len(pair) == len(settings["nodes"]) and about.get("lladdr") and about["lladdr"].lower() not in link_addresses(pair):
        yield problem(
            f"pbx_floating_address {text} is in use: {about['lladdr']} answers for it on {about['interface']}",
            "Choose a free one, or take it from the machine that has it (its vendor is in the first half of that address).",
        )


def _cluster(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    found, names = looked["cluster"], [node["name"] for node in settings["nodes"]]
    if found["error"]:
        yield problem(
            f"its corosync.conf cannot be read: {found['error']}",
            "Correct /etc/corosync/corosync.conf, or copy it from the other node.",
        )
    elif (found["name"] or found["nodes"]) and (
        found["name"] != settings["cluster_name"] or sorted(found["nodes"]) != sorted(names)
    ):
        yield problem(
            f"it belongs to the cluster '{found['name']}' of {', '.join(found['nodes'])}, and the inventory says"
            f" '{settings['cluster_name']}' of {', '.join(names)}",
            "Is this the right machine, and are pbx_cluster_name and pbx_nodes right? Only if that cluster is to go, with its"
            " resources: `pcs cluster destroy` there.",
        )


def _account(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    account, uid, gid = looked.get("account") or {}, settings["asterisk_uid"], settings["asterisk_gid"]
    if account and (account["uid"] != uid or account["gid"] != gid):
        yield problem(
            f"its account asterisk has the numbers {account['uid']}:{account['gid']}, and asterisk_uid:asterisk_gid are"
            f" {uid}:{gid}",
            "Files on the replicated disk carry the number, so it must be the same on both nodes. Set asterisk_uid and"
            " asterisk_gid to what both have, or remove the account where nothing uses it.",
        )
    elif not account and looked.get("uid_owner"):
        yield problem(
            f"the number {uid} (asterisk_uid) belongs to its account {looked['uid_owner']}",
            "Set asterisk_uid to a number that is free on both nodes.",
        )


def _asterisk(looked: Mapping[str, Any], facts: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    version = str(looked["asterisk_version"])
    number = re.search("[0-9]+", version)
    # The role builds the version that it is told over another.
    if number and int(number[0]) < OLDEST_ASTERISK and settings["asterisk_install_method"] != "source":
        yield problem(
            f"Asterisk {version} is installed, and the configuration needs {OLDEST_ASTERISK} or later",
            "Remove it, or update it from where it came; or set asterisk_install_method to source, which builds"
            " asterisk_source_version.",
        )
    if "asterisk" in settings:
        yield from asterisk_settings.missing(
            settings["asterisk"], str(facts.get("os_family", "")), settings["asterisk_install_method"], looked["asterisk_modules"],
            looked["asterisk_sounds"], installed=False,
        )  # fmt: skip


def _disk(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    path, about = settings["disk"], looked.get("disk")
    if about is None:
        return
    if not about["block"]:
        candidates = ", ".join(about["candidates"]) or "none"
        yield problem(
            f"drbd_disk {path} {'is no block device' if about['exists'] else 'does not exist'}",
            f"Attach the disk, or correct drbd_disk (in host_vars where the nodes differ). Nothing uses these: {candidates}.",
        )
        return
    # What DRBD has made its own before is for the module drbd_resource, which reads DRBD's metadata.
    if "drbd" in about["signatures"] or any("drbd" in use for use in about["used"]):
        return
    if about["used"]:
        yield problem(
            f"drbd_disk {path} is in use: {', '.join(about['used'])}",
            "Choose the right disk. If this is the one, take it out of that use first, and out of /etc/fstab.",
        )
    elif about["signatures"]:
        yield problem(
            f"drbd_disk {path} is not blank: {', '.join(about['signatures'])}",
            f"Choose the right disk. Only if nobody needs what is on it, there: {wipe(path)}.",
        )
    if about["read_only"]:
        yield problem(f"drbd_disk {path} is read-only", "Choose a disk that can be written to.")
    if about["size"] < DISK_BYTES:
        yield problem(
            f"drbd_disk {path} is too small: {about['size'] // 2**20} MiB",
            f"It must hold voicemail and recordings: at least {DISK_BYTES // 2**20} MiB, and the same size on both nodes.",
        )


def _firewall(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    """A firewall that does not run fails the first module that asks it, after files were written."""
    about = looked["units"].get("firewalld.service", {})
    if not settings["firewall"] or about.get("active") in ("active", "activating", "reloading"):
        return
    otherwise = "Where something else filters, set pbx_firewall to false."
    # In a whole run the role centos_base installs and starts it first. In an exchange that is deployed somebody stopped it.
    starts = settings["base_in_run"] and looked["cluster"]["name"] != settings["cluster_name"]
    if about.get("load") == "masked" or about.get("file") == "masked":
        yield problem("firewalld is masked, so it cannot be started", f"`systemctl unmask --now firewalld`. {otherwise}")
    elif about.get("active") == "failed":
        yield problem(
            "firewalld has failed", f"See `journalctl -u firewalld`, mend it, and `systemctl restart firewalld`. {otherwise}"
        )
    elif about.get("load") != "loaded":
        if not settings["base_in_run"]:
            yield problem("firewalld is not installed", f"Run site.yml without --tags, which installs it. {otherwise}")
    elif not starts:
        yield problem(
            "firewalld does not run, and nothing is filtered",
            f"Find out who stopped it, and `systemctl enable --now firewalld`. {otherwise}",
        )


def _space(looked: Mapping[str, Any]) -> Iterator[Problem]:
    for room in looked["space"]:
        path = room["path"]
        if room["read_only"]:
            yield problem(
                f"{path} is mounted read-only",
                f"See `findmnt --target {path}` and `journalctl -k`: a disk with errors is set so. Then `mount -o remount,rw` it.",
            )
        elif room["bytes"] < ROOM_BYTES:
            yield problem(
                f"{path} has {room['bytes'] // 2**20} MiB left, and {ROOM_BYTES // 2**20} are needed",
                f"See what takes the room: `du -xh --max-depth=2 {path} | sort -h | tail`.",
            )
        elif room["files"] is not None and room["files"] < ROOM_FILES:
            yield problem(
                f"{path} has room for {room['files']} more files only (`df -i {path}`), and {ROOM_FILES} are needed",
                f"Find the directory with very many files: `du --inodes -xh --max-depth=2 {path} | sort -h | tail`.",
            )


def _database(looked: Mapping[str, Any]) -> Iterator[Problem]:
    about = looked["database"]
    if about["error"]:
        yield problem(
            f"its database runs and does not let root in: {about['error']}",
            "Where root has a password there, give it back the operating system's word: `ALTER USER root@localhost IDENTIFIED VIA"
            " unix_socket`. Where it listens elsewhere (`mariadb --execute 'SELECT @@socket'`), say so with pbx_mariadb_socket.",
        )
    numbers = re.match(r"(\d+)\.(\d+)", about["version"])
    if numbers and (int(numbers[1]), int(numbers[2])) < OLDEST_MARIADB:
        oldest = ".".join(map(str, OLDEST_MARIADB))
        yield problem(
            f"it runs MariaDB {about['version']}, and {oldest} or later is needed (it listens on several addresses)",
            "Upgrade it (EL 9: `dnf module switch-to mariadb:10.11`).",
        )


def _shared(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    about = looked.get("shared")
    if about is not None and (not about["exists"] or about["own"]):
        yield problem(
            f"pbx_shared_device {settings['shared']} is {'on its own disk' if about['exists'] else 'not there'}, so only this node"
            " would have what is written there",
            "Mount the shared file system on both nodes first, or correct pbx_shared_device.",
        )


def _network(looked: Mapping[str, Any], settings: Mapping[str, Any]) -> Iterator[Problem]:
    managers = ("NetworkManager.service", "systemd-networkd.service")
    active = [name for name in managers if looked["units"].get(name, {}).get("active") == "active"]
    if settings["static_addresses"] and not active:
        yield problem(
            "neither NetworkManager nor systemd-networkd runs, so the addresses of centos_base_static_addresses would come to"
            " nothing",
            "Start one of them, or set the addresses where this host keeps them (/etc/network/interfaces) and leave the"
            " variable empty.",
        )


def judge(
    looked: Mapping[str, Any],
    host: str,
    facts: Mapping[str, Any],
    pair: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    begun: float,
    ended: float,
) -> list[Problem]:
    """Report what would keep a host from becoming a node, or being one.

    :param looked: what the module preflight_info returned.
    :param host: its name in the inventory.
    :param facts: its facts (subsets min and network).
    :param pair: the facts of both nodes, as far as they are in the run.
    :param settings: C(nodes), C(cluster_name), C(floating_address), C(floating_interface), C(disk), C(static_addresses),
        C(selinux_state), C(asterisk_install_method), C(asterisk_uid), C(asterisk_gid), C(inventory_hosts), C(firewall) (whether
        firewalld is the roles' business), C(shared): what the inventory says; C(base_in_run): whether the role centos_base is
        in this run, which installs and starts firewalld. C(asterisk), where Asterisk is deployed, has the role's variables asterisk_*.
    :param begun: the controller's clock before it was read, in seconds since 1970.
    :param ended: the controller's clock after it was read.
    :returns: a list of C(found) and C(cure).
    """
    return [
        *_system(looked, facts, settings),
        *_clock(looked, begun, ended),
        *_names(looked),
        *_nodes(host, facts, settings),
        *_static(looked, settings),
        *_floating(looked, facts, pair, settings),
        *_cluster(looked, settings),
        *_account(looked, settings),
        *_asterisk(looked, facts, settings),
        *_disk(looked, settings),
        *_firewall(looked, settings),
        *_space(looked),
        *_database(looked),
        *_shared(looked, settings),
        *_network(looked, settings),
    ]
