"""What is loaded is what is written: after a run that broke off, after a hand in the files, and after a certificate's time is up."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import exchange
from lab.command import run
from lab.config import HOSTS, LAB_DIR
from lab.phones import Phone
from lab.testing import playbook, processes, verify
from tools import recap

TENANTS = "/etc/asterisk/tenants"
NEW_SECRET = "another-password-100"  # noqa: S105 - for a moment
VOICEMAIL = "/var/spool/asterisk/voicemail"


def secret(name: str) -> str:
    return (LAB_DIR / "secrets" / name).read_text().split()[0]


def tenants(*numbers: str) -> dict[str, Any]:
    """Return the lab's tenant with some of its telephones, with the passwords that they have."""
    extensions = [
        {
            "number": number, "name": f"Telephone {number}", "password": secret(f"sip_{number}"),
            "voicemail_pin": secret(f"voicemail_{number}"),
        }
        for number in numbers
    ]  # fmt: skip
    return {"asterisk_tenants": [{"name": "demo", "extensions": extensions}]}


def deploy(tags: str, *more: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    return playbook("containers", "site.yml", "--tags", tags, *more, "--extra-vars", json.dumps(variables))


def changed_on(result: subprocess.CompletedProcess[str]) -> set[str]:
    return {host for host, counters in recap.parse(result.stdout).items() if counters["changed"] > 0}


@pytest.fixture
def nodes() -> Iterator[tuple[str, str]]:
    """Give the active node and the standby; afterwards Asterisk has what the inventory says."""
    active = exchange.active_node()
    yield active, exchange.peer(active)
    result = deploy("asterisk")
    assert result.returncode == 0, result.stdout + result.stderr


def broken_off(standby: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Have a run fail on the standby when the active node's files are written, and nothing is loaded yet."""
    path = f"{TENANTS}/demo/pjsip_auth.conf"
    exchange.run(standby, ["sh", "-c", f"mv {path} /root/kept.conf && mkdir {path}"])
    try:
        return deploy("asterisk", **variables)
    finally:
        exchange.run(standby, ["sh", "-c", f"rmdir {path} && mv /root/kept.conf {path}"])


@pytest.mark.long
def test_a_reload_that_a_run_lost_is_made_up_for_by_the_next(nodes: tuple[str, str]) -> None:
    """An extension is taken out, and another one gets a password of which no name tells."""
    active, standby = nodes
    wanted = tenants("100")
    wanted["asterisk_tenants"][0]["extensions"][0]["password"] = NEW_SECRET
    before = processes()
    broken = broken_off(standby, **wanted)
    assert broken.returncode != 0 and changed_on(broken) == {active}, broken.stdout
    # The files do not have it, Asterisk still does, and the telephone gets in.
    with Phone("101", 620):
        code, said = verify()
    assert code != 0
    assert "endpoint of the inventory that no file of /etc/asterisk has: 101-demo" in said, said

    announced = deploy("asterisk", "--check", **wanted)
    assert announced.returncode == 0 and changed_on(announced) == {active, standby}, announced.stdout
    again = deploy("asterisk", **wanted)
    assert again.returncode == 0, again.stdout + again.stderr
    assert active in changed_on(again)
    stranger = Phone("101", 620)
    stranger.start()
    try:
        stranger.wait_rejected()
    finally:
        stranger.stop()
    with Phone("100", 440, secret=NEW_SECRET):
        pass
    third = deploy("asterisk", **wanted)
    assert recap.complaints(recap.parse(third.stdout), list(HOSTS), max_changed=0) == [], third.stdout
    assert processes() == before


#: What is done by hand on the active node, and what the acceptance says of it.
BY_HAND = {
    "a tenant's include is commented out": (
        f"sed -i 's/^#include tenants/;&/' {TENANTS}/voicemail.conf",
        "mailbox of the inventory that no file of /etc/asterisk has: 100@demo",
    ),
    "what includes all tenants is commented out": (
        "sed -i 's/^#tryinclude/;&/' /etc/asterisk/pjsip_aor.conf", "AOR of the inventory that no file of /etc/asterisk has: 100-demo"
    ),
    "garbage in pjsip.conf": (
        "echo '[garbage' >> /etc/asterisk/pjsip.conf", "a section without its closing bracket. It goes on with what it had"
    ),
    "the tenants' directory is root's": (
        f"chmod 0700 {TENANTS}; chgrp root {TENANTS}", f"account may not read {TENANTS}/demo/extensions.conf"
    ),
    "a module is unloaded": (
        "asterisk -rx 'module unload cel_custom.so'", "module not loaded: cel_custom.so"
    ),
    "voicemail's directory is full": (
        f"mount -t tmpfs -o size=1m tmpfs {VOICEMAIL}", f"{VOICEMAIL} has room for 1 MiB only"
    ),
}  # fmt: skip


@pytest.mark.long
def test_what_somebody_did_by_hand_is_named_and_mended_by_a_deployment() -> None:
    active = exchange.active_node()
    before = processes()
    for command, _said in BY_HAND.values():
        exchange.run(active, ["sh", "-c", command])
    try:
        code, said = verify()
    finally:
        exchange.run(active, ["umount", VOICEMAIL])
    assert code != 0
    assert [what for what, (_command, named) in BY_HAND.items() if named not in said] == [], said
    result = deploy("asterisk")
    assert result.returncode == 0, result.stdout + result.stderr
    assert verify()[0] == 0, verify()[1]
    assert processes() == before


def test_a_stopped_firewall_is_found_before_anything_is_written() -> None:
    standby = exchange.peer(exchange.active_node())
    files = ["sh", "-c", "find /etc/asterisk /etc/mysql /etc/sysctl.d -type f -exec sha256sum {} +"]
    before = exchange.run(standby, files)
    exchange.run(standby, ["systemctl", "stop", "firewalld"])
    try:
        result = deploy("asterisk", **tenants("100"))
    finally:
        exchange.run(standby, ["systemctl", "start", "firewalld"])
    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode != 0
    found = f"{standby}: nothing was changed. 1. firewalld does not run, and nothing is filtered. What to do: Find out who"
    assert found in said, said
    assert changed_on(result) == set()
    assert exchange.run(standby, files) == before


# --- the certificate of the database --------------------------------------------------------------------------------


def validity(node: str) -> str:
    """Return until when the certificate that a database shows is valid, as the other node sees it: it lets nobody else in."""
    asked = f"openssl s_client -starttls mysql -connect {HOSTS[node].address}:3306"
    show = f"{asked} </dev/null 2>/dev/null | openssl x509 -noout -enddate"
    return exchange.run(exchange.peer(node), ["sh", "-c", show])


def expire(node: str, directory: Path) -> None:
    """Give a node's database a certificate that is over, as the years do."""
    request = exchange.run(node, ["openssl", "req", "-new", "-key", "/etc/mysql/pbx-key.pem", "-subj", f"/CN={node}"])
    (directory / "request").write_text(request)
    extensions = f"subjectAltName=DNS:{node},IP:{HOSTS[node].address}\nextendedKeyUsage=serverAuth,clientAuth\n"
    (directory / "extensions").write_text(extensions)
    signed = LAB_DIR / f"pki/lab-{node}-mariadb.crt"
    run([
        "openssl", "x509", "-req", "-in", str(directory / "request"), "-extfile", str(directory / "extensions"), "-days", "-1",
        "-CA", str(LAB_DIR / "pki/ca.crt"), "-CAkey", str(LAB_DIR / "pki/ca.key"), "-CAcreateserial", "-out", str(signed),
    ])  # fmt: skip
    exchange.run(node, ["sh", "-c", "cat > /etc/mysql/pbx-cert.pem"], signed.read_text())
    exchange.run(node, ["mariadb", "--skip-ssl", "--execute=FLUSH LOCAL SSL"])


@pytest.mark.long
def test_an_expired_certificate_is_named_and_replaced_by_what_the_message_says(tmp_path: Path) -> None:
    before = processes()
    for node in HOSTS:
        expire(node, tmp_path)
    shown = {node: validity(node) for node in HOSTS}
    # Each takes its connection up again, and is refused.
    for node in HOSTS:
        exchange.run(node, ["mariadb", "--skip-ssl", "--execute=STOP SLAVE IO_THREAD; START SLAVE IO_THREAD"])
    code, said = verify()
    assert code != 0
    for node in HOSTS:
        found = rf"{node}: .*certificate ended \d+ days ago: .* What to do: .* run site\.yml for both nodes"
        assert re.search(found, said), said
    result = deploy("database")
    assert result.returncode == 0, result.stdout + result.stderr
    assert [node for node in HOSTS if validity(node) == shown[node]] == []
    exchange.wait_healthy(60)
    assert processes() == before
    again = deploy("database")
    assert recap.complaints(recap.parse(again.stdout), list(HOSTS), max_changed=0) == [], again.stdout
    assert verify()[0] == 0, verify()[1]


# --- the base system -------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_what_is_behind_its_files_is_brought_into_effect_by_the_next_run() -> None:
    """A run that broke off between writing and applying: the files are right, and what they say is not in force."""
    node = exchange.peer(exchange.active_node())
    sysctl = "net.ipv4.tcp_retries2"
    exchange.run(node, ["sysctl", "-w", f"{sysctl}=15"])
    # As if written just now: the content is the same.
    exchange.run(node, ["touch", "/etc/systemd/journald.conf.d/90-dialtone-pbx.conf"])
    # A unit that runs: one that does not is forgotten by systemd, and read anew when it is asked for.
    exchange.run(node, ["sh", "-c", "touch /etc/systemd/system/pacemaker.service.d/*"])
    stale = ["systemctl", "show", "--property=NeedDaemonReload", "--value", "pacemaker.service"]
    assert exchange.run(node, stale).split() == ["yes"]
    journal = exchange.run(node, ["systemctl", "show", "--property=MainPID", "systemd-journald.service"])
    result = deploy("base,asterisk,cluster")
    assert result.returncode == 0, result.stdout + result.stderr
    assert changed_on(result) == {node}
    assert exchange.run(node, ["sysctl", "-n", sysctl]).strip() == "6"
    assert exchange.run(node, ["systemctl", "show", "--property=MainPID", "systemd-journald.service"]) != journal
    assert set(exchange.run(node, stale).split()) == {"no"}
