# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several exchanges in one inventory: which hosts are of one, what two of them must not share, and who stops with whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

#: What is an exchange's own, and what to do when two have the same.
OWN = {
    "pbx_cluster_name": "Certificates, saved databases and messages go by it: give each exchange a name of its own.",
    "pbx_floating_address": "Telephones would find now one, now the other: give each exchange an address of its own.",
    "pbx_pki_dir": "Who holds an authority is let into all databases that trust it. Give each exchange its own, for example"
    " {{ inventory_dir }}/pki/{{ pbx_cluster_name }}.",
    "mariadb_mm_replication_password": "Who learns one has both: give each exchange its own, in the vault file of its group.",
    "pacemaker_cluster_hacluster_password": "Who learns one has both: give each exchange its own, in the vault file of its group.",
}
#: All that is read of each host.
READ = ("pbx_nodes", *OWN)


def node_names(nodes: Any) -> list[str]:
    """Return the names in pbx_nodes; none where it is not as it should be, which others report."""
    if not isinstance(nodes, Sequence) or isinstance(nodes, str):
        return []
    return [str(node["name"]) for node in nodes if isinstance(node, Mapping) and "name" in node]


def _of_a_pair(host: str, other: str, hosts: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What two nodes of one exchange do not agree about."""
    own, theirs = hosts[host], hosts[other]
    found = []
    name, other_name = own.get("pbx_cluster_name"), theirs.get("pbx_cluster_name")
    if name and other_name and name != other_name:
        found.append(
            problem(
                f"pbx_nodes makes one exchange of {host} and {other}, and pbx_cluster_name is {name} for the one and {other_name} for"
                " the other",
                "Give the group of the exchange one name; host variables of the same name hide it.",
            )
        )
    nodes, other_nodes = (node_names(variables.get("pbx_nodes")) for variables in (own, theirs))
    if other_nodes and nodes != other_nodes:
        found.append(
            problem(
                f"pbx_nodes of {host} lists {', '.join(nodes)}, that of {other} {', '.join(other_nodes)}",
                "Give the group of the exchange one pbx_nodes; host variables of the same name hide it.",
            )
        )
    return found


def _of_two(host: str, other: str, hosts: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """What hosts of two exchanges have in common and must not."""
    own, theirs = hosts[host], hosts[other]
    return [
        problem(f"{name} is the same for {host} and for {other}, which are of two exchanges (pbx_nodes)", cure)
        for name, cure in OWN.items()
        if own.get(name) and own.get(name) == theirs.get(name)
    ]


def problems(host: str, hosts: Mapping[str, Mapping[str, Any]]) -> list[Problem]:
    """Report what is wrong between a host and the others of the inventory. What is wrong among the others is left to them.

    :param host: its name in the inventory.
    :param hosts: host -> its variables of READ, as far as they could be worked out; of all hosts in the group C(pbx).
    :returns: a list of C(found) and C(cure), of each kind once; no secret is in it.
    """
    nodes = node_names(hosts[host].get("pbx_nodes"))
    found: dict[str, Problem] = {}
    for other in hosts:
        if other == host:
            continue
        for entry in (_of_a_pair if other in nodes else _of_two)(host, other, hosts):
            # Two nodes of the other exchange are one thing to say.
            found.setdefault(entry["cure"] + entry["found"].partition(" ")[0], entry)
    return list(found.values())


def left_behind(nodes: Any, targeted: Sequence[str], left: Sequence[str]) -> list[str]:
    """Return the nodes of an exchange that were in a play and are not any more, because they failed or are out of reach.

    :param nodes: pbx_nodes, whatever it is.
    :param targeted: C(ansible_play_hosts_all).
    :param left: C(ansible_play_hosts).
    """
    return [name for name in node_names(nodes) if name in targeted and name not in left]
