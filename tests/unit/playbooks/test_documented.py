"""Every playbook has its place in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_every_playbook_and_no_other_is_described() -> None:
    described = re.findall(r"^## (\S+)$", (ROOT / "docs/playbooks.md").read_text(), flags=re.MULTILINE)
    assert sorted(described) == sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
