# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several exchanges in one inventory: which hosts are of one, what two of them must not share, and who stops with whom."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

Variables = Mapping[str, Any]

_OWN_VAULT = (
    "Give each exchange its own, in the vault file of its group (group_vars/GROUP/vault.yml): who learns one must not have the other."
)
#: What is an exchange's own, and what to do when two have the same.
OWN = {
    "pbx_cluster_name": "Give each exchange a name of its own: certificates and saved databases are named after it.",
    "pbx_floating_address": "Give each exchange an address of its own, in group_vars of its group.",
    "pbx_pki_dir": "Give each exchange a directory of its own, for example {{ inventory_dir }}/pki/{{ pbx_cluster_name }}: who holds a"
    " certificate authority is let into all databases that trust it. A pair that was deployed with another's gets its own with"
    " mariadb_mm_replication_replace_authority (docs/secrets.md).",
    "mariadb_mm_replication_password": _OWN_VAULT,
    "pacemaker_cluster_hacluster_password": _OWN_VAULT,
}
_SECRETS = {name for name, cure in OWN.items() if cure == _OWN_VAULT}
#: All that is read of each host.
READ = ("pbx_nodes", "pbx_storage", "pbx_shared_device", "pacemaker_cluster_fence_devices", *OWN)
#: Options of fence agents that say what is switched, and where. Without an address among them nothing is known.
_ADDRESSES = ("ip", "ipaddr", "systems_uri")
_TARGETS = (*_ADDRESSES, "ipport", "plug", "port", "uuid")
_OVERRIDES = "Say it once, in group_vars of the exchange's group, and remove it from host_vars, which override the group's."


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    """Return the dictionaries of a list; none where it is no list, or cannot be worked out, which others report."""
    try:
        return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, Sequence) else []
    except AnsibleError:
        return []


def node_names(nodes: Any) -> list[str]:
    """Return the names in pbx_nodes; none where it is not as it should be, which others report."""
    return [str(node["name"]) for node in _dicts(nodes) if "name" in node]


def _addresses(variables: Variables) -> set[str]:
    return {str(node[key]) for node in _dicts(variables.get("pbx_nodes")) for key in ("address", "address2") if node.get(key)}


def _comparable(name: str, value: Any) -> Any:
    return os.path.normpath(value) if name == "pbx_pki_dir" and isinstance(value, str) else value


def _shown(name: str, value: Any) -> str:
    return "" if name in _SECRETS else f" ({value})"


def _switched(variables: Variables) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return for what each fence device switches (agent, address, outlet) its name and its node."""
    found = {}
    for device in _dicts(variables.get("pacemaker_cluster_fence_devices")):
        options = device.get("options")
        if isinstance(options, Mapping) and any(name in options for name in _ADDRESSES):
            target = tuple(str(options.get(name, "")) for name in _TARGETS)
            found[(str(device.get("agent")), *target)] = (str(device.get("name")), str(device.get("node")))
    return found


def _of_a_pair(host: str, other: str, own: Variables, theirs: Variables) -> Iterator[Problem]:
    """What two nodes of one exchange do not agree about."""
    for name in ("pbx_nodes", *OWN):
        one, two = (_comparable(name, variables.get(name)) for variables in (own, theirs))
        if one and two and one != two:
            yield problem(f"{name} of {host}{_shown(name, one)} is not that of {other}{_shown(name, two)}, the other node", _OVERRIDES)


def _of_two(host: str, other: str, own: Variables, theirs: Variables) -> Iterator[Problem]:
    """What hosts of two exchanges have in common and must not."""
    for name, cure in OWN.items():
        one, two = (_comparable(name, variables.get(name)) for variables in (own, theirs))
        if one and one == two:
            whose = f"{name}{_shown(name, one)} of {host} is that of {other} too"
            yield problem(f"{whose}, which is of another exchange (pbx_nodes)", cure)
    address = own.get("pbx_floating_address")
    if address and str(address) in _addresses(theirs):
        yield problem(
            f"pbx_floating_address ({address}) of {host} is an address of the exchange of {other} (pbx_nodes)",
            "Give the exchange a floating address that nobody has.",
        )
    device = own.get("pbx_shared_device")
    # Names that mean the same everywhere; a path of the hosts' own may be another disk on each.
    everywhere = isinstance(device, str) and (device.startswith("/dev/disk/by-") or ":" in device)
    if everywhere and own.get("pbx_storage") == theirs.get("pbx_storage") == "shared" and device == theirs.get("pbx_shared_device"):
        yield problem(
            f"pbx_shared_device ({device}) of {host} is that of {other} too, which is of another exchange (pbx_nodes)",
            "Give each exchange a disk of its own: two clusters that mount one file system destroy it.",
        )
    switched = _switched(theirs)
    for target, (name, node) in _switched(own).items():
        if target in switched:
            its_name, its_node = switched[target]
            yield problem(
                f"the fence device {name} of {node} has the agent, the address and the outlet of {its_name}, which switches"
                f" {its_node} off, a node of another exchange",
                "Correct its options in pacemaker_cluster_fence_devices: a failover would switch off the wrong machine.",
            )


def problems(host: str, hosts: Mapping[str, Variables], others: Collection[str] | None = None) -> list[Problem]:
    """Report what is wrong between a host and the others of the inventory. What is wrong among the others is left to them.

    :param host: its name in the inventory.
    :param hosts: host -> its variables of READ, as far as they could be worked out; of all hosts in the group C(pbx).
    :param others: the hosts that it is compared with; all of `hosts` when not given.
    :returns: a list of C(found) and C(cure), of each kind once; no secret is in it.
    """
    own = hosts[host]
    nodes = node_names(own.get("pbx_nodes"))
    if nodes and host not in nodes:
        return [
            problem(
                f"pbx_nodes lists {', '.join(nodes)}, and not this host",
                "Name the two nodes of this host's exchange in group_vars of its group. Was the file copied from another exchange, or"
                " is the host in two groups (`ansible-inventory --graph`)?",
            )
        ]
    # Any other number of nodes the roles refuse; there is nothing to compare then.
    if len(set(nodes)) != 2:
        return []
    found: dict[tuple[str, ...], Problem] = {}
    for other in hosts if others is None else others:
        names = node_names(hosts[other].get("pbx_nodes"))
        if other == host or other not in names:
            continue
        for entry in (_of_a_pair if other in nodes else _of_two)(host, other, own, hosts[other]):
            # Two nodes of the other exchange are one thing to say.
            found.setdefault((entry["cure"], *entry["found"].split()[:4]), entry)
    return list(found.values())


def left_behind(nodes: Any, targeted: Sequence[str], left: Sequence[str]) -> list[str]:
    """Return the nodes of an exchange that were in a play and are not any more, because they failed or are out of reach.

    :param nodes: pbx_nodes, whatever it is.
    :param targeted: C(ansible_play_hosts_all).
    :param left: C(ansible_play_hosts).
    """
    return [name for name in node_names(nodes) if name in targeted and name not in left]
