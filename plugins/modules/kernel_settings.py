#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kernel_settings
short_description: Have the running kernel use the settings of a file of /etc/sysctl.d
version_added: 0.1.0
description:
  - Compares settings with what the running kernel uses, and has C(systemd-sysctl) apply their file where it differs.
  - A setting that cannot be set here, because the kernel does not have it or a container may not, is passed over and named.
  - Whether the file is written is another task's business. What that wrote in a run that broke off is applied by the next run.
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
options:
  settings:
    description: Value of each key, such as C(net.ipv4.tcp_retries2).
    type: dict
    required: true
  file:
    description: The file that has them.
    type: path
    required: true
author:
  - The dialtone.ha_pbx developers (@dialtone)
"""

EXAMPLES = r"""
- name: Let dead connections end soon
  dialtone.ha_pbx.kernel_settings:
    settings: {net.ipv4.tcp_retries2: 6}
    file: /etc/sysctl.d/90-site.conf
"""

RETURN = r"""
applied:
  description: The settings that were applied, or in check mode would be, with the value before and after.
  returned: success
  type: dict
  sample: {"net.ipv4.tcp_retries2": {"before": "15", "after": "6"}}
passed_over:
  description: The settings that differ and cannot be set here.
  returned: success
  type: list
  elements: str
  sample: [net.core.rmem_max]
"""

import os
import platform
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

PROC = Path("/proc/sys")
#: What systemd runs at boot. Unlike sysctl it takes a key marked with "-" that cannot be set for no failure.
PROGRAM = "/usr/lib/systemd/systemd-sysctl"


def normal(value):
    """Return a value as it compares: the kernel separates several numbers by tabs."""
    return " ".join(str(value).split())


def path_of(key, proc=PROC):
    """Return the file of a key. A dot separates, and where the first separator is a slash, slashes do (sysctl.d(5))."""
    first = next((sign for sign in key if sign in "./"), ".")
    return proc / (key if first == "/" else key.replace("/", "\0").replace(".", "/").replace("\0", "."))


def read(keys, proc=PROC):
    """Return the value of each key; None where the kernel does not have it."""
    values = {}
    for key in keys:
        try:
            values[key] = normal(path_of(key, proc).read_text(encoding="utf-8", errors="replace"))
        except OSError:
            values[key] = None
    return values


def plan(settings, current, settable):
    """Return what to apply and what to pass over.

    :param settings: wanted value by key.
    :param current: value by key, None for a key that the kernel does not have.
    :param settable: keys that can be set here.
    """
    differing = [key for key, value in sorted(settings.items()) if normal(value) != current[key]]
    return [key for key in differing if key in settable], [key for key in differing if key not in settable]


def main():
    module = AnsibleModule(
        argument_spec={"settings": {"type": "dict", "required": True}, "file": {"type": "path", "required": True}},
        supports_check_mode=True,
    )
    settings = module.params["settings"]
    before = read(settings)
    wanted, passed_over = plan(settings, before, {key for key in settings if os.access(path_of(key), os.W_OK)})
    after = {key: normal(settings[key]) for key in settings}
    if wanted and not module.check_mode:
        rc, out, err = module.run_command([PROGRAM, module.params["file"]])
        if rc != 0:
            module.fail_json(
                msg=f"{platform.node()}: {PROGRAM} {module.params['file']} ended with {rc}: {(err or out).strip()}. What to do:"
                " correct the setting that it names."
            )
        after = read(settings)
        # The kernel takes some values for others.
        passed_over = sorted(passed_over + [key for key in wanted if after[key] == before[key]])
    applied = {key: {"before": before[key], "after": after[key]} for key in wanted if key not in passed_over}
    result = {"changed": bool(applied), "applied": applied, "passed_over": passed_over}
    if module._diff and applied:
        result["diff"] = {
            side: "".join(f"{key} = {values[side]}\n" for key, values in applied.items()) for side in ("before", "after")
        }
    module.exit_json(**result)


if __name__ == "__main__":
    main()
