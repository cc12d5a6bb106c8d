"""What is decided in a loop is decided in Python, where a test can call it: a filter, or a lookup."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_no_variable_and_no_template_collects_in_a_loop() -> None:
    files = [path for folder in ("roles", "playbooks") for kind in ("*.yml", "*.j2") for path in (ROOT / folder).rglob(kind)]
    assert files
    assert [str(path.relative_to(ROOT)) for path in files if "namespace(" in path.read_text()] == []
