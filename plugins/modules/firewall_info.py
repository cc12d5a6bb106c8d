#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_info
short_description: Read what firewalld lets in, as it is loaded and as it is written
version_added: 0.1.0
description:
  - Reads firewalld's zones, runtime and permanent, and the addresses of the host's interfaces, at one stroke.
  - It judges nothing and changes nothing.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
options:
  services:
    description: Names of services of which to read the ports.
    type: list
    elements: str
    default: []
requirements:
  - iproute on the host
  - python3-dbus, which firewalld needs itself
seealso:
  - module: dialtone.ha_pbx.firewall_service
"""

EXAMPLES = r"""
- name: Read the firewall
  dialtone.ha_pbx.firewall_info:
    services: [pbx-telephones]
  register: firewall

- name: Say in which zone an interface is
  ansible.builtin.debug:
    msg: "{{ firewall.loaded | dict2items | selectattr('value.interfaces', 'contains', 'eth0') | map(attribute='key') }}"
"""

RETURN = r"""
running:
  description: Whether firewalld runs. Where it does not, or is not installed, only C(interfaces) is known.
  returned: success
  type: bool
in_kernel:
  description: >-
    Whether firewalld's rules are in the kernel. They are not when somebody flushed them (C(nft flush ruleset)), and then the host is
    open to everybody. Null where it cannot be told, because C(nft) is not there or firewalld uses iptables.
  returned: success
  type: bool
default_zone:
  description: The zone of interfaces that are in no other.
  returned: success
  type: str
  sample: public
loaded:
  description: >-
    The zones that are in force, by name. C(target) is V(default), V(ACCEPT), V(DROP) or V(REJECT); C(interfaces), C(sources),
    C(services), C(ports) and C(rules) (rich rules) are lists.
  returned: success
  type: dict
  sample:
    public: {interfaces: [eth0], ports: [], rules: [], services: [ssh, pbx-telephones], sources: [], target: default}
written:
  description: The zones that are loaded at the next start or reload.
  returned: success
  type: dict
  sample:
    public: {interfaces: [], ports: [], rules: [], services: [ssh, pbx-telephones], sources: [], target: default}
services:
  description: Of each service of O(services) its ports, C(loaded) and C(written); null where there is no such service.
  returned: success
  type: dict
  sample:
    pbx-telephones: {loaded: [5060/tcp, 5060/udp], written: [5060/tcp, 5060/udp]}
interfaces:
  description: Addresses of each interface with their prefix lengths.
  returned: success
  type: dict
  sample: {eth0: [192.0.2.11/24], lo: [127.0.0.1/8]}
"""

import platform

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _firewall as firewall


def main():
    module = AnsibleModule(
        argument_spec={"services": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    run = firewall.runner(module)
    try:
        call = firewall.connect(module)
        found = firewall.read(run, call, module.params["services"], firewall.configuration())
    except firewall.FirewallError as error:
        module.fail_json(msg=f"{platform.node()}: {error}")
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
