#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of nodes."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pcs_cluster
short_description: Make a Corosync and Pacemaker cluster of nodes
version_added: "0.1.0"
description:
  - Authorises C(pcs) on the nodes, makes the cluster, starts it and enables it at boot.
  - On a host that is in the cluster already it compares C(corosync.conf) with what is declared. Options of totem and
    the quorum device are changed in the running cluster. For all else that differs the module fails, says what
    differs, and changes nothing, because that needs the cluster stopped.
  - A file C(corosync.conf) that knows only the loopback address, which Debian's package brings, is no cluster and is
    replaced. A host that is in another cluster never is.
  - Run it on one node of the cluster. That node sets up all of them. Run on a further node, it starts and enables the
    cluster there. When nothing has to change no other node is contacted.
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.change
  - dialtone.ha_pbx.attributes.posix
options:
  name:
    description: The name of the cluster.
    type: str
    required: true
  nodes:
    description: The nodes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The name of the node in the cluster; its host name.
        type: str
        required: true
      addresses:
        description: Its address on each link, the first link first. The name when not given.
        type: list
        elements: str
  hacluster_user:
    description: The account that pcsd authorises.
    type: str
    default: hacluster
  hacluster_password:
    description:
      - The password of O(hacluster_user) on the nodes. It travels on standard input.
      - Without it the nodes must be authorised already.
    type: str
  transport:
    description: How the nodes talk.
    type: str
    choices: [knet, udp, udpu]
    default: knet
  transport_options:
    description: Options of the transport, such as C(ip_version). Those not named are not compared.
    type: dict
  link_options:
    description:
      - Options of every link, such as C(ping_interval), in the words of C(pcs cluster setup). Those not named are not
        compared.
    type: dict
  crypto:
    description:
      - Encryption between the nodes, with C(cipher), C(hash) and C(model). Those not named are not compared.
      - C(pcs) uses aes256 and sha256 for knet when nothing is said.
    type: dict
  compression:
    description: Compression between the nodes, with C(model), C(level) and C(threshold).
    type: dict
  totem:
    description:
      - Options such as C(token) and C(consensus) in milliseconds, complete. What C(corosync.conf) has and this does
        not name goes back to Corosync's own value.
      - Without it they stay as they are.
    type: dict
  quorum:
    description:
      - Options C(wait_for_all), C(auto_tie_breaker), C(last_man_standing), C(last_man_standing_window), complete.
        C(two_node) is what C(pcs) makes of the number of nodes; saying it is checking it.
      - Without it they stay as they are.
    type: dict
  quorum_device:
    description:
      - A third vote, with C(model) (V(net) when not given), C(host), C(algorithm), C(timeout), C(sync_timeout),
        C(heuristics) (dict), and C(address) for the authorisation when the host is not reached by its name.
      - An empty dict removes the device. Without it it stays as it is.
    type: dict
  enable:
    description: Whether the cluster starts at boot. Without it that stays as it is.
    type: bool
  start:
    description: Start the cluster when it does not run. It is never stopped.
    type: bool
  wait:
    description:
      - Seconds to wait, after the cluster was made, until all nodes are online, and after it was started on the host,
        until the host is.
    type: int
    default: 0
requirements:
  - pcs 0.10.10 or later, and pcsd running on every node
author:
  - The dialtone.ha_pbx developers (@dialtone)
seealso:
  - module: dialtone.ha_pbx.pcs_info
  - module: dialtone.ha_pbx.pcs_cib
"""

EXAMPLES = r"""
- name: A pair with two links
  dialtone.ha_pbx.pcs_cluster:
    name: exchange
    nodes:
      - {name: server1, addresses: [192.0.2.11, 198.51.100.11]}
      - {name: server2, addresses: [192.0.2.12, 198.51.100.12]}
    hacluster_password: "{{ hacluster_password }}"
    crypto: {cipher: aes256, hash: sha256}
    totem:
      token: 3000
    quorum:
      wait_for_all: true
    enable: true
    start: true
    wait: 120

- name: A third vote
  dialtone.ha_pbx.pcs_cluster:
    name: exchange
    nodes:
      - {name: server1, addresses: [192.0.2.11]}
      - {name: server2, addresses: [192.0.2.12]}
    hacluster_password: "{{ hacluster_password }}"
    quorum_device:
      host: arbiter.example.com
      algorithm: ffsplit
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be.
  returned: always
  type: list
  elements: str
  sample: ["change token 3000 -> 5000 in the running cluster"]
created:
  description: Whether the host was in no cluster before.
  returned: success
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cluster
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, module_runner


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "nodes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "required": True},
                    "addresses": {"type": "list", "elements": "str"},
                },
            },
            "hacluster_user": {"type": "str", "default": "hacluster"},
            "hacluster_password": {"type": "str", "no_log": True},
            "transport": {"type": "str", "choices": ["knet", "udp", "udpu"], "default": "knet"},
            "transport_options": {"type": "dict"},
            "link_options": {"type": "dict"},
            "crypto": {"type": "dict"},
            "compression": {"type": "dict"},
            "totem": {"type": "dict"},
            "quorum": {"type": "dict"},
            "quorum_device": {"type": "dict"},
            "enable": {"type": "bool"},
            "start": {"type": "bool"},
            "wait": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    run, lines = module_runner(module), []
    try:
        wanted = cluster.desired(module.params)
        current = cluster.read(run)
        steps = cluster.plan(current, wanted)
        lines = [step.text for step in steps]
        if steps and not module.check_mode:
            cluster.apply(run, wanted, current, steps, module.params["hacluster_password"])
    except PcsError as error:
        module.fail_json(msg=str(error), steps=lines)
    result = {"changed": bool(steps), "steps": lines, "created": not current.member}
    if module._diff and steps:
        result["diff"] = {"prepared": "".join(f"{line}\n" for line in lines)}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
