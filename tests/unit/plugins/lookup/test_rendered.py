"""Templates for each item of a list, as a role uses them: by a playbook, from the role's own folder of templates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  vars:
    suffix: of {{ inventory_hostname }}
    tenants: [{name: one, words: [a, b]}, {name: two, words: []}]
  roles:
    - role: rendering
"""
TASKS = """
- ansible.builtin.copy:
    content: >-
      {{ lookup('dialtone.ha_pbx.rendered', 'x/first.conf.j2', 'second.conf.j2', items=tenants, variable='tenant', path=pattern)
         | to_json }}
    dest: "{{ result }}"
    mode: "0600"
"""


def render(tmp_path: Path, pattern: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    role = tmp_path / "roles/rendering"
    for folder in ("tasks", "templates/x"):
        (role / folder).mkdir(parents=True)
    (role / "tasks/main.yml").write_text(TASKS)
    (role / "templates/x/first.conf.j2").write_text("{{ tenant.name }} {{ suffix }}: {{ tenant.words | join(',') }}\n")
    (role / "templates/second.conf.j2").write_text("{% for word in tenant.words %}\n{{ word }}\n{% endfor %}\n")
    (tmp_path / "site.yml").write_text(PLAYBOOK)
    result = tmp_path / "result"
    run = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(tmp_path / "site.yml"),
         "-e", json.dumps({"pattern": pattern, "result": str(result), "ansible_python_interpreter": sys.executable})],
        cwd=tmp_path, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return run, result


def test_each_template_is_rendered_for_each_item(tmp_path: Path) -> None:
    run, result = render(tmp_path, "tenants/{item[name]}/{file}")
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(result.read_text()) == {
        "tenants/one/first.conf": "one of localhost: a,b\n",
        "tenants/one/second.conf": "a\nb\n",
        "tenants/two/first.conf": "two of localhost: \n",
        "tenants/two/second.conf": "",
    }


def test_two_files_of_one_path_are_refused(tmp_path: Path) -> None:
    run, _result = render(tmp_path, "{file}")
    assert run.returncode != 0
    assert "there are two files first.conf" in run.stdout + run.stderr


def test_a_field_that_no_item_has_is_named(tmp_path: Path) -> None:
    run, _result = render(tmp_path, "{item[nmae]}/{file}")
    assert run.returncode != 0
    assert "nmae" in run.stdout + run.stderr
