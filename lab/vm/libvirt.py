"""The libvirt that runs the virtual machines, and the networks they are on.

Where systemd runs the machine, it is that machine's libvirt. Elsewhere (a build container, a rescue system) the lab
starts one of its own in its network namespace, with its configuration, state and socket under the lab's directory:
bridges, dnsmasq and machines are nowhere else, and go with it.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from .. import network, process
from ..command import run, wait_for
from ..config import HOSTS, LAB_DIR, LINK_ADDRESS, MACHINE_ADDRESS, PREFIX, LabError, namespaced, ns_argv

_HOME = LAB_DIR / "libvirt"
SOCKET = _HOME / "run" / "libvirt-sock"
_PID_FILE = LAB_DIR / "run" / "libvirtd.pid"
_LOG = LAB_DIR / "log" / "libvirtd.log"
#: What libvirtd believes to be its directories, and where the lab keeps them.
_DIRECTORIES = {"/etc/libvirt": "etc", "/var/lib/libvirt": "lib", "/var/cache/libvirt": "cache", "/run/libvirt": "run"}

#: Nobody but the lab is here to be protected from, and nobody manages control groups.
QEMU_CONF = """\
security_driver = "none"
user = "root"
group = "root"
cgroup_controllers = [ ]
remember_owner = 0
stdio_handler = "file"
"""

#: name of the network -> its bridge, and this machine's address on it.
NETWORKS = {"dialtone-service": ("pbxvm0", MACHINE_ADDRESS), "dialtone-link": ("pbxvm1", LINK_ADDRESS)}
NETWORK = """\
<network>
  <name>{name}</name>
  <bridge name="{bridge}" stp="off" delay="0"/>
  <ip address="{address}" prefix="{prefix}">
    <dhcp>
{leases}
    </dhcp>
  </ip>
</network>
"""
LEASE = '      <host mac="{mac}" ip="{address}"><lease expiry="0"/></host>'


def cards(network_name: str) -> dict[str, str]:
    """Return the addresses that the machines have on one of NETWORKS, by the MAC address of the card.

    molecule/default/molecule.yml says the same: 52:54:00:73:<number of the network>:<last number of the address>.
    """
    number = list(NETWORKS).index(network_name)
    base = NETWORKS[network_name][1].rsplit(".", 1)[0]
    lasts = [host.address.rsplit(".", 1)[1] for host in HOSTS.values()]
    return {f"52:54:00:73:{number:02d}:{last}": f"{base}.{last}" for last in lasts}


def uri() -> str:
    """Return the address of the libvirt that runs the machines."""
    return f"qemu:///system?socket={SOCKET}" if namespaced() else "qemu:///system"


def virsh(*arguments: str, check: bool = True) -> str:
    """Run a command of virsh; return its output ("" when it failed and `check` is not set).

    Raises LabError with what it said when it fails.
    """
    result = run(["virsh", "--quiet", "--connect", uri(), *arguments], check=check)
    return result.stdout.strip() if result.returncode == 0 else ""


def start() -> None:
    """Have a libvirt with the lab's networks."""
    if namespaced():
        network.make_namespace()
        _start_own()
    else:
        version = run(["virsh", "--quiet", "--connect", uri(), "version"], check=False)
        if version.returncode != 0:
            raise LabError(
                f"libvirt does not answer at {uri()}: {version.stderr.strip()}. Install it (on Debian: apt install"
                " libvirt-daemon-system), start it (systemctl start libvirtd), and run this as root or as a member of"
                " the group libvirt."
            )
    for name, (bridge, address) in NETWORKS.items():
        description = LAB_DIR / f"{name}.xml"
        leases = [LEASE.format(mac=mac, address=ip) for mac, ip in cards(name).items()]
        description.write_text(
            NETWORK.format(name=name, bridge=bridge, address=address, prefix=PREFIX, leases="\n".join(leases))
        )
        known = virsh("net-list", "--all", "--name").split()
        if name not in known:
            virsh("net-define", str(description))
        if name not in virsh("net-list", "--name").split():
            virsh("net-start", name)


def _start_own() -> None:
    if process.pid(_PID_FILE, "libvirtd"):
        return
    mounts = []
    for path, name in _DIRECTORIES.items():
        (_HOME / name).mkdir(mode=0o755, parents=True, exist_ok=True)
        Path(path).mkdir(parents=True, exist_ok=True)
        mounts.append(f"mount --bind {shlex.quote(str(_HOME / name))} {path}")
    (_HOME / "etc" / "qemu.conf").write_text(QEMU_CONF)
    configuration = _HOME / "etc" / "libvirtd.conf"
    # Only root reaches the socket: the lab's directory is closed to everybody else.
    configuration.write_text('auth_unix_rw = "none"\n')
    # A mount namespace of its own: the machine's own libvirt, if it has one, keeps its files.
    script = f"{' && '.join(mounts)} && exec libvirtd --config {shlex.quote(str(configuration))}"
    process.start(ns_argv(["unshare", "--mount", "sh", "-c", script]), _PID_FILE, _LOG)
    wait_for(f"libvirtd (see {_LOG})", lambda: bool(virsh("uri", check=False)), 30)


def stop() -> None:
    """Destroy what is left of the machines and networks, and the lab's own libvirt."""
    if namespaced() and not process.pid(_PID_FILE, "libvirtd"):
        return
    for name in HOSTS:
        if domain(name) in virsh("list", "--all", "--name").split():
            virsh("destroy", domain(name), check=False)
            virsh("undefine", domain(name), "--remove-all-storage", check=False)
    for name in NETWORKS:
        virsh("net-destroy", name, check=False)
        virsh("net-undefine", name, check=False)
    if namespaced():
        virsh("net-destroy", "vagrant-libvirt", check=False)
        process.stop(_PID_FILE, "libvirtd", "libvirtd", 30)


def domain(name: str) -> str:
    """Return what libvirt calls a host's machine."""
    return f"dialtone-{name}"
