# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_problems
short_description: What telephones would miss of what the inventory declares
version_added: "0.1.0"
description:
  - Compares what M(dialtone.ha_pbx.asterisk_info) read with what the inventory declares, and names each thing that is missing or
    too much, with what to do.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: >-
      The result of M(dialtone.ha_pbx.asterisk_info), also a failed one. Where it was not told what is declared, the files are compared
      with what is loaded, and the inventory is left out.
    type: dict
    required: true
  differing:
    description: Files of the configuration that are not as the inventory makes them, such as a dry run of
      M(dialtone.ha_pbx.config_tree) names them.
    type: list
    elements: str
    default: []
seealso:
  - module: dialtone.ha_pbx.asterisk_info
"""

EXAMPLES = r"""
- name: Look at Asterisk
  dialtone.ha_pbx.asterisk_info:
    declared: "{{ files | dialtone.ha_pbx.asterisk_declared }}"
  register: looked

- name: Report what is missing
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems }}"
  vars:
    problems: "{{ looked | dialtone.ha_pbx.asterisk_problems }}"
"""

RETURN = r"""
_value:
  description: What is wrong, each with C(found) and C(cure); empty when nothing is.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_problems


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_problems": asterisk_problems.judge}
