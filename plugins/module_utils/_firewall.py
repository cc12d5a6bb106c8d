# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld as the modules see it: read what is loaded and what is written, plan in a pure function, apply.

firewalld has everything twice: what is loaded (runtime), and what is written and loaded at its next start (permanent). It
is asked and told on the system bus, firewalld.dbus(5), as firewall-cmd does: each start of that takes a third of a second, and
to read both halves takes five of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple

from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

CONFIGURATION = Path("/etc/firewalld/firewalld.conf")

#: Its name on the bus, where its objects are, and its interfaces.
NAME = "org.fedoraproject.FirewallD1"
MAIN, CONFIG = "/org/fedoraproject/FirewallD1", "/org/fedoraproject/FirewallD1/config"
PROPERTIES = "org.freedesktop.DBus.Properties"
#: Where a distribution's own Python is, in which firewalld runs. A newer one beside it, which Ansible prefers, has no dbus.
SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")
#: Seconds that it may take for one answer; a reload of many rules on a slow machine takes longest.
ANSWER_SECONDS = 90

#: What is kept of a zone that is a list of words.
LISTS = ("interfaces", "sources", "services", "ports")

Zone = dict[str, Any]


class FirewallError(Exception):
    """A refusal or a failure: what was found and what to do, in one message for the operator."""


class BusError(Exception):
    """What firewalld, or the bus, answered instead of a result."""


class Result(NamedTuple):
    """What a command returned."""

    rc: int
    out: str
    err: str


#: Runs a command (argument list) and returns its result; never raises for an exit code.
Runner = Callable[[Sequence[str]], Result]
#: Calls a method of firewalld: path of the object, interface, method, arguments. Returns plain values; raises BusError.
Caller = Callable[..., Any]


def runner(module: Any) -> Runner:
    """Return a Runner over AnsibleModule.run_command."""

    def run(argv: Sequence[str]) -> Result:
        return Result(*module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    return run


def connect(module: Any) -> Caller | None:
    """Return what calls firewalld on the system bus; None where it is not installed, or does not run.

    Where Ansible has chosen a Python that has no dbus, the module starts again with the one that firewalld itself uses.

    :raises FirewallError: neither has python3-dbus, or the bus does not answer.
    """
    if not module.get_bin_path("firewall-cmd"):
        return None
    try:
        import dbus  # type: ignore[import-not-found]  # noqa: PLC0415 - of the host's Python, if it has firewalld
    except ImportError as error:
        python = None if has_respawned() else probe_interpreters_for_module(SYSTEM_PYTHONS, "dbus")
        if python:
            respawn_module(python)
        raise FirewallError(f"{error}: install python3-dbus, by which firewalld is asked") from error
    try:
        bus = dbus.SystemBus()
        # Whoever calls a name that nobody has would start the service.
        if not bus.name_has_owner(NAME):
            return None
    except dbus.DBusException as error:
        raise FirewallError(f"the system bus does not answer: {error}. See `systemctl status dbus`.") from error

    def call(path: str, interface: str, method: str, *arguments: Any) -> Any:
        proxy = dbus.Interface(bus.get_object(NAME, path, introspect=False), interface)
        # dbus-python cannot tell the type of an empty dictionary.
        signature = "sa{sv}" if {} in arguments else None
        try:
            return plain(proxy.get_dbus_method(method)(*arguments, signature=signature, timeout=ANSWER_SECONDS))
        except dbus.DBusException as error:
            raise BusError(error.get_dbus_message() or str(error)) from error

    return call


def plain(value: Any) -> Any:
    """Return a value of the bus as Python's own: its strings, arrays and dictionaries are subclasses of them."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return value


# --- reading ---------------------------------------------------------------------------------------------------------


def zone_of(settings: Mapping[str, Any]) -> Zone:
    """Return a zone from its settings as firewalld has them on the bus; what is empty is not there.

    :returns: C(target) (V(default), V(ACCEPT), V(DROP), V(REJECT)), the lists of words C(interfaces), C(sources), C(services)
        and C(ports) (V(5060/udp), V(10000-20000/udp)), and C(rules), its rich rules, each a text.
    """
    zone: Zone = {name: list(settings.get(name, [])) for name in LISTS}
    zone["ports"] = [_port(port) for port in zone["ports"]]
    # As iptables and its friends write it: %%REJECT%%.
    zone["target"] = str(settings.get("target", "default")).strip("%")
    zone["rules"] = list(settings.get("rules_str", []))
    return zone


def _port(pair: Sequence[str]) -> str:
    return "/".join(pair)


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


def read(run: Runner, call: Caller | None, services: Sequence[str], configuration: str = "") -> dict[str, Any]:
    """Read firewalld, and the addresses of the interfaces whose zones it keeps.

    :param call: calls firewalld; None where it does not run.
    :param services: names of services of which to read the ports.
    :param configuration: content of firewalld.conf.
    :returns: C(running), C(in_kernel) (see parse_tables), C(default_zone), C(loaded) and C(written) (zones, see zone_of),
        C(services) (by name C(loaded) and C(written), lists of ports, None where there is no such service), C(interfaces) (see
        parse_addresses).
    :raises FirewallError: firewalld runs and does not answer.
    """
    addresses = parse_addresses(run(["ip", "-json", "address", "show"]))
    if call is None:
        return nothing(addresses)
    try:
        written = {}
        for path in call(CONFIG, f"{NAME}.config", "listZones"):
            name = call(path, PROPERTIES, "Get", f"{NAME}.config.zone", "name")
            written[name] = zone_of(call(path, f"{NAME}.config.zone", "getSettings2"))
        return {
            "running": True,
            "in_kernel": parse_tables(run(["nft", "list", "tables"]), configuration),
            "default_zone": call(MAIN, NAME, "getDefaultZone"),
            "loaded": {
                name: zone_of(call(MAIN, f"{NAME}.zone", "getZoneSettings2", name)) for name in call(MAIN, f"{NAME}.zone", "getZones")
            },
            "written": written,
            "services": {name: {"loaded": _loaded_ports(call, name), "written": _written_ports(call, name)} for name in services},
            "interfaces": addresses,
        }
    except BusError as error:
        raise FirewallError(
            f"firewalld does not say what it has: {error}. See `journalctl -u firewalld`; `firewall-cmd --check-config` names what is"
            " wrong in /etc/firewalld."
        ) from error


def _loaded_ports(call: Caller, service: str) -> list[str] | None:
    return _ports(lambda: call(MAIN, NAME, "getServiceSettings2", service))


def _written_ports(call: Caller, service: str) -> list[str] | None:
    return _ports(lambda: call(_written(call, "Service", service), f"{NAME}.config.service", "getSettings2"))


def _ports(settings: Callable[[], Mapping[str, Any]]) -> list[str] | None:
    try:
        return sorted(_port(port) for port in settings().get("ports", []))
    except BusError as error:
        if str(error).startswith("INVALID_SERVICE"):
            return None
        raise


def _written(call: Caller, kind: str, name: str) -> str:
    """Return the path of the object that is a written zone or service."""
    return str(call(CONFIG, f"{NAME}.config", f"get{kind}ByName", name))


def configuration() -> str:
    """Return the content of firewalld.conf, empty where there is none."""
    try:
        return CONFIGURATION.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


# --- one service, in the zones where it belongs ----------------------------------------------------------------------


class Change(NamedTuple):
    """One change; as a text, what firewall-cmd would be told.

    `kind` and `name` say of what, V(zone) or V(service); `action` is V(new), V(set-description), or V(add-) or V(remove-) with
    V(service) or V(port), and `value` what is added, removed or set. Of a written one when it is `permanent`.
    """

    permanent: bool
    kind: str
    name: str
    action: str
    value: str = ""

    def __str__(self) -> str:
        if self == RELOAD:
            return "--reload"
        said = f"--new-{self.kind}={self.name}" if self.action == "new" else f"--{self.kind}={self.name} --{self.action}={self.value}"
        return f"--permanent {said}" if self.permanent else said


#: What is written has to be loaded, because firewalld knows no other way to change a loaded service. Connections that stand
#: survive it.
RELOAD = Change(False, "", "", "reload")


def _zones_with(zones: Mapping[str, Zone], service: str) -> set[str]:
    return {name for name, zone in zones.items() if service in zone["services"]}


def plan(state: Mapping[str, Any], service: str, description: str, ports: Sequence[str], zones: Sequence[str]) -> list[Change]:
    """Compare what firewalld has with one service that is open in these zones and in no other.

    The service has a name that nobody else uses, so wherever it is open, it was opened by this. Before there was such a
    service its ports were opened one by one: a zone that has exactly them, when the service is defined, loses them.

    :param state: what `read` returned.
    :param ports: as firewalld writes them, V(5060/udp).
    :returns: the changes in their order, none when there is nothing to do.
    """
    written, wanted = state["services"][service]["written"], sorted(ports)
    former = [name for name, zone in state["written"].items() if written is None and set(wanted) <= set(zone["ports"])]
    changes: list[Change] = []
    if written is None:
        changes.append(Change(True, "service", service, "new"))
        changes.append(Change(True, "service", service, "set-description", description))
    changes += [Change(True, "service", service, "add-port", port) for port in wanted if port not in (written or [])]
    changes += [Change(True, "service", service, "remove-port", port) for port in written or [] if port not in wanted]
    changes += _zone_changes(True, state["written"], service, zones)
    changes += [Change(True, "zone", name, "remove-port", port) for name in former for port in wanted]
    if state["services"][service]["loaded"] != wanted:
        return [*changes, RELOAD]
    return changes + _zone_changes(False, state["loaded"], service, zones)


def _zone_changes(permanent: bool, have: Mapping[str, Zone], service: str, zones: Sequence[str]) -> list[Change]:
    there = _zones_with(have, service)
    return [Change(permanent, "zone", name, "add-service", service) for name in zones if name not in there] + [
        Change(permanent, "zone", name, "remove-service", service) for name in sorted(there - set(zones))
    ]


def missing_zones(state: Mapping[str, Any], zones: Sequence[str]) -> list[str]:
    """Return the zones that firewalld does not have, or has not loaded."""
    return [name for name in zones if name not in state["written"] or name not in state["loaded"]]


def apply(call: Caller, changes: Sequence[Change]) -> None:
    """Do what was planned.

    :raises FirewallError: firewalld refused something. What was done before it stays; the next run does the rest.
    """
    for change in changes:
        try:
            _do(call, change)
        except BusError as error:
            raise FirewallError(
                f"firewalld refuses `firewall-cmd {change}`: {error}. See `journalctl -u firewalld`, correct it, and run this again."
            ) from error


#: firewall-cmd's word -> the method of a zone or service.
_METHODS = {
    "set-description": "setDescription", "add-port": "addPort", "remove-port": "removePort", "add-service": "addService",
    "remove-service": "removeService",
}  # fmt: skip


def _do(call: Caller, change: Change) -> None:
    if change == RELOAD:
        call(MAIN, NAME, "reload")
    elif change.action == "new":
        call(CONFIG, f"{NAME}.config", "addService2", change.name, {})
    elif change.permanent:
        path = _written(call, change.kind.title(), change.name)
        arguments = change.value.split("/") if change.action.endswith("-port") else [change.value]
        call(path, f"{NAME}.config.{change.kind}", _METHODS[change.action], *arguments)
    else:
        # For how long: 0 is until the next reload, which takes over what is written.
        until = [0] if change.action == "add-service" else []
        call(MAIN, f"{NAME}.zone", _METHODS[change.action], change.name, change.value, *until)


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
