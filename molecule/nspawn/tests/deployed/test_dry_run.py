"""A dry run on the deployed pair: nothing to do, or exactly what changed settings need, and what that would interrupt."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import exchange, snapshot
from lab.command import plain
from lab.config import HOSTS
from lab.testing import playbook
from tools import recap

#: Passwords that must not be read in what a dry run shows.
NEW_SECRETS = {"replication": "a-new-replication-1", "101": "a-new-telephone-101", "102": "a-first-telephone-102"}

SETTINGS = {
    "pbx_floating_address": "10.73.0.20",
    "pacemaker_cluster_token_ms": 4000,
    "mariadb_mm_replication_password": NEW_SECRETS["replication"],
    "asterisk_tenants": [
        {
            "name": "demo",
            "extensions": [
                {
                    "number": "100", "name": "Telephone 100",
                    "password": "{{ lookup('ansible.builtin.file', lab_dir + '/secrets/sip_100') }}",
                    "voicemail_pin": "{{ lookup('ansible.builtin.file', lab_dir + '/secrets/voicemail_100') }}",
                },
                {
                    "number": "101", "name": "Telephone 101", "password": NEW_SECRETS["101"],
                    "voicemail_pin": "{{ lookup('ansible.builtin.file', lab_dir + '/secrets/voicemail_101') }}",
                },
                {"number": "102", "name": "Telephone 102", "password": NEW_SECRETS["102"], "voicemail_pin": "258036"},
            ],
        }
    ],
}  # fmt: skip

#: What has to be changed for them, and nothing else.
ANNOUNCED = {
    "Let the other node replicate, and tidy up after the installation",
    "Keep the replica as the inventory describes it",
    "Write the files of the tenants",
    "Write the configuration of Asterisk",
    "Load into Asterisk what its files say, where it runs",
    "Make the two hosts a cluster",
    "Bring the service into the cluster",
}


def changed_tasks(output: str) -> set[str]:
    """Return the names of the tasks and handlers that changed something, or would."""
    sections = re.split(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$", plain(output), flags=re.MULTILINE)[1:]
    return {
        name.rpartition(" : ")[2] for name, text in zip(sections[::2], sections[1::2]) if re.search(r"^changed: ", text, re.MULTILINE)
    }


@pytest.fixture(scope="module")
def before() -> snapshot.Snapshot:
    """Give what is on the hosts before the dry runs."""
    # The cluster knows how long the last start took, unless somebody has had it forget its failures since.
    for resource in ("pbx-ip", "pbx-asterisk"):
        exchange.run(exchange.active_node(), ["pcs", "resource", "restart", resource])
    exchange.wait_healthy(60)
    return snapshot.deployed()


@pytest.fixture(scope="module")
def dry_runs(before: snapshot.Snapshot, tmp_path_factory: pytest.TempPathFactory) -> list[subprocess.CompletedProcess[str]]:
    """Give the results of two dry runs with other settings, made at the same time; the second is not to interrupt anything."""
    settings: Path = tmp_path_factory.mktemp("settings") / "settings.json"
    settings.write_text(json.dumps(SETTINGS))
    refusal = json.dumps({"pbx_floating_address": "10.73.0.20", "pbx_cluster_interruption": "refuse"})
    arguments = [("--extra-vars", f"@{settings}"), ("--tags", "cluster", "--extra-vars", refusal)]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda more: playbook("containers", "site.yml", "--check", "--diff", *more), arguments))


@pytest.mark.long
def test_on_a_deployed_pair_there_is_nothing_to_do() -> None:
    result = playbook("containers", "site.yml", "--check", "--diff")
    assert result.returncode == 0, result.stdout + result.stderr
    assert recap.complaints(recap.parse(result.stdout), list(HOSTS), max_changed=0) == [], result.stdout


def test_of_changed_settings_exactly_those_are_announced(dry_runs: list[subprocess.CompletedProcess[str]]) -> None:
    result = dry_runs[0]
    assert result.returncode == 0, result.stdout + result.stderr
    assert changed_tasks(result.stdout) == ANNOUNCED, result.stdout
    assert [name for name, secret in NEW_SECRETS.items() if secret in result.stdout + result.stderr] == []


def test_what_would_be_interrupted_is_told_and_can_be_refused(dry_runs: list[subprocess.CompletedProcess[str]]) -> None:
    away = r"restart pbx-asterisk: [0-9.]+ s the last time\s+restart pbx-ip: [0-9.]+ s the last time\s+one after the other: [0-9.]+ s"
    assert re.search(rf"what is away meanwhile:\s+{away}", dry_runs[0].stdout), dry_runs[0].stdout
    refused = dry_runs[1].stdout + dry_runs[1].stderr
    assert dry_runs[1].returncode != 0
    assert re.search(rf"this change would interrupt the service, which was not to be:\s+{away}", refused), refused


def test_the_dry_runs_changed_nothing(
    before: snapshot.Snapshot, dry_runs: list[subprocess.CompletedProcess[str]]
) -> None:
    assert dry_runs
    assert snapshot.differences(before, snapshot.deployed()) == []
