# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_missing
short_description: What Asterisk would look for on a host and not find
version_added: "0.1.0"
description:
  - Compares the modules that Asterisk is to load, and the language that it is to speak, with what M(dialtone.ha_pbx.preflight_info)
    found on a host on which Asterisk has been installed.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.preflight_info).
    type: dict
    required: true
  settings:
    description: The variables of the role asterisk (asterisk_*), by name.
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
  required:
    description: Modules that the role itself has Asterisk load, without .so.
    type: list
    elements: str
    required: true
seealso:
  - plugin: dialtone.ha_pbx.asterisk_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse modules that are not there
  ansible.builtin.assert:
    that: missing | length == 0
    fail_msg: "{{ missing }}"
  vars:
    missing: >-
      {{ looked | dialtone.ha_pbx.asterisk_missing(settings=settings, os_family=ansible_facts['os_family'], method='source',
                                                  required=['chan_pjsip']) }}
"""

RETURN = r"""
_value:
  description: What is missing, each with C(found) and C(cure); empty when nothing is.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_settings


def missing(looked, settings, os_family, method, required):
    """Report what is missing; see DOCUMENTATION."""
    return asterisk_settings.missing(
        settings, os_family, method, looked["asterisk_modules"], looked["asterisk_sounds"], installed=True, required=required
    )


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_missing": missing}
