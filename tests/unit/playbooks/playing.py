"""A playbook of a test's own, run on this machine as its user would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tools.artifact import ROOT


def play(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run play.yml with hosts.yml, both in a folder, with the settings of this checkout and without colours."""
    return subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "hosts.yml", "play.yml", *arguments], cwd=folder,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
