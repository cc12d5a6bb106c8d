#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drbd_resource
short_description: Initialise, bring up, take down or remove a DRBD resource
version_added: 0.1.0
description:
  - Manages metadata and state of a DRBD resource of one volume whose configuration file exists already. DRBD 8.4 and 9.
  - >-
    Metadata is created only on a device that is proven blank: C(drbdadm dump-md) says that there is none, C(wipefs)
    recognises nothing on it, and its first 68 KiB are zero. C(create-md) is never forced.
  - >-
    Data is never overwritten: where that could happen the module fails, says what it found and what to do, and changes
    nothing.
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
author:
  - The dialtone.ha_pbx developers (@dialtone)
options:
  name:
    description: Name of the resource.
    type: str
    required: true
  state:
    description:
      - >-
        V(present) makes sure that the metadata exists, and brings the resource up while its disk never carried data, so
        that two new nodes can meet. A resource with data is neither brought up nor taken down: that is the cluster's
        business.
      - >-
        V(formatted), on one node only and with both connected, declares two new disks equal without copying, and makes
        the file system. Where a file system exists already it does nothing.
      - V(up) is V(present), and the resource is up.
      - V(down) takes the resource down; it fails while the resource is primary.
      - V(absent) takes it down and removes the metadata, for which O(wipe_data) must be set.
    type: str
    choices: [present, formatted, up, down, absent]
    default: present
  fstype:
    description: File system to make when O(state=formatted).
    type: str
    choices: [ext4, xfs]
    default: ext4
  mkfs_options:
    description: Further arguments of the tool that makes the file system.
    type: list
    elements: str
    default: []
  peer_blank:
    description:
      - >-
        What the peer's C(resource.blank) was: its metadata is new and nothing else is on its disk. O(state=formatted)
        on new disks needs it, because one node cannot see what is on the other's disk.
    type: bool
    default: false
  config:
    description:
      - >-
        The resource's configuration file. With O(state=present) a resource that is up is made to follow it (C(drbdadm adjust)) when it
        was written after DRBD read it, be it by an earlier run that broke off.
    type: path
  adjust:
    description: A dry run says that it would write O(config). In check mode it then counts as not read; otherwise this is ignored.
    type: bool
    default: false
  wipe_data:
    description: Confirms that O(state=absent) may remove the metadata.
    type: bool
    default: false
requirements:
  - drbd-utils on the host, and the kernel module loaded
seealso:
  - module: dialtone.ha_pbx.drbd_info
"""

EXAMPLES = r"""
- name: Create the metadata on a blank disk, and let two new disks meet
  dialtone.ha_pbx.drbd_resource:
    name: pbx
  register: disk

- name: Make the file system, on one node
  dialtone.ha_pbx.drbd_resource:
    name: pbx
    state: formatted
    fstype: ext4
    peer_blank: "{{ hostvars['server2'].disk.resource.blank }}"
  when: inventory_hostname == 'server1'

- name: Follow a changed configuration file
  dialtone.ha_pbx.drbd_resource:
    name: pbx
    config: /etc/drbd.d/pbx.res

- name: Give up the replica on this host
  dialtone.ha_pbx.drbd_resource:
    name: pbx
    state: absent
    wipe_data: true
"""

RETURN = r"""
resource:
  description: State of the resource after the run (in check mode, before it); see M(dialtone.ha_pbx.drbd_info).
  returned: success
  type: dict
  sample:
    blank: true
    contents: []
    device: /dev/drbd0
    disk: /dev/vdb
    disk_state: Inconsistent
    metadata: clean
    metadata_new: true
    name: pbx
    peers: []
    role: Secondary
    suspended: []
    up: true
    version: 8.4.11
actions:
  description: Commands that were run (in check mode, that would be run), each with its reason.
  returned: success
  type: list
  elements: dict
  sample:
    - command: drbdadm create-md pbx
      why: /dev/vdb was found blank and has no metadata
"""

import json
import platform
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _drbd as drbd


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "formatted", "up", "down", "absent"],
                "default": "present",
            },
            "fstype": {"type": "str", "choices": ["ext4", "xfs"], "default": "ext4"},
            "mkfs_options": {"type": "list", "elements": "str", "default": []},
            "peer_blank": {"type": "bool", "default": False},
            "config": {"type": "path"},
            "adjust": {"type": "bool", "default": False},
            "wipe_data": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params

    run = drbd.runner(module)
    # From before: what is written meanwhile counts as not read.
    moment, stamp = time.time(), drbd.STAMPS / f"drbd-{params['name']}"
    desired = drbd.Desired(
        state=params["state"],
        fstype=params["fstype"],
        mkfs_options=tuple(params["mkfs_options"]),
        peer_new=params["peer_blank"],
        wipe_data=params["wipe_data"],
        adjust=bool(params["config"])
        and ((module.check_mode and params["adjust"]) or drbd.unread(Path(params["config"]), stamp, drbd.booted())),
    )

    def read(changed, said=""):
        try:
            return drbd.read_state(run, params["name"])
        except drbd.DrbdError as error:
            return module.fail_json(msg=f"{platform.node()}: {said}{error}", changed=changed)

    state = read(changed=False)
    try:
        actions = drbd.plan(state, desired)
        before, after = drbd.describe(state), drbd.expected(state, actions)
        if not module.check_mode:
            drbd.apply(run, actions)
    except drbd.DrbdError as error:
        # What a command did before the one that failed stays done, unless the message says that it was taken back.
        now = read(changed=True, said=f"{error} ")
        module.fail_json(msg=f"{platform.node()}: {error}", changed=now != state, resource=drbd.as_dict(now))
    if actions and not module.check_mode:
        state = read(changed=True)
        if any(action.argv[:2] in (("drbdadm", "up"), ("drbdadm", "adjust")) for action in actions):
            drbd.note_read(stamp, moment)
    module.exit_json(
        changed=bool(actions),
        resource=drbd.as_dict(state),
        actions=[{"command": " ".join(action.argv), "why": action.why} for action in actions],
        diff={
            "before": json.dumps(before, indent=2, sort_keys=True) + "\n",
            "after": json.dumps(after, indent=2, sort_keys=True) + "\n",
        },
    )


if __name__ == "__main__":
    main()
