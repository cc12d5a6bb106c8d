"""What the tests of the deployed lab share: telephones, and the hosts as testinfra sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

from lab import exchange, nspawn
from lab.config import HOSTS, LAB_DIR, ns_argv
from lab.testing import callee, caller

__all__ = ["callee", "caller"]

#: Time for a host to be fenced, to boot and to join again.
RETURN_SECONDS = 180


@pytest.fixture(scope="session", autouse=True)
def exchange_stands() -> None:
    """Begin with a healthy exchange; a host that was killed just before may still be on its way back."""
    exchange.wait_healthy(RETURN_SECONDS)


@pytest.fixture(scope="session")
def ssh_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write how ssh reaches the lab's hosts."""
    path = tmp_path_factory.mktemp("ssh") / "config"
    path.write_text("".join(
        f"Host {host.name}\n  HostName {host.address}\n  User root\n  IdentityFile {nspawn.SSH_KEY}\n"
        f"  UserKnownHostsFile {nspawn.KNOWN_HOSTS}\n  StrictHostKeyChecking yes\n"
        f"  ProxyCommand {' '.join(ns_argv(['nc', '%h', '%p']))}\n"
        for host in HOSTS.values()
    ))  # fmt: skip
    return path


@pytest.fixture(params=list(HOSTS))
def machine(request: pytest.FixtureRequest, ssh_config: Path) -> Host:
    """Give each host of the lab in turn."""
    return testinfra.get_host(f"ssh://{request.param}", ssh_config=str(ssh_config))


@pytest.fixture(scope="session")
def secrets() -> dict[str, str]:
    """Give the secrets that the deployment of the lab generated, by name, but not PINs: six digits are in any text."""
    secrets = {path.name: path.read_text().split()[0] for path in (LAB_DIR / "secrets").iterdir()}
    return {name: secret for name, secret in secrets.items() if not name.startswith("voicemail_")}
