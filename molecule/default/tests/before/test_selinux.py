"""SELinux enforces, the exchange runs in domains of its own, and after deploying nothing of it was denied."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.config import HOSTS
from lab.vm import selinux

CONFINED = {"asterisk": "asterisk_t", "mariadbd": "mysqld_t", "corosync": "corosync_t", "pacemakerd": "pacemaker_t"}


@pytest.mark.parametrize("node", HOSTS)
def test_selinux_enforces(node: str) -> None:
    assert exchange.run(node, ["cat", "/sys/fs/selinux/enforce"]) == "1"
    # A denial that was let pass would say so: in a permissive domain, or at a time when nothing was enforced.
    everything = exchange.run(node, ["sh", "-c", "journalctl --no-pager --output=cat --grep=permissive=1 || :"])
    assert everything.strip() in ("", "-- No entries --")


def test_the_exchange_runs_in_its_domains() -> None:
    active = exchange.active_node()
    domains = selinux.domains(active)
    assert {program: domains.get(program) for program in CONFINED} == CONFINED


@pytest.mark.parametrize("node", HOSTS)
def test_nothing_of_the_exchange_was_denied(node: str) -> None:
    assert selinux.denials(node) == []
    assert selinux.lost(node) in ("", "-- No entries --")
