"""The replicated disk as the roles drbd and pacemaker_cluster made it."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.config import HOSTS, LabError

#: A directory on the disk, the path it is mounted over, and the SELinux type that goes with the path.
DIRECTORIES = {
    "etc-asterisk": ("/etc/asterisk", "asterisk_etc_t"),
    "var-lib-asterisk": ("/var/lib/asterisk", "asterisk_var_lib_t"),
    "var-spool-asterisk": ("/var/spool/asterisk", "asterisk_spool_t"),
}


def test_one_node_is_primary_and_both_copies_are_up_to_date() -> None:
    active = exchange.active_node()
    assert exchange.disk(active) == exchange.Disk("Connected", ("Primary", "Secondary"), ("UpToDate", "UpToDate"))


def test_the_first_synchronisation_was_skipped() -> None:
    """Both disks were new and blank: to copy a gigabyte of nothing takes minutes, of a terabyte a day."""
    for node in HOSTS:
        kernel = exchange.run(node, ["journalctl", "--dmesg", "--no-pager", "--output=cat", "--grep=drbd"])
        assert "Began resync" not in kernel


def test_the_standby_cannot_become_primary_beside_the_active_node() -> None:
    standby = exchange.peer(exchange.active_node())
    with pytest.raises(LabError, match="Multiple primaries not allowed"):
        exchange.run(standby, ["drbdadm", "primary", "pbx"])


def test_writing_waits_for_fencing_when_the_peer_is_lost() -> None:
    for node in HOSTS:
        shown = exchange.run(node, ["drbdsetup", "show", "0"])
        assert "resource-and-stonith" in shown
        assert "allow-two-primaries" not in shown


def test_the_replicated_directories_are_on_the_disk_with_their_labels() -> None:
    active = exchange.active_node()
    for slug, (path, selinux_type) in DIRECTORIES.items():
        source = exchange.run(active, ["findmnt", "--noheadings", "--output=SOURCE", path]).strip()
        assert source == f"/dev/drbd0[/{slug}]"
        for place in (path, f"/srv/pbx/{slug}"):
            assert f":{selinux_type}:" in exchange.run(active, ["ls", "-dZ", place])
    unlabelled = ["find", "/srv/pbx", "-context", "*:unlabeled_t:*", "-o", "-context", "*:default_t:*"]
    assert exchange.run(active, unlabelled).split() == []


def test_what_a_node_had_in_a_replicated_directory_was_not_overwritten() -> None:
    """Each node had a file of its own there (prepare.yml). The disk has the one of the node that brought it there."""
    active = exchange.active_node()
    standby = exchange.peer(active)
    on_disk = exchange.run(active, ["cat", "/srv/tftp/whose"]).strip()
    assert on_disk in HOSTS
    # On the standby nothing is mounted over its own directory, and what it had is still there.
    assert exchange.run(standby, ["cat", "/srv/tftp/whose"]).strip() == standby
