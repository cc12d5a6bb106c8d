"""What every scenario of molecule keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tools.artifact import ROOT


@pytest.mark.parametrize("scenario", sorted(ROOT.glob("molecule/*/molecule.yml")), ids=lambda path: path.parent.name)
def test_molecule_installs_nothing_in_the_users_home(scenario: Path) -> None:
    assert yaml.safe_load(scenario.read_text())["prerun"] is False
