# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that the pcs modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """dialtone.ha_pbx.pcs: a module for an object of the cluster's configuration."""

    DOCUMENTATION = r"""
options:
  cib_file:
    description:
      - Path on the host of a copy of the cluster's configuration, made by M(dialtone.ha_pbx.pcs_cib) with
        O(dialtone.ha_pbx.pcs_cib#module:state=checkout). The copy is edited and the cluster is not touched until
        M(dialtone.ha_pbx.pcs_cib) commits it. The copy is edited in check mode too, so that the commit can say
        what would happen.
      - Without it the module works on a private copy of the live configuration, verifies it, and pushes it at once.
    type: path
  wait:
    description:
      - Without O(cib_file), seconds to wait after a change until the cluster has settled. The module fails when it
        has not by then, or when a resource that the change concerns does not run.
      - V(0) does not wait.
    type: int
    default: 0
attributes:
  check_mode:
    description: Says what would change, by the plan that a real run carries out.
    support: full
  diff_mode:
    description: Shows the configuration before and after. Secrets are masked.
    support: full
  platform:
    description: What the host must be.
    support: full
    platforms: posix
requirements:
  - pcs 0.10.10 or later
  - Pacemaker 2.1 or later with its command line tools
notes:
  - What is not given stays as it is in the cluster. A dict or list that is given is complete, but for what is said of it.
  - Values are text, numbers and booleans. A list, a mapping, and a text with a line break, a tab or another control character is
    refused before anything is touched, because the configuration cannot hold it.
  - Warnings of C(crm_verify), and errors that the cluster's configuration had before, are told and do not stop a change.
  - The module compares the XML of the configuration and calls C(pcs) only when something differs, so that a run
    that changes nothing is quick.
author:
  - The dialtone.ha_pbx developers (@dialtone)
"""

    RESOURCE = r"""
options:
  name:
    description: The id of the object in the cluster.
    type: str
    required: true
  meta:
    description:
      - Meta attributes, complete. What the cluster has and this does not name is removed, but for C(target-role),
        C(is-managed) and C(maintenance), by which the cluster remembers what an operator decided.
      - Without it meta attributes stay as they are.
    type: dict
  operations:
    description:
      - The operations, complete. Each is a dict with C(name) (monitor, start, stop, promote, demote, notify) and
        the attributes C(interval), C(timeout), C(role), C(on_fail), C(start_delay), C(enabled), and where the agent
        has it C(OCF_CHECK_LEVEL).
      - Times that mean the same (V(60), V(60s), V(1min)) are the same.
      - Without it operations stay as they are, and a new object gets the monitor that its agent suggests.
    type: list
    elements: dict
  state:
    description:
      - Whether the object is to be there. V(absent) also removes what names it (constraints, tags, permissions, its place in
        fencing levels); C(changes) says what.
      - An object of another kind is never removed.
    type: str
    choices: [present, absent]
    default: present
"""
