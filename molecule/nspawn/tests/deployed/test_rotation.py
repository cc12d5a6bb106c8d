"""Every secret is replaced while telephones go on, and neither the old nor the new one is to be seen anywhere meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import exchange, phones, switch
from lab.config import HOSTS, LAB_DIR, MACHINE_ADDRESS, SWITCH_PORT, SWITCH_USER, LabError
from lab.phones import Phone
from lab.probe import SipProbe
from lab.testing import playbook, processes

pytestmark = pytest.mark.long

SECRETS = LAB_DIR / "secrets"
#: Those that the inventory makes up where they are missing. That of the fence devices is made up by the power switch.
GENERATED = ("hacluster", "mariadb_replication", "sip_100", "sip_101", "voicemail_100", "voicemail_101")
ROTATED = (*GENERATED, "switch")
#: Six digits of a PIN are in any text by chance.
SEARCHED = tuple(name for name in ROTATED if not name.startswith("voicemail_"))

SAMPLER = "while [ -e /run/lab-watched ]; do cat /proc/[0-9]*/cmdline 2>/dev/null; sleep 0.05; done > /run/lab-command-lines"


def read(names: tuple[str, ...]) -> dict[str, str]:
    """Return secrets that the lab's inventory generated."""
    return {name: (SECRETS / name).read_text().split()[0] for name in names}


@pytest.fixture
def watched() -> Iterator[None]:
    """Have each host write down all its command lines, again and again."""
    for node in HOSTS:
        exchange.run(node, ["touch", "/run/lab-watched"])
        exchange.run(node, ["systemd-run", "--quiet", "--collect", "--unit=lab-watch", "sh", "-c", SAMPLER])
    yield
    for node in HOSTS:
        exchange.run(node, ["rm", "--force", "/run/lab-watched", "/run/lab-command-lines"])


def power_seen_by(node: str, password: str) -> str:
    """Return what the fence agent says of the other node's power, as the cluster calls it on a node.

    Raises LabError when the switch refuses the password.
    """
    options = {
        "action": "status", "ip": MACHINE_ADDRESS, "ipport": SWITCH_PORT, "ssl_ca": "/etc/pki/lab-switch.pem",
        "username": SWITCH_USER, "password": password, "plug": exchange.peer(node),
    }  # fmt: skip
    return exchange.run(node, ["fence_lab_switch"], "".join(f"{name}={value}\n" for name, value in options.items()))


def certificates() -> dict[str, str]:
    """Return from when the certificate counts that each database shows."""
    status = ["mariadb", "--batch", "--skip-column-names", "--execute=SHOW STATUS LIKE 'Ssl_server_not_before'"]
    return {node: exchange.run(node, status) for node in HOSTS}


def test_every_secret_of_the_inventory_is_replaced(watched: None) -> None:
    active, before, shown, old = exchange.active_node(), processes(), certificates(), read(ROTATED)
    for name in GENERATED:
        (SECRETS / name).unlink()
    switch.stop()
    switch.make_password()
    switch.start()
    for node in HOSTS:
        Path(LAB_DIR, "pki", f"lab-{node}-mariadb.crt").unlink()
    begun, since = time.monotonic(), time.time()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        # With all that Ansible says of itself.
        result = playbook("containers", "site.yml", "-vvv", "--diff", everything=True)
        silence = sip.longest_silence(begun)
    new = read(ROTATED)
    assert result.returncode == 0, [line for line in result.stdout.splitlines() if "FAILED" in line or "msg" in line]
    assert [name for name in SEARCHED if new[name] == old[name]] == []
    assert silence < 2.0
    assert (exchange.active_node(), processes()) == (active, before)
    assert [node for node, since_when in certificates().items() if since_when == shown[node]] == []

    texts = {"the console": result.stdout + result.stderr}
    for node in HOSTS:
        texts[f"command lines of {node}"] = exchange.run(node, ["cat", "/run/lab-command-lines"])
        texts[f"the journal of {node}"] = exchange.run(node, ["journalctl", "--no-pager", "--all", f"--since=@{since:.0f}"])
        # It did watch: Ansible's modules were seen, and noted what they were called with.
        assert "AnsiballZ" in texts[f"command lines of {node}"] or "python3" in texts[f"command lines of {node}"]
        assert "Invoked with" in texts[f"the journal of {node}"]
    found = [
        (place, name) for place, text in texts.items() for name in SEARCHED if old[name] in text or new[name] in text
    ]
    assert found == []

    # The new ones are in force, and the old ones are not.
    with Phone("100", 440) as caller, Phone("101", 620) as callee:
        phones.call(caller, callee, seconds=1.0)
    stranger = Phone("100", 440, secret=old["sip_100"])
    stranger.start()
    try:
        stranger.wait_rejected()
    finally:
        stranger.stop()
    assert "ON" in power_seen_by(active, new["switch"])
    with pytest.raises(LabError, match="(?i)login|password"):
        power_seen_by(active, old["switch"])
    # The cluster itself has it too: each device runs, and none has failed.
    exchange.wait_healthy(60)


def test_the_key_of_the_cluster_is_replaced_while_it_runs() -> None:
    active = exchange.active_node()
    key = ["sha256sum", "/etc/corosync/authkey"]
    old, before = {node: exchange.run(node, key) for node in HOSTS}, processes()
    begun = time.monotonic()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        exchange.run(active, ["pcs", "cluster", "authkey", "corosync"])
        exchange.wait_healthy(60)
        silence = sip.longest_silence(begun)
    new = {node: exchange.run(node, key) for node in HOSTS}
    assert len(set(new.values())) == 1
    assert set(new.values()) != set(old.values())
    assert silence < 2.0
    assert (exchange.active_node(), processes()) == (active, before)
