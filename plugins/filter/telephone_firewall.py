# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: telephone_firewall
short_description: In which zones of firewalld telephones are let in, and what keeps them out
version_added: "0.1.0"
description:
  - >-
    Judges what M(dialtone.ha_pbx.firewall_info) read of a host that has the floating address, or would get it. The zone is that
    of the interface with the address, or with the network in which it is; else the default zone.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.firewall_info), with the service C(pbx-telephones).
    type: dict
    required: true
  ports:
    description: What telephones need, such as V(5060/udp) or V(10000-20000/udp).
    type: list
    elements: str
    required: true
  address:
    description: The floating address.
    type: str
    required: true
  interface:
    description: The interface of the floating address, where the inventory names it.
    type: str
    default: ""
  chosen:
    description: The zones, where the inventory names them.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Report what keeps telephones out
  ansible.builtin.assert:
    that: judged.problems | length == 0
    fail_msg: "{{ judged.problems }}"
  vars:
    judged: "{{ firewall | dialtone.ha_pbx.telephone_firewall(ports=['5060/udp'], address='192.0.2.10') }}"
"""

RETURN = r"""
_value:
  description: >-
    C(zones) in which telephones are let in; C(remarks), sentences on what is unusual about them; C(problems), each with C(found)
    and C(cure), of what keeps telephones out.
  type: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import firewall_zones


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"telephone_firewall": firewall_zones.judge_telephones}
