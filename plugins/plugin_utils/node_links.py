# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses by which the nodes of a pair speak with each other, and what listens there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: pcs, and Corosync's two links (corosync.conf(5): a link has the number of the first and one more).
PCSD, COROSYNC, COROSYNC_SECOND = 2224, 5405, 5406


def links(nodes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each node's name and addresses: one, or two where it has a second link.

    :param nodes: as C(pbx_nodes) has them: C(name), C(address) and optionally C(address2).
    :returns: a list of C(name) and C(addresses).
    """
    return [
        {"name": node["name"], "addresses": [node["address"], *([node["address2"]] if "address2" in node else [])]}
        for node in nodes
    ]


def ports(
    peers: Sequence[Mapping[str, Any]], clustered: bool, database: int, drbd: int, drbd_address: str
) -> list[dict[str, Any]]:
    """Return what a node has to reach of the others.

    Where a cluster exists, connections between most of these ports stand, and the acceptance at the end judges them: Corosync would
    drop what it does not understand, and the others note a caller who says nothing.

    :param peers: the other nodes, as C(pbx_nodes) has them.
    :param clustered: whether a cluster exists.
    :param database: port of MariaDB.
    :param drbd: port of DRBD, 0 where there is none.
    :param drbd_address: whether DRBD takes C(address) or C(address2).
    :returns: a list of C(address), C(port), C(protocol) and C(service), as M(dialtone.ha_pbx.peer_ports_info) takes it.
    """
    found = []
    for peer in peers:
        wanted = [(peer["address"], PCSD, "tcp", "pcsd")]
        if not clustered:
            wanted += [(peer["address"], database, "tcp", "the database"), (peer["address"], COROSYNC, "udp", "Corosync")]
            if "address2" in peer:
                wanted.append((peer["address2"], COROSYNC_SECOND, "udp", "Corosync"))
            if drbd:
                wanted.append((peer[drbd_address], drbd, "tcp", "DRBD"))
        found += [dict(zip(("address", "port", "protocol", "service"), port)) for port in wanted]
    return found
