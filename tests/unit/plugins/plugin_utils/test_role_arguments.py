"""What is said of a mistake in the inventory, and that no secret is said with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import role_arguments

ROOT = Path(__file__).resolve().parents[4]
#: Without esxi_vm, whose variables only a machine has that is made on ESXi; preflight.yml leaves it out too.
SPECS = {role: options for role, options in role_arguments.read_specs(ROOT / "roles").items() if role != "esxi_vm"}
SECRET = "swordfish-in-the-sea"

GOOD: dict[str, Any] = {
    "pbx_cluster_name": "pbx",
    "pbx_nodes": [{"name": "pbx1", "address": "192.0.2.11"}, {"name": "pbx2", "address": "192.0.2.12"}],
    "pbx_floating_address": "192.0.2.10",
    "pbx_floating_prefix": 24,
    "pbx_storage": "drbd",
    "pbx_storage_mount": "/srv/pbx",
    "pbx_replicated_paths": ["/etc/asterisk"],
    "pbx_pki_dir": "/srv/pki",
    "drbd_disk": "/dev/sdb",
    "mariadb_mm_replication_password": SECRET,
    "pacemaker_cluster_hacluster_password": SECRET,
    "pacemaker_cluster_fence_devices": [
        {"name": "f1", "node": "pbx1", "agent": "fence_ipmilan", "options": {"password": SECRET}},
    ],
    "asterisk_tenants": [
        {"name": "office", "extensions": [{"number": "100", "name": "R", "password": SECRET, "voicemail_pin": "2580"}]},
    ],
}


def problems(broken: dict[str, str] | None = None, **changes: Any) -> list[dict[str, str]]:
    values = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return role_arguments.problems(SPECS, values, broken or {})


def test_an_inventory_that_is_right_has_nothing_to_report() -> None:
    assert problems() == []


MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    ("not set", {"pbx_floating_prefix": ...}, "pbx_floating_prefix is not set", "Its meaning:"),
    ("null", {"pbx_cluster_name": None}, "pbx_cluster_name is not set", "Its meaning: Name of the exchange"),
    ("empty", {"pbx_cluster_name": ""}, "pbx_cluster_name is empty", "Set it in the inventory"),
    ("a secret that is not set", {"pacemaker_cluster_hacluster_password": ...},
     "pacemaker_cluster_hacluster_password is not set", "It is a secret: give it in the vault file"),
    ("a secret that is empty", {"mariadb_mm_replication_password": " "},
     "mariadb_mm_replication_password is empty", "It is a secret: give it in the vault file"),
    ("a wrong type", {"pbx_floating_prefix": "24 bits"}, "'24 bits'", "roles/exchange_service/README.md"),
    ("a wrong choice", {"pbx_storage": "nfs"}, "must be one of: drbd, shared, got: nfs", "roles/"),
    ("text for a list", {"pbx_nodes": "pbx1"}, "pbx_nodes: Elements value", "roles/asterisk/README.md"),
    ("a misspelt key", {"pbx_nodes": [{"name": "a", "address": "192.0.2.1", "adress2": "b"}]},
     "pbx_nodes: unknown pbx_nodes.adress2. Supported parameters include: address, address2, name", "roles/asterisk/README.md"),
    ("a missing key", {"pacemaker_cluster_fence_devices": [{"name": "f1", "node": "pbx1"}]},
     "missing required arguments: agent", "roles/pacemaker_cluster/README.md"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "found", "cure"), [pytest.param(*rest, id=name) for name, *rest in MISTAKES])
def test_each_mistake_is_named_once_with_what_to_do(changes: dict[str, Any], found: str, cure: str) -> None:
    (problem,) = problems(**changes)
    assert found in problem["found"]
    assert cure in problem["cure"]


def test_what_cannot_be_worked_out_is_named_with_its_reason() -> None:
    (problem,) = problems({"pacemaker_cluster_hacluster_password": "'vault_hacluster' is undefined."})
    assert problem["found"] == "pacemaker_cluster_hacluster_password cannot be worked out: 'vault_hacluster' is undefined"
    assert "--ask-vault-pass" in problem["cure"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("asterisk_sip_prot", "asterisk_sip_port"),
        ("pbx_node", "pbx_nodes"),
        ("pacemaker_cluster_fence_device", "pacemaker_cluster_fence_devices"),
        ("mariadb_mm_replication_pasword", "mariadb_mm_replication_password"),
    ],
)
def test_a_slip_of_the_pen_is_told_what_was_meant(name: str, meant: str) -> None:
    (problem,) = role_arguments.misspelt(SPECS, [name, "ansible_host", "inventory_hostname"])
    assert problem["found"] == f"{name} is not a variable of any role"
    assert meant in problem["cure"]


def test_a_variable_of_a_former_version_is_told_what_says_the_same_now() -> None:
    (problem,) = role_arguments.misspelt(SPECS, ["pacemaker_cluster_sip_port"])
    assert problem["cure"] == "Rename it to asterisk_sip_port."
    (problem,) = role_arguments.misspelt(SPECS, ["pacemaker_cluster_sip_port", "asterisk_sip_port"])
    assert problem["cure"].startswith("Remove it: asterisk_sip_port")


def test_what_says_the_same_now_is_a_variable_and_what_said_it_is_none() -> None:
    known = {name for options in SPECS.values() for name in options}
    assert [name for name in role_arguments.RENAMED.values() if name not in known] == []
    assert [name for name in role_arguments.RENAMED if name in known] == []


def test_the_names_of_a_site_are_left_alone() -> None:
    own = ["asterisk_our_own_trunks", "pbx_location_of_the_key", "vault_hacluster", "drbd_discard_node", "pbx1"]
    assert role_arguments.misspelt(SPECS, own) == []


@pytest.mark.parametrize(
    "changes",
    [
        # A secret of a wrong type, below a wrong key, or where something else belongs, is not shown either.
        {"mariadb_mm_replication_password": {"is": [SECRET]}},
        {"asterisk_tenants": [{"name": "office", "extensions": [{"number": "100", "pasword": SECRET}]}]},
        {"asterisk_tenants": [{"name": "office", "extensions": SECRET}]},
        {"asterisk_tenants": SECRET},
    ],
)
def test_no_secret_is_shown(changes: dict[str, Any]) -> None:
    found = problems(**changes)
    assert found
    assert SECRET not in str(found)
