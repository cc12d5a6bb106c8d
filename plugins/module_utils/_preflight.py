# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host can say, before anything is changed, about whether it can become a node of the exchange. Reads only."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result, Runner, dicts, read_signatures
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import corosync
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError

#: Seconds that the kernel is given to find out who has an address: it asks three times, a second apart (arp(7)).
NEIGHBOUR_SECONDS = 5

#: Seconds that the database gets to let root in.
DATABASE_SECONDS = 10

#: States of a neighbour in which the kernel is certain (ip-neighbour(8)).
CERTAIN = frozenset({"REACHABLE", "FAILED", "PERMANENT", "NOARP"})


class PreflightError(Exception):
    """What was found and what to do, in one message for the operator."""


def _json(result: Result, what: str) -> Any:
    try:
        return json.loads(result.out or "[]")
    except ValueError as error:
        raise PreflightError(
            f"`{what}` printed what is not JSON: {result.out[:200]!r}. Run it on this host: what it prints is its own error, or"
            " its version is one that this collection does not know."
        ) from error


def _first(value: Any) -> dict[str, Any]:
    """Return the first object of a list, or an empty one."""
    return next(iter(dicts(value)), {})


def _bytes(device: dict[str, Any]) -> int:
    """Return the size of a device of lsblk; 0 where it says none. Old versions write the number as a text."""
    size = str(device.get("size") or 0)
    return int(size) if re.fullmatch("[0-9]{1,20}", size) else 0


def _true(value: Any) -> bool:
    """Whether lsblk says yes: true, or 1 in old versions."""
    return str(value).lower() in ("1", "true")


# --- names -----------------------------------------------------------------------------------------------------


def resolve(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the addresses that this host finds for each name, none where it finds none."""
    found = {}
    for name in names:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError):
            answers = []
        found[name] = sorted({str(answer[4][0]) for answer in answers})
    return found


# --- an address ------------------------------------------------------------------------------------------------


def parse_route(text: Result) -> dict[str, str]:
    """Read `ip -json route get ADDRESS`.

    :returns: C(kind) is V(own), V(direct), V(gateway) or V(none), and C(interface) the interface that leads there.
    """
    route = _first(_json(text, "ip -json route get")) if text.rc == 0 else {}
    if not route.get("dev"):
        return {"kind": "none", "interface": ""}
    if route.get("type") == "local":
        return {"kind": "own", "interface": str(route["dev"])}
    return {"kind": "gateway" if route.get("gateway") or route.get("via") else "direct", "interface": str(route["dev"])}


def parse_neighbour(text: Result) -> tuple[str, str]:
    """Read `ip -json neighbour show to ADDRESS`: state, and link-layer address or an empty text."""
    entry = _first(_json(text, "ip -json neighbour show"))
    states = entry.get("state")
    state = str(states[0]) if isinstance(states, list) and states else ""
    return state, "" if state in ("FAILED", "INCOMPLETE") else str(entry.get("lladdr", ""))


def neighbour(run: Runner, address: str, seconds: float = NEIGHBOUR_SECONDS) -> dict[str, str]:
    """Ask the network who has an address, by having the kernel ask for the way to it (ARP, or neighbour discovery).

    What the kernel remembers of it is forgotten first: the machine that had the address may be gone. Datagrams to the port
    discard are sent there. An address behind a gateway cannot be asked for in this way.

    :param seconds: how long the kernel may take at most.
    :returns: C(kind) and C(interface) as parse_route; C(lladdr) is the link-layer address of who has it, empty for nobody.
    """
    found = {**parse_route(run(["ip", "-json", "route", "get", address])), "lladdr": ""}
    if found["kind"] != "direct":
        return found
    entry = ["to", address, "dev", found["interface"]]
    run(["ip", "neighbour", "flush", *entry])
    deadline = time.monotonic() + seconds
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as question:
        while True:
            # An error says that nobody is there, and so does the table of neighbours.
            with contextlib.suppress(OSError):
                question.sendto(b"", (address, 9))
            state, lladdr = parse_neighbour(run(["ip", "-json", "neighbour", "show", *entry]))
            if state in CERTAIN or time.monotonic() >= deadline:
                return {**found, "lladdr": lladdr}
            # The kernel has nothing that could be waited for but netlink, which Python does not speak.
            time.sleep(0.2)


def parse_links(text: Result) -> dict[str, dict[str, str]]:
    """Read `ip -json -details link show`: by interface C(kind) (V(bond), V(vlan), V(bridge), V(veth), …, empty for a card) and
    C(master), the interface that it is a part of."""
    found = {}
    for link in dicts(_json(text, "ip -json -details link show")) if text.rc == 0 else []:
        details = link.get("linkinfo")
        kind = details.get("info_kind", "") if isinstance(details, dict) else ""
        found[str(link.get("ifname", ""))] = {"kind": str(kind), "master": str(link.get("master") or "")}
    return found


def links(run: Runner) -> dict[str, dict[str, str]]:
    """Return what each network interface is: see parse_links."""
    return parse_links(run(["ip", "-json", "-details", "link", "show"]))


# --- a disk ----------------------------------------------------------------------------------------------------


def _uses(device: dict[str, Any]) -> list[str]:
    """Return what uses a device: its mounts, and what is built on it."""
    mounts = device.get("mountpoints")
    used = [
        f"mounted at {mount}" if str(mount).startswith("/") else str(mount)
        for mount in (mounts if isinstance(mounts, list) else [])
        if mount
    ]
    for child in dicts(device.get("children")):
        used += [f"{child.get('type', 'device')} {child.get('name', '')}".strip(), *_uses(child)]
    return used


def _devices(text: Result) -> list[dict[str, Any]]:
    found = _json(text, "lsblk --json") if text.rc == 0 else {}
    return dicts(found.get("blockdevices")) if isinstance(found, dict) else []


def parse_lsblk(text: Result) -> dict[str, Any]:
    """Read `lsblk --json --bytes --output …` of one device.

    :returns: C(size) in bytes, C(used) what uses it, C(type) of lsblk (disk, part, lvm, …), C(read_only).
    """
    device = _first(_devices(text))
    return {
        "size": _bytes(device),
        "type": str(device.get("type") or ""),
        "used": _uses(device),
        "read_only": _true(device.get("ro")),
    }


def parse_candidates(text: Result) -> list[str]:
    """Read `lsblk --json --bytes --output …` of a host: the disks and partitions that nothing uses, with their sizes."""
    found: list[str] = []
    rest = _devices(text)
    while rest:
        device = rest.pop(0)
        rest = dicts(device.get("children")) + rest
        fits = device.get("type") in ("disk", "part", "lvm") and _bytes(device) > 0 and not _true(device.get("ro"))
        if fits and not _uses(device) and not device.get("fstype"):
            found.append(f"{device.get('path')} ({_bytes(device) // 2**20} MiB)")
    return found


def disk(run: Runner, path: str) -> dict[str, Any]:
    """Look at a block device.

    :returns: C(exists), C(block) (whether it is a block device), C(size) in bytes, C(type), C(used), C(read_only),
        C(signatures) (file systems, partition tables, …, V(drbd) for metadata of DRBD), and where it is none C(candidates).
    """
    columns = ["lsblk", "--json", "--bytes", "--output", "NAME,PATH,TYPE,SIZE,RO,FSTYPE,MOUNTPOINTS"]
    found: dict[str, Any] = {"exists": Path(path).exists(), "block": Path(path).is_block_device()}
    if not found["block"]:
        return {**found, "candidates": parse_candidates(run(columns))}
    found.update(parse_lsblk(run([*columns, path])))
    found["signatures"] = list(read_signatures(run, path) or ())
    return found


# --- services, disks, the database ------------------------------------------------------------------------------


def unit(run: Runner, name: str) -> dict[str, str]:
    """Return LoadState, ActiveState and UnitFileState of a unit as C(load), C(active) and C(file), empty without systemd."""
    shown = run(["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState", name])
    values = dict(line.partition("=")[::2] for line in shown.out.splitlines()) if shown.rc == 0 else {}
    return {"load": values.get("LoadState", ""), "active": values.get("ActiveState", ""), "file": values.get("UnitFileState", "")}


def space(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Return the room where directories are, those of one file system once.

    :returns: C(path), C(bytes) and C(files) that may still be written (C(files) is None where they are not counted), C(size) of the
        whole in bytes, and C(read_only). A directory that is not there is left out.
    """
    found: dict[int, dict[str, Any]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            room, device = os.statvfs(path), os.stat(path).st_dev
            found.setdefault(
                device,
                {
                    "path": path,
                    "bytes": room.f_bavail * room.f_frsize,
                    "size": room.f_blocks * room.f_frsize,
                    "files": room.f_favail if room.f_files else None,
                    "read_only": bool(room.f_flag & os.ST_RDONLY),
                },
            )
    return list(found.values())


def shared_directory(path: str) -> dict[str, bool]:
    """Return whether a directory exists, and whether it lies on the host's own root file system."""
    there = Path(path).is_dir()
    return {"exists": there, "own": there and os.stat(path).st_dev == os.stat("/").st_dev}


#: How many databases a server holds besides those that every server has.
_OWN_DATABASES = (
    "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN"
    " ('information_schema', 'mysql', 'performance_schema', 'sys', 'test')"
)


def _asked(socket_path: str | None) -> mariadb.Session:
    return mariadb.connect({"login_unix_socket": socket_path, "login_user": "root", "connect_timeout": DATABASE_SECONDS})


def database(run: Runner, socket_path: str | None = None) -> dict[str, str]:
    """Ask a database that runs who it is, as the roles will: as root, at its socket.

    One that is nobody's yet may listen at the usual socket instead: Debian has started it when it was installed, and the role
    gives it its settings.

    :param socket_path: where it is to listen; None for the usual sockets.
    :returns: C(version), empty when none runs; C(error) why it does not let root in.
    """
    none = {"version": "", "error": ""}
    if unit(run, "mariadb.service")["active"] != "active":
        return none
    if mariadb.PYMYSQL_MISSING:
        # The role installs it.
        return none
    try:
        return {**none, "version": str(_asked(socket_path).value("SELECT VERSION()"))}
    except mariadb.MariaDBError as error:
        if socket_path and not Path(socket_path).exists():
            with contextlib.suppress(mariadb.MariaDBError):
                session = _asked(None)
                if not int(session.value(_OWN_DATABASES)):
                    return {**none, "version": str(session.value("SELECT VERSION()"))}
        return {**none, "error": str(error)}


# --- the rest --------------------------------------------------------------------------------------------------


def cluster(path: Path | None = None) -> dict[str, Any]:
    """Return the cluster that this host belongs to: C(name) and C(nodes), empty for none; C(error) where it is unreadable."""
    none: dict[str, Any] = {"name": "", "nodes": [], "error": ""}
    try:
        config = corosync.read_config(path)
    except (UnicodeError, PcsError) as error:
        return {**none, "error": str(error)}
    return {**none, "name": config.name, "nodes": [node.name for node in config.nodes]} if config else none


def account(name: str) -> dict[str, int]:
    """Return the numbers of an account, C(uid) and C(gid); empty when there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return {}
    return {"uid": entry.pw_uid, "gid": entry.pw_gid}


def owner(uid: int) -> str:
    """Return the name of the account with a number, empty when nobody has it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def asterisk_version(run: Runner) -> str:
    """Return the version of the Asterisk that is installed, as it says it ("22.10.1", "certified/18.9-cert8"); empty for none."""
    program = shutil.which("asterisk", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    said = run([program, "-V"]).out if program else ""
    return re.sub(r"^Asterisk\s+", "", said.strip()).split(" ", maxsplit=1)[0]


def asterisk_modules(libraries: Path = Path("/usr")) -> list[str]:
    """Return the names of Asterisk's modules without .so, sorted; none where there is no Asterisk.

    :param libraries: directory above the lib directories: of Debian's package (lib/<triplet>), of a build (lib, lib64).
    """
    places = ("lib/asterisk/modules", "lib64/asterisk/modules", "lib/*/asterisk/modules")
    return sorted({module.stem for place in places for module in libraries.glob(f"{place}/*.so")})


def asterisk_sounds(sounds: Path = Path("/usr/share/asterisk/sounds")) -> list[str]:
    """Return the languages of which there are prompts, sorted: the directories in which the mailbox's first words are."""
    return sorted({prompt.parent.name for prompt in sounds.glob("*/vm-intro.*")})


def kernel_arguments(path: Path = Path("/proc/cmdline")) -> list[str]:
    """Return what the kernel was started with."""
    return path.read_text(encoding="utf-8", errors="replace").split()
