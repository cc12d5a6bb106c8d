"""Vagrant's command line, with what it keeps (boxes, machines) in the lab's own directories."""

from __future__ import annotations

import os
import re
import subprocess

from ..config import CACHE_DIR, LAB_DIR, LabError

#: Vagrant's home: boxes. Not ~/.vagrant.d, which is the user's.
HOME = CACHE_DIR / "vagrant"
#: molecule writes the Vagrantfile there, and Vagrant its state beside it.
DIRECTORY = LAB_DIR / "molecule"


def environment() -> dict[str, str]:
    """Return the variables under which Vagrant finds what belongs to the lab."""
    return {
        "VAGRANT_HOME": str(HOME),
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_NO_COLOR": "1",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(DIRECTORY),
    }


def run(arguments: list[str]) -> str:
    """Run a command of Vagrant and return its output. Raises LabError with what it said when it fails."""
    result = subprocess.run(
        ["vagrant", *arguments, "--no-tty", "--no-color"], env={**os.environ, **environment()},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        said = (result.stderr or result.stdout).strip()
        raise LabError(f"vagrant {' '.join(arguments)}: exit code {result.returncode}: {said[-2000:]}")
    return result.stdout


def boxes(name: str) -> list[str]:
    """Return the versions that Vagrant has of a box for libvirt."""
    # "dialtone/lab (libvirt, 0.0.1)"; later versions of Vagrant name the architecture too.
    return re.findall(rf"^{re.escape(name)} +\(libvirt, ([^,)]+)", run(["box", "list"]), re.MULTILINE)
