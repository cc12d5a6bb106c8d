# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster without daemons for the real pcs and Pacemaker tools: all of them work on the file CIB_file names.

With PCS_ROOT=DIRECTORY the tools, and the Python that runs the modules, are those of that root directory (a chroot of another
distribution), so that the same tests judge another dialect of pcs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ansible.module_utils
import pytest

ROOT = Path(os.environ.get("PCS_ROOT", "/")).resolve()
COLLECTION = Path("ansible_collections/dialtone/ha_pbx")
COLLECTIONS = Path(__file__).parents[3] / ".cache" / "collections"

NEEDED = {
    "pcs": "pcs",
    "cibadmin": "pacemaker-cli-utils",
    "crm_diff": "pacemaker-cli-utils",
    "crm_verify": "pacemaker-cli-utils",
    "crm_simulate": "pacemaker-cli-utils",
    "crm_mon": "pacemaker-cli-utils",
    "crm_resource": "pacemaker-cli-utils",
    "/usr/lib/ocf/resource.d/heartbeat/IPaddr2": "resource-agents",
    "/usr/lib/ocf/resource.d/pacemaker/Stateful": "pacemaker-resource-agents",
    "/usr/sbin/fence_ipmilan": "fence-agents (Debian 12) or fence-agents-ipmilan (later)",
}


def in_root(*argv: str) -> list[str]:
    """A command line that runs in ROOT."""
    return list(argv) if Path("/") == ROOT else ["chroot", str(ROOT), *argv]


def program(name: str) -> str | None:
    """The path of a program in ROOT, as it is called there; None when there is none."""
    if name.startswith("/"):
        return name if (ROOT / name[1:]).exists() else None
    found = shutil.which(name, path=":".join(str(ROOT / part[1:]) for part in os.environ["PATH"].split(":")))
    return None if found is None else str(Path("/") / Path(found).relative_to(ROOT))


def pytest_configure(config: pytest.Config) -> None:
    """Have the tests' files in ROOT, under the same path seen from there and from here."""
    if Path("/") == ROOT:
        return
    link = ROOT / ROOT.relative_to("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("/")
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="pbx-pcs-", dir=ROOT / "var/tmp")


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The PYTHONPATH with which a module runs in ROOT."""
    if Path("/") == ROOT:
        return f"{COLLECTIONS}:{os.environ.get('PYTHONPATH', '')}"
    # What Ansible sends to a host: the collection's code and its own module_utils.
    place = tmp_path_factory.mktemp("code")
    shutil.copytree(COLLECTIONS / COLLECTION / "plugins", place / COLLECTION / "plugins")
    shutil.copytree(ansible.module_utils.__path__[0], place / "ansible/module_utils")
    (place / "ansible/__init__.py").touch()
    return str(place)


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """Fail, and do not skip, when a program is missing: a tier that tests nothing must not be green."""
    missing = {package for path, package in NEEDED.items() if program(path) is None}
    if missing:
        pytest.fail(f"these tests need the real tools. Install: {', '.join(sorted(missing))}", pytrace=False)


def command(*argv: str, env: dict[str, str] | None = None) -> str:
    """Run a program that must succeed and return its output."""
    done = subprocess.run(in_root(*argv), capture_output=True, text=True, check=False, env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{' '.join(argv)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Cluster:
    """The file that is the live CIB, and the modules run against it."""

    def __init__(self, directory: Path, code: str) -> None:
        self.file = directory / "live.xml"
        self.log = directory / "pcs.log"
        # A pcs in front of the real one that notes its arguments: for what must not be on a command line, and for
        # runs that must not need pcs at all.
        self.shims = directory / "bin"
        self.shims.mkdir()
        pcs = self.shims / "pcs"
        # In Python as the real one, and so imported once for all calls of a module, as the real one.
        pcs.write_text(
            "#!/usr/bin/python3 -Es\nimport runpy, sys\n"
            f"with open({str(self.log)!r}, 'a') as log:\n    print(*sys.argv[1:], file=log)\n"
            f"runpy.run_path({program('pcs')!r}, run_name='__main__')\n"
        )
        pcs.chmod(0o755)
        self.env = {
            "CIB_file": str(self.file),
            "PATH": f"{self.shims}:{os.environ['PATH']}",
            "PYTHONPATH": code,
        }
        root = ET.fromstring(command("cibadmin", "--empty"))  # noqa: S314 - made by our own command
        nodes, status = root.find("configuration/nodes"), root.find("status")
        assert nodes is not None
        assert status is not None
        for number in ("1", "2"):
            ET.SubElement(nodes, "node", {"id": number, "uname": f"node{number}"})
            state = {"id": number, "uname": f"node{number}", "in_ccm": "true", "crmd": "online", "join": "member"}
            ET.SubElement(status, "node_state", {**state, "expected": "member"})
        root.set("have-quorum", "1")
        root.set("dc-uuid", "1")
        self.file.write_text(ET.tostring(root, encoding="unicode"))

    @property
    def xml(self) -> ET.Element:
        """The live CIB as a tree."""
        return ET.fromstring(self.file.read_text())  # noqa: S314 - the file of this test

    def remember_start(self, resource: str, node: str, milliseconds: int) -> None:
        """Write into the cluster's history that a Dummy was started on a node, where it runs since then."""
        root = self.xml
        state = root.find(f"status/node_state[@uname='{node}']")
        assert state is not None
        resources = ET.SubElement(ET.SubElement(state, "lrm", {"id": state.get("id", "")}), "lrm_resources")
        agent = {"id": resource, "type": "Dummy", "class": "ocf", "provider": "pacemaker"}
        ET.SubElement(ET.SubElement(resources, "lrm_resource", agent), "lrm_rsc_op", {
            "id": f"{resource}_last_0", "operation_key": f"{resource}_start_0", "operation": "start", "on_node": node,
            "crm_feature_set": "3.13.0", "call-id": "5", "rc-code": "0", "op-status": "0", "interval": "0",
            "transition-key": "1:0:0:00000000-0000-4000-8000-000000000000",
            "transition-magic": "0:0;1:0:0:00000000-0000-4000-8000-000000000000",
            "last-rc-change": "1790000000", "exec-time": str(milliseconds), "queue-time": "0",
        })  # fmt: skip
        self.file.write_text(ET.tostring(root, encoding="unicode"))

    def break_tool(self, name: str, word: str) -> None:
        """Have a program fail from now on when one of its arguments is `word`, and else do what it does."""
        shim, real = self.shims / name, program(name)
        if name == "pcs":
            shim.write_text(shim.read_text().replace(
                "import runpy, sys\n", f"import runpy, sys\nif {word!r} in sys.argv: sys.exit('Error: broken on purpose')\n"
            ))  # fmt: skip
        else:
            broken = f'case " $* " in *" {word} "*) cat > /dev/null; echo "broken on purpose" >&2; exit 1 ;; esac'
            shim.write_text(f'#!/bin/sh\n{broken}\nexec {real} "$@"\n')
            shim.chmod(0o755)

    def command(self, *argv: str) -> str:
        """Run a tool of Pacemaker's on the live CIB."""
        return command(*argv, env={"CIB_file": str(self.file)})

    def pcs(self, *argv: str) -> str:
        """Run the real pcs on the live CIB, as an operator would."""
        return command("pcs", "-f", str(self.file), *argv)

    def pcs_calls(self) -> list[str]:
        """What the modules called pcs with so far."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def forget_calls(self) -> None:
        """Start noting anew."""
        self.log.unlink(missing_ok=True)

    def module(self, name: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module as Ansible does, in a process of its own; returns its result."""
        given = {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        python = sys.executable if Path("/") == ROOT else "/usr/bin/python3"
        done = subprocess.run(
            in_root(python, "-m", f"ansible_collections.dialtone.ha_pbx.plugins.modules.{name}"),
            input=json.dumps({"ANSIBLE_MODULE_ARGS": given}),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **self.env},
        )
        try:
            result: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            pytest.fail(f"{name} did not answer in JSON: {done.stdout}{done.stderr}")
        # Between module and Ansible only: since ansible-core 2.22 a module also says there what is to be masked.
        return {key: value for key, value in result.items() if not key.startswith("_ansible_")}

    def good(self, name: str, /, check: bool = False, **arguments: Any) -> dict[str, Any]:
        """Run a module that must succeed."""
        result = self.module(name, check, **arguments)
        assert not result.get("failed"), result["msg"]
        return result

    def refused(self, name: str, /, **arguments: Any) -> str:
        """Run a module that must fail and leave the cluster as it was; returns the message."""
        before = self.file.read_text()
        result = self.module(name, **arguments)
        assert result.get("failed"), f"{name} was expected to refuse: {result}"
        assert self.file.read_text() == before
        return str(result["msg"])

    def judgement(self) -> str:
        """What Pacemaker says of the live CIB, with its warnings."""
        verify = in_root("crm_verify", "--verbose", "--verbose", "--xml-file", str(self.file))
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def verify(self) -> None:
        """Pacemaker must find the live CIB valid, and pcs must be able to read it."""
        command("crm_verify", "--verbose", "--xml-file", str(self.file))
        self.pcs("config")


@pytest.fixture(scope="session")
def make_cluster(tools: None, code: str) -> Callable[[Path], Cluster]:
    """make_cluster(empty directory) -> two nodes, online, nothing configured."""
    return lambda directory: Cluster(directory, code)


@pytest.fixture
def cluster(tmp_path: Path, code: str) -> Cluster:
    """Two nodes, online, nothing configured."""
    return Cluster(tmp_path, code)


@pytest.fixture(scope="session")
def built(tools: None, code: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    """The exchange, made once: (text of the live CIB, what pcs was called with). pcs takes a second a call."""
    cluster = Cluster(tmp_path_factory.mktemp("exchange"), code)
    cluster.good("pcs_cib", state="apply", **DECLARATION)
    cluster.verify()
    return cluster.file.read_text(), cluster.pcs_calls()


@pytest.fixture
def exchange(cluster: Cluster, built: tuple[str, list[str]]) -> Cluster:
    """A pair with fence devices, a disk, and the group of the service."""
    cluster.file.write_text(built[0])
    return cluster


MONITOR = [{"name": "monitor", "interval": "10s", "timeout": "20s"}]

DECLARATION: dict[str, Any] = {
    "properties": {"stonith-enabled": True, "no-quorum-policy": "stop"},
    "resource_defaults": {"resource-stickiness": 100},
    "operation_defaults": {"timeout": "60s"},
    "stonith": [
        {
            "name": f"fence-node{number}",
            "agent": "fence_ipmilan",
            "nodes": [f"node{number}"],
            "delay": 5 * (2 - number),
            "options": {"ip": f"192.0.2.10{number}", "username": "cluster", "password": "SECRET-OF-THE-BOARD"},
            "operations": [{"name": "monitor", "interval": "60s"}],
        }
        for number in (1, 2)
    ],
    "resources": [
        {
            "name": "disk",
            "agent": "ocf:pacemaker:Stateful",
            "operations": [
                {"name": "monitor", "interval": "29s", "role": "Promoted"},
                {"name": "monitor", "interval": "31s", "role": "Unpromoted"},
            ],
            "promotable": {"promoted-max": 1, "clone-max": 2, "notify": True},
        },
        {"name": "first", "agent": "ocf:pacemaker:Dummy", "group": "pbx", "operations": MONITOR},
        {
            "name": "ip",
            "agent": "ocf:heartbeat:IPaddr2",
            "group": "pbx",
            "options": {"ip": "192.0.2.10", "cidr_netmask": 24},
            "operations": MONITOR,
        },
    ],
    "constraints": [
        {
            "id": "pbx-with-disk",
            "type": "colocation",
            "resource": "pbx",
            "with_resource": "disk-clone",
            "with_role": "Promoted",
        },
        {
            "id": "disk-then-pbx",
            "type": "order",
            "first": "disk-clone",
            "first_action": "promote",
            "then": "pbx",
            "then_action": "start",
        },
    ],
}


@pytest.fixture
def declaration() -> Callable[[], dict[str, Any]]:
    """A fresh copy of the exchange's declaration."""
    return lambda: json.loads(json.dumps(DECLARATION))
