#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defaults of resources and operations."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_defaults
short_description: Set defaults of resources and operations of a Pacemaker cluster
version_added: "0.1.0"
description:
  - Sets or removes defaults that apply to all resources, such as C(resource-stickiness), and to all operations, such as
    C(timeout). Defaults that are not named, and those under a rule, stay as they are.
extends_documentation_fragment:
  - dialtone.ha_pbx.pcs
options:
  resource:
    description: Names and values of meta attributes of resources. One whose value is null or empty is removed.
    type: dict
  operation:
    description: Names and values of options of operations. One whose value is null or empty is removed.
    type: dict
  state:
    description: Whether the defaults are to be set. With V(absent) all that are named are removed.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: dialtone.ha_pbx.pcs_property
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: Nothing moves back by itself, and a failure is forgotten after ten minutes
  dialtone.ha_pbx.pcs_defaults:
    resource:
      resource-stickiness: 100
      failure-timeout: 600s
    operation:
      timeout: 60s
"""

RETURN = r"""
changes:
  description: What differed in the configuration, one line a change. Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: ["set resource_default resource-stickiness = 100"]
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

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.module import object_arguments, run_object_module
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Runner


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **object_arguments(),
            "resource": {"type": "dict"},
            "operation": {"type": "dict"},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_one_of=[("resource", "operation")],
        supports_check_mode=True,
    )

    def edit(run: Runner, root: ET.Element) -> list[Action]:
        absent = module.params["state"] == "absent"
        resource = values.desired(module.params["resource"], absent)
        operation = values.desired(module.params["operation"], absent)
        actions = values.ensure(run, root, "resource_default", resource)
        return actions + values.ensure(run, root, "operation_default", operation)

    run_object_module(module, edit)


if __name__ == "__main__":
    main()
