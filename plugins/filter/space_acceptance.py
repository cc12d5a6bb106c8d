# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: space_acceptance
short_description: Whether file systems are nearly full
version_added: "0.1.0"
description:
  - Judges the room that M(dialtone.ha_pbx.preflight_info) found. A file system is nearly full when less than a tenth of it and less
    than 2 GiB are left, or fewer than 2000 files.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: >-
      The result of M(dialtone.ha_pbx.preflight_info) with O(dialtone.ha_pbx.preflight_info#module:space), also of a failure.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what is nearly full
  ansible.builtin.debug:
    msg: "{{ found | dialtone.ha_pbx.space_acceptance }}"
"""

RETURN = r"""
_value:
  description: What is wrong, each with C(found) and C(cure); empty when nothing is.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import acceptance


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"space_acceptance": acceptance.judge_space}
