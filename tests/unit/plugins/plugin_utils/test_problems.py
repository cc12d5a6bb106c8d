"""The words of a report."""

from __future__ import annotations

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import listing, problem


def test_problems_are_numbered_and_each_has_its_cure() -> None:
    assert listing([problem("the disk is full ", "Make room."), problem("nobody answers", " Ask again.\n")]) == (
        "1. the disk is full. What to do: Make room. 2. nobody answers. What to do: Ask again."
    )
    assert listing([]) == ""
