"""The golden image of a host: Debian with what every role's install.yml installs, and nothing configured.

It is baked in a chroot at this machine's own speed and kept under the key of what it depends on, so that it is
made again exactly when a role installs something else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .command import run
from .config import CACHE_DIR, LAB_DIR, MIRROR, REPOSITORY, SUITE, LabError

#: What a bare host has before the roles: an init, ssh, Python for ansible, a network configuration.
BASE_PACKAGES = (
    "ca-certificates", "dbus", "iproute2", "iputils-ping", "openssh-server", "procps", "python3", "python3-apt",
    "sudo", "systemd", "systemd-sysv",
)  # fmt: skip

#: The roles whose install.yml goes into the image, in the order of site.yml. `drbd` is not among them: a container
#: has no kernel of its own to load the module into.
ROLES = ("centos_base", "mariadb_mm_replication", "asterisk", "odbc_cdr", "pacemaker_cluster", "exchange_service")


def _sources() -> Iterator[Path]:
    """Yield every file that decides what the image contains."""
    yield Path(__file__)
    yield REPOSITORY / "lab" / "image.yml"
    yield from role_sources(ROLES)


def role_sources(roles: Iterable[str]) -> Iterator[Path]:
    """Yield every file that decides what the install.yml of these roles does."""
    for role in roles:
        base = REPOSITORY / "roles" / role
        yield from sorted(p for d in ("defaults", "vars", "files") for p in (base / d).rglob("*") if p.is_file())
        yield from sorted((base / "tasks").glob("install*.yml"))
        yield from sorted((base / "tasks").glob("vars.yml"))


def key() -> str:
    """Return the image's key: 16 hexadecimal digits over its sources, the suite and the mirror."""
    return digest(f"{SUITE} {MIRROR}", _sources())


def digest(words: str, files: Iterable[Path]) -> str:
    """Return 16 hexadecimal digits over some words and the names and contents of files of the repository."""
    digest = hashlib.sha256(words.encode())
    for path in files:
        digest.update(str(path.relative_to(REPOSITORY)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def root() -> Path:
    """Return the directory of the image that fits the sources as they are now, baked or not."""
    return CACHE_DIR / "images" / key() / "root"


def bare() -> Path:
    """Return the directory of the same Debian without anything that a role installs; `bake` makes it too."""
    return root().with_name("bare")


def bake() -> Path:
    """Return the image's root directory, after making it where it is not in the cache."""
    target = root()
    if target.is_dir():
        print(f"golden image {target.parent.name}: in the cache", flush=True)
        return target
    started = time.monotonic()
    _drop_unused(keep=target.parent)
    partial = target.parent.with_name(target.parent.name + ".partial")
    remove_tree(partial)
    partial.mkdir(parents=True)
    print(f"golden image {target.parent.name}: Debian {SUITE} (some 20 s)", flush=True)
    debootstrap(
        partial / "root", SUITE, BASE_PACKAGES, "--skip=cleanup/apt/lists",
        # The image has no use for manuals.
        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
    )  # fmt: skip
    run(["cp", "-a", "--reflink=auto", str(partial / "root"), str(partial / "bare")])
    run(["systemctl", f"--root={partial / 'bare'}", "enable", "systemd-networkd.service", "ssh.service"])
    for key_file in (partial / "bare/etc/ssh").glob("ssh_host_*"):
        key_file.unlink()
    print(f"golden image: the roles' packages (some 2 minutes; log {partial}/bake.log)", flush=True)
    run_playbook(REPOSITORY / "lab" / "image.yml", partial / "root", partial / "bake.log", {"image_roles": ROLES})
    partial.rename(target.parent)
    print(f"golden image: baked in {time.monotonic() - started:.0f} s", flush=True)
    return target


def remove_tree(tree: Path) -> None:
    """Remove a baked tree, if it is there; first what a bake that was ended by force left mounted in it: that is this machine's."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{tree}/")), reverse=True):
        run(["umount", mount])
    if tree.exists():
        shutil.rmtree(tree)


def _drop_unused(keep: Path) -> None:
    """Remove images of other sources, except one that hosts of a running lab stand on."""
    in_use = Path("/proc/mounts").read_text()
    for image in (CACHE_DIR / "images").glob("*"):
        if image != keep and f"{image}/" not in in_use:
            shutil.rmtree(image, ignore_errors=True)


def debootstrap(target: Path, suite: str, packages: Iterable[str], *options: str) -> None:
    """Make a minimal Debian with some packages in a directory; `options` are further ones of mmdebstrap."""
    run([
        "mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}",
        # A mirror's snapshot can be older than its own date of expiry.
        "--aptopt=Acquire::Check-Valid-Until \"false\"",
        # A tree that can be made again has no use for fsync.
        "--dpkgopt=force-unsafe-io", *options, suite, str(target), MIRROR,
    ])  # fmt: skip


@contextmanager
def chroot_ready(target: Path) -> Iterator[None]:
    """Give the chroot a /proc, name resolution, and a policy that no package starts its service."""
    policy = target / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    resolv = target / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", resolv)
    run(["mount", "-t", "proc", "proc", str(target / "proc")])
    try:
        yield
    finally:
        run(["umount", str(target / "proc")])
        policy.unlink()
        resolv.unlink()


def run_playbook(playbook: Path, target: Path, log: Path, variables: dict[str, Any]) -> None:
    """Run a playbook in a chroot, one line for each task.

    Args:
        playbook: the playbook; its hosts are `all`.
        target: the chroot's root directory.
        log: where its output goes.
        variables: extra variables.

    Raises:
        LabError: it failed; the message ends with the end of its output.
    """
    program = shutil.which("ansible-playbook", path=f"{Path(sys.executable).parent}:/usr/bin:/usr/local/bin")
    if program is None:
        raise LabError("ansible-playbook is not beside this Python: run `make setup` and use .venv/bin/python")
    argv = [
        program, "-i", "image,", "-e", f"ansible_host={target}", "-e", f"lab_dir={LAB_DIR}",
        "-e", "ansible_connection=community.general.chroot", "-e", json.dumps(variables), str(playbook),
    ]  # fmt: skip
    with chroot_ready(target), log.open("w") as out:
        process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in process.stdout or ():
            out.write(line)
            if line.startswith("TASK ["):
                print(f"  {line.split('] *')[0].removeprefix('TASK [')}", flush=True)
        if process.wait() != 0:
            raise LabError(f"{playbook} could not be run in the chroot; its log {log} ends:\n{log.read_text()[-3000:]}")
