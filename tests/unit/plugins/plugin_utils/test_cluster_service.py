"""What the cluster runs, from the variables of an exchange. What the cluster makes of it: tests/integration/pcs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.cluster_service import Service

ROLE = Path(__file__).resolve().parents[4] / "roles/exchange_service"
SOCKET = "/run/mysqld/mysqld.sock"
PAIR = {
    "pbx_floating_address": "192.0.2.10",
    "pbx_floating_prefix": 24,
    "pbx_replicated_paths": ["/etc/asterisk", "/var/lib/asterisk"],
    "pbx_shared_device": "/mnt/shared",
    "pbx_shared_fstype": "none",
    "pbx_storage": "shared",
    "pbx_storage_mount": "/srv/pbx",
}
LOADER = DataLoader()
NAMES = LOADER.load_from_file(str(ROLE / "vars/main.yml"))["__exchange_service_variables"]
DEFAULTS = LOADER.load_from_file(str(ROLE / "defaults/main.yml"), trusted_as_template=True)


class Noted(Mapping[str, Any]):
    """Variables, and which of them were asked for."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)


def variables(**settings: Any) -> dict[str, Any]:
    given = {**DEFAULTS, **PAIR, **settings}
    render = Templar(loader=LOADER, variables=given).template
    return {name: render(given.get(name, "")) for name in NAMES}


def service(**settings: Any) -> Service:
    return Service(variables(**settings), SOCKET)


def resource(declared: Service, name: str) -> dict[str, Any]:
    return next(entry for entry in declared.resources() if entry["name"] == name)


def test_the_role_gives_what_is_asked_for_and_nothing_else() -> None:
    asked = set()
    for storage in ("shared", "drbd"):
        noted = Noted(variables(pbx_storage=storage))
        declared = Service(noted, SOCKET)
        declared.resources()
        declared.constraints()
        asked |= noted.asked
    assert asked == set(NAMES)
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("storage", ["shared", "drbd"])
@pytest.mark.parametrize("paths", [[], ["/etc/asterisk"], PAIR["pbx_replicated_paths"]], ids=len)
def test_what_a_constraint_names_is_there(storage: str, paths: list[str]) -> None:
    declared = service(pbx_storage=storage, pbx_replicated_paths=paths)
    there = {entry["name"] for entry in declared.resources()} | {"pbx"}
    there |= {f"{entry['name']}-clone" for entry in declared.resources() if "promotable" in entry}
    constraints = declared.constraints()
    for entry in constraints:
        assert {entry[field] for field in ("resource", "with_resource", "first", "then") if field in entry} <= there
    assert len({entry["id"] for entry in constraints}) == len(constraints)
    # All of a kind say the same of themselves: what is not said stays as it is in the cluster.
    assert len({(entry["type"], *sorted(entry)) for entry in constraints}) == 2
    # The disk comes first, with what it needs.
    assert declared.disk_resources() == declared.resources()[: len(declared.disk_resources())]
    assert declared.disk_constraints() == constraints[: len(declared.disk_constraints())]
    # Whatever is in the directories comes after they are mounted.
    mounts = [f"pbx-bind-{name}" for name in declared.directories.values()]
    orders = {(entry["first"], entry["then"]) for entry in constraints if entry["type"] == "order"}
    assert {(mount, then) for mount in mounts for then in ("pbx-asterisk", "pbx-records")} <= orders
    assert ("pbx-fs", "pbx-records") in orders or mounts


def test_where_a_path_lies_on_the_disk() -> None:
    declared = service(pbx_replicated_paths=["/etc/asterisk", "/var/lib/asterisk/"])
    assert declared.directories == {"/etc/asterisk": "etc-asterisk", "/var/lib/asterisk/": "var-lib-asterisk"}
    assert resource(declared, "pbx-bind-var-lib-asterisk")["options"] == {
        "device": "/srv/pbx/var-lib-asterisk", "directory": "/var/lib/asterisk/", "fstype": "none", "options": "bind",
        "force_unmount": "safe",
    }  # fmt: skip


def test_the_disk_is_that_of_the_storage() -> None:
    options = {"directory": "/srv/pbx", "force_unmount": "safe"}
    assert resource(service(), "pbx-fs")["options"] == {**options, "device": "/mnt/shared", "fstype": "none"}
    bound = resource(service(pbx_shared_options="bind"), "pbx-fs")
    assert bound["options"] == {**options, "device": "/mnt/shared", "fstype": "none", "options": "bind"}
    replicated = resource(service(pbx_storage="drbd", drbd_minor=3, drbd_fstype="xfs"), "pbx-fs")
    assert replicated["options"] == {**options, "device": "/dev/drbd3", "fstype": "xfs", "options": "noatime"}


@pytest.mark.parametrize(("settings", "port"), [({}, "5060"), ({"asterisk_sip_port": 5070}, "5070")])
def test_the_port_that_is_checked(settings: dict[str, Any], port: str) -> None:
    assert resource(service(**settings), "pbx-asterisk")["options"]["sip_port"] == port


def test_an_interface_and_a_socket_that_are_given() -> None:
    assert "nic" not in resource(service(), "pbx-ip")["options"]
    assert resource(service(pbx_floating_interface="eth1"), "pbx-ip")["options"]["nic"] == "eth1"
    assert resource(service(), "pbx-db")["options"]["socket"] == SOCKET
    assert resource(service(pbx_mariadb_socket="/srv/db"), "pbx-db")["options"]["socket"] == "/srv/db"


def test_a_slow_machine_has_more_time_for_each_operation() -> None:
    """-e on the command line makes text of numbers."""
    usual, slow = (service(pbx_storage="drbd", pbx_time_factor=factor) for factor in (1, "5"))
    for before, after in zip(usual.resources(), slow.resources()):
        for field in ("interval", "timeout"):
            assert [int(entry[field][:-1]) * 5 for entry in before["operations"] if field in entry] == [
                int(entry[field][:-1]) for entry in after["operations"] if field in entry
            ]
