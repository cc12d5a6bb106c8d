"""An exchange stops as a whole, and alone: ansible-playbook over two of them, of which a host of one fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from playing import play

from tools import recap
from tools.artifact import ROOT

#: The condition as it stands in the playbooks.
CONDITION = re.search(r"pbx_apart \| default.*", (ROOT / "playbooks/site.yml").read_text())
PLAYBOOK = """
- name: First
  hosts: pbx
  gather_facts: false
  roles:
    - role: parts
      when: &together CONDITION
- name: Second
  hosts: pbx
  gather_facts: false
  tasks:
    - name: All of it
      when: *together
      block:
        - name: The role again
          ansible.builtin.include_role:
            name: parts
"""
#: What the role does, and where FAILING may stand.
PARTS = {
    "main": """
- name: One
  ansible.builtin.debug: {msg: "did one"}
- name: Fail at one
  ansible.builtin.fail: {msg: "broken"}
  when: inventory_hostname == 'pbx1' and at == 'one'
- name: A file of tasks
  ansible.builtin.include_tasks: more.yml
- name: Last
  ansible.builtin.debug: {msg: "did last"}
""",
    "more": """
- name: Two
  ansible.builtin.debug: {msg: "did two"}
- name: Fail at two
  ansible.builtin.fail: {msg: "broken"}
  when: inventory_hostname == 'pbx1' and at == 'two'
- name: Something may fail
  block:
    - name: Three
      ansible.builtin.debug: {msg: "did three"}
  rescue:
    - name: Rescue
      ansible.builtin.debug: {msg: "did rescue"}
- name: What is tidied up
  block:
    - name: Fail at three
      ansible.builtin.fail: {msg: "broken"}
      when: inventory_hostname == 'pbx1' and at == 'three'
  always:
    - name: Tidy up
      ansible.builtin.debug: {msg: "did tidy up"}
      vars: {pbx_apart: true}
- name: A task of Ansible itself
  ansible.builtin.meta: flush_handlers
  vars: {pbx_apart: true}
- name: Four
  ansible.builtin.debug: {msg: "did four"}
  loop: [1, 2]
  failed_when: false
""",
}


def run(folder: Path, at: str, *arguments: str) -> tuple[str, dict[str, dict[str, int]]]:
    """Run the playbook over two exchanges; pbx1 fails at a place. Return the output and its recap."""
    assert CONDITION
    for name, text in PARTS.items():
        path = folder / f"roles/parts/tasks/{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "play.yml").write_text(PLAYBOOK.replace("CONDITION", CONDITION.group()))
    groups = {
        name: {"hosts": dict.fromkeys(nodes), "vars": {"pbx_nodes": [{"name": node} for node in nodes]}}
        for name, nodes in {"office": ["pbx1", "pbx2"], "factory": ["pbx3", "pbx4"]}.items()
    }
    inventory = {"all": {"vars": {"ansible_connection": "local", "at": at}, "children": {"pbx": {"children": groups}}}}
    (folder / "hosts.yml").write_text(yaml.safe_dump(inventory))
    done = play(folder, *arguments)
    return done.stdout + done.stderr, recap.parse(done.stdout)


@pytest.mark.parametrize(("at", "done"), [("one", 1), ("two", 3), ("three", 5)])
def test_the_other_node_stops_at_its_next_task_and_says_why_and_the_other_exchange_goes_on(
    tmp_path: Path, at: str, done: int
) -> None:
    said, counts = run(tmp_path, at)
    assert {host: count["failed"] for host, count in counts.items()} == {"pbx1": 1, "pbx2": 1, "pbx3": 0, "pbx4": 0}
    assert counts["pbx1"]["ok"] == counts["pbx2"]["ok"] == done
    # Both plays: one, the file, two, three, tidy up, four and last, and in the second play the role.
    assert counts["pbx3"]["ok"] == counts["pbx4"]["ok"] == 15
    assert "because pbx1 failed in this run" in " ".join(said.split())
    assert "did rescue" not in said
    # Where there is something to tidy up, both do.
    assert [host for host in ("pbx1", "pbx2") if f"ok: [{host}] => msg: did tidy up" in " ".join(said.split())] == (
        ["pbx1", "pbx2"] if at == "three" else []
    )


def test_a_run_that_is_limited_to_one_is_as_good_as_an_inventory_with_one(tmp_path: Path) -> None:
    _said, counts = run(tmp_path, "two", "--limit", "factory")
    assert sorted(counts) == ["pbx3", "pbx4"]
    _said, counts = run(tmp_path, "two", "--limit", "pbx2")
    assert counts["pbx2"]["failed"] == 0
    assert counts["pbx2"]["ok"] == 15
