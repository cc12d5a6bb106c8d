"""The lab's hosts as systemd-nspawn containers, which boot the golden image and can be killed in one instant.

A host's disk is an overlay on the image, so that it is made in no time and keeps what is written to it when the
host is killed, as a machine's disk does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import uuid
from pathlib import Path

from . import image, process
from .command import run as run_here
from .command import wait_for
from .config import BRIDGE, HOSTS, LAB_DIR, NETNS, PREFIX, REPOSITORY, LabError, ns_argv

SSH_KEY = LAB_DIR / "ssh" / "id_ed25519"
KNOWN_HOSTS = LAB_DIR / "ssh" / "known_hosts"
#: Both hosts see this directory at /mnt/shared: the lab's stand-in for a disk that a SAN keeps for both.
SHARED = LAB_DIR / "shared"

CAPABILITIES = "CAP_NET_ADMIN,CAP_SYS_NICE,CAP_IPC_LOCK,CAP_SYS_TIME"


def _control_groups(name: str) -> list[Path]:
    """Make and return the host's own control groups, one in each hierarchy that systemd uses.

    nspawn puts the host into the group it was started in. Two hosts in one would take each other's processes for
    their own: a service of one would wait for the end of the other's.
    """
    groups = [Path("/sys/fs/cgroup", tree, f"{NETNS}-{name}") for tree in ("unified", "systemd", "")]
    groups = [group for group in groups if (group.parent / "cgroup.procs").exists()]
    for group in groups:
        group.mkdir(exist_ok=True)
    return groups


def _root(name: str) -> Path:
    return LAB_DIR / "hosts" / name / "root"


def _pid_file(name: str) -> Path:
    return LAB_DIR / "run" / f"{name}.pid"


def create(name: str, base_image: Path) -> None:
    """Make the host's disk, an overlay on the directory `base_image`, and its identity; `start` boots it."""
    this = HOSTS[name]
    base = LAB_DIR / "hosts" / name
    for part in ("upper", "work", "root"):
        (base / part).mkdir(parents=True)
    SHARED.mkdir(exist_ok=True)
    layers = f"lowerdir={base_image},upperdir={base / 'upper'},workdir={base / 'work'}"
    run_here(["mount", "-t", "overlay", "overlay", "-o", layers, str(_root(name))])
    _write(name, "etc/hostname", f"{name}\n")
    _write(name, "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
    _write(
        name, "etc/systemd/network/10-host0.network",
        f"[Match]\nName=host0\n[Network]\nAddress={this.address}/{PREFIX}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    )  # fmt: skip
    _write(name, "root/.ssh/authorized_keys", SSH_KEY.with_suffix(".pub").read_text(), 0o600)
    key = _root(name) / "etc/ssh/ssh_host_ed25519_key"
    run_here(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)])
    with KNOWN_HOSTS.open("a") as known:
        known.write(f"{this.address} {key.with_suffix('.pub').read_text()}")
    # The fence agent that talks to the power switch, and the certificate to know the switch by.
    _write(name, "usr/sbin/fence_lab_switch", (REPOSITORY / "lab" / "fence_lab_switch").read_text(), 0o755)
    _write(name, "etc/pki/lab-switch.pem", (LAB_DIR / "switch" / "cert.pem").read_text())


def _write(name: str, path: str, content: str, mode: int = 0o644) -> None:
    target = _root(name) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.write_text(content)
    target.chmod(mode)


def install(name: str, packages: list[str]) -> None:
    """Install packages on a host, through its disk: the host itself reaches no mirror."""
    with image.chroot_ready(_root(name)):
        run_here(["chroot", str(_root(name)), "apt-get", "--quiet=2", "--yes", "--no-install-recommends", "install", *packages])


def _supervisor(name: str) -> int | None:
    """Return the process id of the host's nspawn, or None when it does not run."""
    # Only nspawn names the host's disk on its command line.
    return process.pid(_pid_file(name), str(_root(name)))


def _init(supervisor: int) -> int | None:
    """Return the id, in this machine's count, of the process that is 1 inside the host."""
    try:
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        for child in children:
            status = Path(f"/proc/{child}/status").read_text()
            if any(line.startswith("NSpid:") and line.split()[-1] == "1" for line in status.splitlines()):
                return int(child)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def running(name: str) -> bool:
    """Tell whether the host runs (its power is on)."""
    return _supervisor(name) is not None


def start(name: str) -> None:
    """Switch the host on; it returns when the host begins to boot."""
    if running(name):
        return
    if not _root(name).is_mount():
        raise LabError(f"{name} has no disk: make the lab with `python3 -m lab up`")
    argv = ns_argv([
        "systemd-nspawn", "--quiet", "--register=no", "-M", name, "-D", str(_root(name)), "--boot",
        f"--network-bridge={BRIDGE}", "--console=read-only", f"--capability={CAPABILITIES}",
        f"--bind={SHARED}:/mnt/shared", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
    ])  # fmt: skip
    # Where systemd runs the machine it gives the host a scope of its own; elsewhere there is nobody to ask.
    groups: list[Path] = []
    if not Path("/run/systemd/system").is_dir():
        argv.append("--keep-unit")
        groups = _control_groups(name)
    # Forked away, so that the host outlives whoever starts it (a command line, or the power switch).
    process.start(
        argv, _pid_file(name), LAB_DIR / "log" / f"{name}.log", groups=groups,
        # Without it the container gets the machine's cgroup layout, and a hybrid one is none for its systemd.
        variables={"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
    )  # fmt: skip
    wait_for(f"{name} to begin to boot (see {LAB_DIR}/log/{name}.log)", lambda: running(name), 5)


def kill(name: str) -> None:
    """End the host in one instant, as pulling its plug does: nothing in it is told."""
    supervisor = _supervisor(name)
    if supervisor is None:
        return
    # SIGKILL to the host's own process 1: the kernel ends every process in it. To kill nspawn would leave them.
    init = _init(supervisor)
    _signal(init if init is not None else supervisor)
    wait_for(f"{name} to be gone", lambda: _supervisor(name) is None, 10, every=0.01)
    _pid_file(name).unlink(missing_ok=True)


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def destroy(name: str) -> None:
    """Kill the host and remove its disk."""
    kill(name)
    if _root(name).is_mount():
        run_here(["umount", str(_root(name))])
    for tree in ("unified", "systemd", ""):
        _remove_group(Path("/sys/fs/cgroup", tree, f"{NETNS}-{name}"))
    shutil.rmtree(LAB_DIR / "hosts" / name, ignore_errors=True)


def _remove_group(group: Path) -> None:
    """Remove a control group with those below it; they are empty when the host is dead."""
    for path, _directories, _files in os.walk(group, topdown=False):
        Path(path).rmdir()


def ssh_argv(name: str, command: str = "") -> list[str]:
    """Return the command line that reaches the host by ssh as root, with a remote command or for a terminal."""
    return ns_argv([
        "ssh", "-q", "-i", str(SSH_KEY), "-o", f"UserKnownHostsFile={KNOWN_HOSTS}", "-o", "StrictHostKeyChecking=yes",
        "-o", "ConnectTimeout=2", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=3",
        f"root@{HOSTS[name].address}", *([command] if command else []),
    ])  # fmt: skip
