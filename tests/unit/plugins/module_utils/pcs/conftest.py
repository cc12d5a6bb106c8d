# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the pcs modules share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Result

FIXTURES = Path(__file__).parent / "fixtures"

EMPTY = """<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.9" epoch="1" num_updates="0" admin_epoch="0">
  <configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/>
</cib>"""


@dataclass
class FakeRunner:
    """Answers by the first words of a command line and remembers what it was asked."""

    answers: dict[str, Result] = field(default_factory=dict)
    calls: list[tuple[list[str], str | None]] = field(default_factory=list)

    def __call__(self, argv: Sequence[str], stdin: str | None = None) -> Result:
        self.calls.append((list(argv), stdin))
        line = " ".join(argv)
        for start in sorted(self.answers, key=len, reverse=True):
            if line.startswith(start):
                return self.answers[start]
        raise AssertionError(f"nobody expected this command: {line}")

    def programs(self) -> list[str]:
        return [argv[0] for argv, _stdin in self.calls]


@pytest.fixture
def fake():
    """The class of runners that answer from a table."""
    return FakeRunner


@pytest.fixture
def fixture_path():
    """The directory of the files that real programs wrote."""
    return FIXTURES


@pytest.fixture
def fixture_text():
    """The text of a file that a real program wrote."""
    return lambda name: (FIXTURES / name).read_text(encoding="utf-8")


@pytest.fixture
def empty():
    """A CIB without content."""
    return cib.parse(EMPTY)


@pytest.fixture
def pair(fixture_text):
    """The CIB of a pair: two fence devices, a promotable clone, a group, a failed resource."""
    return cib.parse(fixture_text("cib-3.0.xml"))
