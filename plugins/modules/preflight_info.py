#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: Look at what decides whether a host can become a node of the exchange
version_added: 0.1.0
description:
  - >-
    Reads what facts do not say and what a deployment would stumble over - its clock, whether names resolve, who answers for
    the floating address, what is on the disk for DRBD, to which cluster it belongs, who has the account of Asterisk, whether its
    firewall runs, how much room there is, and whether its database lets root in.
  - It judges nothing and changes nothing; the playbook C(preflight.yml) judges.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
options:
  resolve:
    description: Names for which the host should find addresses.
    type: list
    elements: str
    default: []
  address:
    description: >-
      An address of which to find out who has it. The kernel forgets what it remembers of it, and asks the network when
      datagrams are sent to its port 9; where nobody answers, that takes three seconds.
    type: str
  disk:
    description: A block device to look at.
    type: path
  account:
    description: An account of which to find out the numbers.
    type: str
  shared:
    description: A directory that should lie on a file system that both nodes share.
    type: path
  database_socket:
    description: Where a database that runs is asked. Without it the usual places of Debian and EL are tried.
    type: path
  space:
    description: Directories of which to find out how much room there is. Of those on one file system the first counts.
    type: list
    elements: path
    default: []
  units:
    description: Units of systemd of which to find out the state.
    type: list
    elements: str
    default: []
  uid:
    description: A number of which to find out the account.
    type: int
seealso:
  - module: dialtone.ha_pbx.role_arguments
"""

EXAMPLES = r"""
- name: Look at the host
  dialtone.ha_pbx.preflight_info:
    resolve: [ntp.example.com]
    address: 192.0.2.10
    disk: /dev/sdb
    account: asterisk
    uid: 850
  register: looked
"""

RETURN = r"""
time:
  description: The host's clock, in seconds since 1970 (UTC).
  returned: success
  type: float
  sample: 1795468800.25
names:
  description: Each name of O(resolve) with the addresses that the host finds for it; none where it finds none.
  returned: success
  type: dict
  sample: {"ntp.example.com": ["192.0.2.53"]}
neighbour:
  description: >-
    Who has O(address). C(kind) is V(own) (this host), V(direct) (its network), V(gateway) or V(none) (no way to it);
    C(interface) leads there; C(lladdr) is the link-layer address of who answered, empty when nobody did.
  returned: when O(address) is given
  type: dict
  sample: {"interface": "eth0", "kind": "direct", "lladdr": ""}
links:
  description: >-
    What each network interface is. C(kind) is V(bond), V(vlan), V(bridge) or another word of the kernel's, empty for a card;
    C(master) is the interface that it is a part of, empty for none.
  returned: success
  type: dict
  sample: {"bond0": {"kind": "bond", "master": ""}, "eth0": {"kind": "", "master": "bond0"}}
disk:
  description: >-
    What O(disk) is. C(exists), C(block) (it is a block device), C(size) (bytes), C(type), C(read_only), C(used) (mounts and
    devices on it), C(signatures) (what is recognised on it). When it is no block device, C(candidates) lists those of the
    host that nothing uses.
  returned: when O(disk) is given
  type: dict
  sample: {"block": true, "exists": true, "read_only": false, "signatures": [], "size": 1073741824, "type": "disk", "used": []}
cluster:
  description: The cluster of the host's corosync.conf. C(name) and C(nodes) are empty for none, C(error) says why it is unreadable.
  returned: success
  type: dict
  sample: {"error": "", "name": "pbx", "nodes": ["pbx1", "pbx2"]}
account:
  description: C(uid) and C(gid) of O(account); empty when the host has none.
  returned: when O(account) is given
  type: dict
  sample: {"gid": 850, "uid": 850}
units:
  description: >-
    Of each of O(units) its C(load), C(active) and C(file) (LoadState, ActiveState and UnitFileState of C(systemctl show)).
  returned: success
  type: dict
  sample: {"firewalld.service": {"active": "active", "file": "enabled", "load": "loaded"}}
space:
  description: >-
    Of O(space) the C(path), the C(bytes) and C(files) that may still be written (C(files) is null where they are not counted), and
    C(read_only), and its C(size) in bytes.
  returned: success
  type: list
  elements: dict
  sample: [{"bytes": 10737418240, "files": 655360, "path": "/etc", "read_only": false, "size": 21474836480}]
shared:
  description: Whether O(shared) C(exists), and whether it is the host's C(own), on its root file system.
  returned: when O(shared) is given
  type: dict
  sample: {"exists": true, "own": false}
database:
  description: C(version) of the MariaDB that runs, empty when none does; C(error) says why it does not let root in at its socket.
  returned: success
  type: dict
  sample: {"error": "", "version": "11.8.3-MariaDB-log"}
uid_owner:
  description: Account that has O(uid); empty when nobody has it.
  returned: when O(uid) is given
  type: str
  sample: asterisk
asterisk_version:
  description: Version of the Asterisk that is installed, as it says it; empty where none is.
  returned: success
  type: str
  sample: 22.10.1
asterisk_modules:
  description: Names of Asterisk's modules on the host, without .so.
  returned: success
  type: list
  elements: str
  sample: [app_dial, chan_pjsip]
asterisk_sounds:
  description: Languages of which the host has Asterisk's prompts.
  returned: success
  type: list
  elements: str
  sample: [en, en_US]
kernel_arguments:
  description: What the running kernel was started with.
  returned: success
  type: list
  elements: str
  sample: [quiet, selinux=0]
euid:
  description: Number of the user that the module runs as; V(0) is root.
  returned: success
  type: int
  sample: 0
"""

import os
import platform
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _drbd as drbd
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _preflight as preflight


def main():
    module = AnsibleModule(
        argument_spec={
            "resolve": {"type": "list", "elements": "str", "default": []},
            "address": {"type": "str"},
            "disk": {"type": "path"},
            "account": {"type": "str"},
            "shared": {"type": "path"},
            "database_socket": {"type": "path"},
            "space": {"type": "list", "elements": "path", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "uid": {"type": "int"},
        },
        supports_check_mode=True,
    )
    wanted = module.params

    def run(argv):
        return drbd.Result(*module.run_command(list(argv), environ_update={"LC_ALL": "C"}))

    found = {"time": time.time(), "euid": os.geteuid()}
    try:
        found["names"] = preflight.resolve(wanted["resolve"])
        found["cluster"] = preflight.cluster()
        found["links"] = preflight.links(run)
        found["kernel_arguments"] = preflight.kernel_arguments()
        found["asterisk_version"] = preflight.asterisk_version(run)
        found["asterisk_modules"] = preflight.asterisk_modules()
        found["asterisk_sounds"] = preflight.asterisk_sounds()
        found["units"] = {name: preflight.unit(run, name) for name in wanted["units"]}
        found["space"] = preflight.space(wanted["space"])
        found["database"] = preflight.database(run, wanted["database_socket"])
        if wanted["shared"]:
            found["shared"] = preflight.shared_directory(wanted["shared"])
        if wanted["disk"]:
            found["disk"] = preflight.disk(run, wanted["disk"])
        if wanted["account"]:
            found["account"] = preflight.account(wanted["account"])
        if wanted["uid"] is not None:
            found["uid_owner"] = preflight.owner(wanted["uid"])
        if wanted["address"]:
            found["neighbour"] = preflight.neighbour(run, wanted["address"])
    except (OSError, drbd.DrbdError, preflight.PreflightError) as error:
        module.fail_json(msg=f"{platform.node()}: {error}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
