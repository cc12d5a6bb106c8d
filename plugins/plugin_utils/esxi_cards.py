# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network cards of a machine on ESXi, before it exists."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any


def mac(mark: str, index: int) -> str:
    """Return the hardware address of a card: the same in every run, so that an installer can be told it before the card exists.

    It is of the range that VMware keeps for addresses given by hand, 00:50:56:00:00:00 to 00:50:56:3f:ff:ff ("VMware OUI in Static
    MAC Addresses", vSphere Networking).

    :param mark: whose the machine is.
    :param index: which of its cards, from 0.
    """
    digest = hashlib.sha256(f"{mark}/{index}".encode()).digest()
    return f"00:50:56:{digest[0] % 64:02x}:{digest[1]:02x}:{digest[2]:02x}"


def cards(networks: Sequence[Mapping[str, Any]], mark: str) -> list[dict[str, str]]:
    """Return C(mac) and C(netmask) of each card.

    :param networks: each with C(prefix), the length in bits of the network part (IPv4).
    :param mark: whose the machine is.
    :raises ValueError: a length that IPv4 does not know.
    """
    return [
        {"mac": mac(mark, index), "netmask": str(ipaddress.IPv4Network(f"0.0.0.0/{int(network['prefix'])}").netmask)}
        for index, network in enumerate(networks)
    ]
