# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_service
short_description: What the cluster runs, as pcs_cib is told of it
version_added: "0.1.0"
description:
  - Makes of the variables of an exchange the resources and constraints that M(dialtone.ha_pbx.pcs_cib) takes.
  - These are the disk, the directories on it, the floating address, Asterisk, the database that may be written to, and the service
    for call records.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: Variables of the exchange by name (pbx_*, exchange_service_*, asterisk_sip_port). What is not set is an empty text.
    type: dict
    required: true
  socket:
    description: Where MariaDB listens on this distribution.
    type: str
    required: true
seealso:
  - plugin: dialtone.ha_pbx.cluster_fencing
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Declare what the cluster runs
  dialtone.ha_pbx.pcs_cib:
    state: apply
    resources: "{{ service.resources }}"
    constraints: "{{ service.constraints }}"
  vars:
    service: "{{ variables | dialtone.ha_pbx.cluster_service(socket='/run/mysqld/mysqld.sock') }}"
"""

RETURN = r"""
_value:
  description:
    - C(resources) and C(constraints) of all; C(disk_resources) and C(disk_constraints) of the disk alone, which comes first.
    - C(directories) says by which name each replicated path lies on the disk.
  type: dict
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.cluster_service import Service


def service(variables, socket):
    """Return the declarations; see DOCUMENTATION."""
    declared = Service(variables, socket)
    return {
        "directories": declared.directories,
        "disk_resources": declared.disk_resources(),
        "disk_constraints": declared.disk_constraints(),
        "resources": declared.resources(),
        "constraints": declared.constraints(),
    }


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"cluster_service": service}
