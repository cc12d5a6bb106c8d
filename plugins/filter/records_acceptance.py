# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: records_acceptance
short_description: Whether call records arrive
version_added: "0.1.0"
description:
  - Judges what was asked of Asterisk and of the spool on the node with the service.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of the command C(call-records status --json).
    type: dict
    required: true
  writers:
    description: What Asterisk's console says to C(module show like _custom.so), C(cdr show status) and C(cel show status).
    type: str
    required: true
  alert:
    description: Age in seconds of the oldest record from which on it is a problem.
    type: int
    required: true
  mount:
    description: Where the replicated disk is mounted.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ status | dialtone.ha_pbx.records_acceptance(writers=said.stdout, alert=60, mount='/srv/pbx') }}"
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
        return {"records_acceptance": acceptance.judge_records}
