#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: systemd_current
short_description: Have systemd and a service work with what is written
version_added: 0.1.0
description:
  - Has systemd read its units again where files of O(units) are newer than what it has loaded (C(NeedDaemonReload)).
  - Restarts O(service) where it runs and one of O(files) was written after it started. One that does not run reads them when it
    starts, and is not started.
  - What is loaded is compared with what is written, each time. So what an earlier run wrote and did not bring into effect, because it
    broke off, is made up for by the next. A handler would be lost.
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
options:
  units:
    description: Units whose files and drop-ins were written.
    type: list
    elements: str
    default: []
  service:
    description: A service that reads O(files) when it starts.
    type: str
  files:
    description: Files that O(service) reads.
    type: list
    elements: path
    default: []
  announced:
    description:
      - A dry run says that it would write such files. In check mode they then count as newer; otherwise they are on the disk already,
        and this is ignored.
    type: bool
    default: false
author:
  - The dialtone.ha_pbx developers (@dialtone)
"""

EXAMPLES = r"""
- name: Write a drop-in
  dialtone.ha_pbx.config_tree:
    root: /etc/systemd/system/asterisk.service.d
    files: {10-site.conf: "[Service]\nLimitNOFILE=65536\n"}
  register: dropin

- name: Have systemd read it
  dialtone.ha_pbx.systemd_current:
    units: [asterisk.service]
    announced: "{{ dropin is changed }}"

- name: Have the journal use its settings
  dialtone.ha_pbx.systemd_current:
    service: systemd-journald.service
    files: [/etc/systemd/journald.conf.d/90-site.conf]
"""

RETURN = r"""
reloaded:
  description: The units because of which systemd read all of them again.
  returned: success
  type: list
  elements: str
  sample: [asterisk.service]
restarted:
  description: Whether O(service) was restarted.
  returned: success
  type: bool
newer:
  description: The files that were written after O(service) started.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/journald.conf.d/90-site.conf]
"""

import platform

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _systemd_unit as systemd_unit
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result


def main():
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "service": {"type": "str"},
            "files": {"type": "list", "elements": "path", "default": []},
            "announced": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params, announced = module.params, module.check_mode and module.params["announced"]

    def run(argv):
        return Result(*module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    def act(argv, what):
        if module.check_mode:
            return
        result = run(argv)
        if result.rc != 0:
            module.fail_json(
                msg=f"{platform.node()}: could not {what}: {(result.err or result.out).strip()}. What to do:"
                f" `{' '.join(argv)}` there and `journalctl -xe` say why."
            )

    units = {name: systemd_unit.read(run, name) for name in params["units"]}
    stale = [name for name, unit in units.items() if unit.stale or (announced and unit.known)]
    if stale:
        act(["systemctl", "daemon-reload"], "have systemd read its units")
    service = systemd_unit.read(run, params["service"]) if params["service"] else None
    newer = systemd_unit.newer(params["files"], service.since) if service and service.active else []
    restart = bool(newer) or bool(service and service.active and announced)
    if restart:
        act(["systemctl", "restart", params["service"]], f"restart {params['service']}")
    lines = [f"systemctl daemon-reload ({', '.join(stale)})\n"] if stale else []
    lines += [f"systemctl restart {params['service']} ({', '.join(newer) or 'written now'})\n"] if restart else []
    shown = {"diff": {"prepared": "".join(lines)}} if module._diff and lines else {}
    module.exit_json(changed=bool(lines), reloaded=stale, restarted=restart, newer=newer, **shown)


if __name__ == "__main__":
    main()
