#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: asterisk_info
short_description: What Asterisk has loaded, what its files say, and what keeps it from its work
version_added: 0.1.0
description:
  - >-
    Reads the names of what a running Asterisk has loaded, the names that its files give, files that were written and not
    loaded, files that it cannot read, and the room where it writes. Nothing is judged and nothing is changed; the filter
    P(dialtone.ha_pbx.asterisk_problems#filter) judges.
  - Where no Asterisk runs, as on the standby, the files are read all the same, because it will start with them.
options:
  config_dir:
    description: Where Asterisk's configuration is.
    type: path
    default: /etc/asterisk
  reloaded_by:
    description: As in M(dialtone.ha_pbx.asterisk_reload).
    type: dict
    default: {}
  declared:
    description: >-
      Names by kind that the inventory declares, as the filter P(dialtone.ha_pbx.asterisk_declared#filter) gives them. They are
      returned beside what was found, for who judges.
    type: dict
  space:
    description: Directories in which Asterisk writes. Of those that lie on one file system the first counts.
    type: list
    elements: path
    default: []
  trees:
    description: >-
      Directories in which Asterisk makes others, as in that of voicemail one for each tenant and in it one for each mailbox. They, and
      what is two levels below them, must be for O(user) to write to.
    type: list
    elements: path
    default: []
  user:
    description: The account that Asterisk runs as.
    type: str
    default: asterisk
  seconds:
    description: How long Asterisk may take for one command, in seconds.
    type: int
    default: 20
  socket:
    description: Asterisk's control socket.
    type: path
    default: /run/asterisk/asterisk.ctl
  record:
    description: Where M(dialtone.ha_pbx.asterisk_reload) remembers what is loaded.
    type: path
    default: /run/dialtone-pbx/asterisk.json
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
author:
  - The dialtone.ha_pbx developers (@dialtone)
seealso:
  - module: dialtone.ha_pbx.asterisk_reload
  - plugin: dialtone.ha_pbx.asterisk_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at Asterisk
  dialtone.ha_pbx.asterisk_info:
    space: [/var/spool/asterisk/voicemail, /var/lib/asterisk]
    trees: [/var/spool/asterisk/voicemail]
  register: looked

- name: List the telephones
  ansible.builtin.debug:
    msg: "{{ looked.loaded.endpoints }}"
  when: looked.running
"""

RETURN = r"""
running:
  description: Whether an Asterisk runs here.
  returned: success
  type: bool
declared:
  description: What O(declared) said; null without it.
  returned: success
  type: dict
  sample: {"endpoints": ["100-demo", "health"]}
loaded:
  description: Names of what it has loaded, by kind; empty where none runs.
  returned: success
  type: dict
  sample: {"endpoints": ["100-demo", "health"], "mailboxes": ["100@demo"], "modules": ["app_dial.so"]}
written:
  description: Names that the files give, by kind.
  returned: success
  type: dict
  sample: {"endpoints": ["100-demo", "health"], "mailboxes": ["100@demo"]}
differences:
  description: What is loaded otherwise than written, by kind, with C(missing) and C(extra).
  returned: success
  type: dict
  sample: {"endpoints": {"missing": ["100-demo"], "extra": []}}
pending:
  description: Files that were written after their module read them, by module.
  returned: success
  type: dict
  sample: {"res_pjsip.so": ["tenants/demo/pjsip_auth.conf"]}
restart_pending:
  description: Files that are read at the start only, and were written after it.
  returned: success
  type: list
  elements: str
  sample: [modules.conf]
held_back:
  description: Modules that the next start alone reloads, as in M(dialtone.ha_pbx.asterisk_reload). They are not in RV(pending).
  returned: success
  type: list
  elements: str
  sample: [res_pjsip.so]
refused:
  description: What Asterisk cannot take, as sentences. It goes on with what it had, and would not start again.
  returned: success
  type: list
  elements: str
  sample: ["pjsip.conf line 31: a section without its closing bracket"]
ignored:
  description: Lines that Asterisk passes over.
  returned: success
  type: list
  elements: str
  sample: ["pjsip.conf line 31: no equals sign, so the line is ignored"]
unreadable:
  description: Configuration files that O(user) may not read.
  returned: success
  type: list
  elements: str
  sample: [/etc/asterisk/tenants/demo/pjsip_auth.conf]
unwritable:
  description: Directories of O(space) and O(trees) that O(user) may not write to.
  returned: success
  type: list
  elements: str
  sample: [/var/spool/asterisk/voicemail]
space:
  description: >-
    Of O(space), C(path), and the C(bytes) and C(files) that an ordinary account may still write (null where they are not counted).
  returned: success
  type: list
  elements: dict
  sample: [{"path": "/var/spool/asterisk/voicemail", "bytes": 1073741824, "files": 65536}]
"""

import os
import platform
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_loaded as asterisk
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result


def look(module, run):
    """Return what the module returns."""
    params = module.params
    directory = Path(params["config_dir"])
    console = asterisk.Console(run, params["socket"], params["seconds"])
    running = console.answers()
    if running:
        state = asterisk.read_state(console, directory, Path(params["record"]), params["reloaded_by"])
        codecs = asterisk.parse_codecs(console("core show codecs"))
        differences = state.differences()
        files = {name: asterisk.pending(state.files_of(name), state.written, state.record.get(name), state.process.started)
                 for name in state.modules}  # fmt: skip
    else:
        state = asterisk.stopped(directory, params["reloaded_by"])
        codecs, differences, files = set(), {}, {}
    waiting = asterisk.held_back(state) if running else []
    read = {file for name in state.modules for file in state.files_of(name)} | set(state.start_files)
    present = [path for path in params["space"] if os.path.isdir(path)]
    return {
        "running": running,
        "declared": params["declared"],
        "loaded": asterisk.as_data(state.found) if running else {},
        "written": asterisk.as_data(state.written.objects),
        "differences": differences,
        "pending": {name: names for name, names in files.items() if names and name not in waiting},
        "restart_pending": asterisk.restart_pending(state) if running else [],
        "held_back": waiting,
        "refused": asterisk.refused(state, codecs),
        "ignored": [str(mistake) for mistake in state.written.mistakes if not mistake.fatal and mistake.file in read],
        "unreadable": asterisk.unreadable(run, params["user"], directory, state.written),
        "unwritable": asterisk.refused_to(
            run, params["user"], "-w", list(dict.fromkeys([*present, *asterisk.foreign(params["trees"], params["user"])]))
        ),
        "space": asterisk.space(present),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "config_dir": {"type": "path", "default": "/etc/asterisk"},
            "reloaded_by": {"type": "dict", "default": {}},
            "declared": {"type": "dict"},
            "space": {"type": "list", "elements": "path", "default": []},
            "trees": {"type": "list", "elements": "path", "default": []},
            "user": {"type": "str", "default": "asterisk"},
            "seconds": {"type": "int", "default": 20},
            "socket": {"type": "path", "default": "/run/asterisk/asterisk.ctl"},
            "record": {"type": "path", "default": "/run/dialtone-pbx/asterisk.json"},
        },
        supports_check_mode=True,
    )

    def run(argv):
        return Result(*module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    try:
        found = look(module, run)
    except (asterisk.AsteriskError, OSError) as error:
        module.fail_json(msg=f"{platform.node()}: {error}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
