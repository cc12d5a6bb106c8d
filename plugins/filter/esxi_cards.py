# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: esxi_cards
short_description: Hardware addresses and netmasks of the network cards of a machine on ESXi
version_added: "0.1.0"
description:
  - Chooses the hardware address of each card, the same in every run, so that an installer can be told it before the card exists,
    and gives the netmask of its network.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The networks of the cards, each with C(prefix), as in C(esxi_vm_networks).
    type: list
    elements: dict
    required: true
  mark:
    description: Whose the machine is.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say the address of the first card
  ansible.builtin.debug:
    msg: "{{ ([{'prefix': 24}] | dialtone.ha_pbx.esxi_cards(mark='exchange/pbx1') | first).mac }}"
"""

RETURN = r"""
_value:
  description: A dictionary with C(mac) and C(netmask) for each card.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import esxi_cards


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"esxi_cards": esxi_cards.cards}
