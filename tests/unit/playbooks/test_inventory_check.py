"""The inventory as the preflight looks at it, with ansible-playbook over two exchanges."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from playing import play

PLAYBOOK = """
- hosts: pbx
  gather_facts: false
  tasks:
    - name: Look
      dialtone.ha_pbx.role_arguments:
        roles: [exchange_service]
      register: looked
    - name: Tell
      ansible.builtin.debug:
        msg: "{{ inventory_hostname }} has: {{ looked.problems | map(attribute='found') | select('search', 'pbx_cluster_name') }}"
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """Two exchanges of one name."""
    groups = {
        group: {
            "hosts": dict.fromkeys(nodes),
            "vars": {"pbx_cluster_name": "copied", "pbx_nodes": [{"name": node, "address": "192.0.2.1"} for node in nodes]},
        }
        for group, nodes in {"office": ["pbx1", "pbx2"], "factory": ["pbx3", "pbx4"]}.items()
    }
    # What cannot be worked out there must not be in the way here.
    groups["factory"]["vars"]["pbx_floating_address"] = "{{ nobody_knows }}"
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": {"pbx": {"children": groups}}}}))
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    return tmp_path


def run(folder: Path, *arguments: str) -> str:
    done = play(folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())


def test_two_exchanges_in_one_run_are_compared(inventory: Path) -> None:
    said = run(inventory)
    assert "pbx1 has: [''pbx_cluster_name (copied) of pbx1 is that of pbx3 too" in said
    assert "pbx4 has: [''pbx_cluster_name (copied) of pbx4 is that of pbx1 too" in said


def test_what_is_wrong_with_another_exchange_is_a_warning_to_a_run_without_it(inventory: Path) -> None:
    said = run(inventory, "--limit", "office")
    assert "pbx1 has: []" in said
    assert "pbx2 has: []" in said
    assert "pbx1: pbx_cluster_name (copied) of pbx1 is that of pbx3 too" in said
