# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: role_arguments
short_description: Check a host's variables against the argument specs of roles
version_added: 0.1.0
description:
  - >-
    Checks the variables that a host has against what roles of this collection say of theirs in
    C(meta/argument_specs.yml), for all the roles at once and before any of them is run.
  - >-
    Names what is missing, empty, of a wrong type, or cannot be worked out (an undefined variable), and variables whose name
    is nearly that of a role's.
  - >-
    Compares them with those of the other hosts in the group C(pbx). Two nodes of an exchange must agree about its name and its
    nodes, and two exchanges must not have the same name, floating address, authority or passwords.
  - It runs on the controller, fails for nothing that it finds, and shows no value that is declared C(no_log).
extends_documentation_fragment:
  - dialtone.ha_pbx.attributes.info
author:
  - The dialtone.ha_pbx developers (@dialtone)
options:
  roles:
    description: Roles of this collection that the host gets, by their short names.
    type: list
    elements: str
    required: true
seealso:
  - module: ansible.builtin.validate_argument_spec
"""

EXAMPLES = r"""
- name: Look through the inventory
  dialtone.ha_pbx.role_arguments:
    roles: [centos_base, asterisk]
  register: looked

- name: Stop where it is wrong
  ansible.builtin.assert:
    that: looked.problems | length == 0
    fail_msg: "{{ looked.problems }}"
"""

RETURN = r"""
problems:
  description: What is wrong, each with C(found) and C(cure); empty when nothing is.
  returned: success
  type: list
  elements: dict
  sample:
    - found: pbx_floating_prefix is not set
      cure: "Set it in the inventory. Its meaning: Its prefix length."
"""
