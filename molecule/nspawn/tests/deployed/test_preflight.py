"""Before anything is changed: a deployed pair passes, and a mistake is named with the host, what was found, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.testing import playbook
from tools import recap

#: What tells whether anything was changed: files of the roles, and the cluster's configuration with its version.
FILES = "/etc/hosts /etc/corosync /etc/asterisk /etc/mysql /etc/firewalld /etc/sysctl.d /etc/systemd/system"
STATE = f"find {FILES} -printf '%p %C@ %m %U:%G\\n'; cat /var/lib/pacemaker/cib/cib.xml"


def state() -> list[str]:
    """Return the time of the last change of every file that roles write, and the cluster's configuration."""
    return [exchange.run(node, ["sh", "-c", STATE]) for node in HOSTS]


def preflight(*arguments: str, **variables: Any) -> str:
    """Run preflight.yml with these variables, which it must refuse, and return what it says, each run of blanks as one."""
    before = state()
    result = playbook("containers", "preflight.yml", "--extra-vars", json.dumps(variables), *arguments)
    said = result.stdout + result.stderr
    assert result.returncode != 0, said
    assert "changed=0" in said and "changed=1" not in said, said
    assert state() == before
    return " ".join(said.split())


@contextmanager
def dropped(node: str, rule: str) -> Iterator[None]:
    """Have a host drop what a rule of nftables describes, as somebody's firewall on the way would."""
    table = "add table inet blocked; add chain inet blocked input { type filter hook input priority -500; }; "
    exchange.run(node, ["nft", f"{table}add rule inet blocked input {rule} drop"])
    try:
        yield
    finally:
        exchange.run(node, ["nft", "delete table inet blocked"])


def test_a_deployed_pair_passes_and_nothing_is_changed() -> None:
    before = state()
    result = playbook("containers", "preflight.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert recap.complaints(recap.parse(result.stdout), list(HOSTS), max_changed=0) == []
    assert state() == before


def test_all_mistakes_in_the_variables_are_reported_at_once_for_both() -> None:
    said = preflight(
        pbx_floating_prefix="many",
        pacemaker_cluster_hacluster_password="",
        mariadb_mm_replication_password="{{ vault_that_nobody_wrote }}",  # noqa: S106 - it is none
        asterisk_sip_prot=5061,
        pacemaker_cluster_fence_devices=[{"name": "fence-server1", "node": "server1"}],
        pbx_pki_dir=None,
    )
    for node in HOSTS:
        assert f"{node}: nothing was changed. 1. asterisk_sip_prot is not a variable of any role." in said
    for text in (
        "Was asterisk_sip_port meant?",
        "argument 'pbx_floating_prefix' is of type str and we were unable to convert to int",
        "pacemaker_cluster_hacluster_password is empty. What to do: Set it in the inventory.",
        "mariadb_mm_replication_password cannot be worked out: 'vault_that_nobody_wrote' is undefined. What to do: Define",
        "missing required arguments: agent",
        "pbx_pki_dir is not set.",
    ):
        assert text in said, said


def test_all_that_is_in_the_way_on_a_machine_is_reported_at_once_for_both() -> None:
    said = preflight(
        pbx_cluster_name="another",
        pbx_floating_address="203.0.113.10",
        asterisk_uid=0,
        centos_base_time_sync=True,
        centos_base_time_servers=["no-such-server.invalid"],
        pbx_nodes=[{"name": "server1", "address": "10.73.0.12"}, {"name": "server2", "address": "10.73.0.11"}],
    )
    for node, other in (("server1", "10.73.0.12"), ("server2", "10.73.0.11")):
        assert f"{node}: nothing was changed. 1. it finds no address for the name no-such-server.invalid." in said
        assert f"it does not have its address of pbx_nodes, {other} (it has" in said
    for text in (
        "pbx_floating_address 203.0.113.10 is in no network of the host (",
        "it belongs to the cluster 'lab' of server1, server2, and the inventory says 'another' of server1, server2.",
        "its account asterisk has the numbers 850:850, and asterisk_uid:asterisk_gid are 0:850.",
    ):
        assert text in said, said


PAIR = [{"name": name, "address": host.address} for name, host in HOSTS.items()]


#: Variables that a role refuses, what is found, and what to do.
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a node without a fence device": (
        {"pacemaker_cluster_fence_devices": []}, "no fence device for server1 and server2", "`pcs stonith list`"
    ),
    "one node": ({"pbx_nodes": PAIR[:1]}, "pbx_nodes must list the two hosts", "Correct pbx_nodes"),
    "three nodes": (
        {"pbx_nodes": [*PAIR, {"name": "server3", "address": "10.73.0.13"}]},
        "It lists server1 at 10.73.0.11, server2 at 10.73.0.12, server3 at 10.73.0.13", "Correct pbx_nodes",
    ),
    "a password that is too long": (
        {"mariadb_mm_replication_password": "x" * 33}, "more than 32 bytes", "Choose a shorter one"
    ),
    "an extension that cannot be": (
        {"asterisk_tenants": [{"name": "demo", "extensions": [
            {"number": "112", "name": "Seven", "password": "0123456789abcdef", "voicemail_pin": "2580"}]}]},
        "tenant demo, extension 112: 112 is the emergency number", "Give the extension another number",
    ),
    "a codec that Asterisk does not have": (
        {"asterisk_tenants_codecs": ["alaw", "ulow"]},
        "asterisk_tenants_codecs has 'ulow', which is no codec of Asterisk", "Was ulaw meant?",
    ),
    "a module that Asterisk does not have": (
        {"asterisk_extra_modules": ["app_quue"]}, "Asterisk is to load the module app_quue", "Was app_queue meant?"
    ),
    "a language without prompts": (
        {"asterisk_language": "es"}, "asterisk_language is 'es', and there are no prompts of it (en", "Add it to asterisk_sound_lang"
    ),
    "a setting that MariaDB does not have": (
        {"mariadb_mm_replication_settings": {"inodb_buffer_pool_size": "2G"}},
        "unknown variable 'inodb_buffer_pool_size=2G'", "Correct mariadb_mm_replication_settings",
    ),
    "a time server that chronyd cannot read": (
        {"centos_base_time_sync": True, "centos_base_time_servers": ["10.73.0.1 nonsense"]},
        "chronyd cannot read what would be in /etc/chrony/chrony.conf", "Correct centos_base_time_servers",
    ),
    "a size that journald does not understand": (
        {"centos_base_journal_max_size": "1 GB"}, 'centos_base_journal_max_size is "1 GB"', "such as 1G"
    ),
    "a controller without the authority": (
        {"pbx_pki_dir": "/nonexistent/pki"},
        "is of an authority that is not here: this controller has none in /nonexistent/pki", "Copy the directory from the controller",
    ),
    "a password without quotes": (
        {"asterisk_tenants": [{"name": "demo", "extensions": [
            {"number": "100", "name": "One", "password": 123456789012, "voicemail_pin": "0000"}]}]},
        "tenant demo, extension 100: the password is a bare number", "a voicemail PIN is no sequence (1234), no repetition (0000",
    ),
    "a source without a digest": ({"asterisk_install_method": "source"}, "is not of the form sha256:", "put it in the inventory"),
    "paths": ({"pbx_storage_mount": "/etc/asterisk"}, "cannot be one of them", "Correct it in the inventory"),
    "a shared disk that is not described": ({"pbx_shared_device": ""}, "must say what to mount", "pbx_shared_options is bind"),
    "an interface that is not there": (
        {"centos_base_static_addresses": [{"interface": "eth9", "addresses": ["10.73.0.11/24", "10.73.0.12/24"]}]},
        "names interfaces that this host does not have: eth9", "Correct the names",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """Give what is said of each, asked at the same time: a run waits more than it works, and changes nothing."""
    with ThreadPoolExecutor(3) as pool:
        return dict(zip(REFUSED, pool.map(lambda refused: preflight(**refused[0]), REFUSED.values())))


@pytest.mark.long
@pytest.mark.parametrize("mistake", REFUSED)
def test_what_a_role_refuses_is_refused_before_the_first_role(refusals: dict[str, str], mistake: str) -> None:
    _variables, found, cure = REFUSED[mistake]
    assert found in refusals[mistake]
    assert cure in refusals[mistake]
    assert any(node in refusals[mistake] for node in HOSTS)


def test_a_port_that_is_blocked_between_the_machines_is_named() -> None:
    with dropped("server2", "ip saddr 10.73.0.11 tcp dport 2224"):
        said = preflight()
    assert "server1: nothing was changed. Something drops what it sends to 10.73.0.12 tcp 2224 (pcsd)" in said
    assert "server2: nothing was changed" not in said


def test_a_machine_that_is_out_of_reach_is_named(tmp_path: Path) -> None:
    overlay = tmp_path / "hosts.yml"
    overlay.write_text("all:\n  hosts:\n    server2:\n      ansible_host: 10.73.0.99\n")
    said = preflight("--inventory", str(overlay), preflight_reach_timeout=2)
    assert "server2: Ansible does not reach it at 10.73.0.99:" in said
    assert "name the other one with --limit" in said
