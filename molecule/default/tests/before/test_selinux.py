"""SELinux enforces, the exchange runs in domains of its own, and after deploying nothing of it was denied."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.vm import selinux

CONFINED = {"asterisk": "asterisk_t", "mariadb": "mysqld_t", "corosync": "corosync_t", "pacemaker": "pacemaker_t"}


@pytest.mark.parametrize("node", HOSTS)
def test_selinux_enforces(node: str) -> None:
    assert exchange.run(node, ["cat", "/sys/fs/selinux/enforce"]) == "1"
    assert selinux.let_pass(node) == []


def test_the_exchange_runs_in_its_domains() -> None:
    active = exchange.active_node()
    assert {service: selinux.domain(active, service) for service in CONFINED} == CONFINED


@pytest.mark.parametrize("node", HOSTS)
def test_nothing_of_the_exchange_was_denied(node: str) -> None:
    assert selinux.lost(node) == []
    assert selinux.denials(node) == []
