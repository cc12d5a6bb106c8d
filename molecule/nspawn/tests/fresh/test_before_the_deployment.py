"""Before the first deployment: a dry run goes to its end and changes nothing, and what would be in the way is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import exchange, hosts, image, nspawn, snapshot
from lab.certificates import self_signed
from lab.command import run
from lab.config import BRIDGE, FLOATING_ADDRESS, HOSTS, LAB_DIR, NETNS
from lab.testing import playbook
from tools import recap


def make_anew(name: str, tree: Path) -> None:
    """Make a host of the lab again, from another directory, and boot it."""
    nspawn.destroy(name)
    for connection in (LAB_DIR / "ssh/control").glob("*"):
        connection.unlink()
    nspawn.create(name, tree)
    hosts.start(name)
    hosts.wait_booted(name)


@pytest.fixture
def bare_host() -> Iterator[str]:
    """Give a host on which nothing is that a role installs; afterwards it is as it was made."""
    name = "server1"
    make_anew(name, image.bare())
    yield name
    make_anew(name, image.root())


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Give a directory with a certificate authority: without one a run for one node alone is refused."""
    self_signed(tmp_path / "ca.crt", tmp_path / "ca.key", "authority")
    return tmp_path


@pytest.mark.long
def test_a_dry_run_on_a_machine_without_any_package_goes_to_its_end_and_changes_nothing(bare_host: str, authority: Path) -> None:
    before = snapshot.system()
    installed = {name for node, kind, name in before if (node, kind) == (bare_host, "package")}
    assert installed & {"asterisk", "firewalld", "mariadb-server", "pcs"} == set()
    # Each host goes its own way here: one of them costs half the time of two.
    limited = ("--limit", bare_host, "--extra-vars", f"pbx_pki_dir={authority}")
    result = playbook("containers", "site.yml", "--check", "--diff", *limited, everything=True)
    said = " ".join(result.stdout.split())
    assert result.returncode == 0, result.stdout + result.stderr
    for packages in ("of MariaDB", "for call records"):
        assert f"{bare_host}: the packages {packages} would be installed first" in said
    assert f"{bare_host}: the cluster's packages would be installed first" in said.replace("''", "'")
    assert snapshot.differences(before, snapshot.system()) == []


def test_a_dry_run_goes_to_its_end_and_changes_nothing() -> None:
    before = snapshot.system()
    result = playbook("containers", "site.yml", "--check", "--diff")
    assert result.returncode == 0, result.stdout + result.stderr
    # It says what it would do, to the cluster too.
    for announced in ("make the cluster lab of server1, server2", "pbx-asterisk", "rpl_semi_sync_master_enabled"):
        assert announced in result.stdout
    assert recap.parse(result.stdout)["server1"]["changed"] > 10
    assert snapshot.differences(before, snapshot.system()) == []


def test_what_is_in_the_way_is_named_before_anything_is_changed() -> None:
    before = snapshot.system()
    nodes = "nodelist {\n  node {\n    ring0_addr: 10.73.0.77\n    name: web1\n    nodeid: 1\n  }\n}\n"
    run(["ip", "-netns", NETNS, "address", "add", f"{FLOATING_ADDRESS}/24", "dev", BRIDGE])
    exchange.run("server2", ["sh", "-c", "cat > /etc/corosync/corosync.conf"], f"totem {{\n  cluster_name: web\n}}\n{nodes}")
    try:
        result = playbook("containers", "site.yml")
    finally:
        run(["ip", "-netns", NETNS, "address", "delete", f"{FLOATING_ADDRESS}/24", "dev", BRIDGE])
        exchange.run("server2", ["rm", "/etc/corosync/corosync.conf"])
    said = " ".join((result.stdout + result.stderr).split())
    assert result.returncode != 0
    card = json.loads(run(["ip", "-netns", NETNS, "-json", "link", "show", BRIDGE]).stdout)[0]["address"]
    in_use = f"pbx_floating_address {FLOATING_ADDRESS} is in use: {card} answers for it on"
    for node in HOSTS:
        assert f"{node}: nothing was changed. 1. {in_use}" in said
    assert "2. it belongs to the cluster 'web' of web1, and the inventory says 'lab' of server1, server2." in said
    assert snapshot.differences(before, snapshot.system()) == []
