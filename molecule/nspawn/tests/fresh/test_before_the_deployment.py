"""Before the first deployment: a dry run goes to its end and changes nothing, and what would be in the way is named."""

from __future__ import annotations

import json

from lab import exchange, snapshot
from lab.command import run
from lab.config import BRIDGE, FLOATING_ADDRESS, HOSTS, NETNS
from lab.testing import playbook
from tools import recap


def test_a_dry_run_goes_to_its_end_and_changes_nothing() -> None:
    before = snapshot.system()
    result = playbook("lab", "site.yml", "--check", "--diff")
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
        result = playbook("lab", "site.yml")
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
