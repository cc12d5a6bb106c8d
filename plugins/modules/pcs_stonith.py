#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fence device."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_stonith
short_description: Define a fence device of a Pacemaker cluster
version_added: "0.1.0"
description:
  - Creates, changes or removes a fence device.
  - Options whose names say that they carry a secret (password, passwd, secret, key, token and the like) never appear
    on a command line, in a log or in a diff. They are written into the configuration's XML.
extends_documentation_fragment:
  - dialtone.ha_pbx.pcs
  - dialtone.ha_pbx.pcs.resource
options:
  agent:
    description:
      - The fence agent, for instance C(fence_ipmilan). It must be installed on the host. Required for a new device.
    type: str
  options:
    description:
      - Options of the agent, complete but for C(pcmk_host_list) and C(pcmk_delay_base), which are O(nodes) and O(delay). What
        else the cluster has and this does not name is removed.
      - Without it options stay as they are.
    type: dict
  nodes:
    description:
      - The nodes that the device can fence (C(pcmk_host_list)). Without it they stay as they are; an empty list removes them.
    type: list
    elements: str
  delay:
    description:
      - Seconds to wait before fencing (C(pcmk_delay_base)). Give one device of two a delay, so that two nodes that
        lost sight of each other do not fence each other at the same moment.
      - Without it a delay stays as it is; V(0) removes it.
    type: int
seealso:
  - module: dialtone.ha_pbx.pcs_resource
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: Another delay, and all else as it is
  dialtone.ha_pbx.pcs_stonith:
    name: fence-server1
    delay: 7

- name: The management board of server1
  dialtone.ha_pbx.pcs_stonith:
    name: fence-server1
    agent: fence_ipmilan
    nodes: [server1]
    delay: 5
    options:
      ip: 192.0.2.101
      username: cluster
      password: "{{ ipmi_password }}"
      lanplus: true
    operations:
      - {name: monitor, interval: 60s, timeout: 30s}
"""

RETURN = r"""
changes:
  description: What differed in the configuration, one line a change. Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: ["set fence-server1 option password = ********"]
actions:
  description:
    - What the cluster starts, stops and moves because of the change, as C(crm_simulate) predicts it. Empty with
      O(cib_file).
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: C(start), C(stop), C(move), C(restart), C(promote), C(demote) and the like.
      type: str
    resource:
      description: Id of the resource.
      type: str
    source:
      description: The node it leaves, empty when there is none.
      type: str
    dest:
      description: The node it comes to, empty when there is none.
      type: str
    reason:
      description: What in the configuration makes it so, empty when not said.
      type: str
actions_text:
  description: The same as lines for people.
  returned: always
  type: list
  elements: str
interruptions:
  description:
    - What of the service is away meanwhile. C(resource) (or the node that is fenced), C(action), and C(seconds) that it took
      the last time, as far as the cluster remembers.
  returned: always
  type: list
  elements: dict
  sample: [{resource: pbx-ip, action: restart, seconds: 0.3}]
failed_resources:
  description:
    - Resources that do not run after the change, each with C(resource), C(node), C(action), C(cause) and C(cure).
  returned: always
  type: list
  elements: dict
"""

import xml.etree.ElementTree as ET

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import resource
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.module import (
    SecretOptionsModule,
    object_arguments,
    run_object_module,
    stonith_arguments,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Runner


def main() -> None:
    """Run the module."""
    module = SecretOptionsModule(
        argument_spec={
            **object_arguments(),
            **stonith_arguments(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )

    def edit(run: Runner, root: ET.Element) -> list[Action]:
        if module.params["state"] == "absent":
            return resource.ensure_absent(root, module.params["name"], stonith=True)
        return resource.ensure(run, root, resource.desired_stonith(module.params))

    run_object_module(module, edit)


if __name__ == "__main__":
    main()
