# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: answers_acceptance
short_description: Whether what users reach answers
version_added: "0.1.0"
description:
  - Judges a SIP request to the floating address, and a query through ODBC.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of the SIP request, also when it was skipped.
    type: dict
    required: true
  odbc:
    description: The result of the query.
    type: dict
    required: true
  address:
    description: The floating address.
    type: str
    required: true
  active:
    description: The nodes with the service.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Say what is wrong
  ansible.builtin.debug:
    msg: "{{ sip | dialtone.ha_pbx.answers_acceptance(odbc=odbc, address='192.0.2.10', active=['pbx1']) }}"
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
        return {"answers_acceptance": acceptance.judge_answers}
