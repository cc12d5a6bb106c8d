#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drbd_info
short_description: Read the state of a DRBD resource
version_added: 0.1.0
description:
  - Reads what the kernel and the backing device say about one DRBD resource of one volume, and names what is wrong.
  - Works with DRBD 8.4 and 9. It changes nothing and does not load the kernel module.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
options:
  name:
    description: Name of the resource.
    type: str
    required: true
requirements:
  - drbd-utils on the host
seealso:
  - module: dialtone.ha_pbx.drbd_resource
"""

EXAMPLES = r"""
- name: See how the disk is doing
  dialtone.ha_pbx.drbd_info:
    name: pbx
  register: disk

- name: Stop when the disk is not well
  ansible.builtin.assert:
    that: disk.problems | length == 0
    fail_msg: "{{ disk.problems }}"
"""

RETURN = r"""
resource:
  description:
    - State of the resource on this host. Without the kernel module only C(name) and an empty C(version) are known.
    - >-
      C(metadata) is V(absent), V(clean), V(unclean) (after a crash; DRBD repairs it) or V(unknown).
      C(metadata_new) says that no data was ever written through DRBD. C(contents) is what else is recognised on the
      disk. C(blank) says that the metadata is new and nothing else is on the disk.
  returned: always
  type: dict
  sample:
    blank: false
    contents: [ext4]
    device: /dev/drbd0
    disk: /dev/vdb
    disk_state: UpToDate
    metadata: clean
    metadata_new: false
    name: pbx
    peers:
      - connection: Connected
        disk_state: UpToDate
        name: server2
        percent_done: null
        replication: Established
        role: Secondary
    role: Primary
    suspended: []
    up: true
    version: 8.4.11
problems:
  description: What is wrong, each with C(found) and C(cure); empty when the resource is healthy on this host.
  returned: always
  type: list
  elements: dict
  sample:
    - cure: Is the peer up?
      found: resource pbx waits for the peer, which does not answer
"""

import platform

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _drbd as drbd


def main():
    module = AnsibleModule(argument_spec={"name": {"type": "str", "required": True}}, supports_check_mode=True)

    try:
        state = drbd.read_state(drbd.runner(module), module.params["name"])
    except drbd.DrbdError as error:
        module.fail_json(msg=f"{platform.node()}: {error}")
    module.exit_json(changed=False, resource=drbd.as_dict(state), problems=drbd.problems(state))


if __name__ == "__main__":
    main()
