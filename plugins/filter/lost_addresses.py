# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: lost_addresses
short_description: Addresses whose loss would cut Ansible off
version_added: "0.1.0"
description:
  - >-
    Compares the addresses that a host's interfaces have with those that they are to get, and returns those by which Ansible
    reaches the host and which would go. Where it reaches the host by a name, that is every IPv4 address that would go.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The addresses that interfaces are to get, each with C(interface) and C(addresses), as C(centos_base_static_addresses).
    type: list
    elements: dict
    required: true
  facts:
    description: The host's facts, with the subset C(network).
    type: dict
    required: true
  reached:
    description: By what Ansible reaches the host, C(ansible_host).
    type: str
    required: true
  floating:
    description: The floating address. The cluster gives and takes it, so it is never counted.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Refuse to cut Ansible off
  ansible.builtin.assert:
    that: >-
      centos_base_static_addresses
      | dialtone.ha_pbx.lost_addresses(facts=ansible_facts, reached=ansible_host, floating=pbx_floating_address) | length == 0
"""

RETURN = r"""
_value:
  description: The addresses; empty when none is lost.
  type: list
  elements: str
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import preflight


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"lost_addresses": preflight.lost_addresses}
