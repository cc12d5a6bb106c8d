"""firewalld: what its listings say, and what opens one service in exactly its zones."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import firewall
from ansible_collections.dialtone.ha_pbx.plugins.module_utils.firewall import Result
from ansible_collections.dialtone.ha_pbx.plugins.modules import firewall_service

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
LOADED, WRITTEN = ((FIXTURES / f"firewalld-2.5-{when}.txt").read_text() for when in ("loaded", "written"))
SERVICE = "pbx-telephones"
PORTS = ["5060/udp", "5060/tcp", "10000-20000/udp"]


class Firewalld:
    """As much of firewall-cmd as is used, over a state like the one that `read` returns."""

    def __init__(self, *, running: bool = True) -> None:
        self.running = running
        self.loaded = firewall.parse_zones(LOADED)
        self.written = firewall.parse_zones(WRITTEN)
        self.services: dict[str, dict[str, list[str]]] = {"loaded": {}, "written": {}}
        self.told: list[str] = []

    def __call__(self, argv: Sequence[str]) -> Result:
        line = " ".join(argv)
        if line == "ip -json address show":
            return Result(0, '[{"ifname": "host0", "addr_info": [{"local": "10.73.0.11", "prefixlen": 24}]}, {"ifname": "down0"}]', "")
        if line == "nft list tables":
            return Result(0, "table inet firewalld\n", "")
        assert argv[0] == "firewall-cmd"
        if not self.running:
            return Result(252, "", "FirewallD is not running")
        words = list(argv[1:])
        when = "written" if words[0] == "--permanent" else "loaded"
        words = words[1:] if when == "written" else words
        zones = getattr(self, when)
        if words == ["--get-default-zone"]:
            return Result(0, "public\n", "")
        if words == ["--list-all-zones"]:
            return Result(0, "\n".join(self._shown(name, zone) for name, zone in zones.items()), "")
        if words[0].startswith("--info-service="):
            name = words[0].partition("=")[2]
            if name not in self.services[when]:
                return Result(101, "", f"Error: INVALID_SERVICE: {name}")
            return Result(0, f"{name}\n  ports: {' '.join(self.services[when][name])}\n  protocols: \n", "")
        self.told.append(line.removeprefix("firewall-cmd "))
        return self._do(when, words)

    @staticmethod
    def _shown(name: str, zone: dict[str, Any]) -> str:
        rules = "".join(f"\n\t{rule}" for rule in zone["rules"])
        lists = "".join(f"\n  {key}: {' '.join(zone[key])}" for key in firewall.LISTS)
        return f"{name} (active)\n  target: {zone['target']}{lists}\n  rich rules: {rules}\n"

    def _do(self, when: str, words: list[str]) -> Result:
        if words == ["--reload"]:
            self.loaded, self.services["loaded"] = copy.deepcopy(self.written), copy.deepcopy(self.services["written"])
            return Result(0, "success\n", "")
        options = [word.removeprefix("--").partition("=")[::2] for word in words]
        first, name = options[0]
        if first == "new-service":
            self.services[when][name] = []
        elif first == "service":
            for option, value in options[1:]:
                if option in ("add-port", "remove-port"):
                    getattr(self.services[when][name], {"add": "append", "remove": "remove"}[option.partition("-")[0]])(value)
        else:
            zone = getattr(self, when)[name]
            for option, value in options[1:]:
                verb, _dash, kind = option.partition("-")
                if kind == "service" and value not in self.services[when]:
                    return Result(101, "", f"Error: INVALID_SERVICE: {value}")
                getattr(zone[kind + "s"], {"add": "append", "remove": "remove"}[verb])(value)
        return Result(0, "success\n", "")

    def open_in(self, when: str) -> set[str]:
        return {name for name, zone in getattr(self, when).items() if SERVICE in zone["services"]}

    def make(self, zones: Sequence[str], ports: Sequence[str] = tuple(PORTS)) -> firewall.Plan:
        """Do as the module does, and return what was planned."""
        changes = firewall.plan(firewall.read(self, [SERVICE]), SERVICE, "for people", ports, zones)
        firewall.apply(self, changes)
        return changes


def test_the_listing_of_a_real_firewalld_is_read() -> None:
    zones = firewall.parse_zones(LOADED)
    assert len(zones) == 10
    assert zones["public"] == {
        "target": "default", "interfaces": [], "sources": [], "services": ["ssh"],
        "ports": ["5060/udp", "5060/tcp", "10000-20000/udp"], "rules": [],
    }  # fmt: skip
    assert zones["pbx-peers"]["sources"] == ["10.73.0.12"]
    assert {name: zones[name]["target"] for name in ("block", "drop", "trusted")} == {
        "block": "REJECT", "drop": "DROP", "trusted": "ACCEPT",
    }  # fmt: skip


def test_the_listing_of_older_versions_is_read_with_its_rules() -> None:
    text = (
        "internal (active)\n  target: default\n  icmp-block-inversion: no\n  interfaces: ens192 ens224\n  sources: \n"
        "  services: ssh\n  ports: \n  protocols: \n  source-ports: 1/udp\n  rich rules: \n"
        '\trule family="ipv4" source address="192.0.2.0/24" port port="3306" protocol="tcp" accept\n\trule service name="ftp" drop\n'
        "\nwork\n  target: default\n"
    )
    zones = firewall.parse_zones(text)
    assert list(zones) == ["internal", "work"]
    assert zones["internal"]["interfaces"] == ["ens192", "ens224"]
    assert zones["internal"]["ports"] == []
    assert [rule.split()[-1] for rule in zones["internal"]["rules"]] == ["accept", "drop"]


def test_a_firewall_that_does_not_run_is_no_error() -> None:
    found = firewall.read(Firewalld(running=False), [SERVICE])
    assert (found["running"], found["interfaces"]) == (False, {"host0": ["10.73.0.11/24"], "down0": []})


def test_what_firewalld_cannot_answer_is_said_with_its_words() -> None:
    def run(argv: Sequence[str]) -> Result:
        return Result(0, "[]", "") if argv[0] == "ip" else Result(251, "", "Error: RUNNING_BUT_FAILED: Changing permanent")

    with pytest.raises(firewall.FirewallError, match="RUNNING_BUT_FAILED.*journalctl -u firewalld"):
        firewall.read(run, [])


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
    assert firewalld.make(["internal", "pbx-peers"]).reload
    for when in ("loaded", "written"):
        assert firewalld.open_in(when) == {"internal", "pbx-peers"}
        assert sorted(firewalld.services[when][SERVICE]) == sorted(PORTS)
        # The ports of former times, one by one, in the zone that was not in force.
        assert getattr(firewalld, when)["public"]["ports"] == []
    assert not firewalld.make(["internal", "pbx-peers"])


def test_what_somebody_else_opened_stays() -> None:
    firewalld = Firewalld()
    for when in (firewalld.loaded, firewalld.written):
        when["public"]["ports"] = ["5060/udp", "8088/tcp"]
    firewalld.make(["internal", "pbx-peers"])
    assert firewalld.written["public"] == {**firewall.parse_zones(WRITTEN)["public"], "ports": ["5060/udp", "8088/tcp"]}
    # Once the service is there, nothing but the service is its own.
    firewalld.written["work"]["ports"] = list(PORTS)
    assert not firewalld.make(["internal", "pbx-peers"])


def test_another_zone_takes_it_from_the_former_one_without_a_reload() -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    changes = firewalld.make(["dmz", "pbx-peers"])
    assert not changes.reload
    assert firewalld.open_in("loaded") == firewalld.open_in("written") == {"dmz", "pbx-peers"}


@pytest.mark.parametrize("when", ["loaded", "written"])
def test_what_was_closed_by_hand_is_opened_again_where_it_was_closed(when: str) -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    getattr(firewalld, when)["public"]["services"].remove(SERVICE)
    changes = firewalld.make(["public", "pbx-peers"])
    assert [bool(changes.permanent), bool(changes.runtime), changes.reload] == [when == "written", when == "loaded", False]
    assert "public" in firewalld.open_in(when)


def test_other_ports_replace_the_former_ones() -> None:
    firewalld = Firewalld()
    firewalld.make(["public", "pbx-peers"])
    assert firewalld.make(["public", "pbx-peers"], ["5062/udp", "5060/tcp", "10000-20000/udp"]).reload
    assert sorted(firewalld.services["loaded"][SERVICE]) == ["10000-20000/udp", "5060/tcp", "5062/udp"]


def test_a_refusal_is_said_with_the_command_and_its_words() -> None:
    said = r"`firewall-cmd --zone=work --add-service=nobody` failed \(101\).*INVALID_SERVICE"
    with pytest.raises(firewall.FirewallError, match=said):
        firewall.apply(Firewalld(), firewall.Plan([], False, [["--zone=work", "--add-service=nobody"]]))


def test_the_diff_says_ports_and_zones() -> None:
    firewalld = Firewalld()
    before = firewall.describe(firewall.read(firewalld, [SERVICE]), SERVICE)
    firewalld.make(["public", "pbx-peers"])
    after = firewall.describe(firewall.read(firewalld, [SERVICE]), SERVICE)
    assert "pbx-telephones (loaded): none\nopen (loaded) in: no zone" in before
    assert after == firewall.described(SERVICE, PORTS, ["public", "pbx-peers"])
    assert "open (written) in: pbx-peers, public" in after


class Ended(Exception):
    """What a module ended with."""


class Module:
    """As much of AnsibleModule as firewall_service uses."""

    firewalld: Firewalld
    check = False
    zones = ("public", "pbx-peers")

    def __init__(self, argument_spec: dict[str, Any], supports_check_mode: bool) -> None:
        self.params = {"name": SERVICE, "description": "", "ports": PORTS, "zones": list(self.zones)}
        assert set(self.params) == set(argument_spec)
        self.check_mode = self.check

    def run_command(self, argv: list[str], **_options: Any) -> tuple[int, str, str]:
        return self.firewalld(argv)

    def get_bin_path(self, name: str) -> str:
        return f"/usr/bin/{name}"

    def fail_json(self, **result: Any) -> None:
        raise Ended({"failed": True, **result})

    def exit_json(self, **result: Any) -> None:
        raise Ended(result)


def module(monkeypatch: pytest.MonkeyPatch, firewalld: Firewalld, **given: Any) -> dict[str, Any]:
    """Run firewall_service against a firewalld, and return what it ended with."""
    monkeypatch.setattr(firewall_service, "AnsibleModule", type("Given", (Module,), {"firewalld": firewalld, **given}))
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
    stopped = module(monkeypatch, Firewalld(running=False))
    assert "firewalld does not run, so pbx-telephones cannot be opened. `systemctl start firewalld`" in stopped["msg"]
    absent = module(monkeypatch, Firewalld(), zones=("voice", "pbx-peers"))
    assert "firewalld has no zone voice (it has block," in absent["msg"]
    # On a new host the zones come with the run that is announced.
    for given in ({"firewalld": Firewalld(running=False)}, {"firewalld": Firewalld(), "zones": ("voice",)}):
        assert module(monkeypatch, given.pop("firewalld"), check=True, **given)["changed"]  # type: ignore[arg-type]
