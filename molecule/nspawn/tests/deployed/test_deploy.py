"""The deployment again, by what Galaxy would get: nothing changes, and the service does not notice."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from lab import exchange
from lab.config import HOSTS, REPOSITORY
from lab.probe import SipProbe
from lab.testing import processes
from tools import recap
from tools.artifact import build

#: What a user has no use for, and what is needed.
WITHOUT = ("lab", "tests", "molecule", "tools", "Makefile", ".venv", ".cache", ".ci")
WITH = ("README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "requirements.txt", "docs", "playbooks/site.yml", "inventories/example")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Give a directory outside the checkout, and variables with no setting of Ansible but its own: it finds what is installed."""
    empty = tmp_path_factory.mktemp("artifact")
    others = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    ansible = {"ANSIBLE_COLLECTIONS_PATH": str(empty), "ANSIBLE_HOME": str(empty / "home"), "ANSIBLE_NOCOLOR": "1"}
    return empty, {**others, **ansible}


@pytest.fixture(scope="module")
def collection(elsewhere: tuple[Path, dict[str, str]]) -> Path:
    """Give the directory of the collection, built and then installed there."""
    empty, environment = elsewhere
    artifact = build(empty)
    # --offline asks no server: the collections of the package `ansible` must satisfy the dependencies.
    subprocess.run(
        ["ansible-galaxy", "collection", "install", "--offline", "--collections-path", str(empty), str(artifact)],
        cwd=empty, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True,
    )  # fmt: skip
    return empty / "ansible_collections/dialtone/ha_pbx"


def test_the_artifact_has_what_its_user_needs_and_no_more(collection: Path) -> None:
    assert [name for name in WITHOUT if (collection / name).exists()] == []
    assert [name for name in WITH if not (collection / name).exists()] == []


def test_a_second_run_changes_nothing_and_moves_nothing(collection: Path, elsewhere: tuple[Path, dict[str, str]]) -> None:
    empty, environment = elsewhere
    before = (exchange.active_node(), processes(), exchange.configuration())
    begun = time.monotonic()
    with SipProbe() as sip:
        sip.wait_answer(begun, 5)
        result = subprocess.run(
            ["ansible-playbook", "-i", str(REPOSITORY / "lab/inventories/containers"), "dialtone.ha_pbx.site"],
            cwd=empty, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        silence = sip.longest_silence(begun)
    assert result.returncode == 0, result.stdout + result.stderr
    assert recap.complaints(recap.parse(result.stdout), list(HOSTS), max_changed=0) == [], result.stdout
    assert (exchange.active_node(), processes(), exchange.configuration()) == before
    # The exchange answered all along: a probe is sent every 0.1 s, and the machine is busy with Ansible meanwhile.
    assert silence < 2.0
