"""Which kernel settings are applied, and which cannot be."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.dialtone.ha_pbx.plugins.modules import kernel_settings


def test_keys_are_files_and_values_are_compared_without_their_blanks(tmp_path: Path) -> None:
    (tmp_path / "net/ipv4/conf/eth0.5").mkdir(parents=True)
    (tmp_path / "net/ipv4/tcp_rmem").write_text("4096\t131072\t6291456\n")
    (tmp_path / "net/ipv4/conf/eth0.5/arp_ignore").write_text("1\n")
    keys = ["net.ipv4.tcp_rmem", "net/ipv4/conf/eth0.5/arp_ignore", "net.ipv4.conf.eth0/5.arp_ignore", "net.gone"]
    assert kernel_settings.read(keys, tmp_path) == dict(zip(keys, ["4096 131072 6291456", "1", "1", None]))


def test_what_differs_and_can_be_set_is_applied() -> None:
    settings = {"a": 1, "b": "4096  131072", "c": 3, "d": 4}
    current = {"a": "1", "b": "4096 131072", "c": "2", "d": None}
    assert kernel_settings.plan(settings, current, {"a", "b", "c"}) == (["c"], ["d"])
