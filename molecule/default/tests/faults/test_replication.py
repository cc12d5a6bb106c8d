"""What else can happen to a replicated disk: a cut link, a disk that fails, and two nodes that wrote each alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.info import constraints_of
from lab import exchange, hosts, phones
from lab.config import HOSTS
from lab.phones import Phone
from lab.testing import playbook
from lab.vm import libvirt

UP_TO_DATE = ("UpToDate", "UpToDate")
#: What an agent answers whose resource is promoted.
OCF_RUNNING_PROMOTED = 8


def write(node: str, name: str) -> None:
    """Write a file to the mounted disk and wait until it is on it."""
    script = f"mkdir -p /srv/pbx/lab-alone && echo {node} > /srv/pbx/lab-alone/{name} && sync -f /srv/pbx"
    exchange.run(node, ["sh", "-c", script])


def constraints(node: str) -> str:
    """Return the cluster's constraints, with those that the handlers of DRBD set."""
    return exchange.run(node, ["cibadmin", "--query", "--scope=constraints"])


def wait_disk(node: str, connection: str, own: str, peer: str, seconds: float = 30) -> None:
    """Wait until the disk of a node is in a state, as it sees it."""
    exchange.wait_until(
        f"the disk of {node} to be {connection}, {own}/{peer}", lambda: exchange.disk(node),
        lambda disk: (disk.connection, *disk.state) == (connection, own, peer), seconds,
    )  # fmt: skip


@pytest.fixture
def replication_link() -> Iterator[str]:
    """Give the card of the active node on the replication network, and plug it in again afterwards."""
    active = exchange.active_node()
    domain = libvirt.domain(active)
    # Both are in the order of the hosts.
    card = list(libvirt.cards("dialtone-link"))[list(HOSTS).index(active)]
    yield card
    libvirt.virsh("domif-setlink", domain, card, "up")


def test_the_replication_link_is_cut(replication_link: str, caller: Phone, callee: Phone) -> None:
    active = exchange.active_node()
    standby = exchange.peer(active)
    domain = libvirt.domain(active)
    libvirt.virsh("domif-setlink", domain, replication_link, "down")
    # The handler bars the other node from the disk before anything more is written; then the service goes on.
    barred = exchange.wait_until(
        "the handler's constraint", lambda: constraints(active), lambda xml: "drbd-fence-by-handler" in xml, 40
    )
    # What pcs_info makes of it, by which verify.yml knows it.
    cib = ET.fromstring(f"<cib><configuration>{barred}</configuration></cib>")  # noqa: S314 - our own machine's
    (foreign,) = [entry["id"] for entry in constraints_of(cib) if entry["foreign"]]
    assert foreign.startswith("drbd-fence-by-handler-pbx")
    write(active, "while-the-link-was-cut")
    phones.call(caller, callee, seconds=1.0)
    # Nobody was fenced, and one side serves: the cluster has another link.
    assert exchange.nodes_on() == list(HOSTS)
    assert exchange.active_node(standby) == active
    assert exchange.disk(standby).role[0] == "Secondary"
    libvirt.virsh("domif-setlink", domain, replication_link, "up")
    wait_disk(standby, "Connected", *UP_TO_DATE, seconds=60)
    exchange.wait_until(
        "the handler to lift its constraint", lambda: constraints(active), lambda xml: "drbd-fence-by-handler" not in xml, 30
    )
    exchange.wait_healthy(60)


def map_disk(node: str, target: str) -> None:
    """Have the disk of a node be what a target of the device mapper makes of it."""
    table = f"echo 0 $(blockdev --getsz /dev/vdb) {target} | dmsetup reload lab-disk && dmsetup resume lab-disk"
    exchange.run(node, ["sh", "-c", table])


@pytest.fixture
def failing_disk() -> Iterator[str]:
    """Give the active node, whose disk a test may make fail; afterwards it works again."""
    active = exchange.active_node()
    yield active
    map_disk(active, "linear /dev/vdb 0")
    if exchange.disk(active).state[0] == "Diskless":
        exchange.run(active, ["drbdadm", "attach", "pbx"])
    exchange.wait_healthy(60)


def test_the_disk_of_the_active_node_fails(failing_disk: str, caller: Phone, callee: Phone) -> None:
    active, standby = failing_disk, exchange.peer(failing_disk)
    map_disk(active, "error")
    write(active, "without-a-disk-of-its-own")
    wait_disk(active, "Connected", "Diskless", "UpToDate")
    # It goes on over the other's disk, and nothing moves, also when the agent has looked and told the cluster what it found.
    looked = hosts.run(active, ["crm_resource", "--force-check", "--resource", "pbx-drbd"])
    assert looked.returncode == OCF_RUNNING_PROMOTED, looked.stderr
    exchange.run(active, ["crm_resource", "--wait", "--timeout=300s"])
    phones.call(caller, callee, seconds=1.0)
    assert exchange.active_node(standby) == active
    said = playbook("vms", "verify.yml", "--extra-vars", "verify_wait=1").stdout
    assert "has no local disk" in said
    # Another one in its place, made blank as docs/disk.md says: the service goes on, and the peer fills it.
    map_disk(active, "linear /dev/vdb 0")
    device = "/dev/mapper/lab-disk"
    blank = f"wipefs --all --quiet {device} && dd if=/dev/zero of={device} bs=1M count=1 conv=fsync"
    exchange.run(active, ["sh", "-c", blank])
    replaced = playbook("vms", "site.yml", "--tags", "disk")
    assert replaced.returncode == 0, replaced.stdout
    wait_disk(active, "Connected", *UP_TO_DATE, seconds=300)
    assert exchange.active_node(standby) == active
    assert "without-a-disk-of-its-own" in exchange.run(active, ["ls", "/srv/pbx/lab-alone"]).split()


@pytest.fixture
def maintenance() -> Iterator[None]:
    """Have the cluster look away: it would not let two nodes write."""
    node = exchange.active_node()
    exchange.run(node, ["pcs", "property", "set", "maintenance-mode=true"])
    yield
    exchange.run(node, ["pcs", "property", "set", "maintenance-mode=false"])
    exchange.wait_healthy(60)


def test_a_split_brain_is_found_named_and_ended_only_on_demand(maintenance: None) -> None:
    active = exchange.active_node()
    standby = exchange.peer(active)
    exchange.run(standby, ["drbdadm", "disconnect", "pbx"])
    exchange.run(standby, ["sh", "-c", (
        "drbdadm primary --force pbx && mkdir -p /mnt/lab && mount /dev/drbd0 /mnt/lab"
        " && echo of-the-loser > /mnt/lab/of-the-loser && umount /mnt/lab && drbdadm secondary pbx"
    )])  # fmt: skip
    write(active, "of-the-one-to-keep")
    exchange.run(standby, ["drbdadm", "connect", "pbx"])
    wait_alone = (lambda: exchange.disk(standby).connection, lambda connection: connection == "StandAlone", 30)
    exchange.wait_until("DRBD to see the split brain", *wait_alone)
    # Neither copy was touched, and the one in service serves.
    assert exchange.disk(active).role[0] == "Primary"
    said = playbook("vms", "verify.yml", "--extra-vars", "verify_wait=1").stdout
    assert "split brain" in said
    assert "drbd_discard" in said
    discard = ("vms", "drbd_discard.yml", "--extra-vars", f"drbd_discard_node={standby}")
    refused = playbook(*discard)
    assert refused.returncode != 0
    assert "drbd_discard_confirm" in refused.stdout
    assert exchange.disk(standby).connection == "StandAlone"
    # What docs/disk.md says to look with.
    exchange.run(standby, ["sh", "-c", (
        "drbdadm down pbx && mount -t ext4 -o ro,noload /dev/mapper/lab-disk /mnt/lab && cat /mnt/lab/of-the-loser"
        " && umount /mnt/lab && drbdadm up pbx"
    )])  # fmt: skip
    done = playbook(*discard, "--extra-vars", f"drbd_discard_confirm={standby}")
    assert done.returncode == 0, done.stdout
    wait_disk(standby, "Connected", *UP_TO_DATE)
    kept = exchange.run(active, ["sh", "-c", "ls /srv/pbx /srv/pbx/lab-alone"]).split()
    assert "of-the-one-to-keep" in kept
    assert "of-the-loser" not in kept
