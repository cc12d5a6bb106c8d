# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""corosync.conf as data. The format and its options are those of corosync.conf(5)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, hostname

COROSYNC_CONF = Path("/etc/corosync/corosync.conf")

# Options of the section totem that pcs sets under "totem". All of them can change while the cluster runs.
TOTEM_OPTIONS = frozenset(
    {
        "block_unlisted_ips",
        "consensus",
        "downcheck",
        "fail_recv_const",
        "heartbeat_failures_allowed",
        "hold",
        "join",
        "max_messages",
        "max_network_delay",
        "merge",
        "miss_count_const",
        "send_join",
        "seqno_unchanged_const",
        "token",
        "token_coefficient",
        "token_retransmit",
        "token_retransmits_before_loss_const",
        "window_size",
    }
)

QUORUM_OPTIONS = frozenset({"auto_tie_breaker", "last_man_standing", "last_man_standing_window", "wait_for_all"})

# The option of a node that holds its address in a link; eight links are the most that Corosync has.
_RING = re.compile(r"ring([0-9]{1,3})_addr")

# What "crypto" and "compression" mean to pcs, in the section totem.
CRYPTO_PREFIX = "crypto_"
COMPRESSION_PREFIX = "knet_compression_"


@dataclass
class Section:
    """A section: options (the last of a name counts, as for Corosync) and subsections in their order."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    def all(self, name: str) -> list[Section]:
        """The subsections of this name."""
        return [section for section in self.sections if section.name == name]

    def merged(self, name: str) -> dict[str, str]:
        """The options of all subsections of this name together."""
        options: dict[str, str] = {}
        for section in self.all(name):
            options.update(section.options)
        return options


@dataclass(frozen=True)
class Node:
    """A node: its name, id, and address of each link in the order of the links."""

    name: str
    addresses: tuple[str, ...]
    nodeid: str = ""


@dataclass
class Config:
    """What a corosync.conf says, as far as it is compared."""

    name: str = ""
    transport: str = "knet"
    nodes: list[Node] = field(default_factory=list)
    totem: dict[str, str] = field(default_factory=dict)
    quorum: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    device: dict[str, str] = field(default_factory=dict)
    device_model: dict[str, str] = field(default_factory=dict)
    device_heuristics: dict[str, str] = field(default_factory=dict)

    bindnetaddr: tuple[str, ...] = ()

    @property
    def placeholder(self) -> bool:
        """Whether this is what a distribution's package brings, and no cluster: nothing but the loopback."""
        addresses = [address for node in self.nodes for address in node.addresses] or list(self.bindnetaddr)
        return all(a in ("localhost", "::1") or a.startswith("127.") for a in addresses)


def parse(text: str) -> Section:
    """Read a corosync.conf.

    :param text: its content.
    :returns: the top level as a Section without a name.
    :raises PcsError: with the line that is not understood.
    """
    root = Section("")
    stack = [root]
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line == "}":
            if len(stack) == 1:
                raise PcsError(f"corosync.conf line {number}: a section is closed that was not opened")
            stack.pop()
        elif line.endswith("{"):
            section = Section(line[:-1].strip())
            stack[-1].sections.append(section)
            stack.append(section)
        elif ":" in line:
            name, value = line.split(":", 1)
            stack[-1].options[name.strip()] = value.strip()
        else:
            raise PcsError(f"corosync.conf line {number}: '{line}' is neither an option nor a section")
    if len(stack) != 1:
        raise PcsError(f"corosync.conf: the section {stack[-1].name} is not closed")
    return root


def config(text: str) -> Config:
    """A corosync.conf as Config.

    :raises PcsError: when it cannot be read.
    """
    root = parse(text)
    totem = root.merged("totem")
    nodes = []
    for nodelist in root.all("nodelist"):
        for node in nodelist.all("node"):
            rings = sorted((int(ring[1]), ring[0]) for ring in map(_RING.fullmatch, node.options) if ring)
            addresses = tuple(node.options[key] for _number, key in rings)
            # A node without a name is known by its first address.
            name = node.options.get("name") or (addresses[0] if addresses else "")
            nodes.append(Node(name, addresses, node.options.get("nodeid", "")))
    links = {}
    for section in root.all("totem"):
        for interface in section.all("interface"):
            number = interface.options.get("linknumber", interface.options.get("ringnumber", "0"))
            links[number] = {k: v for k, v in interface.options.items() if k not in ("linknumber", "ringnumber")}
    found = Config(
        name=totem.get("cluster_name", ""),
        transport=totem.get("transport", "knet"),
        nodes=nodes,
        totem=totem,
        quorum=root.merged("quorum"),
        links=links,
        bindnetaddr=tuple(link["bindnetaddr"] for link in links.values() if "bindnetaddr" in link),
    )
    for quorum in root.all("quorum"):
        for device in quorum.all("device"):
            found.device.update(device.options)
            found.device_heuristics.update(device.merged("heuristics"))
            found.device_model.update(device.merged(device.options.get("model", "net")))
    return found


def read_text(path: Path) -> str | None:
    """The content of a file, None where there is none.

    :raises PcsError: when it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PcsError(f"{hostname()}: {path} cannot be read: {error.strerror}") from error


def read_config(path: Path | None = None) -> Config | None:
    """What corosync.conf says; None when there is none, or only the one that a package brings.

    :param path: another place than COROSYNC_CONF.
    :raises PcsError: when it cannot be read.
    """
    text = read_text(path or COROSYNC_CONF)
    found = None if text is None else config(text)
    return None if found is None or found.placeholder else found
