# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: problem_list
short_description: Problems as a person reads them
version_added: "0.1.0"
description:
  - Makes one text of what a judging filter or module found, numbered, each with what to do about it.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The problems, each with C(found) and C(cure).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Report what is in the way
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ inventory_hostname }}: nothing was changed. {{ problems | dialtone.ha_pbx.problem_list }}"
"""

RETURN = r"""
_value:
  description: The text; empty when there is no problem.
  type: str
  sample: "1. The disk is full. What to do: Make room."
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import problems


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"problem_list": problems.listing}
