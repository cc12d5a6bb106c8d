# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: number_patterns
short_description: Patterns of Asterisk's dialplan for the numbers of a tenant
version_added: "0.1.0"
description:
  - Gives a pattern for each length that numbers have. A hint with a pattern stands for thousands of hints.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: Numbers, of digits.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the patterns of 100, 101 and 2000, which are _XXX and _XXXX
  ansible.builtin.debug:
    msg: "{{ ['100', '101', '2000'] | dialtone.ha_pbx.number_patterns }}"
"""

RETURN = r"""
_value:
  description: Patterns, the shortest first.
  type: list
  elements: str
  sample: [_XXX, _XXXX]
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_tenants


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"number_patterns": asterisk_tenants.number_patterns}
