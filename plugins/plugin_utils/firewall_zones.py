# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of firewalld's zones judges whom: decides from what M(dialtone.ha_pbx.firewall_info) read, and reads nothing itself.

A packet belongs to the zone that has its source, else to the zone that has the interface on which it came, else to the
default zone (firewalld.zones(5)). The peers of a node have a zone by their source.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

#: The service of firewalld by which the role asterisk lets telephones in, and the zone of the other nodes.
TELEPHONES = "pbx-telephones"
PEERS = "pbx-peers"


def _network(text: str) -> Network | None:
    """Return the network of a source; None for an ipset or a link-layer address."""
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def interface_of(interfaces: Mapping[str, Sequence[str]], address: str, declared: str = "") -> str:
    """Return the interface that has an address, or would get it: the one in whose network it is.

    :param interfaces: addresses with prefix lengths, by interface.
    :param declared: what the inventory says (C(pbx_floating_interface)); it decides.
    :returns: empty for none.
    """
    if declared:
        return declared
    wanted = ipaddress.ip_address(address)
    found = []
    for name, addresses in interfaces.items():
        for entry in map(ipaddress.ip_interface, addresses):
            if entry.ip == wanted:
                return name
            if wanted in entry.network and not entry.ip.is_loopback:
                found.append((entry.network.prefixlen, name))
    return max(found, default=(0, ""), key=lambda candidate: candidate[0])[1]


def zones_of_interface(firewall: Mapping[str, Any], interface: str) -> list[str]:
    """Return the zone that is in force for an interface, then the one that is written for it if that is another."""
    loaded = [name for name, zone in firewall["loaded"].items() if interface in zone["interfaces"]]
    written = [name for name, zone in firewall["written"].items() if interface in zone["interfaces"]]
    return list(dict.fromkeys([*(loaded or [firewall["default_zone"]]), *written]))


def telephone_zones(
    firewall: Mapping[str, Any], address: str, interface: str = "", chosen: Sequence[str] = ()
) -> list[str]:
    """Return the zones in which telephones have to be let in.

    :param address: the floating address.
    :param interface: C(pbx_floating_interface), where it is given.
    :param chosen: C(pbx_telephone_zones); where it is given, these and no other.
    """
    if chosen:
        return list(chosen)
    return zones_of_interface(firewall, interface_of(firewall["interfaces"], address, interface))


def _sources(firewall: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the zones that take packets by their source, but not the peers' and not those that are there to refuse."""
    for name, zone in firewall["loaded"].items():
        if zone["sources"] and name != PEERS and zone["target"] not in ("DROP", "REJECT"):
            yield name, zone


def telephone_remarks(
    firewall: Mapping[str, Any], address: str, interface: str = "", chosen: Sequence[str] = ()
) -> list[str]:
    """Return what a person should know of the zones in which telephones are let in; empty when there is nothing unusual."""
    zones, said = telephone_zones(firewall, address, interface, chosen), []
    where = interface_of(firewall["interfaces"], address, interface)
    for name in zones:
        target = firewall["loaded"].get(name, {}).get("target")
        if target in ("DROP", "REJECT"):
            said.append(f"The zone {name} refuses all that is not opened in it. SIP and RTP are opened in it now.")
        elif target == "ACCEPT":
            said.append(f"The zone {name} lets everything in, also to what only the nodes should reach. Choose another for {where}.")
    if chosen:
        return said
    if len(zones) > 1:
        said.append(
            f"{where} is in the zone {zones[0]} now, and in {zones[1]} after firewalld's next start. SIP and RTP are opened in"
            f" both. `firewall-cmd --permanent --zone={zones[0]} --change-interface={where}` if it is to stay."
        )
    for name, zone in _sources(firewall):
        if name not in zones and zone["target"] != "ACCEPT" and TELEPHONES not in zone["services"]:
            said.append(
                f"What comes from {', '.join(zone['sources'])} is judged by the zone {name}, and SIP and RTP are not opened there. If"
                f" there are telephones, set pbx_telephone_zones to [{', '.join([*zones, name])}]."
            )
    return said


# --- what of it is open ----------------------------------------------------------------------------------------------


def _range(port: str) -> tuple[int, int, str]:
    """Return the first and last number of V(10000-20000/udp), and the protocol."""
    numbers, _slash, protocol = port.partition("/")
    first, _dash, last = numbers.partition("-")
    return int(first), int(last or first), protocol


def _covers(opened: Iterable[str], port: str) -> bool:
    """Whether one of these ports or ranges holds all of another."""
    first, last, protocol = _range(port)
    return any(
        wide[0] <= first and last <= wide[1] and wide[2] == protocol
        for wide in map(_range, filter(re.compile(r"\d+(-\d+)?/\w+\Z").match, opened))
    )


def _refused(zone: Mapping[str, Any], port: str) -> bool:
    """Whether a rich rule refuses a port, from wherever it is asked."""
    for rule in zone["rules"]:
        if "source" in rule or not re.search(r"\b(drop|reject)\b", rule):
            continue
        named = re.search(r'\bport port="([\d-]+)" protocol="(\w+)"', rule)
        if (named and _overlap(f"{named[1]}/{named[2]}", port)) or f'service name="{TELEPHONES}"' in rule:
            return True
    return False


def _overlap(one: str, other: str) -> bool:
    (first, last, protocol), (begin, end, also) = _range(one), _range(other)
    return protocol == also and first <= end and begin <= last


def closed_ports(firewall: Mapping[str, Any], when: str, zone: str, ports: Sequence[str]) -> list[str]:
    """Return which of these ports a zone does not let in, as it is V(loaded) or V(written)."""
    about = firewall[when].get(zone)
    if about is None:
        return list(ports)
    service = (firewall["services"].get(TELEPHONES) or {}).get(when) or []
    opened = [*about["ports"], *(service if TELEPHONES in about["services"] else [])]
    return [
        port for port in ports if _refused(about, port) or not (about["target"] == "ACCEPT" or _covers(opened, port))
    ]


def telephone_problems(
    firewall: Mapping[str, Any], ports: Sequence[str], address: str, interface: str = "", chosen: Sequence[str] = ()
) -> list[Problem]:
    """Report what keeps telephones out of a host that has the floating address, or will have it.

    :param ports: what telephones need, V(5060/udp) or V(10000-20000/udp).
    :returns: a list of C(found) and C(cure); empty when all is open.
    """
    if not firewall["running"]:
        return [
            problem(
                "firewalld does not run, so the host is open to everybody, or closed by something else",
                "`systemctl start firewalld`; `journalctl -u firewalld` says why it ended. Where something else filters,"
                " set pbx_firewall to false.",
            )
        ]
    found = []
    if firewall.get("in_kernel") is False:
        found.append(
            problem(
                "firewalld runs, and its rules are not in the kernel, so the host is open to everybody",
                "`firewall-cmd --reload`. `nft flush ruleset`, or the service nftables, takes them away.",
            )
        )
    where = interface_of(firewall["interfaces"], address, interface)
    zones = telephone_zones(firewall, address, interface, chosen)
    for name in zones:
        now, later = (closed_ports(firewall, when, name, ports) for when in ("loaded", "written"))
        place = f"in firewalld's zone {name}" + ("" if chosen else f", which judges what comes on {where}")
        if now:
            found.append(
                problem(
                    f"telephones are kept out: {', '.join(now)} is closed {place}",
                    "Run site.yml --tags base,asterisk. At once:"
                    f" `firewall-cmd --zone={name} --add-service={TELEPHONES}`, and see the rich rules in"
                    f" `firewall-cmd --zone={name} --list-all`.",
                )
            )
        elif later:
            found.append(
                problem(
                    f"{', '.join(later)} is open {place}, and closed after firewalld's next start",
                    "Run site.yml --tags base,asterisk, which writes it.",
                )
            )
    if chosen:
        used = {*zones_of_interface(firewall, where), *(name for name, _zone in _sources(firewall))}
        if not used & set(chosen):
            found.append(
                problem(
                    f"pbx_telephone_zones is {', '.join(chosen)}, and what comes on {where} is judged by"
                    f" {', '.join(sorted(used))}",
                    "Correct pbx_telephone_zones, or leave it out.",
                )
            )
        return found
    # The telephones beside the exchange, in its own network, are certain to be taken by such a zone.
    networks_here = [ipaddress.ip_interface(entry).network for entry in firewall["interfaces"].get(where, [])]
    own = [network for network in networks_here if _has(network, address)]
    for name, zone in _sources(firewall):
        networks = [network for network in map(_network, zone["sources"]) if network is not None]
        taken = [near for near in own for wide in networks if near.version == wide.version and near.subnet_of(wide)]  # type: ignore[arg-type]
        now = closed_ports(firewall, "loaded", name, ports)
        if taken and now and name not in zones:
            found.append(
                problem(
                    f"telephones in {taken[0]} are kept out: {', '.join(now)} is closed in firewalld's zone {name}, which"
                    f" judges what comes from {', '.join(zone['sources'])}",
                    f"Set pbx_telephone_zones to [{', '.join([*zones, name])}] and run site.yml --tags base,asterisk.",
                )
            )
    return found


def _has(network: Network, address: str) -> bool:
    # The floating address itself as /32 is no network of telephones.
    return network.num_addresses > 1 and ipaddress.ip_address(address) in network


def judge_telephones(
    firewall: Mapping[str, Any], ports: Sequence[str], address: str, interface: str = "", chosen: Sequence[str] = ()
) -> dict[str, Any]:
    """Return C(zones), C(remarks) and C(problems): see telephone_zones, telephone_remarks and telephone_problems."""
    if not firewall.get("running"):
        problems = telephone_problems({"running": False}, ports, address, interface, chosen)
        return {"zones": list(chosen), "remarks": [], "problems": problems}
    return {
        "zones": telephone_zones(firewall, address, interface, chosen),
        "remarks": telephone_remarks(firewall, address, interface, chosen),
        "problems": telephone_problems(firewall, ports, address, interface, chosen),
    }


# --- the base of every host ------------------------------------------------------------------------------------------


def base_changes(
    firewall: Mapping[str, Any],
    peers: Sequence[str],
    closed: Sequence[str],
    way_in: str,
    ssh_ports: Sequence[str] = (),
) -> list[list[str]]:
    """Return what a host's zones lack, each as [zone, kind, entry, V(enabled) or V(disabled)], in the order in which to do it.

    How to get in comes first, so that no order of events shuts out whoever does this.

    :param peers: addresses of the other nodes: exactly these are the sources of the zone of the peers.
    :param closed: services that are taken out of the zones of the interfaces.
    :param way_in: address by which the host is administered. Where no interface has it (a name, or behind NAT), ssh is opened
        in the zones of all interfaces.
    :param ssh_ports: ports of ssh beyond that of the service.
    """
    if not firewall.get("running"):
        return []
    outside = [name for name, found in firewall["interfaces"].items() if name != "lo" and found]
    near = [
        name for name in outside if way_in in {address.split("/", maxsplit=1)[0] for address in firewall["interfaces"][name]}
    ]

    def zones(names: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(zone for name in names for zone in zones_of_interface(firewall, name)))

    def both(zone: str, kind: str) -> set[str]:
        return set(firewall["loaded"].get(zone, {}).get(kind, [])) & set(firewall["written"].get(zone, {}).get(kind, []))

    def either(zone: str, kind: str) -> set[str]:
        return set(firewall["loaded"].get(zone, {}).get(kind, [])) | set(firewall["written"].get(zone, {}).get(kind, []))

    ways = [PEERS, *(zones(near or outside) or [firewall["default_zone"]])]
    changes = [[zone, "service", "ssh", "enabled"] for zone in ways if "ssh" not in both(zone, "services")]
    changes += [[zone, "port", port, "enabled"] for zone in ways for port in ssh_ports if port not in both(zone, "ports")]
    changes += [[PEERS, "source", peer, "enabled"] for peer in peers if peer not in both(PEERS, "sources")]
    changes += [[PEERS, "source", source, "disabled"] for source in sorted(either(PEERS, "sources") - set(peers))]
    for zone in zones(outside):
        changes += [[zone, "service", name, "disabled"] for name in closed if name in either(zone, "services")]
    return changes
