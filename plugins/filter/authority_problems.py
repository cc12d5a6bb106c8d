# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: authority_problems
short_description: Why the controller's private authority must not be used for the nodes
version_added: "0.1.0"
description:
  - >-
    The authority that certifies the two databases is kept on one controller. Another controller without it would make a new one, and
    nodes with certificates of two authorities refuse each other. This compares the controller's with those that the nodes trust.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: Each node of the run with the certificate of the authority that it trusts, in PEM, empty where it trusts none yet.
    type: dict
    required: true
  own:
    description: Certificate of the controller's authority, in PEM; empty where it has none.
    type: str
    required: true
  can_sign:
    description: Whether the controller can certify what has to be certified.
    type: bool
    required: true
  nodes:
    description: Names of both nodes.
    type: list
    elements: str
    required: true
  directory:
    description: Where the controller keeps its authority.
    type: str
    required: true
  replace:
    description: Whether the nodes are to get another authority.
    type: bool
    required: true
"""

EXAMPLES = r"""
- name: Refuse another authority
  ansible.builtin.assert:
    that: problems | length == 0
  vars:
    problems: >-
      {{ {'pbx1': pem} | dialtone.ha_pbx.authority_problems(own='', can_sign=false, nodes=['pbx1', 'pbx2'],
                                                           directory='/srv/pki', replace=false) }}
"""

RETURN = r"""
_value:
  description: What is in the way, each with C(found) and C(cure); empty when nothing is.
  type: list
  elements: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import authority


def problems(held, own, can_sign, nodes, directory, replace):
    """Report what is in the way; see DOCUMENTATION."""
    return authority.problems(own or None, can_sign, {name: pem or None for name, pem in held.items()}, nodes, directory, replace)


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"authority_problems": problems}
