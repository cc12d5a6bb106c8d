"""A simulated ESXi host or vCenter with a certificate of its own, the API as a client sees it, and playbooks run on it."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from pyVim import connect
from pyVmomi import vim

from lab.certificates import self_signed

REPOSITORY = Path(__file__).resolve().parents[3]
SOURCE = REPOSITORY / "molecule/esxi/simulator/main.go"
#: Where Debian's golang-github-vmware-govmomi-dev and what it needs are; Go is told to fetch nothing.
GOPATH = "/usr/share/gocode"
PASSWORD = 'it\'s "geheim" & <100%>'
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2cUPbmdQkqKmmTnoRVIjlsWTVGQJeoSeLlfkLJmvrk somebody@example"


def built(directory: Path) -> Path:
    """Return the simulator, built unless this very source was built before."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / f"simulator-{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}"
    # Each process of the tests comes here; one builds, the others wait.
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            go = {"GO111MODULE": "off", "GOPATH": GOPATH, "GOCACHE": str(directory / "go"), "GOFLAGS": "", "CGO_ENABLED": "0"}
            subprocess.run(
                ["go", "build", "-o", f"{program}.new", "."], cwd=SOURCE.parent, env={**os.environ, **go}, check=True
            )
            Path(f"{program}.new").rename(program)
    return program


def certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for 127.0.0.1 that nobody has signed; return it and its key."""
    paths = (directory / "cert.pem", directory / "key.pem")
    if not paths[0].exists():
        self_signed(*paths, "127.0.0.1", "127.0.0.1")
    return paths


def free_port(address: str) -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


@dataclass
class Host:
    """A simulated ESXi host or vCenter."""

    port: int
    ca_file: Path
    ssh_ports: dict[str, int]
    certificate_key: Path

    def api(self) -> Any:
        """Return the content of its API, as a client of its own sees it."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        return connect.SmartConnect(host="127.0.0.1", port=self.port, user="root", pwd=PASSWORD, sslContext=context).content

    def machines(self) -> dict[str, Any]:
        """Return its virtual machines by name."""
        content = self.api()
        view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
        return {machine.name: machine for machine in view.view}


ADDRESSES = {"pbx1": "127.73.0.11", "pbx2": "127.73.0.12"}


@pytest.fixture(scope="session")
def simulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Host]]:
    """Give what starts simulators; all end with the tests."""
    program = built(REPOSITORY / ".cache/esxi")
    directory = tmp_path_factory.mktemp("simulators")
    cert, key = certificate(directory)
    with ExitStack() as running:

        def start(*arguments: str) -> Host:
            ports = {name: free_port(address) for name, address in ADDRESSES.items()}
            guests = ",".join(f"{name}={ADDRESSES[name]}:{port}" for name, port in ports.items())
            process = running.enter_context(
                subprocess.Popen(
                    [program, "-cert", cert, "-key", key, "-guests", guests, *arguments],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "SIMULATOR_PASSWORD": PASSWORD}, text=True,
                )
            )  # fmt: skip
            # It ends when its input does.
            assert process.stdin is not None
            running.callback(process.stdin.close)
            assert process.stdout is not None
            return Host(json.loads(process.stdout.readline())["port"], cert, ports, key)

        yield start


@dataclass
class Site:
    """An inventory of two machines, and playbooks run with it."""

    directory: Path
    host: Host
    variables: dict[str, Any] = field(default_factory=dict)
    nodes: dict[str, dict[str, Any]] = field(default_factory=lambda: {"pbx1": {}, "pbx2": {}})

    def inventory(self, **more: Any) -> Path:
        """Write the inventory; what is None is left out."""
        standard = {
            # As in a real inventory: none of it may reach what runs on the controller.
            "ansible_become": True,
            "ansible_become_user": "nobody",
            "ansible_user": "ansible",
            "pbx_cluster_name": "pbx",
            "pbx_storage": "drbd",
            "pbx_nodes": [
                {"name": name, "address": address, "address2": address.replace("127.73.0", "127.73.1")}
                for name, address in ADDRESSES.items()
            ],
            "esxi_vm_hostname": "127.0.0.1",
            "esxi_vm_port": self.host.port,
            "esxi_vm_username": "root",
            "esxi_vm_password": PASSWORD,
            "esxi_vm_ca_file": str(self.host.ca_file),
            "esxi_vm_datastore": "LocalDS_0",
            "esxi_vm_networks": [
                {"port_group": "Telephones", "vswitch": "vSwitch0", "vlan": 73, "prefix": 24, "gateway": "127.73.0.1",
                 "dns": ["127.73.0.1", "127.73.0.2"]},
                {"port_group": "Replication", "vswitch": "vSwitch0", "prefix": 28},
            ],
            "esxi_vm_ssh_public_keys": [KEY],
            "esxi_vm_cache_dir": str(self.directory / "cache"),
            "esxi_vm_install_timeout": 20,
        }  # fmt: skip
        variables = {name: value for name, value in {**standard, **self.variables, **more}.items() if value is not None}
        hosts = {name: {"ansible_port": self.host.ssh_ports[name], **own} for name, own in self.nodes.items()}
        path = self.directory / "hosts.json"
        path.write_text(json.dumps({"all": {"children": {"pbx": {"hosts": hosts, "vars": variables}}}}))
        return path

    def play(self, *arguments: str, playbook: str = "machines", **variables: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook as its user does, with variables of the inventory that differ this time."""
        done = subprocess.run(
            ["ansible-playbook", "-i", self.inventory(**variables), f"playbooks/{playbook}.yml", "--diff", *arguments],
            cwd=REPOSITORY, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        )  # fmt: skip
        # Whatever it was about: the password is in nothing that it says.
        assert PASSWORD not in done.stdout + done.stderr
        assert "geheim" not in done.stdout + done.stderr
        return done

    def module(self, module: str, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module as Ansible does, and return its result."""
        given = {
            "hostname": "127.0.0.1", "port": self.host.port, "username": "root", "password": PASSWORD,
            "ca_file": str(self.host.ca_file), "datastore": "LocalDS_0", "name": "pbx1", "uuid": UUID["pbx1"], "mark": "pbx/pbx1",
            **arguments, "_ansible_check_mode": check, "_ansible_diff": True,
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", f"ansible_collections.dialtone.ha_pbx.plugins.modules.{module}"],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": given}), capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / ".cache/collections")},
        )  # fmt: skip
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))


#: What ansible.builtin.to_uuid makes of pbx/pbx1 and pbx/pbx2.
UUID = {"pbx1": "3ed8ac9d-813e-5d9c-9e23-4be0b62a0f16", "pbx2": "3c32f5e6-ab38-5a8d-b795-3e24d7656e4d"}


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a playbook said that must have succeeded."""
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    return done.stdout


def unchanged(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a playbook succeeded and changed nothing on any machine."""
    recap = succeeded(done).rpartition("PLAY RECAP")[2]
    return recap.count("changed=0 ") == recap.count("changed=") > 0


@pytest.fixture(scope="module")
def installer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give an installer's image with the boot menus that Debian's has, where to fetch it, and its digest."""
    path = tmp_path_factory.mktemp("installer") / "debian.iso"
    image = pycdlib.PyCdlib()
    image.new(interchange_level=3, rock_ridge="1.09", joliet=3, vol_ident="Debian")
    for directory in ("/ISOLINUX", "/BOOT", "/BOOT/GRUB"):
        name = directory.lower()
        image.add_directory(directory, rr_name=name.rpartition("/")[2], joliet_path=name)
    # A boot record as isolinux has it: with a table of its own place, which must be right in the copy too.
    loader = b"isolinux" + bytes(2040)
    files = {"isolinux/isolinux.bin": loader, "isolinux/isolinux.cfg": b"timeout 0\n", "boot/grub/grub.cfg": b"set timeout=-1\n"}
    for name, content in files.items():
        image.add_fp(
            io.BytesIO(content), len(content), f"/{name.upper()};1", rr_name=name.rpartition("/")[2], joliet_path=f"/{name}"
        )
    image.add_eltorito("/ISOLINUX/ISOLINUX.BIN;1", "/BOOT.CAT;1", boot_load_size=4, boot_info_table=True)
    image.write(str(path))
    image.close()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"esxi_vm_media_url": path.as_uri(), "esxi_vm_media_checksum": f"sha256:{digest}"}


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Fail, and do not skip, when a program is missing: a tier that tests nothing must not be green."""
    needed = ("go", "openssl", "debconf-set-selections", "fence_vmware_rest", "fence_vmware_soap")
    missing = [name for name in needed if shutil.which(name) is None]
    if missing:
        pytest.fail(f"these tests need {', '.join(missing)}: tools/setup.sh test", pytrace=False)
