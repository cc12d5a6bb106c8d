#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster is and how it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_info
short_description: Say what a Pacemaker cluster consists of and how it is
version_added: "0.1.0"
description:
  - Returns nodes, resources with where they run, constraints, properties, fence devices and failed actions of the
    cluster that the host belongs to. Values of options that carry secrets are masked.
  - On a host where the cluster does not run, and on one that is in no cluster, it says so and does not fail.
options:
  capabilities:
    description: Ask C(pcs) for its capabilities too. That starts C(pcs), which takes much longer than all the rest.
    type: bool
    default: false
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.posix
  - dialtone.ha_pbx.attributes.info
requirements:
  - Pacemaker 2.1 or later with its command line tools
author:
  - The dialtone.ha_pbx developers (@dialtone)
seealso:
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: Look at the cluster
  dialtone.ha_pbx.pcs_info:
  register: pbx_cluster

- name: Say where calls are answered
  ansible.builtin.debug:
    msg: "{{ pbx_cluster.resources | selectattr('id', 'eq', 'pbx-ip') | map(attribute='node') | first }}"
"""

RETURN = r"""
cluster:
  description: The cluster as a whole.
  returned: always
  type: dict
  contains:
    name: {description: Its name, type: str}
    configured: {description: Whether the host belongs to a cluster, type: bool}
    running: {description: Whether it runs on the host, type: bool}
    nodes: {description: Names of all nodes, type: list, elements: str}
    online: {description: Names of the nodes that are online, type: list, elements: str}
    standby: {description: Names of the nodes in standby, type: list, elements: str}
    unclean: {description: Names of the nodes that must be fenced and are not yet, type: list, elements: str}
    dc: {description: The node that decides; empty when there is none, type: str}
    quorate: {description: Whether the host's part of the cluster has quorum, type: bool}
    maintenance: {description: Whether the cluster is in maintenance mode, type: bool}
nodes:
  description: The nodes, each with C(name), C(online), C(standby), C(maintenance), C(pending), C(unclean) and C(dc).
  returned: always
  type: list
  elements: dict
resources:
  description: The resources, one entry each, members of groups and clones too.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: Its id, type: str}
    type: {description: V(primitive), type: str}
    agent: {description: Its agent, type: str}
    role: {description: 'Its role; of a clone that of the promoted or a running instance', type: str}
    node: {description: Where that is; empty when it does not run, type: str}
    nodes: {description: All nodes where it runs, type: list, elements: str}
    instances: {description: C(node) and C(role) of each running instance, type: list, elements: dict}
    managed: {description: Whether the cluster manages it, type: bool}
    failed: {description: Whether it has failed, type: bool}
    blocked: {description: 'Whether the cluster can do nothing for it', type: bool}
    group: {description: Its group; empty when it is in none, type: str}
    clone: {description: Its clone; empty when it has none, type: str}
    options: {description: 'Options of the agent, secrets masked', type: dict}
    meta: {description: Meta attributes, type: dict}
    stopped_by:
      description: The resource, group or clone that was told to be stopped (C(target-role)), and this with it; empty for none.
      type: str
    operations: {description: Operations, type: list, elements: dict}
groups:
  description: The groups, each with its members in their order.
  returned: always
  type: dict
constraints:
  description:
    - The constraints in the words of M(dialtone.ha_pbx.pcs_constraint). C(foreign) is true for those of DRBD's fence
      handler and of an operator's ban or move.
  returned: always
  type: list
  elements: dict
properties:
  description: The cluster properties that are set.
  returned: always
  type: dict
resource_defaults:
  description: The defaults of resources.
  returned: always
  type: dict
operation_defaults:
  description: The defaults of operations.
  returned: always
  type: dict
stonith:
  description: The fence devices, as in RV(resources) with V(stonith) as type, and C(targets), the nodes they fence.
  returned: always
  type: list
  elements: dict
failed_actions:
  description: The failures that the cluster remembers.
  returned: always
  type: list
  elements: dict
  contains:
    resource: {description: The resource, type: str}
    action: {description: 'What failed: start, monitor, stop', type: str}
    node: {description: Where, type: str}
    status: {description: What the agent's exit code means, type: str}
    reason: {description: What the agent gave as the reason, type: str}
    when: {description: When, type: str}
capabilities:
  description: What this C(pcs) can do; empty unless O(capabilities) was given.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, corosync
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.info import empty_info, info
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import (
    PcsError,
    capabilities,
    module_runner,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import mon


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"capabilities": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    run = module_runner(module)
    try:
        config = corosync.read_config()
        query = run(["cibadmin", "--query"])
        answer = info(cib.parse(query.out, "the live CIB"), mon(run), config) if query.rc == 0 else empty_info(config)
        if module.params["capabilities"]:
            answer["capabilities"] = sorted(capabilities(run))
    except PcsError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **answer)


if __name__ == "__main__":
    main()
