"""Fencing through libvirt: fence_virtd beside the machines, which the agent fence_virt in them asks.

It takes requests by TCP on the service network from whoever has the key. Both come from Debian's and EL's packages.
"""

from __future__ import annotations

import os
import secrets
import shutil

from .. import process
from ..command import run, wait_for
from ..config import FENCE_PORT, LAB_DIR, MACHINE_ADDRESS, LabError, ns_argv
from . import libvirt

KEY = LAB_DIR / "secrets" / "fence_virt"
_CONFIGURATION = LAB_DIR / "fence_virt.conf"
_PID_FILE = LAB_DIR / "run" / "fence_virtd.pid"
_LOG = LAB_DIR / "log" / "fence_virtd.log"

CONFIGURATION = """\
fence_virtd {{
  listener = "tcp";
  backend = "libvirt";
}}
listeners {{
  tcp {{
    key_file = "{key}";
    address = "{address}";
    port = "{port}";
  }}
}}
backends {{
  libvirt {{
    uri = "{uri}";
  }}
}}
"""


def start() -> None:
    """Make the key where there is none, start fence_virtd and wait until it listens."""
    if shutil.which("fence_virtd") is None:
        raise LabError("fence_virtd is missing: run `make setup-vm`")
    KEY.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not KEY.exists():
        with os.fdopen(os.open(KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            # Text, so that it can travel as a variable.
            file.write(secrets.token_urlsafe(384).encode())
    if process.pid(_PID_FILE, "fence_virtd"):
        return
    _CONFIGURATION.write_text(
        CONFIGURATION.format(key=KEY, address=MACHINE_ADDRESS, port=FENCE_PORT, uri=libvirt.uri())
    )
    # -F: stay in the foreground, so that the process is the one whose id was written down.
    process.start(ns_argv(["fence_virtd", "-F", "-w", "-f", str(_CONFIGURATION)]), _PID_FILE, _LOG)
    listening = ns_argv(["nc", "-z", MACHINE_ADDRESS, str(FENCE_PORT)])
    wait_for(f"fence_virtd (see {_LOG})", lambda: not run(listening, check=False).returncode, 10)


def stop() -> None:
    """End fence_virtd."""
    process.stop(_PID_FILE, "fence_virtd", "fence_virtd")
