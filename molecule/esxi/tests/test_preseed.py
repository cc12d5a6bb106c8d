"""A node that is installed by Debian's installer with a preseed, held to debconf's own check."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pycdlib
import pytest
from conftest import ADDRESSES, KEY, Site, succeeded
from pyVmomi import vim

NODE = "pbx2"


@pytest.fixture(scope="module")
def site(simulators: Any, installer: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Give a node that was installed with a preseed."""
    site = Site(tmp_path_factory.mktemp("site"), simulators(), {**installer, "esxi_vm_install": "preseed", "esxi_vm_firmware": "bios"})
    succeeded(site.play("--limit", NODE))
    return site


def answers(site: Site, name: str) -> Path:
    """Return a file of answers for the node."""
    (found,) = site.directory.glob(f"cache/dialtone-{NODE}-*/{name}")
    return found


def test_the_preseed_is_one(site: Site) -> None:
    path = answers(site, "preseed.cfg")
    subprocess.run(["debconf-set-selections", "-c", path], check=True, capture_output=True)
    said = dict(re.findall(r"^(?:d-i|tasksel|popularity-contest) (\S+) \S+ ?(.*)$", path.read_text(), re.MULTILINE))
    assert said["netcfg/get_ipaddress"] == ADDRESSES[NODE]
    assert said["netcfg/get_netmask"] == "255.255.255.0"
    assert said["passwd/user-password-crypted"] == "!"
    assert said["passwd/root-login"] == "false"
    subprocess.run(["sh", "-n", answers(site, "dialtone.sh")], check=True)
    script = answers(site, "dialtone.sh").read_text()
    assert KEY in script
    assert f"address {ADDRESSES[NODE].replace('127.73.0', '127.73.1')}/28" in script
    assert "PasswordAuthentication no" in script


def test_the_installer_with_it_still_boots_and_begins_by_itself(site: Site) -> None:
    machines = site.host.machines()
    (drive,) = (item for item in machines[NODE].config.hardware.device if isinstance(item, vim.vm.device.VirtualCdrom))
    store = Path(machines[NODE].datastore[0].info.url)
    image = pycdlib.PyCdlib()
    image.open(str(store / drive.backing.fileName.removeprefix("[LocalDS_0] ")))
    for path, expected in (
        ("/preseed.cfg", answers(site, "preseed.cfg").read_bytes()),
        ("/dialtone.sh", answers(site, "dialtone.sh").read_bytes()),
        ("/isolinux/isolinux.cfg", answers(site, "isolinux.cfg").read_bytes()),
        ("/boot/grub/grub.cfg", answers(site, "grub.cfg").read_bytes()),
    ):
        found = io.BytesIO()
        image.get_file_from_iso_fp(found, rr_path=path)
        assert found.getvalue() == expected
    loader = io.BytesIO()
    image.get_file_from_iso_fp(loader, rr_path="/isolinux/isolinux.bin")
    record = image.eltorito_boot_catalog.initial_entry
    place = image.get_record(rr_path="/isolinux/isolinux.bin").extent_location()
    # The boot record finds the loader, and the loader's table says where it is (El Torito; -boot-info-table of mkisofs).
    assert record.get_rba() == place
    assert int.from_bytes(loader.getvalue()[12:16], "little") == place
    image.close()
