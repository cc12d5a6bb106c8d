# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_unusable
short_description: What Asterisk could not use of the inventory
version_added: "0.1.0"
description:
  - Looks through the variables of the role asterisk for what Asterisk would leave out or take otherwise, before anything is written.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The role's variables (asterisk_*) and pbx_cluster_name, by name.
    type: dict
    required: true
  os_family:
    description: The host's family of operating systems, as its facts say.
    type: str
    required: true
  method:
    description: How Asterisk gets on the machine, V(package) or V(source).
    type: str
    required: true
seealso:
  - plugin: dialtone.ha_pbx.asterisk_missing
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse what Asterisk could not use
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ settings | dialtone.ha_pbx.asterisk_unusable(os_family=ansible_facts['os_family'], method='package') }}"
"""

RETURN = r"""
_value:
  description: What cannot be used, each with C(found) and C(cure); empty when all can.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_settings


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_unusable": asterisk_settings.problems}
