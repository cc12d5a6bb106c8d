#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resource."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_resource
short_description: Define a resource of a Pacemaker cluster
version_added: "0.1.0"
description:
  - Creates, changes or removes a resource, its place in a group, and its clone. O(state=absent) also removes a group, a clone or a
    bundle by its name, with all that is in it.
  - An existing resource is changed where it stands. It keeps its place in its group and its constraints.
  - C(pcs) checks a new or changed resource against the metadata of its agent, which therefore must be installed on
    the host.
extends_documentation_fragment:
  - dialtone.ha_pbx.pcs
  - dialtone.ha_pbx.pcs.resource
options:
  agent:
    description:
      - The agent with class and provider, for instance C(ocf:heartbeat:IPaddr2) or C(systemd:chrony).
      - Required for a resource that does not exist. The agent of an existing resource cannot be changed, because
        Pacemaker would stop what runs with an agent that did not start it.
    type: str
  options:
    description:
      - Options of the agent, complete. What the cluster has and this does not name is removed. Options whose names say
        that they carry a secret are masked in diffs and never appear on a command line.
      - Without it options stay as they are.
    type: dict
  group:
    description:
      - The group that the resource belongs to, made when it does not exist. A new member comes last, or where O(after)
        and O(before) say.
      - Empty means that the resource is in no group. Without it the resource stays where it is.
      - A group that loses its last member is removed. What names it must be changed or removed in the same transaction
        (M(dialtone.ha_pbx.pcs_cib)), or before. A resource inside a bundle stays there.
    type: str
  after:
    description:
      - A member of O(group) behind which this one must stand. A new member comes directly behind it. One that is
        there already is moved only when it stands in front of it.
    type: str
  before:
    description:
      - A member of O(group) in front of which this one must stand. See O(after).
    type: str
  clone:
    description:
      - Meta attributes of the clone, complete as for O(meta). An empty dict makes a clone without any.
      - The clone has the id of the resource with C(-clone) behind it. Without it the resource stays as it is.
    type: dict
  promotable:
    description:
      - Meta attributes of a promotable clone, complete as for O(meta); C(promotable=true) is added.
      - Excludes O(clone).
    type: dict
seealso:
  - module: dialtone.ha_pbx.pcs_constraint
  - module: dialtone.ha_pbx.pcs_stonith
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: The floating address, last in the group
  dialtone.ha_pbx.pcs_resource:
    name: pbx-ip
    agent: ocf:heartbeat:IPaddr2
    options:
      ip: 192.0.2.10
      cidr_netmask: 24
    operations:
      - {name: monitor, interval: 10s, timeout: 20s}
      - {name: start, timeout: 20s}
      - {name: stop, timeout: 20s}
    group: pbx
    after: pbx-fs

- name: The disk, on a copy that is committed later
  dialtone.ha_pbx.pcs_resource:
    cib_file: /run/pbx-cib.xml
    name: pbx-drbd
    agent: ocf:linbit:drbd
    options:
      drbd_resource: pbx
    operations:
      - {name: monitor, interval: 29s, role: Promoted}
      - {name: monitor, interval: 31s, role: Unpromoted}
    promotable:
      promoted-max: 1
      promoted-node-max: 1
      clone-max: 2
      clone-node-max: 1
      notify: true
"""

RETURN = r"""
changes:
  description: What differed in the configuration, one line a change. Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: ["create pbx-ip = ocf:heartbeat:IPaddr2", "set pbx-ip option ip = 192.0.2.10"]
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
    resource_arguments,
    run_object_module,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import Runner


def main() -> None:
    """Run the module."""
    module = SecretOptionsModule(
        argument_spec={
            **object_arguments(),
            **resource_arguments(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        mutually_exclusive=[("clone", "promotable")],
        supports_check_mode=True,
    )

    def edit(run: Runner, root: ET.Element) -> list[Action]:
        if module.params["state"] == "absent":
            return resource.ensure_absent(root, module.params["name"])
        return resource.ensure(run, root, resource.desired_resource(module.params))

    run_object_module(module, edit)


if __name__ == "__main__":
    main()
