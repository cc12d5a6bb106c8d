#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall_service
short_description: Define a service of firewalld and open it in exactly these zones
version_added: 0.1.0
description:
  - Defines a service by its ports, opens it in the zones that are given, and closes it in every other, both in what is loaded
    and in what is written.
  - >-
    The name must be one that nobody else uses. Then wherever it is open this module opened it, and may close it. Where a zone
    has exactly these ports opened one by one while the service is not defined yet, they are taken for the service's own of
    former times, and removed.
  - >-
    firewalld takes a new service, or other ports of one, with a reload. Connections that stand survive it; what somebody
    changed in the running firewall only, and did not write, is lost.
author:
  - The dialtone.ha_pbx developers (@dialtone)
attributes:
  check_mode:
    description: Says what would change and changes nothing. Where firewalld does not run yet, it says that something would.
    support: full
  diff_mode:
    description: Shows ports and zones before and after.
    support: full
options:
  name:
    description: Name of the service.
    type: str
    required: true
  description:
    description: What it is for; for people. It is written when the service is new.
    type: str
    default: ""
  ports:
    description: Its ports, V(5060/udp) or V(10000-20000/udp).
    type: list
    elements: str
    required: true
  zones:
    description: The zones in which it is open. They must exist.
    type: list
    elements: str
    required: true
seealso:
  - module: dialtone.ha_pbx.firewall_info
  - module: ansible.posix.firewalld
"""

EXAMPLES = r"""
- name: Let telephones in where they come from
  dialtone.ha_pbx.firewall_service:
    name: pbx-telephones
    description: SIP and RTP of the exchange
    ports: [5060/udp, 5060/tcp, 10000-20000/udp]
    zones: [internal]
"""

RETURN = r"""
commands:
  description: What was changed, or would be, as firewall-cmd would be told of it.
  returned: success
  type: list
  elements: str
  sample: ["--permanent --zone=internal --add-service=pbx-telephones", "--zone=internal --add-service=pbx-telephones"]
"""

import platform

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _firewall as firewall


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "description": {"type": "str", "default": ""},
            "ports": {"type": "list", "elements": "str", "required": True},
            "zones": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    name, ports, zones = (module.params[key] for key in ("name", "ports", "zones"))
    run = firewall.runner(module)
    try:
        call = firewall.connect(module)
        state = firewall.read(run, call, [name])
        absent = firewall.missing_zones(state, zones)
        if module.check_mode and (not state["running"] or absent):
            module.exit_json(changed=True, commands=[])
        if not state["running"]:
            raise firewall.FirewallError(
                f"firewalld does not run, so {name} cannot be opened. `systemctl start firewalld`, and run this again; where"
                " something else filters, set pbx_firewall to false."
            )
        if absent:
            raise firewall.FirewallError(
                f"firewalld has no zone {' and no zone '.join(absent)} (it has {', '.join(sorted(state['loaded']))}). pbx-peers"
                " is made by site.yml --tags base; for another, correct pbx_telephone_zones, or make it and `firewall-cmd --reload`."
            )
        changes = firewall.plan(state, name, module.params["description"], ports, zones)
        if changes and not module.check_mode:
            firewall.apply(call, changes)
            left = firewall.plan(firewall.read(run, call, [name]), name, module.params["description"], ports, zones)
            if left:
                raise firewall.FirewallError(
                    f"firewalld took what it was told, and this is left: {', '.join(map(str, left))}. See `journalctl -u firewalld`."
                )
    except firewall.FirewallError as error:
        module.fail_json(msg=f"{platform.node()}: {error}")
    module.exit_json(
        changed=bool(changes),
        commands=[str(change) for change in changes],
        diff={
            "before": firewall.describe(state, name),
            "after": firewall.described(name, ports, zones) if changes else firewall.describe(state, name),
        },
    )


if __name__ == "__main__":
    main()
