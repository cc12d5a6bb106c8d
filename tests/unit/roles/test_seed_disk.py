"""What is copied to the replicated disk, and what never is (roles/exchange_service/tasks/seed.yml), with directories as disk."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

SEED = Path(__file__).resolve().parents[3] / "roles/exchange_service/tasks/seed.yml"
#: Knows no mount but those that it is told.
MOUNTPOINT = """#!/bin/sh
for mounted in $MOUNTED; do if [ "$2" = "$mounted" ]; then exit 0; fi; done
exit 1
"""


@dataclass
class Node:
    """A host with the disk mounted and one directory, spool, that belongs on it."""

    root: Path
    mounted: list[Path] = field(default_factory=list)

    @property
    def disk(self) -> Path:
        return self.root / "disk"

    @property
    def own(self) -> Path:
        return self.root / "spool"

    @property
    def copy(self) -> Path:
        return self.disk / "copy"

    def seed(self, host: str = "server1") -> list[str]:
        """Run the task's script as this host and return the lines that it prints."""
        loader = DataLoader()
        (task,) = [t for t in loader.load_from_file(str(SEED), trusted_as_template=True) if "ansible.builtin.shell" in t]
        variables = {
            "pbx_storage_mount": str(self.disk),
            "__exchange_service_declared": {"directories": {str(self.own): "copy"}},
        }
        script = Templar(loader=loader, variables=variables).template(task["ansible.builtin.shell"]["cmd"])
        programs = self.root / "bin"
        programs.mkdir(exist_ok=True)
        for name, text in {
            "mountpoint": MOUNTPOINT,
            "selinuxenabled": "#!/bin/sh\nexit 1\n",
            "uname": f"#!/bin/sh\necho {host}\n",
        }.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "MOUNTED": " ".join(str(path) for path in [self.disk, *self.mounted]),
        }
        done = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("\n")[1:-1]

    def files(self) -> dict[str, str]:
        """Return what is in the directory on the disk: each file with its text."""
        return {path.name: path.read_text(encoding="utf-8") for path in self.copy.iterdir()}


def write(path: Path, text: str) -> None:
    """Write a file some time after all that was written before, as far as the file system's clock can tell."""
    before = time.time_ns()
    while True:
        path.write_text(text, encoding="utf-8")
        if path.stat().st_ctime_ns > before:
            return


@pytest.fixture
def node(tmp_path: Path) -> Node:
    found = Node(tmp_path)
    found.disk.mkdir()
    found.own.mkdir()
    write(found.own / "message", "first")
    return found


def test_a_directory_is_copied_once_and_with_it_who_did_it(node: Node) -> None:
    assert node.seed() == [f"seeded {node.copy}"]
    assert node.files() == {"message": "first"}
    assert sorted(path.name for path in node.disk.iterdir()) == ["copy", "copy.seeded"]


def test_what_came_after_a_run_that_broke_off_is_copied_too(node: Node) -> None:
    node.seed()
    write(node.own / "message", "changed")
    write(node.own / "another", "second")
    assert node.seed() == [f"seeded {node.copy}"]
    assert node.files() == {"message": "changed", "another": "second"}


@pytest.mark.parametrize("change", ["write", "remove"])
def test_a_copy_that_was_in_use_is_never_overwritten(node: Node, change: str) -> None:
    write(node.own / "another", "second")
    node.seed()
    before = time.time_ns()
    if change == "write":
        write(node.copy / "message", "of a caller")
    else:
        while (node.copy / "another").exists() or node.copy.stat().st_ctime_ns <= before:
            write(node.copy / "another", "")
            (node.copy / "another").unlink()
    kept = node.files()
    assert node.seed() == [f"kept {node.copy}"]
    assert node.files() == kept


def test_what_another_host_copied_is_kept(node: Node) -> None:
    node.seed(host="server2")
    write(node.own / "message", "of the other")
    assert node.seed(host="server1") == [f"kept {node.copy}"]
    assert node.files() == {"message": "first"}


def test_a_disk_with_content_of_its_own_is_kept(node: Node) -> None:
    node.copy.mkdir()
    write(node.copy / "message", "of years ago")
    assert node.seed() == [f"kept {node.copy}"]
    assert node.files() == {"message": "of years ago"}


def test_what_is_mounted_already_is_the_disk_itself(node: Node) -> None:
    node.mounted.append(node.own)
    assert node.seed() == []
    assert not node.copy.exists()


def test_a_copy_that_was_cut_off_is_made_again(node: Node) -> None:
    (node.disk / "copy.partial").mkdir()
    write(node.disk / "copy.partial" / "half", "")
    assert node.seed() == [f"seeded {node.copy}"]
    assert node.files() == {"message": "first"}
