#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine of an ESXi host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: esxi_machine
short_description: A virtual machine of an ESXi host, made once and then compared
version_added: "0.1.0"
description:
  - Makes a virtual machine on a standalone ESXi host or through a vCenter, marks it as ours in the same call, and switches it
    on. A machine that exists is compared, and only what differs is changed.
  - A machine that does not carry the mark is never touched, whatever its name.
  - What only the installation reads (O(isos), O(guestinfo), the image of a disk, O(firmware), O(guest_id),
    O(hardware_version), O(macs)) counts when the machine is made, and is not compared afterwards.
  - Disks grow and never shrink. Disks and cards that are not declared are left alone.
author: The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
  - dialtone.ha_pbx.vsphere
options:
  state:
    description: Whether it is to be there. V(absent) switches it off and destroys it with its disks.
    type: str
    choices: [present, absent]
    default: present
  name:
    description: Name of the machine.
    type: str
    required: true
  node:
    description: Name of the node in the inventory, for messages. Without it, O(name).
    type: str
  uuid:
    description: Its instance uuid, by which it is found again. The machine gets it as the uuid of its BIOS too, which fencing uses.
    type: str
    required: true
  mark:
    description: Whose it is, for example the cluster and the node. A machine with another mark, or with none, is not ours.
    type: str
    required: true
  annotation:
    description: What its notes say, for people.
    type: str
    default: ""
  cpus:
    description: Number of processors. Not given, a machine that exists keeps what it has, and a new one has 2.
    type: int
  memory_mb:
    description: Memory in MiB. Not given, a machine that exists keeps what it has, and a new one has 4096.
    type: int
  guest_id:
    description: Kind of operating system, as the API names it.
    type: str
    default: otherLinux64Guest
  hardware_version:
    description: Version of the virtual hardware; 17 is that of ESXi 7.0.
    type: int
    default: 17
  firmware:
    description: What boots it.
    type: str
    choices: [bios, efi]
    default: efi
  disks:
    description: Its disks, on one ParaVirtual SCSI controller; the place in the list is the unit.
    type: list
    elements: dict
    default: []
    suboptions:
      size_gib:
        description: Size in GiB.
        type: int
        required: true
      provisioning:
        description: When space is taken from the datastore, and whether it is overwritten with zeros before.
        type: str
        choices: [thin, thick, eagerzeroedthick]
        default: thick
      image:
        description: Disk to begin as a copy of, as V([datastore] path/to/image.vmdk). Without it the disk is blank.
        type: str
  networks:
    description: Port groups of its cards (vmxnet3), in their order.
    type: list
    elements: str
    default: []
  macs:
    description: Addresses of those cards.
    type: list
    elements: str
    default: []
  isos:
    description: What is in its CD drives when it is made, as V([datastore] path/to/installer.iso).
    type: list
    elements: str
    default: []
  guestinfo:
    description: Settings that the guest reads when it boots first, C(guestinfo.userdata) and the like.
    type: dict
    default: {}
  power_cycle:
    description: Whether it may be shut down, by itself, for a change that it must be off for.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Make the machine of a node
  dialtone.ha_pbx.esxi_machine:
    hostname: esxi1.example.com
    username: root
    password: "{{ vault_esxi }}"
    datastore: datastore1
    name: pbx1
    uuid: "{{ 'pbx/pbx1' | ansible.builtin.to_uuid }}"
    mark: pbx/pbx1
    cpus: 2
    memory_mb: 4096
    disks:
      - size_gib: 20
      - size_gib: 50
    networks: [Telephones, Replication]
    macs: ["00:50:56:01:02:03", "00:50:56:01:02:04"]
    isos: ["[datastore1] iso/Rocky-9.iso", "[datastore1] dialtone-pbx1.iso"]
  delegate_to: localhost
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done.
  type: dict
  returned: success
  sample:
    {create: false, settings: {memory_mb: [4096, 8192]}, add_disks: [], grow: {}, add_networks: {}, networks: {}, shut_down: true,
     switch_on: true}
machine:
  description: The machine as it is then, with its name, power, cpus, memory_mb, disks (unit to bytes) and networks.
  type: dict
  returned: when there is one
  sample: {name: pbx1, power: "on", cpus: 2, memory_mb: 8192, disks: {"0": 21474836480}, networks: [Telephones]}
found:
  description: What was found to be wrong.
  type: str
  returned: failure
cure:
  description: What to do about it.
  type: str
  returned: failure
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _esxi_machine as esxi_machine
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _esxi_plan as esxi_plan
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _vsphere as vsphere


def removal(module: AnsibleModule, api: vsphere.Vsphere, machine: Any) -> dict[str, Any]:
    """Remove the machine, when there is one."""
    if machine is None:
        return {"changed": False, "actions": {"remove": False}}
    before = esxi_plan.describe(esxi_machine.read(api, machine))
    if not module.check_mode:
        esxi_machine.remove(api, machine)
    return {"changed": True, "actions": {"remove": True}, "diff": {"before": before, "after": ""}}


def presence(module: AnsibleModule, api: vsphere.Vsphere, machine: Any) -> dict[str, Any]:
    """Make the machine, or what differs of it."""
    current = None if machine is None else esxi_machine.read(api, machine)
    params = esxi_plan.completed(current, {**module.params, "node": module.params["node"] or module.params["name"]})
    actions = esxi_plan.plan(current, params)
    changed = esxi_plan.changes(actions)
    then = esxi_plan.after(current, params) if changed else current
    if changed and not module.check_mode:
        then = esxi_machine.read(api, esxi_machine.apply(api, params, machine, actions))
    diff = {"before": esxi_plan.describe(current), "after": esxi_plan.describe(then)}
    return {"changed": changed, "actions": actions, "machine": then, "diff": diff}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **vsphere.ARGUMENTS,
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "node": {"type": "str"},
            "uuid": {"type": "str", "required": True},
            "mark": {"type": "str", "required": True},
            "annotation": {"type": "str", "default": ""},
            "cpus": {"type": "int"},
            "memory_mb": {"type": "int"},
            "guest_id": {"type": "str", "default": "otherLinux64Guest"},
            "hardware_version": {"type": "int", "default": 17},
            "firmware": {"type": "str", "choices": ["bios", "efi"], "default": "efi"},
            "disks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "size_gib": {"type": "int", "required": True},
                    "provisioning": {"type": "str", "choices": ["thin", "thick", "eagerzeroedthick"], "default": "thick"},
                    "image": {"type": "str"},
                },
            },
            "networks": {"type": "list", "elements": "str", "default": []},
            "macs": {"type": "list", "elements": "str", "default": []},
            "isos": {"type": "list", "elements": "str", "default": []},
            "guestinfo": {"type": "dict", "default": {}, "no_log": True},
            "power_cycle": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    if params["state"] == "present" and len(params["macs"]) < len(params["networks"]):
        module.fail_json(msg="macs must have an address for each of the networks")

    def act(api: vsphere.Vsphere) -> dict[str, Any]:
        machine = esxi_machine.find(api, params["name"], params["uuid"], params["mark"])
        return (presence if params["state"] == "present" else removal)(module, api, machine)

    module.exit_json(**vsphere.run(module, act))


if __name__ == "__main__":
    main()
