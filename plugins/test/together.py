# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: together
short_description: Fail where the other node of the exchange has failed
version_added: "0.1.0"
description:
  - As a condition of a role or a block it does for the two nodes of one exchange what C(any_errors_fatal) does for all hosts of a
    play. When one of them failed in this run, the condition cannot be worked out on the other, so that its next task fails
    and says why. Nodes of other exchanges in the same run go on.
  - A node that is not in this run (C(--limit)) stops nobody.
  - It is never false. What has to run on the other node all the same, such as the C(always) part of a block, needs a variable of
    its own in front of it, as in the example. So does a C(meta) task, of which Ansible works out the condition for all hosts at
    once - where that fails, the run ends on every host.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: The nodes of the exchange, each with its C(name) (C(pbx_nodes)). Of what is nothing like that nobody is stopped.
    type: raw
    required: true
  targeted:
    description: The hosts that the play began with (C(ansible_play_hosts_all)).
    type: list
    elements: str
    required: true
  left:
    description: Those that have not failed (C(ansible_play_hosts)).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: The base system of several exchanges
  hosts: pbx
  roles:
    - role: dialtone.ha_pbx.centos_base
      when: >-
        pbx_apart | default(false)
        or pbx_nodes | default([]) is dialtone.ha_pbx.together(ansible_play_hosts_all, ansible_play_hosts)
"""

RETURN = r"""
_value:
  description: True. Where the other node failed, an error.
  type: bool
"""

from ansible.errors import AnsibleError

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.exchanges import left_behind


def together(nodes, targeted, left):
    """Return True, or raise AnsibleError; see DOCUMENTATION."""
    gone = left_behind(nodes, targeted, left)
    if gone:
        raise AnsibleError(
            f"Stopped here, because {' and '.join(gone)} failed in this run (see above), and a pair is changed as a pair. While a node"
            " is away for good reason, name the other one with --limit."
        )
    return True


class TestModule:
    """The test of this file."""

    def tests(self):
        """Return the test by its name."""
        return {"together": together}
