#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: peer_ports_info
short_description: Ask whether packets to ports of another host arrive there
version_added: 0.1.0
description:
  - >-
    Finds ports that something between two hosts blocks, before anything listens on them. Any answer will do, also a refusal.
    Only silence says that packets are dropped on the way.
  - >-
    For UDP it opens the same port on this host for as long as it asks, and sends small datagrams. Run on both hosts at the
    same time, each is the other's answer.
  - A firewall that rejects (and does not drop) cannot be told from one that will be opened later; that is V(rejected).
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
options:
  ports:
    description: The ports to ask.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: Address of the other host.
        type: str
        required: true
      port:
        description: Number of the port.
        type: int
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        required: true
      service:
        description: What is to listen there; for people, and returned as it is.
        type: str
  timeout:
    description: >-
      Seconds that an answer may take. A kernel sends about one refusal by ICMP a second to the same host, so that several
      ports need some; it is waited for only where there is no answer.
    type: float
    default: 10
seealso:
  - module: dialtone.ha_pbx.preflight_info
"""

EXAMPLES = r"""
- name: Ask for the database and the cluster of the peer
  dialtone.ha_pbx.peer_ports_info:
    ports:
      - {address: 192.0.2.12, port: 3306, protocol: tcp}
      - {address: 192.0.2.12, port: 5405, protocol: udp}
  register: asked
"""

RETURN = r"""
ports:
  description: >-
    Each entry of O(ports) with C(state), which is V(open), V(refused) (nobody listens), V(rejected) (a firewall says no, or
    there is no way to the host), or V(silent).
  returned: success
  type: list
  elements: dict
  sample:
    - {address: 192.0.2.12, port: 3306, protocol: tcp, service: the database, state: refused}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _peer_ports as peer_ports


def main():
    module = AnsibleModule(
        argument_spec={
            "ports": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                    "protocol": {"type": "str", "choices": ["tcp", "udp"], "required": True},
                    "service": {"type": "str"},
                },
            },
            "timeout": {"type": "float", "default": 10},
        },
        supports_check_mode=True,
    )
    ports = module.params["ports"]
    targets = [peer_ports.Target(entry["address"], entry["port"], entry["protocol"]) for entry in ports]
    try:
        states = peer_ports.ask(targets, module.params["timeout"])
    except (OSError, OverflowError) as error:
        module.fail_json(msg=f"cannot ask for {ports}: {error}")
    answered = [{**entry, "state": states[target]} for entry, target in zip(ports, targets)]
    module.exit_json(changed=False, ports=answered)


if __name__ == "__main__":
    main()
