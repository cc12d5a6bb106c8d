#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a virtual machine on an ESXi host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: esxi_info
short_description: What stands in the way of a virtual machine on an ESXi host, before anything is made
version_added: "0.1.0"
description:
  - Logs in to a standalone ESXi host or a vCenter and looks at all that a new machine needs of it. It changes nothing.
  - It reports everything at once that it finds, each with what to do. Only when it does not get in, there is no more to say.
author: The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
  - dialtone.ha_pbx.vsphere
options:
  name:
    description: Name of the machine.
    type: str
    required: true
  uuid:
    description: Its instance uuid.
    type: str
    required: true
  mark:
    description: Whose it is; see M(dialtone.ha_pbx.esxi_machine).
    type: str
    required: true
  networks:
    description: Port groups that its cards are to be in.
    type: list
    elements: dict
    default: []
    suboptions:
      port_group:
        description: Name of the port group.
        type: str
        required: true
      vswitch:
        description: Virtual switch on which it is made when it is missing. Without it the port group must exist.
        type: str
  disks:
    description: Sizes of its disks in GiB; the place in the list is the unit.
    type: list
    elements: int
    default: []
  memory_mb:
    description: Its memory in MiB. As much space is taken on the datastore while it runs, for its swap file.
    type: int
    default: 0
  files:
    description: Files of the datastore that are asked for, as paths in it.
    type: list
    elements: str
    default: []
  needed_files:
    description: Those of them that must be there when the machine is still to be made.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Look at the ESXi host
  dialtone.ha_pbx.esxi_info:
    hostname: esxi1.example.com
    username: root
    password: "{{ vault_esxi }}"
    datastore: datastore1
    name: pbx1
    uuid: "{{ 'pbx/pbx1' | ansible.builtin.to_uuid }}"
    mark: pbx/pbx1
    networks:
      - port_group: Telephones
        vswitch: vSwitch0
    disks: [20, 50]
    memory_mb: 4096
  delegate_to: localhost
  register: esxi
"""

RETURN = r"""
problems:
  description: What is in the way, each with C(found) and C(cure).
  type: list
  elements: dict
  returned: success
  sample: [{found: there is no datastore datastore2, cure: Name one of them in esxi_vm_datastore.}]
exists:
  description: Whether the machine is there already.
  type: bool
  returned: success
is_vcenter:
  description: Whether it is a vCenter.
  type: bool
  returned: success
version:
  description: What answered, with its version.
  type: str
  returned: success
  sample: VMware ESXi 7.0.3 build-21930508
esxi_host:
  description: Name of the ESXi host, as the API has it.
  type: str
  returned: when it was found
missing_port_groups:
  description: Port groups of O(networks) that are still to be made.
  type: list
  elements: str
  returned: success
datastore:
  description: >-
    The datastore with C(url), which tells datastores of one name apart, C(free) and C(capacity) in bytes, and C(needed), the bytes
    that the machine will take of it.
  type: dict
  returned: when it was found
  sample: {url: "ds:///vmfs/volumes/5f3c/", free: 536870912000, capacity: 1073741824000, needed: 75161927680}
missing_files:
  description: Those of O(files) that are not there.
  type: list
  elements: str
  returned: when the datastore was found
place:
  description: What tells this ESXi host from others, for nodes that share one.
  type: str
  returned: when the host was found
  sample: vcenter.example.com/esxi1.example.com
found:
  description: Why it did not get in.
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


class Look:
    """One look at everything; what is wrong is kept in C(problems)."""

    def __init__(self, api: vsphere.Vsphere, params: dict[str, Any]) -> None:
        self.api = api
        self.params = params
        self.problems: list[dict[str, str]] = []

    def attempt(self, look: Any) -> Any:
        """Return what a look returns; None when it finds something wrong, which is kept."""
        try:
            return look()
        except vsphere.VsphereError as error:
            self.report(error.found, error.cure)
            return None

    def report(self, found: str, cure: str) -> None:
        """Keep something that is wrong, once."""
        problem = {"found": found, "cure": cure}
        if problem not in self.problems:
            self.problems.append(problem)

    def networks(self, host: Any) -> list[str]:
        """Return the port groups that are to be made; report those that cannot be."""
        known = self.api.networks()
        switches = sorted(item.name for item in host.configManager.networkSystem.networkInfo.vswitch)
        missing = []
        for network in self.params["networks"]:
            name, switch = network["port_group"], network["vswitch"]
            if name in known:
                continue
            if not switch:
                self.report(
                    f"there is no port group {name}, but {', '.join(sorted(known)) or 'none at all'}",
                    "Name one of them in esxi_vm_networks, or say with `vswitch` on which virtual switch it is to be made"
                    f" ({', '.join(switches)}).",
                )
            elif switch not in switches:
                self.report(
                    f"there is no virtual switch {switch} for the port group {name}, but {', '.join(switches) or 'none at all'}",
                    "Name one of them in esxi_vm_networks (`vswitch`), or make it on the host and give it its network cards.",
                )
            else:
                missing.append(name)
        return missing

    def space(self, datastore: Any, current: esxi_plan.Machine | None) -> dict[str, Any]:
        """Return what the datastore has, and what the machine will take of it."""
        has = (current or {"disks": {}})["disks"]
        needed = sum(max(0, size * esxi_plan.GIB - has.get(unit, 0)) for unit, size in enumerate(self.params["disks"]))
        if current is None:
            needed += self.params["memory_mb"] << 20
        summary = datastore.summary
        return {"url": summary.url, "free": summary.freeSpace, "capacity": summary.capacity, "needed": needed}

    def all(self) -> dict[str, Any]:
        """Look at everything and return what the module returns."""
        api, params = self.api, self.params
        about = api.content.about
        result: dict[str, Any] = {
            "is_vcenter": api.is_vcenter, "version": about.fullName, "missing_port_groups": [], "problems": self.problems,
        }  # fmt: skip
        if api.read_only():
            self.report(*vsphere.READ_ONLY)
        machine = self.attempt(lambda: esxi_machine.find(api, params["name"], params["uuid"], params["mark"]))
        result["exists"] = machine is not None
        host = self.attempt(api.host)
        if host is None:
            return result
        result["esxi_host"] = host.name
        result["place"] = f"{params['hostname']}/{host.name}"
        result["missing_port_groups"] = self.networks(host)
        datastore = self.attempt(api.datastore)
        if datastore is None:
            return result
        result["datastore"] = self.space(datastore, esxi_machine.read(api, machine) if machine else None)
        result["missing_files"] = [path for path in params["files"] if api.file_size(path) is None]
        for path in params["needed_files"] if machine is None else []:
            if path in result["missing_files"]:
                self.report(
                    f"there is no file {path} in the datastore {params['datastore']}",
                    "Upload it there, or let the controller do that: give esxi_vm_media_url and esxi_vm_media_checksum.",
                )
        return result


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **vsphere.ARGUMENTS,
            "name": {"type": "str", "required": True},
            "uuid": {"type": "str", "required": True},
            "mark": {"type": "str", "required": True},
            "networks": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"port_group": {"type": "str", "required": True}, "vswitch": {"type": "str"}},
            },
            "disks": {"type": "list", "elements": "int", "default": []},
            "memory_mb": {"type": "int", "default": 0},
            "files": {"type": "list", "elements": "str", "default": []},
            "needed_files": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **vsphere.run(module, lambda api: Look(api, module.params).all()))


if __name__ == "__main__":
    main()
