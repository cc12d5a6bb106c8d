# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster does when something of the service fails, as Pacemaker itself simulates it on what the role declares."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.unit.plugins.plugin_utils.test_cluster_service import service

ROLE = Path(__file__).resolve().parents[3] / "roles/pacemaker_cluster"
BINDS = [f"pbx-bind-{name}" for name in ("etc-asterisk", "var-lib-asterisk")]
MOVED = ["pbx-fs", *BINDS, "pbx-ip", "pbx-asterisk"]
PAIR = {
    "pbx_nodes": [{"name": "node1", "address": "192.0.2.11"}, {"name": "node2", "address": "192.0.2.12"}],
    "pbx_floating_address": "192.0.2.10",
    "pbx_floating_prefix": 24,
    "pbx_floating_interface": "lo",
    "pbx_storage_mount": "/srv/pbx",
    "pbx_shared_device": "/mnt/shared",
    "pbx_shared_fstype": "none",
    "pbx_shared_options": "bind",
    "pbx_replicated_paths": ["/etc/asterisk", "/var/lib/asterisk"],
}


def declared(**settings: Any) -> dict[str, Any]:
    """What the role declares, with the agents of this collection, which are not installed here, played by Pacemaker's dummies."""
    loader = DataLoader()
    variables = {
        **loader.load_from_file(str(ROLE / "defaults/main.yml"), trusted_as_template=True),
        **loader.load_from_file(str(ROLE / "vars/main.yml"), trusted_as_template=True),
        **PAIR,
        **settings,
    }
    render = Templar(loader=loader, variables=variables).template
    runs = service(**PAIR, **settings)
    resources = runs.resources()
    for resource in resources:
        dummy = {"ocf:dialtone": "ocf:pacemaker:Dummy", "ocf:linbit": "ocf:pacemaker:Stateful"}.get(
            resource["agent"].rpartition(":")[0]
        )
        if dummy:
            resource["agent"], resource["options"] = dummy, {}
    return {
        "properties": {"stonith-enabled": "false"},
        "resource_defaults": render(variables["__pacemaker_cluster_resource_defaults"]),
        "resources": resources,
        "constraints": runs.constraints(),
    }


class Simulation:
    """The pair as crm_simulate carries it on from file to file; `do` returns the actions, "resource action node"."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def settle(self) -> None:
        """Let the cluster go on until it has nothing more to do."""
        for _each in range(6):
            if not self.do():
                return
        pytest.fail("the cluster does not come to rest")

    def fatal(self, resource: str, node: str) -> None:
        """Let a failed start count as the controller counts it (start-failure-is-fatal); the simulation counts one."""
        root = self.cluster.xml
        state = root.find(f"status/node_state[@uname='{node}']")
        count = next(pair for pair in state.iter("nvpair") if pair.get("name") == f"fail-count-{resource}#start_0")
        count.set("value", "INFINITY")
        self.cluster.file.write_text(ET.tostring(root, encoding="unicode"))

    def do(self, *events: str) -> list[str]:
        """Let the cluster react to events (options of crm_simulate), and return what it did, in order."""
        file = str(self.cluster.file)
        output = self.cluster.command("crm_simulate", "--simulate", "--xml-file", file, "--save-output", file, *events)
        found = re.findall(r"^ \* Resource action: (\S+) +(start|stop|promote|demote) on (\S+)$", output, re.MULTILINE)
        return [" ".join(action) for action in found] or re.findall(
            r"^  \* Resource action: (\S+ +(?:start|stop|promote|demote) on \S+)$", output, re.MULTILINE
        )

    def fails(self, resource: str, interval: int, *more: str) -> list[str]:
        """Let the monitor of a resource find it gone where it runs."""
        return self.do("--op-inject", f"{resource}_monitor_{interval}000@{self.where(resource)}=7", *more)

    def where(self, resource: str) -> str:
        """The node on which it runs, "" when it does not."""
        output = self.cluster.command("crm_mon", "--one-shot", "--inactive", "--output-as=xml")
        node = ET.fromstring(output).find(f"resources//resource[@id='{resource}']/node")  # noqa: S314 - of our own command
        return "" if node is None else node.get("name", "")


@pytest.fixture(scope="session")
def declarations(make_cluster: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The text of the CIB by kind of storage, before anything was started; made once, because pcs takes a second a call."""
    made = {}
    for storage in ("shared", "drbd"):
        cluster = make_cluster(tmp_path_factory.mktemp(storage))
        cluster.good("pcs_cib", state="apply", **declared(pbx_storage=storage))
        root = cluster.xml
        for state in root.iterfind("status/node_state"):
            # What DRBD's agent says of two nodes whose copies are current.
            number = state.get("id", "")
            attributes = ET.SubElement(state, "transient_attributes", {"id": number})
            pairs = ET.SubElement(attributes, "instance_attributes", {"id": f"status-{number}"})
            ET.SubElement(pairs, "nvpair", {"id": f"score-{number}", "name": "master-pbx-drbd", "value": "10000"})
        made[storage] = ET.tostring(root, encoding="unicode")
    return made


@pytest.fixture(params=["shared", "drbd"])
def fresh(request: pytest.FixtureRequest, cluster: Any, declarations: dict[str, str]) -> Simulation:
    """The exchange as it was declared, with nothing started."""
    cluster.file.write_text(declarations[request.param])
    return Simulation(cluster)


@pytest.fixture
def pair(fresh: Simulation) -> Simulation:
    """The exchange, started."""
    fresh.settle()
    assert fresh.where("pbx-asterisk")
    return fresh


def squeezed(actions: list[str]) -> list[str]:
    return [" ".join(action.split()).replace(" on ", " ") for action in actions]


def test_it_starts_on_one_node_in_order(fresh: Simulation) -> None:
    done: list[str] = []
    while actions := squeezed(fresh.do()):
        done += [
            action for action in actions if action.split()[0] != "pbx-drbd:0" and action.split()[0] != "pbx-drbd:1"
        ]
    starts = [action.split()[0] for action in done]
    assert sorted(starts) == sorted([*MOVED, "pbx-db", "pbx-records"])
    assert len({action.split()[2] for action in done}) == 1
    assert all(starts.index("pbx-fs") < starts.index(bind) for bind in BINDS)
    assert starts[-1] == "pbx-asterisk"


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_it_starts_where_drbd_has_the_current_copy(cluster: Any, declarations: dict[str, str], node: str) -> None:
    """The address and the group go to the primary, wherever it is, and do not choose a node before it."""
    root = ET.fromstring(declarations["drbd"])  # noqa: S314 - made by this test
    for state in root.iterfind("status/node_state"):
        score = next(pair for pair in state.iter("nvpair") if pair.get("name") == "master-pbx-drbd")
        score.set("value", "10000" if state.get("uname") == node else "5")
    cluster.file.write_text(ET.tostring(root, encoding="unicode"))
    pair = Simulation(cluster)
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, node)


@pytest.mark.parametrize("order", ["node standby", "resource move"])
def test_a_planned_move_takes_everything_to_the_other_node(pair: Simulation, order: str) -> None:
    node = pair.where("pbx-asterisk")
    other = {"node1": "node2", "node2": "node1"}[node]
    if order == "node standby":
        pair.cluster.pcs("node", "standby", node)
    else:
        # What pcs does, which waits for the cluster too.
        pair.cluster.command("crm_resource", "--move", "--resource", "pbx")
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, other)


def test_it_stops_in_the_reverse_order(pair: Simulation) -> None:
    """No directory goes from below Asterisk, nor from below what reads the spool of call records."""
    pair.cluster.pcs("resource", "disable", "pbx")
    done: list[str] = []
    while actions := squeezed(pair.do()):
        done += [action.split()[0] for action in actions if action.split()[1] == "stop"]
    assert sorted(done) == sorted([*MOVED, "pbx-db", "pbx-records"])
    assert set(done[: done.index("pbx-asterisk")]) <= {"pbx-records", "pbx-db"}
    assert done.index("pbx-records") < min(done.index(bind) for bind in BINDS)
    assert done.index("pbx-asterisk") < min(done.index(bind) for bind in BINDS)
    assert done.index("pbx-fs") > max(done.index(bind) for bind in BINDS)


def test_the_directories_are_mounted_at_the_same_time(pair: Simulation) -> None:
    """No order between them, and each stands between the disk and Asterisk, also when it alone fails."""
    orders = {(order.get("first"), order.get("then")) for order in pair.cluster.xml.iter("rsc_order")}
    for bind in BINDS:
        assert {("pbx-fs", bind), (bind, "pbx-asterisk")} <= orders
        assert not {(bind, other) for other in BINDS} & orders
    node = pair.where("pbx-fs")
    done = squeezed(pair.fails(BINDS[0], 20))
    records = [action for action in done if action.startswith("pbx-records ")]
    assert records == [f"pbx-records stop {node}", f"pbx-records start {node}"]
    assert [action for action in done if action not in records] == [
        f"pbx-asterisk stop {node}",
        f"{BINDS[0]} stop {node}",
        f"{BINDS[0]} start {node}",
        f"pbx-asterisk start {node}",
    ]


def test_a_directory_that_cannot_be_mounted_takes_everything_to_the_other_node(pair: Simulation) -> None:
    node = pair.where("pbx-fs")
    other = {"node1": "node2", "node2": "node1"}[node]
    pair.fails(BINDS[1], 20, "--op-fail", f"{BINDS[1]}_start_0@{node}=1")
    pair.fatal(BINDS[1], node)
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, other)


def test_an_address_that_is_taken_away_is_put_back_and_nothing_else_happens(pair: Simulation) -> None:
    node = pair.where("pbx-ip")
    assert squeezed(pair.fails("pbx-ip", 2)) == [f"pbx-ip stop {node}", f"pbx-ip start {node}"]
    assert pair.do() == []
    assert pair.where("pbx-asterisk") == node


def test_an_address_that_cannot_be_put_back_takes_everything_to_the_other_node(pair: Simulation) -> None:
    node = pair.where("pbx-ip")
    other = {"node1": "node2", "node2": "node1"}[node]
    pair.fails("pbx-ip", 2, "--op-fail", f"pbx-ip_start_0@{node}=1")
    pair.fatal("pbx-ip", node)
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, other)


def test_an_asterisk_that_fails_is_restarted_and_keeps_its_address(pair: Simulation) -> None:
    node = pair.where("pbx-asterisk")
    assert squeezed(pair.fails("pbx-asterisk", 2)) == [f"pbx-asterisk stop {node}", f"pbx-asterisk start {node}"]


def test_when_both_are_restarted_the_address_comes_first(pair: Simulation) -> None:
    """A start of Asterisk without its address fails, and would move the service."""
    node = pair.where("pbx-ip")
    assert squeezed(pair.fails("pbx-asterisk", 2, "--op-inject", f"pbx-ip_monitor_2000@{node}=7")) == [
        f"pbx-asterisk stop {node}",
        f"pbx-ip stop {node}",
        f"pbx-ip start {node}",
        f"pbx-asterisk start {node}",
    ]


def test_an_asterisk_that_cannot_start_takes_everything_to_the_other_node(pair: Simulation) -> None:
    node = pair.where("pbx-asterisk")
    other = {"node1": "node2", "node2": "node1"}[node]
    pair.fails("pbx-asterisk", 2, "--op-fail", f"pbx-asterisk_start_0@{node}=1")
    pair.fatal("pbx-asterisk", node)
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, other)


def test_a_node_that_dies_leaves_everything_to_the_other(pair: Simulation) -> None:
    node = pair.where("pbx-asterisk")
    other = {"node1": "node2", "node2": "node1"}[node]
    pair.do("--node-down", node)
    pair.settle()
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, other)


def test_an_address_that_is_disabled_stops_asterisk(pair: Simulation) -> None:
    """An exchange without its address must not look like one that works."""
    pair.cluster.pcs("resource", "disable", "pbx-ip")
    pair.settle()
    assert (pair.where("pbx-ip"), pair.where("pbx-asterisk")) == ("", "")


def test_a_pair_of_before_loses_no_call_to_the_new_order(cluster: Any) -> None:
    """Address and directories were members of the group; they leave it while they run."""
    now = declared(pbx_storage="shared")
    before = {
        **now,
        "resources": [
            {**resource, "group": "pbx"} if resource["name"] in MOVED else resource for resource in now["resources"]
        ],
        "constraints": [entry for entry in now["constraints"] if entry["id"].startswith("db-") or "records" in entry["id"]],
    }
    cluster.good("pcs_cib", state="apply", **before)
    pair = Simulation(cluster)
    pair.settle()
    node = pair.where("pbx-asterisk")
    assert pair.cluster.good("pcs_cib", state="apply", **now)["changed"]
    assert pair.do() == []
    assert {resource: pair.where(resource) for resource in MOVED} == dict.fromkeys(MOVED, node)
