# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  hostname:
    description: Name or address of the ESXi host or of the vCenter.
    type: str
    required: true
  port:
    description: Port of its API.
    type: int
    default: 443
  username:
    description: Account to log in with.
    type: str
    required: true
  password:
    description: Its password.
    type: str
    required: true
  validate_certs:
    description:
      - Whether the certificate must be valid. With V(false) whoever stands in between gets the password.
    type: bool
    default: true
  ca_file:
    description:
      - File with the certificates to trust, PEM. Without it those are trusted that the system of the controller trusts.
    type: path
  timeout:
    description: Seconds that connecting, and each task of the API, may take.
    type: int
    default: 600
  datacenter:
    description: Name of the datacenter. On a standalone host there is one, V(ha-datacenter).
    type: str
    default: ha-datacenter
  esxi_host:
    description: On a vCenter, the name there of the ESXi host that is meant. On a standalone host, empty.
    type: str
    default: ""
  datastore:
    description: Name of the datastore.
    type: str
    required: true
requirements:
  - pyVmomi
notes:
  - It is run on the controller, which talks to the API; nothing is needed on the ESXi host.
"""
