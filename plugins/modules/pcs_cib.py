#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a cluster as one transaction."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_cib
short_description: Change the configuration of a Pacemaker cluster in one transaction
version_added: "0.1.0"
description:
  - Takes a copy of the cluster's configuration (CIB), on which the other modules work with their option C(cib_file),
    and commits it. Or applies a whole declaration at once (O(state=apply)).
  - A commit compares the copy with the original (C(crm_diff)), lets Pacemaker verify it (C(crm_verify)), simulates what
    would start, stop and move (C(crm_simulate)), pushes the difference once, and waits until the cluster has settled.
  - A commit is refused, and the cluster stays as it was, when Pacemaker finds an error in the new configuration that the
    former one did not have, when something names what is not there any more, and when somebody changed the configuration
    since the copy was taken. Constraints of DRBD's fence handler and of an operator's ban or move, standby and maintenance
    of nodes are not touched and do not count as such a change.
  - Warnings of C(crm_verify), and errors that the former configuration had too, are told and do not stop a change.
  - On a host that belongs to no cluster, a dry run begins with an empty configuration, in which other tasks would have declared
    fence devices by then; that it has none is no error.
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.posix
options:
  state:
    description:
      - V(checkout) writes the live configuration to O(path), and for comparison to O(path) with C(.orig) behind it.
        Both are readable by root only, for they carry the secrets of fence devices.
      - V(commit) brings an edited copy into the cluster and removes it.
      - V(discard) removes a copy.
      - V(apply) does all in one step. It takes a private copy, applies what is declared in O(properties),
        O(resource_defaults), O(operation_defaults), O(stonith), O(resources) and O(constraints), and commits it.
    type: str
    choices: [checkout, commit, discard, apply]
    required: true
  path:
    description: The copy. Required but for O(state=apply).
    type: path
  wait:
    description:
      - Seconds to wait after a change until the cluster has settled. The module fails when it has not by then, or when
        a resource that the change concerns does not run.
      - V(0) does not wait.
    type: int
    default: 0
  interruption:
    description:
      - What to do when something that runs would be stopped, restarted, moved or demoted by the change, or a node fenced.
        A restart of a fence device does not count.
      - V(refuse) fails before anything is changed, in check mode too, and says what would be away and how long that took
        the last time.
    type: str
    choices: [accept, refuse]
    default: accept
  properties:
    description: With O(state=apply), as in M(dialtone.ha_pbx.pcs_property).
    type: dict
  resource_defaults:
    description: With O(state=apply), as O(dialtone.ha_pbx.pcs_defaults#module:resource).
    type: dict
  operation_defaults:
    description: With O(state=apply), as O(dialtone.ha_pbx.pcs_defaults#module:operation).
    type: dict
  stonith:
    description: With O(state=apply), fence devices with the options of M(dialtone.ha_pbx.pcs_stonith).
    type: list
    elements: dict
    suboptions:
      name: &name
        description: The id of the object in the cluster.
        type: str
        required: true
      agent: &agent
        description: The agent. Required for an object that does not exist.
        type: str
      options: &options
        description: Options of the agent, complete but for those with a parameter of their own.
        type: dict
      operations: &operations
        description: The operations, complete.
        type: list
        elements: dict
      meta: &meta
        description: Meta attributes, complete but for the operator's.
        type: dict
      nodes:
        description: The nodes that the device can fence. Not given, they stay; an empty list removes them.
        type: list
        elements: str
      delay:
        description: Seconds to wait before fencing. Not given, they stay; V(0) removes them.
        type: int
      state: &state
        description: Whether the object is to be there.
        type: str
        choices: [present, absent]
        default: present
  resources:
    description:
      - With O(state=apply), resources with the options of M(dialtone.ha_pbx.pcs_resource).
      - The order of the list is the order of the members in a group.
    type: list
    elements: dict
    suboptions:
      name: *name
      agent: *agent
      options: *options
      operations: *operations
      meta: *meta
      group:
        description: The group that the resource belongs to; empty for none.
        type: str
      after:
        description: A member of the group behind which this one must stand.
        type: str
      before:
        description: A member of the group in front of which this one must stand.
        type: str
      clone:
        description: Meta attributes of the clone.
        type: dict
      promotable:
        description: Meta attributes of the promotable clone.
        type: dict
      state: *state
  constraints:
    description:
      - With O(state=apply), constraints with the options of M(dialtone.ha_pbx.pcs_constraint). Of one that exists, what is not given
        stays.
    type: list
    elements: dict
    suboptions:
      id:
        description: The id of the constraint.
        type: str
        required: true
      type:
        description: The kind of constraint.
        type: str
        choices: [location, colocation, order]
      resource:
        description: What is placed.
        type: str
      node:
        description: Where.
        type: str
      score:
        description: How much.
        type: str
      role:
        description: The role that is placed.
        type: str
      with_resource:
        description: What it is placed with.
        type: str
      resource_role:
        description: The role of the one.
        type: str
      with_role:
        description: The role of the other.
        type: str
      first:
        description: What comes first.
        type: str
      first_action: &verb
        description: Its action.
        type: str
        choices: [start, stop, promote, demote]
      then:
        description: What follows.
        type: str
      then_action: *verb
      kind:
        description: How binding the order is.
        type: str
        choices: [Mandatory, Optional, Serialize]
      symmetrical:
        description: Whether the reverse order applies to the reverse actions.
        type: bool
      state: *state
attributes:
  check_mode:
    description: Compares, verifies and simulates, and does not push. The copy is removed by a commit all the same.
    support: full
  diff_mode:
    description: Shows the configuration before and after, with secrets masked, and what the cluster would do.
    support: full
requirements:
  - pcs 0.10.10 or later
  - Pacemaker 2.1 or later with its command line tools
author:
  - The dialtone.ha_pbx developers (@dialtone)
seealso:
  - module: dialtone.ha_pbx.pcs_info
"""

EXAMPLES = r"""
- name: Take a copy of the cluster's configuration
  dialtone.ha_pbx.pcs_cib:
    state: checkout
    path: /run/pbx-cib.xml

- name: Edit the copy
  dialtone.ha_pbx.pcs_property:
    cib_file: /run/pbx-cib.xml
    properties:
      stonith-enabled: true

- name: Bring it into the cluster, and wait until all runs
  dialtone.ha_pbx.pcs_cib:
    state: commit
    path: /run/pbx-cib.xml
    wait: 120

- name: The same and more in one step
  dialtone.ha_pbx.pcs_cib:
    state: apply
    wait: 120
    properties:
      stonith-enabled: true
    resources:
      - name: pbx-fs
        agent: ocf:heartbeat:Filesystem
        options: {device: /dev/drbd0, directory: /srv/pbx, fstype: ext4}
        group: pbx
      - name: pbx-ip
        agent: ocf:heartbeat:IPaddr2
        options: {ip: 192.0.2.10}
        group: pbx
    constraints:
      - {id: pbx-home, type: location, resource: pbx, node: server1, score: 10}
"""

RETURN = r"""
path:
  description: The copy.
  returned: when O(path) was given
  type: str
changes:
  description: What differs in the configuration, one line an object (commit) or a change (apply). Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: ["+ group pbx", "~ rsc_order disk-then-pbx"]
actions:
  description: What the cluster starts, stops and moves because of the change, as C(crm_simulate) predicts it.
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
  sample: ["move pbx-ip server1 -> server2"]
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
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import corosync, declaration
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.module import (
    SecretOptionsModule,
    constraint_arguments,
    edit_live,
    outcome_result,
    resource_arguments,
    stonith_arguments,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Runner, module_runner
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import (
    CommitFailed,
    Outcome,
    checkout,
    commit_file,
    discard,
)

DECLARATIONS = ("properties", "resource_defaults", "operation_defaults", "stonith", "resources", "constraints")


def objects(arguments: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A list of objects with the arguments of their module."""
    state = {"type": "str", "choices": ["present", "absent"], "default": "present"}
    return {"type": "list", "elements": "dict", "options": {**arguments, "state": state}}


def main() -> None:
    """Run the module."""
    module = SecretOptionsModule(
        argument_spec={
            "state": {"type": "str", "choices": ["checkout", "commit", "discard", "apply"], "required": True},
            "path": {"type": "path"},
            "wait": {"type": "int", "default": 0},
            "interruption": {"type": "str", "choices": ["accept", "refuse"], "default": "accept"},
            "properties": {"type": "dict"},
            "resource_defaults": {"type": "dict"},
            "operation_defaults": {"type": "dict"},
            "stonith": objects(stonith_arguments()),
            "resources": objects(resource_arguments()),
            "constraints": objects(constraint_arguments()),
        },
        required_if=[
            ("state", "checkout", ("path",)),
            ("state", "commit", ("path",)),
            ("state", "discard", ("path",)),
            ("state", "apply", DECLARATIONS, True),
        ],
        supports_check_mode=True,
    )
    params, run = module.params, module_runner(module)
    strays = [name for name in DECLARATIONS if params[name] is not None]
    if params["state"] != "apply" and strays:
        module.fail_json(msg=f"{', '.join(strays)}: only with state=apply; a copy is edited by the other pcs modules")
    path = Path(params["path"]) if params["path"] else None
    interrupt = params["interruption"] == "accept"
    outcome = Outcome()

    def edit(run: Runner, root: ET.Element) -> list[Action]:
        actions = declaration.ensure(run, root, params)
        for warning in declaration.warnings(root, params):
            module.warn(warning)
        return actions

    try:
        if params["state"] == "apply":
            # A dry run of what makes the cluster first: that there is no fence device is no fault of this declaration, nor news.
            no_cluster = module.check_mode and corosync.read_config() is None
            actions, outcome = edit_live(
                run,
                edit,
                check_mode=module.check_mode,
                wait=params["wait"],
                tolerate_old_errors=no_cluster,
                interrupt=interrupt,
            )
            outcome.changes = [action.text() for action in actions] if outcome.changed else []
            outcome.warnings = [] if no_cluster else outcome.warnings
        elif path is None:
            raise PcsError(f"state={params['state']} needs path")
        elif params["state"] == "checkout":
            # In check mode too: the copy is scratch, and without it the rest of a play could say nothing.
            checkout(run, path)
        elif params["state"] == "commit":
            outcome = commit_file(run, path, check_mode=module.check_mode, wait=params["wait"], interrupt=interrupt)
        else:
            discard(path)
    except CommitFailed as error:
        module.fail_json(msg=str(error), **outcome_result(error.outcome), diff=error.outcome.diff)
    except PcsError as error:
        module.fail_json(msg=str(error))
    for warning in outcome.warnings:
        module.warn(warning)
    result = {**outcome_result(outcome), "changes": outcome.changes}
    if path is not None:
        result["path"] = str(path)
    if module._diff and outcome.diff:
        result["diff"] = outcome.diff
    module.exit_json(**result)


if __name__ == "__main__":
    main()
