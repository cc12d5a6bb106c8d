"""Role centos_base: the network of the node that has the service is not touched, and the other's is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
FLOATING = "192.0.2.10"

#: A profile as NetworkManager shows it, and what it is told beyond that is written down.
NMCLI = """#!/bin/sh
case "$*" in
  *"--terse"*) echo pbx-eth0 ;;
  *"con show pbx-eth0"*) cat "$STATE/profile" ;;
  *) echo "$*" >> "$STATE/told" ;;
esac
"""
PROFILE = """\
connection.id: pbx-eth0
connection.interface-name: eth0
connection.autoconnect: yes
connection.autoconnect-priority: 10
ipv4.addresses: 192.0.2.11/24
ipv4.dns: {dns}
ipv4.method: manual
ipv4.ignore-auto-dns: no
ipv4.ignore-auto-routes: no
ipv4.may-fail: yes
ipv4.never-default: no
ipv6.dns: --
ipv6.ignore-auto-dns: no
ipv6.ignore-auto-routes: no
802-3-ethernet.mtu: auto
"""
#: Who manages the network, and whether the floating address is here.
SYSTEMCTL = '#!/bin/sh\ncat "$STATE/manager"\n'
IP = '#!/bin/sh\ncase "$*" in *"to 192.0.2.10") cat "$STATE/floating" ;; *) exec /usr/sbin/ip "$@" ;; esac\n'

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: dialtone.ha_pbx.centos_base
        tasks_from: addresses.yml
"""


@dataclass
class Run:
    """What came of a run: its output, the numbers of its recap, and what NetworkManager was told to change."""

    output: str
    changed: int
    told: list[str]


@pytest.fixture
def apply(tmp_path: Path) -> object:
    """Give a function that applies new addresses on a host of which the manager and the floating address are given."""
    programs, state = tmp_path / "bin", tmp_path / "state"
    for directory in (programs, state):
        directory.mkdir()
    for name, text in {"nmcli": NMCLI, "systemctl": SYSTEMCTL, "ip": IP}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "play.yml").write_text(PLAYBOOK)

    def run(
        manager: str, *, serves: bool, present: str = "192.0.2.53", wanted: str = "192.0.2.53", check: bool = False, **more: Any
    ) -> Run:
        (state / "manager").write_text({"NetworkManager": "active\ninactive\n", "networkd": "inactive\nactive\n"}[manager])
        (state / "floating").write_text(f"2: eth0 inet {FLOATING}/24 scope global secondary eth0\n" if serves else "")
        (state / "profile").write_text(PROFILE.format(dns=present))
        (state / "told").write_text("")
        variables = {
            "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "pbx_floating_address": FLOATING,
            "centos_base_static_addresses": [{"interface": "eth0", "addresses": ["192.0.2.11/24"], "dns": [wanted], **more}],
        }  # fmt: skip
        argv = [
            str(shutil.which("ansible-playbook")), "-i", "server1,", str(tmp_path / "play.yml"), "-e", json.dumps(variables),
            *(["--check"] if check else []),
        ]  # fmt: skip
        environment = {
            **os.environ, "STATE": str(state), "PATH": f"{programs}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_HOME": str(tmp_path / "home"), "ANSIBLE_NOCOLOR": "1",
        }  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
        output = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 0, done.stdout + done.stderr
        return Run(output, int(output.rpartition("changed=")[2].split()[0]), (state / "told").read_text().splitlines())

    return run


def test_a_profile_is_changed_and_activated_on_the_node_without_the_service(apply) -> None:  # type: ignore[no-untyped-def]
    run = apply("NetworkManager", serves=False, wanted="192.0.2.54")
    assert run.changed == 2
    assert any(line.startswith("con modify pbx-eth0") and "192.0.2.54" in line for line in run.told)
    assert run.told[-1] == "connection up pbx-eth0"


def test_addresses_of_ipv6_go_where_networkmanager_has_them(apply) -> None:  # type: ignore[no-untyped-def]
    run = apply(
        "NetworkManager", serves=False, wanted="2001:db8::53", addresses=["192.0.2.11/24", "2001:db8::11/64"], gateway="2001:db8::1"
    )
    (told,) = [line for line in run.told if line.startswith("con modify")]
    for setting in (
        "ipv4.addresses 192.0.2.11/24", "ipv4.method manual", "ipv6.addresses 2001:db8::11/64", "ipv6.method manual",
        "ipv6.gateway 2001:db8::1", "ipv6.dns 2001:db8::53",
    ):  # fmt: skip
        assert f"{setting} " in f"{told} ", told
    assert "ipv4.gateway" not in told


@pytest.mark.parametrize("check", [False, True])
def test_on_the_node_with_the_service_nothing_is_written_or_applied_and_it_says_what_to_do(apply, check: bool) -> None:  # type: ignore[no-untyped-def]
    run = apply("NetworkManager", serves=True, wanted="192.0.2.54", check=check)
    assert (run.changed, run.told) == (0, [])
    assert "server1 has the service, so its network was left as it is" in run.output
    assert "`pcs node standby server1`" in run.output


def test_where_nothing_differs_nothing_is_said(apply) -> None:  # type: ignore[no-untyped-def]
    run = apply("NetworkManager", serves=True)
    assert (run.changed, run.told) == (0, [])
    assert "left as it is" not in run.output


def test_systemd_networkd_is_left_alone_too(apply) -> None:  # type: ignore[no-untyped-def]
    # A dry run: whatever is wrong with the role, this machine's own network is not to be written to.
    run = apply("networkd", serves=True, check=True)
    assert run.changed == 0
    assert "centos_base_static_addresses (05-pbx-eth0.network) would take away" in run.output
