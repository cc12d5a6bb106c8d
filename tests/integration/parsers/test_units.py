"""Units and their drop-ins, read by systemd: what it does not know it ignores, with a line in the journal."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[3] / "roles"
BASE = "[Unit]\nDescription=base\n[Service]\nExecStart=/bin/sh -c true\n"
STATIC = sorted(ROLES.glob("*/files/*.service.conf"), key=str)
RENDERED = [
    "asterisk/templates/dropin.conf.j2",
    "asterisk/templates/asterisk.service.j2",
    "odbc_cdr/templates/call-records.service.j2",
]


def complaints(directory: Path, unit: str, drop_in: str = "") -> list[str]:
    """Return what systemd says against a unit and its drop-in."""
    (directory / "tried.service").write_text(unit)
    if drop_in:
        (directory / "tried.service.d").mkdir()
        (directory / "tried.service.d/90.conf").write_text(drop_in)
    # The program that a unit runs is not here.
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(directory / "tried.service")], capture_output=True, text=True, check=False
    )
    said = (done.stdout + done.stderr).splitlines()
    return [line for line in said if re.search(r"tried\.service.*(:[0-9]+:|ignor|[Uu]nknown|[Ff]ailed|[Ii]nvalid)", line)]


def rendered(template: str) -> str:
    variables = {"ansible_managed": "managed", "inventory_hostname": "pbx1", "odbc_cdr_spool": "/var/spool/asterisk/records"}
    text = trust_as_template((ROLES / template).read_text())
    return str(Templar(loader=DataLoader(), variables=variables).template(text))


def test_there_is_something_to_read() -> None:
    assert len(STATIC) >= 4


@pytest.mark.parametrize("path", STATIC, ids=lambda path: path.name)
def test_a_drop_in_is_understood(tmp_path: Path, path: Path) -> None:
    assert complaints(tmp_path, BASE, path.read_text()) == []


@pytest.mark.parametrize("template", RENDERED)
def test_what_a_role_makes_is_understood(tmp_path: Path, template: str) -> None:
    text = rendered(template)
    found = complaints(tmp_path, text) if template.endswith(".service.j2") else complaints(tmp_path, BASE, text)
    assert [line for line in found if "is not executable" not in line] == []


@pytest.mark.parametrize("line", ["TimeoutStartSec=sixty", "Restart=often", "LimitNOFILES=65536", "Environment"])
def test_what_is_not_understood_is_seen(tmp_path: Path, line: str) -> None:
    assert complaints(tmp_path, BASE, f"[Service]\n{line}\n")
