#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: asterisk_reload
short_description: Load into a running Asterisk what its files say
version_added: 0.1.0
description:
  - >-
    Compares what a running Asterisk has loaded with its configuration files, tells exactly the modules that are behind to
    reload, and looks whether they did. So a reload that an earlier run lost is made up for, and what Asterisk passes over
    without a word is a failure that names it.
  - >-
    Compared are the names of objects (endpoints, AORs, authentications, mailboxes, contexts, extensions, hints, modules), and
    the content of every file with what its module read last. That is remembered in O(record), for this one process; where
    nothing is remembered, files that changed after the process began count as not loaded.
  - Where no Asterisk runs, as on the standby, nothing is done. One that starts reads everything.
  - >-
    Nothing is reloaded while a file holds what Asterisk cannot read, or what its account may not read. Modules that
    C(modules.conf) names and that do not run are loaded.
  - >-
    PJSIP is not reloaded while C(sorcery.conf), which says where its objects are, was written after the start. Asterisk reads that
    file at the start only, and would look for telephones where they were before and drop all of them. See RV(held_back).
options:
  config_dir:
    description: Where Asterisk's configuration is.
    type: path
    default: /etc/asterisk
  reloaded_by:
    description: >-
      Which module reads which file again, beyond the files that Asterisk and the roles of this collection have. The key is the
      file's path relative to O(config_dir), the value is the module's name as C(module show) has it.
    type: dict
    default: {}
  always:
    description: Modules to reload in any case, because what they read besides files has changed.
    type: list
    elements: str
    default: []
  announced:
    description: >-
      Files, relative to O(config_dir), that a dry run says it would write or remove. In check mode they count as changed;
      otherwise they are on the disk already and this is ignored.
    type: list
    elements: str
    default: []
  user:
    description: The account that Asterisk runs as, which must be able to read the files.
    type: str
    default: asterisk
  seconds:
    description: How long Asterisk may take for one command, in seconds. Thousands of telephones make a reload long.
    type: int
    default: 180
  socket:
    description: Asterisk's control socket.
    type: path
    default: /run/asterisk/asterisk.ctl
  log:
    description: Asterisk's log file, of which a failure shows what was said about the reload.
    type: path
    default: /var/log/asterisk/messages.log
  record:
    description: Where to remember what is loaded. It must not survive a restart of the host.
    type: path
    default: /run/dialtone-pbx/asterisk.json
attributes:
  check_mode:
    description: Says which modules would be reloaded and why, and changes nothing.
    support: full
  diff_mode:
    description: Shows which modules are reloaded and why.
    support: full
author:
  - The dialtone.ha_pbx developers (@dialtone)
seealso:
  - module: dialtone.ha_pbx.asterisk_info
  - module: dialtone.ha_pbx.config_tree
"""

EXAMPLES = r"""
- name: Load what was written, where Asterisk runs
  dialtone.ha_pbx.asterisk_reload:

- name: Load what a dry run would write, too
  dialtone.ha_pbx.asterisk_reload:
    announced: "{{ written.written + written.removed }}"

- name: Have the mailboxes read again, whose greetings were replaced
  dialtone.ha_pbx.asterisk_reload:
    always: [app_voicemail.so]

- name: A file of one's own
  dialtone.ha_pbx.asterisk_reload:
    reloaded_by:
      followme.conf: app_followme.so
"""

RETURN = r"""
running:
  description: Whether an Asterisk runs here.
  returned: success
  type: bool
reloaded:
  description: The modules that were reloaded, or in check mode would be, each with the reasons.
  returned: always
  type: dict
  sample: {"res_pjsip.so": ["tenants/demo/pjsip_auth.conf was written after it was loaded", "not loaded: endpoint 103-demo"]}
modules_loaded:
  description: Modules of C(modules.conf) that did not run and were loaded, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: [cdr_custom.so]
restart_pending:
  description: Files that Asterisk reads when it starts and that were written after that.
  returned: always
  type: list
  elements: str
  sample: [pjsip_transports.conf]
held_back:
  description: Modules that are reloaded by the next start only, because C(sorcery.conf) was written after the last one.
  returned: always
  type: list
  elements: str
  sample: [res_pjsip.so]
differences:
  description: After a failure, what is loaded otherwise than written, by kind of object.
  returned: failure
  type: dict
  sample: {"endpoints": {"missing": ["100-demo"], "extra": []}}
"""

import os
import platform
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_loaded as asterisk
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result

#: Parts of Asterisk's source that say what became of a configuration.
SPEAKERS = ("config", "config_options", "res_sorcery_config", "sorcery", "pbx", "pbx_config", "app_voicemail", "format_cap", "loader")


class Reload:
    """One reload, from the first look to the last."""

    def __init__(self, module):
        self.module, self.params = module, module.params
        self.console = asterisk.Console(self.run, self.params["socket"], self.params["seconds"])
        self.result = {"running": False, "reloaded": {}, "modules_loaded": [], "restart_pending": [], "held_back": []}

    def run(self, argv):
        """Run a command."""
        return Result(*self.module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    def read(self):
        """Read Asterisk and its files."""
        return asterisk.read_state(
            self.console, Path(self.params["config_dir"]), Path(self.params["record"]), self.params["reloaded_by"]
        )

    def fail(self, found, cure, **more):
        """Fail with host, what was found and what to do."""
        self.module.fail_json(msg=f"{platform.node()}: {found}. What to do: {cure}", **self.result, **more)

    def announce(self, state):
        """Add what files would change that a dry run did not write."""
        files = set(self.params["announced"])
        for name in state.modules:
            # A file that is not there yet is named by one that includes it, which changes too.
            reasons = [f"{file} would be written" for file in sorted(files & {*state.files_of(name), *self.roots(state, name)})]
            if reasons:
                self.result["reloaded"][name] = reasons + self.result["reloaded"].get(name, [])
        self.result["restart_pending"] = sorted({*self.result["restart_pending"], *(files & set(asterisk.READ_AT_START))})
        waiting = [name for name, file in asterisk.PLACED_BY.items() if file in files and name in self.result["reloaded"]]
        self.result["held_back"] = sorted({*self.result["held_back"], *waiting})
        for name in self.result["held_back"]:
            self.result["reloaded"].pop(name, None)

    @staticmethod
    def roots(state, name):
        """Return the files that a module reads first, there or not."""
        return [root for root, reader in state.reloaded_by.items() if reader == name]

    def refuse(self, state):
        """Fail before anything is reloaded where Asterisk could not take it."""
        hidden = asterisk.unreadable(self.run, self.params["user"], Path(self.params["config_dir"]), state.written)
        if hidden:
            self.fail(
                f"Asterisk's account {self.params['user']} may not read {asterisk.some(hidden)}, so nothing was loaded",
                "Let its group read them and the directories above (site.yml does for what it writes), and run this again.",
            )
        tenants = Path(self.params["config_dir"]) / "tenants"
        if any(path.is_dir() for path in tenants.glob("*")) and not (tenants / "extensions.conf").exists():
            self.fail(
                f"{tenants} has directories of tenants and no file that includes them, so nothing was loaded",
                "Run the role asterisk_tenants too (site.yml, without --skip-tags): an Asterisk that starts now has no telephones.",
            )
        refused = asterisk.refused(state, asterisk.parse_codecs(self.console("core show codecs")))
        if refused:
            self.fail(
                f"Asterisk cannot take its configuration, so nothing was loaded: {'; '.join(refused)}",
                "Correct it in the inventory, or in the file where that is your own. Calls go on with what was loaded before, but"
                " Asterisk would not start again with this.",
            )

    def act(self, state):
        """Load and reload, look again, and remember what is loaded."""
        log = Path(self.params["log"])
        offset = log.stat().st_size if log.exists() else 0
        failures = []
        for name in self.result["modules_loaded"]:
            self.console.ask(f"module load {name}")
        for name in self.result["reloaded"]:
            said = self.console(f"module reload {name}")
            if "reloaded successfully" not in said:
                failures.append(" ".join(said.split()) or f"nothing to the reload of {name}")
        asterisk.settled(log)
        logged = asterisk.said_since(log, offset, SPEAKERS)
        waiting = self.result["held_back"]
        differences = {
            kind: sides
            for kind, sides in self.read().differences().items()
            if asterisk.MAKER.get(kind) not in waiting and not (kind == "modules" and set(sides["missing"]) <= set(waiting))
        }
        behind = {asterisk.MAKER[kind] for kind in differences if kind in asterisk.MAKER}
        if failures or logged:
            # Which module it was is not always said.
            behind.update(self.result["reloaded"])
        # Of the files as they were before the reload: one that changed meanwhile is loaded by the next run.
        read = [name for name in state.modules if name not in behind]
        asterisk.write_record(Path(self.params["record"]), state.process.identity, asterisk.noted(state, read))
        if differences or failures or logged:
            found = [*asterisk.describe(differences), *(f"it answered: {text}" for text in failures)]
            found += [f"its log says: {text}" for text in logged[:5]]
            self.fail(
                f"Asterisk did not load all that its files say: {'; '.join(found)}",
                f"Correct what it does not take, in the inventory (more is in {log}), and run this again. What could not be loaded"
                " goes on as it was before, and may be gone when Asterisk starts again.",
                differences=differences,
            )

    def main(self):
        """Compare, and do what is needed."""
        if not self.console.answers():
            return False
        state = self.read()
        waiting = asterisk.held_back(state)
        self.result.update(
            running=True,
            reloaded=asterisk.plan(state, self.params["always"]),
            restart_pending=asterisk.restart_pending(state),
            held_back=waiting,
            modules_loaded=[name for name in asterisk.missing_modules(state) if name not in waiting],
        )
        if self.module.check_mode:
            self.announce(state)
        elif self.result["reloaded"] or self.result["modules_loaded"]:
            self.refuse(state)
            self.act(state)
        else:
            record = asterisk.noted(state, state.modules)
            if record != state.record:
                asterisk.write_record(Path(self.params["record"]), state.process.identity, record)
        return bool(self.result["reloaded"] or self.result["modules_loaded"])


def main():
    module = AnsibleModule(
        argument_spec={
            "config_dir": {"type": "path", "default": "/etc/asterisk"},
            "reloaded_by": {"type": "dict", "default": {}},
            "always": {"type": "list", "elements": "str", "default": []},
            "announced": {"type": "list", "elements": "str", "default": []},
            "user": {"type": "str", "default": "asterisk"},
            "seconds": {"type": "int", "default": 180},
            "socket": {"type": "path", "default": "/run/asterisk/asterisk.ctl"},
            "log": {"type": "path", "default": "/var/log/asterisk/messages.log"},
            "record": {"type": "path", "default": "/run/dialtone-pbx/asterisk.json"},
        },
        supports_check_mode=True,
    )
    os.umask(0o077)
    reload = Reload(module)
    try:
        changed = reload.main()
    except (asterisk.AsteriskError, OSError) as error:
        module.fail_json(msg=f"{platform.node()}: {error}", **reload.result)
    lines = [f"reload {name}: {'; '.join(why)}\n" for name, why in reload.result["reloaded"].items()]
    lines += [f"load {name}\n" for name in reload.result["modules_loaded"]]
    shown = {"diff": {"prepared": "".join(lines)}} if module._diff and lines else {}
    module.exit_json(changed=changed, **reload.result, **shown)


if __name__ == "__main__":
    main()
