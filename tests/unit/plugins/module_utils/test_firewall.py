"""firewalld: what it says of itself on the bus, and what opens one service in exactly its zones."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _firewall as firewall
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._firewall import NAME, BusError, Change, Result
from ansible_collections.dialtone.ha_pbx.plugins.modules import firewall_service

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
#: What getZoneSettings2 and getSettings2 answered, by "loaded" and "written" and zone.
RECORDED = json.loads((FIXTURES / "firewalld-2.5.json").read_text())
SERVICE = "pbx-telephones"
PORTS = ["5060/udp", "5060/tcp", "10000-20000/udp"]


def commands(argv: Sequence[str]) -> Result:
    """Answer the two commands that are run beside the bus."""
    line = " ".join(argv)
    if line == "ip -json address show":
        return Result(0, '[{"ifname": "host0", "addr_info": [{"local": "10.73.0.11", "prefixlen": 24}]}, {"ifname": "down0"}]', "")
    assert line == "nft list tables"
    return Result(0, "table inet firewalld\n", "")


class Firewalld:
    """As much of firewalld.dbus(5) as is used."""

    def __init__(self) -> None:
        self.zones: dict[str, dict[str, dict[str, Any]]] = copy.deepcopy(RECORDED)
        self.services: dict[str, dict[str, dict[str, Any]]] = {"loaded": {}, "written": {}}
        self.told: list[str] = []

    def __call__(self, path: str, interface: str, method: str, *arguments: Any) -> Any:
        kind = interface.removeprefix(NAME).lstrip(".")
        if kind == "config":
            return self._config(method, *arguments)
        if path.startswith("/written/"):
            return self._written(path, interface, method, *arguments)
        assert path == "/org/fedoraproject/FirewallD1"
        if method == "reload":
            self.told.append("--reload")
            for state in (self.zones, self.services):
                state["loaded"] = copy.deepcopy(state["written"])
            return None
        if method == "getDefaultZone":
            return "public"
        if method == "getServiceSettings2":
            return self._service("loaded", arguments[0])
        if method == "getZones":
            return list(self.zones["loaded"])
        assert kind == "zone"
        if method == "getZoneSettings2":
            return self.zones["loaded"][arguments[0]]
        return self._change("loaded", "zone", arguments[0], method, *arguments[1:2])

    def _config(self, method: str, *arguments: Any) -> Any:
        if method == "listZones":
            return [f"/written/zone/{name}" for name in self.zones["written"]]
        if method == "addService2":
            self.services["written"][arguments[0]] = dict(arguments[1])
            self.told.append(f"--permanent --new-service={arguments[0]}")
            return f"/written/service/{arguments[0]}"
        kind = {"getServiceByName": "service", "getZoneByName": "zone"}[method]
        if kind == "service":
            self._service("written", arguments[0])
        return f"/written/{kind}/{arguments[0]}"

    def _written(self, path: str, interface: str, method: str, *arguments: Any) -> Any:
        kind, name = path.split("/")[2:]
        if interface == firewall.PROPERTIES:
            assert (method, arguments) == ("Get", (f"{NAME}.config.zone", "name"))
            return name
        assert interface == f"{NAME}.config.{kind}"
        if method == "getSettings2":
            return self.zones["written"][name] if kind == "zone" else self._service("written", name)
        return self._change("written", kind, name, method, *arguments)

    def _service(self, when: str, name: str) -> dict[str, Any]:
        if name not in self.services[when]:
            raise BusError(f"INVALID_SERVICE: {name}")
        return self.services[when][name]

    def _change(self, when: str, kind: str, name: str, method: str, *arguments: str) -> None:
        permanent = "--permanent " if when == "written" else ""
        entry = self.zones[when][name] if kind == "zone" else self._service(when, name)
        if method == "setDescription":
            (entry["description"],) = arguments
            self.told.append(f"{permanent}--{kind}={name} --set-description={arguments[0]}")
            return
        verb, what = ("add", method[3:].lower()) if method.startswith("add") else ("remove", method[6:].lower())
        value: Any = list(arguments) if what == "port" else arguments[0]
        if what == "service":
            self._service(when, value)
        held = entry.setdefault(f"{what}s", [])
        if verb == "add":
            held.append(value)
        else:
            held.remove(value)
        self.told.append(f"{permanent}--{kind}={name} --{verb}-{what}={'/'.join(arguments)}")

    def open_in(self, when: str) -> set[str]:
        return {name for name, zone in self.zones[when].items() if SERVICE in zone.get("services", [])}

    def ports(self, when: str) -> list[str]:
        return sorted("/".join(port) for port in self.services[when][SERVICE]["ports"])

    def make(self, zones: Sequence[str], ports: Sequence[str] = tuple(PORTS)) -> list[Change]:
        """Do as the module does, and return what was planned."""
        changes = firewall.plan(firewall.read(commands, self, [SERVICE]), SERVICE, "for people", ports, zones)
        firewall.apply(self, changes)
        return changes


def test_what_a_real_firewalld_says_is_read() -> None:
    zones = firewall.read(commands, Firewalld(), [])["loaded"]
    assert len(zones) == 10
    assert zones["public"] == {
        "target": "default", "interfaces": [], "sources": [], "services": ["ssh"],
        "ports": ["5060/udp", "5060/tcp", "10000-20000/udp"], "rules": [],
    }  # fmt: skip
    assert zones["pbx-peers"]["sources"] == ["10.73.0.12"]
    assert {name: zones[name]["target"] for name in ("block", "drop", "trusted")} == {
        "block": "REJECT", "drop": "DROP", "trusted": "ACCEPT",
    }  # fmt: skip


def test_interfaces_and_rules_of_a_zone() -> None:
    rules = ['rule family="ipv4" source address="192.0.2.0/24" accept', 'rule service name="ftp" drop']
    zone = firewall.zone_of({"target": "default", "interfaces": ["ens192", "ens224"], "rules_str": rules, "masquerade": True})
    assert (zone["interfaces"], zone["rules"], zone["ports"]) == (["ens192", "ens224"], rules, [])


def test_values_of_the_bus_become_pythons_own() -> None:
    class Text(str):
        """As dbus.String is one."""

    value = firewall.plain({Text("a"): [Text("b"), (Text("c"), 1)]})
    assert value == {"a": ["b", ["c", 1]]}
    assert {type(text) for text in (*value, value["a"][0], value["a"][1][0])} == {str}


def test_a_firewall_that_does_not_run_is_no_error() -> None:
    found = firewall.read(commands, None, [SERVICE])
    assert (found["running"], found["interfaces"]) == (False, {"host0": ["10.73.0.11/24"], "down0": []})


def test_what_firewalld_cannot_answer_is_said_with_its_words() -> None:
    def call(*_arguments: Any) -> Any:
        raise BusError("RUNNING_BUT_FAILED: Changing permanent")

    with pytest.raises(firewall.FirewallError, match="RUNNING_BUT_FAILED.*journalctl -u firewalld"):
        firewall.read(commands, call, [])


@pytest.mark.parametrize(
    ("text", "configuration", "found"),
    [
        (Result(0, "table inet firewalld\ntable inet mine\n", ""), "FirewallBackend=nftables\n", True),
        (Result(0, "table inet mine\n", ""), "", False),
        (Result(0, "", ""), "# comment\nFirewallBackend=iptables\n", None),
        (Result(127, "", "not found"), "", None),
    ],
)
def test_whether_its_rules_are_in_the_kernel(text: Result, configuration: str, found: bool | None) -> None:
    assert firewall.parse_tables(text, configuration) is found


def test_a_new_service_is_open_in_its_zones_and_what_was_opened_before_is_closed() -> None:
    firewalld = Firewalld()
    assert firewall.RELOAD in firewalld.make(["internal", "pbx-peers"])
    for when in ("loaded", "written"):
        assert firewalld.open_in(when) == {"internal", "pbx-peers"}
        assert firewalld.ports(when) == sorted(PORTS)
        # The ports of former times, one by one, in the zone that was not in force.
        assert firewalld.zones[when]["public"]["ports"] == []
        assert firewalld.services[when][SERVICE]["description"] == "for people"
    assert not firewalld.make(["internal", "pbx-peers"])


def test_what_somebody_else_opened_stays() -> None:
    firewalld = Firewalld()
    ports = [["5060", "udp"], ["8088", "tcp"]]
    for zones in firewalld.zones.values():
        zones["public"]["ports"] = list(ports)
    firewalld.make(["internal", "pbx-peers"])
    assert firewalld.zones["written"]["public"] == {**RECORDED["written"]["public"], "ports": ports}
    # Once the service is there, nothing but the service is its own.
    firewalld.zones["written"]["work"]["ports"] = [port.split("/") for port in PORTS]
    assert not firewalld.make(["internal", "pbx-peers"])


def test_another_zone_takes_it_from_the_former_one_without_a_reload() -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    changes = firewalld.make(["dmz", "pbx-peers"])
    assert firewall.RELOAD not in changes
    assert firewalld.open_in("loaded") == firewalld.open_in("written") == {"dmz", "pbx-peers"}


@pytest.mark.parametrize("when", ["loaded", "written"])
def test_what_was_closed_by_hand_is_opened_again_where_it_was_closed(when: str) -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    firewalld.zones[when]["public"]["services"].remove(SERVICE)
    changes = firewalld.make(["public", "pbx-peers"])
    assert changes == [Change(when == "written", "zone", "public", "add-service", SERVICE)]
    assert "public" in firewalld.open_in(when)


def test_other_ports_replace_the_former_ones() -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    assert firewall.RELOAD in firewalld.make(["public", "pbx-peers"], ["5062/udp", "5060/tcp", "10000-20000/udp"])
    assert firewalld.ports("loaded") == ["10000-20000/udp", "5060/tcp", "5062/udp"]


def test_a_refusal_is_said_with_the_command_and_its_words() -> None:
    said = r"refuses `firewall-cmd --zone=work --add-service=nobody`: INVALID_SERVICE"
    with pytest.raises(firewall.FirewallError, match=said):
        firewall.apply(Firewalld(), [Change(False, "zone", "work", "add-service", "nobody")])


def test_the_diff_says_ports_and_zones() -> None:
    firewalld = Firewalld()
    before = firewall.describe(firewall.read(commands, firewalld, [SERVICE]), SERVICE)
    firewalld.make(["public", "pbx-peers"])
    after = firewall.describe(firewall.read(commands, firewalld, [SERVICE]), SERVICE)
    assert "pbx-telephones (loaded): none\nopen (loaded) in: no zone" in before
    assert after == firewall.described(SERVICE, PORTS, ["public", "pbx-peers"])
    assert "open (written) in: pbx-peers, public" in after


class Ended(Exception):
    """What a module ended with."""


class Module:
    """As much of AnsibleModule as firewall_service uses."""

    check = False
    zones = ("public", "pbx-peers")

    def __init__(self, argument_spec: dict[str, Any], supports_check_mode: bool) -> None:
        self.params = {"name": SERVICE, "description": "", "ports": PORTS, "zones": list(self.zones)}
        assert set(self.params) == set(argument_spec)
        self.check_mode = self.check

    def run_command(self, argv: list[str], **_options: Any) -> tuple[int, str, str]:
        return commands(argv)

    def get_bin_path(self, name: str) -> str:
        return f"/usr/bin/{name}"

    def fail_json(self, **result: Any) -> None:
        raise Ended({"failed": True, **result})

    def exit_json(self, **result: Any) -> None:
        raise Ended(result)


def module(monkeypatch: pytest.MonkeyPatch, firewalld: Firewalld | None, **given: Any) -> dict[str, Any]:
    """Run firewall_service against a firewalld (None: it does not run), and return what it ended with."""
    monkeypatch.setattr(firewall_service, "AnsibleModule", type("Given", (Module,), given))
    monkeypatch.setattr(firewall, "connect", lambda _module: firewalld)
    with pytest.raises(Ended) as ended:
        firewall_service.main()
    result: dict[str, Any] = ended.value.args[0]
    return result


def test_a_dry_run_says_what_a_real_one_does_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    firewalld = Firewalld()
    announced = module(monkeypatch, firewalld, check=True)
    assert firewalld.told == []
    done = module(monkeypatch, firewalld)
    assert announced == done
    assert (done["changed"], done["commands"]) == (True, firewalld.told)
    assert done["diff"]["before"] != done["diff"]["after"]
    again = module(monkeypatch, firewalld)
    assert (again["changed"], again["commands"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"] == done["diff"]["after"]


def test_where_it_cannot_be_opened_it_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = module(monkeypatch, None)
    assert "firewalld does not run, so pbx-telephones cannot be opened. `systemctl start firewalld`" in stopped["msg"]
    absent = module(monkeypatch, Firewalld(), zones=("voice", "pbx-peers"))
    assert "firewalld has no zone voice (it has block," in absent["msg"]
    # On a new host the zones come with the run that is announced.
    for given in ({"firewalld": None}, {"firewalld": Firewalld(), "zones": ("voice",)}):
        assert module(monkeypatch, given.pop("firewalld"), check=True, **given)["changed"]  # type: ignore[arg-type]


class Started(Exception):
    """The module was started again; with which Python."""


class Host:
    """A host of which Ansible has chosen a Python without dbus."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, pythons: Sequence[str], *, again: bool = False) -> None:
        def start(python: str) -> None:
            raise Started(python)

        monkeypatch.setitem(sys.modules, "dbus", None)
        monkeypatch.setattr(firewall, "has_respawned", lambda: again)
        monkeypatch.setattr(
            firewall, "probe_interpreters_for_module", lambda paths, _name: next((path for path in paths if path in pythons), None)
        )
        monkeypatch.setattr(firewall, "respawn_module", start)

    def get_bin_path(self, name: str) -> str:
        return f"/usr/bin/{name}"


def test_where_ansible_chose_a_python_without_dbus_the_distributions_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Started, match="^/usr/bin/python3$"):
        firewall.connect(Host(monkeypatch, ["/usr/bin/python3"]))
    with pytest.raises(Started, match="^/usr/libexec/platform-python$"):
        firewall.connect(Host(monkeypatch, ["/usr/libexec/platform-python"]))


def test_where_no_python_has_dbus_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(firewall.FirewallError, match="install python3-dbus"):
        firewall.connect(Host(monkeypatch, []))
    # Nor is it started again and again.
    with pytest.raises(firewall.FirewallError, match="install python3-dbus"):
        firewall.connect(Host(monkeypatch, ["/usr/bin/python3"], again=True))


def test_without_firewalld_nothing_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch, [])
    monkeypatch.setattr(host, "get_bin_path", lambda _name: None)
    assert firewall.connect(host) is None
