#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: config_check
short_description: Let programs read configuration files before they have them
version_added: "0.1.0"
description:
  - >-
    Writes each file into a temporary directory that nobody else can read, and lets the program that will read it parse it there.
    What the program says against it is returned; nothing else on the host is touched.
  - >-
    A file whose program the host does not have (yet) is passed over and named in RV(unchecked).
  - It judges and does not fail, so that all that is wrong can be said at once.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where the file will be; for messages.
        type: path
        required: true
      content:
        description: What will be in it. It is never logged.
        type: str
        required: true
      command:
        description: >-
          The program with its arguments, C({file}) for the temporary file. It is looked for in the directories of PATH, and in those
          of the system's programs. Exit code 0 says that the file can be read.
        type: list
        elements: str
        required: true
      cure:
        description: What to do when it cannot be read, for example which variables make it.
        type: str
        required: true
  secrets:
    description: Values that are not shown where a program repeats them in its complaint.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds after which a program is ended that does not come to its end; its file counts as one that cannot be read.
    type: int
    default: 30
seealso:
  - module: dialtone.ha_pbx.config_tree
"""

EXAMPLES = r"""
- name: Let DRBD read its resource
  dialtone.ha_pbx.config_check:
    files:
      - path: /etc/drbd.d/pbx.res
        content: "{{ lookup('ansible.builtin.template', 'resource.res.j2') }}"
        command: [drbdadm, --config-to-test, "{file}", --config-to-exclude, /etc/drbd.d/pbx.res, sh-nop]
        cure: Correct drbd_disk and drbd_net_options in the inventory.
  register: checked
"""

RETURN = r"""
problems:
  description: Files that a program cannot read. C(found) is the file with what the program said, C(cure) what to do.
  returned: success
  type: list
  elements: dict
  sample:
    - found: "drbdadm cannot read what would be in /etc/drbd.d/pbx.res: line 9: Parse error: ';' expected"
      cure: Correct drbd_disk in the inventory.
unchecked:
  description: Paths of the files whose programs the host does not have.
  returned: success
  type: list
  elements: path
  sample: [/etc/drbd.d/pbx.res]
"""

import os
import re
import shutil
import tempfile

from ansible.module_utils.basic import AnsibleModule

#: Where programs of the system are, on Debian and EL, whatever PATH says.
DIRECTORIES = ("/usr/sbin", "/usr/bin", "/usr/libexec", "/sbin", "/bin")

#: Letters of a complaint that are shown.
LONGEST = 600


def find(program):
    """Return the path of a program, None where there is none."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(DIRECTORIES))


def complaint(text, directory, path, secrets):
    """Return what a program said, on one line: of the file at its place, without times and secrets."""
    lines = [line for line in text.splitlines() if line.strip() and "not found" not in line[:30]]
    errors = [line for line in lines if re.search(r"error|invalid|unknown|fatal|conflict|expected|got ", line, re.IGNORECASE)]
    said = " ".join(" ".join(errors or lines).split())
    said = re.sub(r"\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?\s+(?:[0-9]+\s+)?", "", said)
    said = said.replace(os.path.join(directory, os.path.basename(path)), path)
    for secret in filter(None, secrets):
        said = said.replace(secret, "********")
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def check(module, file, secrets, timeout):
    """Return what is wrong with a file, None where its program can read it; FileNotFoundError where there is no program."""
    program = find(file["command"][0])
    if program is None:
        raise FileNotFoundError(file["command"][0])
    directory = tempfile.mkdtemp(prefix="config-check-", dir=module.tmpdir)
    try:
        path = os.path.join(directory, os.path.basename(file["path"]))
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
            handle.write(file["content"])
        limited = [find("timeout") or "timeout", str(timeout), program]
        argv = limited + [argument.replace("{file}", path) for argument in file["command"][1:]]
        rc, out, err = module.run_command(argv, environ_update={"LC_ALL": "C", "LANGUAGE": "C"})
        if rc == 0:
            return None
        said = complaint(err or out, directory, file["path"], secrets) or f"exit code {rc}"
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    name = os.path.basename(file["command"][0])
    return {"found": f"{name} cannot read what would be in {file['path']}: {said.rstrip('.')}", "cure": file["cure"]}


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True, "no_log": True},
                    "command": {"type": "list", "elements": "str", "required": True},
                    "cure": {"type": "str", "required": True},
                },
            },
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    problems, unchecked = [], []
    for file in module.params["files"]:
        try:
            problem = check(module, file, module.params["secrets"], module.params["timeout"])
        except FileNotFoundError:
            unchecked.append(file["path"])
            continue
        problems += [problem] if problem else []
    module.exit_json(changed=False, problems=problems, unchecked=unchecked)


if __name__ == "__main__":
    main()
