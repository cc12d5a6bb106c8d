"""Who is not known gets nothing, whatever name he gives; the nodes are known, and a look at the exchange is no attack."""

from __future__ import annotations

import pytest

from lab import exchange, probe
from lab.config import FLOATING_ADDRESS, HOSTS
from lab.testing import playbook

SECURITY_LOG = "/var/log/asterisk/security.log"
#: The nodes, and the floating address, from which the active one asks itself.
OURS = [host.address for host in HOSTS.values()] + [FLOATING_ADDRESS]


def refused_accounts() -> list[str]:
    """Return the lines of the active node's security log about names that are no account, asked from the nodes."""
    lines = exchange.run(exchange.active_node(), ["cat", SECURITY_LOG]).splitlines()
    return [line for line in lines if "InvalidAccountID" in line and any(f"/{address}/" in line for address in OURS)]


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
@pytest.mark.parametrize("name", ["health", "100-demo", "nobody", "anonymous", "verify", "cluster-monitor"])
def test_a_stranger_gets_the_same_answer_by_whatever_name(method: str, name: str) -> None:
    assert probe.answer(method, name) == "SIP/2.0 401 Unauthorized"


def test_a_look_at_the_exchange_is_no_attempt_to_get_in() -> None:
    before = refused_accounts()
    result = playbook("containers", "verify.yml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert refused_accounts() == before
