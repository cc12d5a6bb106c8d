# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: database_acceptance
short_description: Whether a node's database is as it should be
version_added: "0.1.0"
description:
  - Judges what M(dialtone.ha_pbx.mariadb_info) found of the database of a node.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The result of M(dialtone.ha_pbx.mariadb_info), also that of a failure.
    type: dict
    required: true
  host:
    description: Name of the node.
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
    msg: "{{ found | dialtone.ha_pbx.database_acceptance(host=inventory_hostname, active=['pbx1']) }}"
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
        return {"database_acceptance": acceptance.judge_database}
