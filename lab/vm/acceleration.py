"""Whether this machine runs guests on its processor (KVM) or has to emulate one: decided by running a guest.

/dev/kvm can exist, and libvirt can list the capability, and an ordinary guest still dies or spins (nested
virtualisation of some clouds). So a kernel is started with KVM, without any disk; one that comes to its end, the
panic over the missing root file system, has run. It takes two or three seconds where KVM works.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ..config import LabError

EMULATOR = "qemu-system-x86_64"
DEVICE = Path("/dev/kvm")
SECONDS = 20
#: What a kernel says when it has come as far as it can without a disk.
REACHED = "Unable to mount root fs"


def probe(kernel: Path) -> bool:
    """Tell whether KVM runs an ordinary guest here.

    Args:
        kernel: a Linux kernel (bzImage) to start.

    Returns:
        True when the guest's kernel ran to its end.
    """
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return False
    argv = [
        EMULATOR, "-machine", "q35,accel=kvm", "-cpu", "host", "-m", "512", "-nodefaults", "-display", "none",
        "-serial", "stdio", "-no-reboot", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1",
    ]  # fmt: skip
    try:
        result = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SECONDS,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    except FileNotFoundError:
        raise LabError(f"{EMULATOR} is missing: run `make setup-vm`") from None
    return REACHED in result.stdout


def driver(kernel: Path | None) -> str:
    """Return libvirt's driver for this machine: kvm or qemu. DIALTONE_VM_DRIVER overrules the probe.

    Args:
        kernel: a Linux kernel to probe with; None for the newest of this machine.

    Raises:
        LabError: the variable has another value, or there is no kernel to probe with.
    """
    asked = os.environ.get("DIALTONE_VM_DRIVER", "")
    if asked not in ("", "kvm", "qemu"):
        raise LabError(f"DIALTONE_VM_DRIVER is {asked!r}: set it to kvm or to qemu, or leave it away")
    if asked:
        return asked
    if kernel is None:
        kernels = sorted(Path("/boot").glob("vmlinuz-*"))
        if not kernels:
            raise LabError("there is no kernel in /boot to probe KVM with: set DIALTONE_VM_DRIVER to kvm or to qemu")
        kernel = kernels[-1]
    return "kvm" if probe(kernel) else "qemu"
