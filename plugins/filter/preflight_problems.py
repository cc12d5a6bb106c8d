# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight_problems
short_description: What keeps a host from becoming a node of the exchange
version_added: "0.1.0"
description:
  - Judges what M(dialtone.ha_pbx.preflight_info) and facts say of a host, before anything on it is changed.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.preflight_info).
    type: dict
    required: true
  host:
    description: Name of the host in the inventory.
    type: str
    required: true
  facts:
    description: Its facts, with the subsets C(min) and C(network).
    type: dict
    required: true
  pair:
    description: The facts of both nodes, as far as they take part in the run.
    type: list
    elements: dict
    required: true
  settings:
    description: >-
      What the inventory says - C(nodes), C(cluster_name), C(floating_address), C(floating_interface), C(disk),
      C(static_addresses), C(selinux_state), C(asterisk_install_method), C(asterisk_uid), C(asterisk_gid), C(inventory_hosts),
      C(asterisk) (the variables of the role asterisk), C(firewall), C(shared) - and C(base_in_run), whether the role
      centos_base takes part.
    type: dict
    required: true
  begun:
    description: The controller's clock before the host's was read, in seconds since 1970.
    type: float
    required: true
  ended:
    description: The controller's clock after the host's was read, in seconds since 1970.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: Report what is in the way
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: >-
      {{ looked | dialtone.ha_pbx.preflight_problems(host=inventory_hostname, facts=ansible_facts, pair=[ansible_facts],
                                                    settings=settings, begun=begun, ended=now().timestamp()) }}
"""

RETURN = r"""
_value:
  description: What is in the way, each with C(found) and C(cure); empty when nothing is.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import preflight


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"preflight_problems": preflight.judge}
