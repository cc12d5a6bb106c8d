# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_tenants_problems
short_description: What cannot be used of the variables of the role asterisk_tenants
version_added: "0.1.0"
description:
  - Looks through the tenants and what is said of their telephones for what Asterisk would leave out or take otherwise, and for
    secrets that can be guessed, before anything is written. No secret is in what it says.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The role's variables (asterisk_tenants_*), asterisk_tenants and asterisk_extra_modules, by name.
    type: dict
    required: true
seealso:
  - plugin: dialtone.ha_pbx.asterisk_unusable
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse tenants that Asterisk could not use
  ansible.builtin.assert:
    that: settings | dialtone.ha_pbx.asterisk_tenants_problems | length == 0
"""

RETURN = r"""
_value:
  description: What cannot be used, each with C(found) and C(cure); empty when all can.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_tenants


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_tenants_problems": asterisk_tenants.problems}
