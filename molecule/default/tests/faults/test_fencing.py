"""A machine that still has power but does nothing is switched off and on by the cluster, through libvirt."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab import exchange, phones
from lab.phones import Phone
from lab.vm import libvirt

BOOT_ID = ["cat", "/proc/sys/kernel/random/boot_id"]
DATABASE = ["systemctl", "show", "--property=MainPID", "--value", "mariadb"]


@pytest.fixture
def standby() -> Iterator[str]:
    """Give the node without the service, which a test may have hang; afterwards it does not."""
    node = exchange.peer(exchange.active_node())
    yield node
    # Where it was fenced, it is a new machine and needs nothing.
    libvirt.virsh("resume", libvirt.domain(node), check=False)


def test_a_standby_that_hangs_is_fenced_and_comes_back(standby: str, caller: Phone, callee: Phone) -> None:
    active = exchange.peer(standby)
    boot = exchange.run(standby, BOOT_ID)
    database = exchange.run(active, DATABASE)
    since = time.time()
    libvirt.virsh("suspend", libvirt.domain(standby))
    exchange.wait_until(
        f"{standby} to be fenced", lambda: exchange.fenced_at(standby, since, active), lambda at: at > since, 60
    )
    # Once the other is known to be off, writing goes on: this call leaves a record and changes registrations.
    known = exchange.record_keys([active])
    phones.call(caller, callee, seconds=1.0)
    exchange.wait_record("100", "101", known, [active])
    exchange.wait_healthy(180)
    assert exchange.active_node() == active
    assert exchange.run(standby, BOOT_ID) != boot
    # The return of its replica must not have stopped it: the cluster would have had to kill it.
    assert exchange.run(active, DATABASE) == database
