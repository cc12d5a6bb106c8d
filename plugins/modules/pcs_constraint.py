#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A constraint."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_constraint
short_description: Define a location, colocation or order constraint of a Pacemaker cluster
version_added: "0.1.0"
description:
  - Creates, changes or removes a constraint, recognised by its id.
  - Of a constraint that exists, what is not given stays as it is, also what this module cannot declare
    (C(resource-discovery), C(influence), C(lifetime) and the like).
  - Something else with the same id is never replaced - a constraint of another type, one with sets or rules, a ticket.
  - Constraints whose id begins with C(drbd-fence) or C(cli-) belong to DRBD's fence handler and to what an operator
    did (C(pcs resource ban), C(pcs resource move)); the module refuses to touch them.
extends_documentation_fragment:
  - dialtone.ha_pbx.pcs
options:
  id:
    description: The id of the constraint.
    type: str
    required: true
  type:
    description:
      - The kind of constraint. Required for a new one. With O(state=absent) the constraint is only removed when it is of this
        kind.
    type: str
    choices: [location, colocation, order]
  resource:
    description:
      - With O(type=location) and O(type=colocation), the resource, group or clone that is placed. Required for a new one.
    type: str
  node:
    description:
      - With O(type=location), the node. Required for a new one. The module warns when the cluster has no such node.
    type: str
  score:
    description:
      - With O(type=location) and O(type=colocation), an integer, V(INFINITY) or V(-INFINITY). A new constraint has V(INFINITY)
        by default.
    type: str
  role:
    description: With O(type=location), the role that is placed (Promoted, Unpromoted). Empty removes it.
    type: str
  with_resource:
    description:
      - With O(type=colocation), the resource, group or clone with which O(resource) is placed. Required for a new one.
    type: str
  resource_role:
    description: With O(type=colocation), the role of O(resource). Empty removes it.
    type: str
  with_role:
    description: With O(type=colocation), the role of O(with_resource). Empty removes it.
    type: str
  first:
    description: With O(type=order), what comes first. Required for a new one.
    type: str
  first_action:
    description: With O(type=order), the action of O(first). A new constraint has V(start) by default.
    type: str
    choices: [start, stop, promote, demote]
  then:
    description: With O(type=order), what follows. Required for a new one.
    type: str
  then_action:
    description: With O(type=order), the action of O(then). A new constraint has that of O(first) by default.
    type: str
    choices: [start, stop, promote, demote]
  kind:
    description: With O(type=order), how binding the order is. A new constraint is V(Mandatory) by default.
    type: str
    choices: [Mandatory, Optional, Serialize]
  symmetrical:
    description:
      - With O(type=order), whether the reverse order applies to the reverse actions. A new constraint has it so by default, but for
        O(kind=Serialize).
    type: bool
  state:
    description: Whether the constraint is to be there.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: dialtone.ha_pbx.pcs_resource
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: The service runs where the disk is promoted
  dialtone.ha_pbx.pcs_constraint:
    id: pbx-with-disk
    type: colocation
    resource: pbx
    with_resource: pbx-drbd-clone
    with_role: Promoted
    score: INFINITY

- name: The disk is promoted first
  dialtone.ha_pbx.pcs_constraint:
    id: disk-then-pbx
    type: order
    first: pbx-drbd-clone
    first_action: promote
    then: pbx
    then_action: start
"""

RETURN = r"""
changes:
  description: What differed in the configuration, one line a change. Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: ["create disk-then-pbx constraint order = first=pbx-drbd-clone ..."]
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

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import constraint
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.module import (
    constraint_arguments,
    object_arguments,
    run_object_module,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Runner


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **object_arguments(),
            **constraint_arguments(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        supports_check_mode=True,
    )

    def edit(_run: Runner, root: ET.Element) -> list[Action]:
        if module.params["state"] == "absent":
            return constraint.ensure_absent(root, module.params["id"], module.params["type"])
        actions = constraint.ensure(root, constraint.desired(module.params))
        for warning in constraint.warnings(root, module.params["id"]):
            module.warn(warning)
        return actions

    run_object_module(module, edit)


if __name__ == "__main__":
    main()
