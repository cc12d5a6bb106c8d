"""On which operating systems the first role begins at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

PREFLIGHT = Path(__file__).resolve().parents[3] / "roles/centos_base/tasks/preflight.yml"


def judged(distribution: str, release: str) -> tuple[bool, str]:
    """Return whether the role takes an operating system, and what it says otherwise."""
    loader = DataLoader()
    task = loader.load_from_file(str(PREFLIGHT), trusted_as_template=True)[0]
    facts = {"distribution": distribution, "distribution_major_version": release, "distribution_version": f"{release}.1"}
    templar = Templar(loader=loader, variables={**task["vars"], "ansible_facts": facts, "inventory_hostname": "pbx1"})
    check = task["ansible.builtin.assert"]
    return templar.evaluate_conditional(check["that"]), templar.template(check["fail_msg"])


@pytest.mark.parametrize(
    ("distribution", "release"),
    [("Debian", "12"), ("Debian", "14"), ("Debian", "forky/sid"), ("Rocky", "9"), ("RedHat", "10"), ("AlmaLinux", "9")]
    + [("CentOS", "10")],
)
def test_taken(distribution: str, release: str) -> None:
    assert judged(distribution, release)[0]


@pytest.mark.parametrize(
    ("distribution", "release"), [("Debian", "11"), ("Rocky", "8"), ("Ubuntu", "24"), ("Fedora", "43"), ("SLES", "15")]
)
def test_refused(distribution: str, release: str) -> None:
    taken, said = judged(distribution, release)
    assert not taken
    assert said.startswith(f"pbx1 runs {distribution} {release}.1, for which")
    assert "Install Debian 12 to 14" in said
