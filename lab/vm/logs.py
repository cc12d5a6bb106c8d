"""What explains a failure, before the machines are gone: their journals and the lab's own logs."""

from __future__ import annotations

from .. import hosts
from ..config import HOSTS, LAB_DIR, LabError

LINES = 120
#: What a machine says about itself, each shown with its last lines.
_ON_A_MACHINE = {
    "warnings in the journal": ["journalctl", "--no-pager", "--quiet", "--priority=warning", f"--lines={LINES}"],
    "the cluster's journal": [
        "journalctl", "--no-pager", "--quiet", f"--lines={LINES}", "--unit=pacemaker", "--unit=corosync",
    ],
    "the state of the cluster": ["crm_mon", "--one-shot", "--inactive", "--failcounts"],
    "DRBD": ["cat", "/proc/drbd"],
}  # fmt: skip


def show() -> None:
    """Print it all; what cannot be asked says why."""
    for file in sorted((LAB_DIR / "log").glob("*")):
        lines = file.read_text(errors="replace").splitlines()
        if lines:
            print(f"\n----- the end of {file}", *lines[-LINES:], sep="\n")
    for node in HOSTS:
        for what, argv in _ON_A_MACHINE.items():
            try:
                result = hosts.run(node, argv)
            except LabError as error:
                print(f"\n----- {node} cannot be asked: {error}")
                break
            print(f"\n----- {what} of {node}\n{result.stdout or result.stderr}", flush=True)
