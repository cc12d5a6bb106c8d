# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: base_zone_changes
short_description: What a host's zones of firewalld lack
version_added: "0.1.0"
description:
  - >-
    Compares what M(dialtone.ha_pbx.firewall_info) read of a host with what every host of an exchange has - ssh open in the zone
    of the interface by which it is administered, a zone C(pbx-peers) whose sources are the other nodes, and none of the
    distribution's services that an exchange does not offer.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.firewall_info).
    type: dict
    required: true
  peers:
    description: Addresses of the other nodes.
    type: list
    elements: str
    required: true
  closed:
    description: Services to take out of the zones of the host's interfaces.
    type: list
    elements: str
    required: true
  way_in:
    description: >-
      Address by which the host is administered. Where no interface has it, ssh is opened in the zones of all interfaces.
    type: str
    required: true
  ssh_ports:
    description: Ports of ssh beyond that of the service C(ssh), such as V(2222/tcp).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Say what would be changed
  ansible.builtin.debug:
    msg: "{{ firewall | dialtone.ha_pbx.base_zone_changes(peers=['192.0.2.12'], closed=['cockpit'], way_in=ansible_host) }}"
"""

RETURN = r"""
_value:
  description: >-
    Each change as a list of zone, kind (V(service), V(port) or V(source)), entry, and V(enabled) or V(disabled), in the order in
    which to make them.
  type: list
  elements: list
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import firewall_zones


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"base_zone_changes": firewall_zones.base_changes}
