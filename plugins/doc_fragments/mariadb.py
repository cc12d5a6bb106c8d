# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  login_unix_socket:
    description:
      - Socket of the server. Without it the usual places of Debian and EL are tried.
    type: path
  login_user:
    description:
      - Account to log in as. It authenticates by C(unix_socket), so the module must run as the user of that name, and no
        password exists.
    type: str
    default: root
  connect_timeout:
    description:
      - Seconds to wait for the server to answer a login.
    type: int
    default: 10
requirements:
  - PyMySQL (python3-pymysql on Debian, python3-PyMySQL on EL)
notes:
  - It talks to the server of the host it runs on, and to no other unless an option says so.
"""
