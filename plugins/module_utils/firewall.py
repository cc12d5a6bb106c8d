# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld as the modules see it: read what is loaded and what is written, plan in a pure function, apply.

firewalld has everything twice: what is loaded (runtime), and what is written and loaded at its next start (permanent). It
is asked and told with firewall-cmd(1), whose output is parsed as versions 0.9 to 2.3 print it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple

#: Exit codes of firewall-cmd (errors.py of firewalld): it does not run; there is no such service.
NOT_RUNNING = 252
INVALID_SERVICE = 101

CONFIGURATION = Path("/etc/firewalld/firewalld.conf")

#: What is kept of a zone: fields of `firewall-cmd --list-all-zones` that are lists of words.
LISTS = ("interfaces", "sources", "services", "ports")

Zone = dict[str, Any]


class FirewallError(Exception):
    """A refusal or a failure: what was found and what to do, in one message for the operator."""


class Result(NamedTuple):
    """What a command returned."""

    rc: int
    out: str
    err: str


#: Runs a command (argument list) and returns its result; never raises for an exit code.
Runner = Callable[[Sequence[str]], Result]


def runner(module: Any) -> Runner:
    """Return a Runner over AnsibleModule.run_command."""

    def run(argv: Sequence[str]) -> Result:
        return Result(*module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    return run


# --- reading ---------------------------------------------------------------------------------------------------------


def parse_zones(text: str) -> dict[str, Zone]:
    """Read `firewall-cmd [--permanent] --list-all-zones`.

    :returns: by zone C(target) (V(default), V(ACCEPT), V(DROP), V(REJECT)), the lists of words C(interfaces), C(sources),
        C(services) and C(ports) (V(5060/udp), V(10000-20000/udp)), and C(rules), its rich rules, each a text.
    """
    zones: dict[str, Zone] = {}
    zone: Zone | None = None
    for line in text.splitlines():
        heading = re.match(r"(\S+)(?: \([^)]*\))?\s*$", line)
        if heading:
            zone = {"target": "default", "rules": [], **{name: [] for name in LISTS}}
            zones[heading[1]] = zone
            continue
        if zone is None:
            continue
        entry = re.match(r"  ([a-z-]+(?: [a-z]+)*):(?: (.*))?$", line)
        if entry and entry[1] == "target":
            # As iptables and its friends write it: %%REJECT%%.
            zone["target"] = (entry[2] or "default").strip().strip("%")
        elif entry and entry[1] in LISTS:
            zone[entry[1]] = (entry[2] or "").split()
        elif line.strip().startswith("rule "):
            zone["rules"].append(line.strip())
    return zones


def parse_service(text: Result) -> list[str] | None:
    """Read the ports in `firewall-cmd [--permanent] --info-service=NAME`; None where there is no such service."""
    if text.rc != 0:
        return None
    found = re.search(r"^  ports:(.*)$", text.out, re.MULTILINE)
    return sorted(found[1].split()) if found else []


def parse_addresses(text: Result) -> dict[str, list[str]]:
    """Read `ip -json address show`: by interface its addresses with their prefix lengths, in the kernel's order."""
    if text.rc != 0:
        raise FirewallError(f"`ip -json address show` failed: {text.err.strip() or text.out.strip()}. Is iproute installed?")
    try:
        links = json.loads(text.out or "[]")
    except ValueError as error:
        raise FirewallError(f"`ip -json address show` printed what is not JSON: {text.out[:200]!r}") from error
    return {
        str(link["ifname"]): [f"{entry['local']}/{entry['prefixlen']}" for entry in link.get("addr_info", []) if "local" in entry]
        for link in links
        if isinstance(link, dict) and link.get("ifname")
    }


def _asked(run: Runner, *arguments: str) -> Result:
    """Ask firewall-cmd; raises FirewallError for what is neither an answer nor that a service does not exist."""
    result = run(["firewall-cmd", *arguments])
    if result.rc not in (0, INVALID_SERVICE):
        said = (result.err or result.out).strip()
        raise FirewallError(
            f"`firewall-cmd {' '.join(arguments)}` failed ({result.rc}): {said}. See `journalctl -u firewalld`; `firewall-cmd"
            " --check-config` names what is wrong in /etc/firewalld."
        )
    return result


def nothing(addresses: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return what `read` returns where firewalld does not run."""
    return {
        "running": False, "in_kernel": None, "default_zone": "", "loaded": {}, "written": {}, "services": {},
        "interfaces": {name: list(found) for name, found in addresses.items()},
    }  # fmt: skip


def parse_tables(text: Result, configuration: str) -> bool | None:
    """Read `nft list tables`: whether firewalld's rules are in the kernel; None where that cannot be told.

    :param configuration: content of firewalld.conf. With the backend iptables they are elsewhere.
    """
    if text.rc != 0 or re.search(r"^\s*FirewallBackend\s*=\s*iptables\b", configuration, re.MULTILINE):
        return None
    return bool(re.search(r"^table \w+ firewalld$", text.out, re.MULTILINE))


def read(run: Runner, services: Sequence[str], configuration: str = "") -> dict[str, Any]:
    """Read firewalld, and the addresses of the interfaces whose zones it keeps.

    :param services: names of services of which to read the ports.
    :param configuration: content of firewalld.conf.
    :returns: C(running), C(in_kernel) (see parse_tables), C(default_zone), C(loaded) and C(written) (zones, see parse_zones),
        C(services) (by name C(loaded) and C(written), lists of ports, None where there is no such service), C(interfaces) (see
        parse_addresses).
    :raises FirewallError: firewalld runs and does not answer.
    """
    addresses = parse_addresses(run(["ip", "-json", "address", "show"]))
    default = run(["firewall-cmd", "--get-default-zone"])
    if default.rc == NOT_RUNNING:
        return nothing(addresses)
    if default.rc != 0:
        _asked(lambda _argv: default, "--get-default-zone")
    return {
        "running": True,
        "in_kernel": parse_tables(run(["nft", "list", "tables"]), configuration),
        "default_zone": default.out.strip(),
        "loaded": parse_zones(_asked(run, "--list-all-zones").out),
        "written": parse_zones(_asked(run, "--permanent", "--list-all-zones").out),
        "services": {
            name: {
                "loaded": parse_service(_asked(run, f"--info-service={name}")),
                "written": parse_service(_asked(run, "--permanent", f"--info-service={name}")),
            }
            for name in services
        },
        "interfaces": addresses,
    }


def configuration() -> str:
    """Return the content of firewalld.conf, empty where there is none."""
    try:
        return CONFIGURATION.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# --- one service, in the zones where it belongs ----------------------------------------------------------------------


class Plan(NamedTuple):
    """What makes a service what it shall be, in this order: `permanent` and `runtime` are arguments of firewall-cmd.

    `reload`: what is written has to be loaded, because firewalld knows no other way to change a loaded service. Connections
    that stand survive it.
    """

    permanent: list[list[str]]
    reload: bool
    runtime: list[list[str]]

    def __bool__(self) -> bool:
        return bool(self.permanent or self.reload or self.runtime)


def _zones_with(zones: Mapping[str, Zone], service: str) -> set[str]:
    return {name for name, zone in zones.items() if service in zone["services"]}


def plan(state: Mapping[str, Any], service: str, description: str, ports: Sequence[str], zones: Sequence[str]) -> Plan:
    """Compare what firewalld has with one service that is open in these zones and in no other.

    The service has a name that nobody else uses, so wherever it is open, it was opened by this. Before there was such a
    service its ports were opened one by one: a zone that has exactly them, when the service is defined, loses them.

    :param state: what `read` returned.
    :param ports: as firewalld writes them, V(5060/udp).
    """
    written, wanted = state["services"][service]["written"], sorted(ports)
    permanent: list[list[str]] = []
    former = [name for name, zone in state["written"].items() if written is None and set(wanted) <= set(zone["ports"])]
    if written is None:
        permanent.append([f"--new-service={service}"])
        permanent.append([f"--service={service}", f"--set-description={description}"])
    added = [f"--add-port={port}" for port in wanted if port not in (written or [])]
    removed = [f"--remove-port={port}" for port in written or [] if port not in wanted]
    permanent += [[f"--service={service}", *change] for change in (added, removed) if change]
    for name in zones:
        if name not in _zones_with(state["written"], service):
            permanent.append([f"--zone={name}", f"--add-service={service}"])
    for name in sorted(_zones_with(state["written"], service) - set(zones)):
        permanent.append([f"--zone={name}", f"--remove-service={service}"])
    permanent += [[f"--zone={name}", *(f"--remove-port={port}" for port in wanted)] for name in former]
    if state["services"][service]["loaded"] != wanted:
        return Plan(permanent, True, [])
    open_now = _zones_with(state["loaded"], service)
    runtime = [[f"--zone={name}", f"--add-service={service}"] for name in zones if name not in open_now]
    runtime += [[f"--zone={name}", f"--remove-service={service}"] for name in sorted(open_now - set(zones))]
    return Plan(permanent, False, runtime)


def missing_zones(state: Mapping[str, Any], zones: Sequence[str]) -> list[str]:
    """Return the zones that firewalld does not have, or has not loaded."""
    return [name for name in zones if name not in state["written"] or name not in state["loaded"]]


def apply(run: Runner, changes: Plan) -> None:
    """Do what was planned.

    :raises FirewallError: firewall-cmd refused something. What was done before it stays; the next run does the rest.
    """
    for arguments in changes.permanent:
        _told(run, "--permanent", *arguments)
    if changes.reload:
        _told(run, "--reload")
    for arguments in changes.runtime:
        _told(run, *arguments)


def _told(run: Runner, *arguments: str) -> None:
    result = run(["firewall-cmd", *arguments])
    if result.rc != 0:
        said = (result.err or result.out).strip()
        raise FirewallError(
            f"`firewall-cmd {' '.join(arguments)}` failed ({result.rc}): {said}. See `journalctl -u firewalld`, correct it, and"
            " run this again."
        )


def describe(state: Mapping[str, Any], service: str) -> str:
    """Return the service as a diff shows it: its ports, and the zones in which it is open."""
    ports = state["services"][service]
    lines = []
    for when in ("loaded", "written"):
        lines.append(f"{service} ({when}): {', '.join(ports[when] or []) or 'none'}")
        lines.append(f"open ({when}) in: {', '.join(sorted(_zones_with(state[when], service))) or 'no zone'}")
    return "\n".join(lines) + "\n"


def described(service: str, ports: Sequence[str], zones: Sequence[str]) -> str:
    """Return what `describe` returns after the plan was carried out."""
    loaded = {name: {"services": [service]} for name in zones}
    return describe(
        {"services": {service: {"loaded": sorted(ports), "written": sorted(ports)}}, "loaded": loaded, "written": loaded}, service
    )
