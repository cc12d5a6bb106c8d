"""The box of the virtual machines: the golden image with a kernel, DRBD and SELinux, as Vagrant's libvirt wants it.

It boots without a boot loader, from a kernel and an initramfs beside the image. Its key pair is made with it and is
kept with it in the cache, so that no machine ever trusts Vagrant's public one.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

from .. import image
from ..command import run
from ..config import CACHE_DIR, MIRROR, REPOSITORY, SUITE, LabError
from . import vagrant

NAME = "dialtone/lab"
#: Whose files decide what it contains beside the golden image's.
ROLES = ("drbd", "centos_base")
DISK = "8G"

#: `net.ifnames=0`: the interfaces are eth0, eth1, eth2 in the order of the machine's description. No `audit=1`: what SELinux
#: denies is in the kernel's log all the same, and to account for every system call slows an emulated machine down,
#: as does the clearing of each page the kernel hands out (`init_on_alloc`); `tsc=reliable`: two emulated processors fail the
#: kernel's comparison of their clocks, and then each look at the time is one at a device;
#: `printk_ratelimit=0`: the log holds back nothing when much is denied at once.
KERNEL_PARAMETERS = (
    "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off init_on_alloc=0 tsc=reliable quiet security=selinux selinux=1"
    " sysctl.kernel.printk_ratelimit=0"
)

VAGRANTFILE = """\
Vagrant.configure("2") do |config|
  here = File.dirname(__FILE__)
  config.ssh.private_key_path = File.join(here, "ssh_key")
  config.ssh.insert_key = false
  config.vm.synced_folder ".", "/vagrant", disabled: true
  config.vm.provider :libvirt do |libvirt|
    libvirt.kernel = File.join(here, "vmlinuz")
    libvirt.initrd = File.join(here, "initrd.img")
    libvirt.cmd_line = "%s"
  end
end
"""


def key() -> str:
    """Return the box's key: 16 hexadecimal digits over what the golden image and the box are made from."""
    here = Path(__file__).parent
    return image.digest(
        f"{image.key()} {SUITE} {MIRROR}",
        [Path(__file__), here / "box.yml", here / "lab_base.cil", here / "lab_zipcache.py", *image.role_sources(ROLES),
         REPOSITORY / "roles/centos_base/tasks/selinux_policy.yml"],
    )


def version() -> str:
    """Return the box's version, which is its key as a number: libvirt keeps one copy of the disk for each."""
    return f"0.0.{int(key()[:12], 16)}"


def directory() -> Path:
    """Return the directory of the box that fits the sources as they are now, baked or not."""
    return CACHE_DIR / "boxes" / key()


def bake() -> Path:
    """Return the box's directory, after making it where it is not in the cache."""
    target = directory()
    if target.is_dir():
        print(f"box {target.name}: in the cache", flush=True)
        return target
    base = image.bake()
    started = time.monotonic()
    for old in target.parent.glob("*"):
        image.remove_tree(old)
    partial = target.with_name(target.name + ".partial")
    partial.mkdir(parents=True, mode=0o700)
    root = partial / "root"
    print(f"box {target.name}: kernel, DRBD, SELinux (some 2 minutes; log {partial}/bake.log)", flush=True)
    run(["cp", "-a", "--reflink=auto", str(base), str(root)])
    image.run_playbook(REPOSITORY / "lab" / "vm" / "box.yml", root, partial / "bake.log", {})
    _let_in(root, partial)
    _label(root)
    _pack(root, partial)
    shutil.rmtree(root)
    partial.rename(target)
    print(f"box: baked in {time.monotonic() - started:.0f} s", flush=True)
    return target


def _let_in(root: Path, partial: Path) -> None:
    """Make the key pair by which Vagrant comes in."""
    secret = partial / "ssh_key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "dialtone lab box", "-f", str(secret)])
    home = root / "home/vagrant"
    authorized = home / ".ssh/authorized_keys"
    shutil.copy(secret.with_suffix(".pub"), authorized)
    authorized.chmod(0o600)
    owner = home.stat()
    os.chown(authorized, owner.st_uid, owner.st_gid)


def _label(root: Path) -> None:
    """Give every file its SELinux label, as `fixfiles` would at a first boot of many minutes."""
    contexts = root / "etc/selinux/default/contexts/files/file_contexts"
    if not contexts.is_file():
        raise LabError(f"{contexts} is missing: the package selinux-policy-default of the image made no policy")
    run(["setfiles", "-F", "-r", str(root), str(contexts), str(root)])


def _pack(root: Path, partial: Path) -> None:
    """Make the disk image, and put beside it what Vagrant asks of a box."""
    kernels = sorted((root / "boot").glob("vmlinuz-*"))
    if len(kernels) != 1:
        raise LabError(f"the box should have one kernel, and has {[kernel.name for kernel in kernels] or 'none'}")
    release = kernels[0].name.removeprefix("vmlinuz-")
    shutil.copy(kernels[0], partial / "vmlinuz")
    shutil.copy(root / "boot" / f"initrd.img-{release}", partial / "initrd.img")
    # libvirt's qemu may run as a user of its own; neither file is secret.
    for name in ("vmlinuz", "initrd.img"):
        (partial / name).chmod(0o644)
    raw = partial / "box.raw"
    run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(raw), DISK])
    run(["qemu-img", "convert", "-O", "qcow2", str(raw), str(partial / "box.img")])
    raw.unlink()
    size = int(DISK.removesuffix("G"))
    (partial / "metadata.json").write_text(json.dumps({"provider": "libvirt", "format": "qcow2", "virtual_size": size}))
    (partial / "Vagrantfile").write_text(VAGRANTFILE % KERNEL_PARAMETERS)


def add() -> None:
    """Make the box known to Vagrant, and forget those of other sources."""
    here = bake()
    known = vagrant.boxes(NAME)
    if version() in known:
        return
    for old in known:
        vagrant.run(["box", "remove", NAME, "--box-version", old, "--provider", "libvirt", "--force"])
    archive, catalogue = here / "lab.box", here / "catalogue.json"
    files = ["metadata.json", "Vagrantfile", "box.img", "vmlinuz", "initrd.img", "ssh_key"]
    run(["tar", "--create", "--sparse", "--file", str(archive), "--directory", str(here), *files])
    provider = {"name": "libvirt", "url": f"file://{archive}"}
    catalogue.write_text(json.dumps({"name": NAME, "versions": [{"version": version(), "providers": [provider]}]}))
    try:
        vagrant.run(["box", "add", "--provider", "libvirt", str(catalogue)])
    finally:
        archive.unlink()
        catalogue.unlink()
