"""Calls, a power cut and a takeover later, SELinux has still denied nothing of the exchange."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.vm import selinux


@pytest.mark.parametrize("node", HOSTS)
def test_nothing_of_the_exchange_was_denied(node: str) -> None:
    assert exchange.run(node, ["cat", "/sys/fs/selinux/enforce"]) == "1"
    assert selinux.lost(node) == []
    assert selinux.denials(node) == []
