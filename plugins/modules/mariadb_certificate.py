#!/usr/bin/python
# -*- coding: utf-8 -*-

# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: mariadb_certificate
short_description: Have a MariaDB server show the certificate that is in its file
version_added: "0.1.0"
description:
  - Compares the certificate that the running server shows with the one in the file that it was told to use (its variable C(ssl_cert)),
    by the dates of their validity, and has it read its files again where they differ, or where one of them (authority, certificate,
    key) was written after the server read it (C(FLUSH LOCAL SSL)). Connections that exist go on with the former one.
  - So a certificate that an earlier run wrote and did not have loaded is loaded by the next, also where the former one has expired.
  - A server without TLS is left alone. It reads the files when it starts.
author:
  - The dialtone.ha_pbx developers (@dialtone)
extends_documentation_fragment:
  - dialtone.ha_pbx.mariadb
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
    support: full
  diff_mode:
    description: Shows the dates of the certificate before and after.
    support: full
options:
  announced:
    description:
      - A dry run says that it would write the certificate or its key. In check mode it then counts as not loaded; otherwise it is on
        the disk already, and this is ignored.
    type: bool
    default: false
requirements:
  - cryptography (python3-cryptography)
seealso:
  - module: dialtone.ha_pbx.mariadb_info
"""

EXAMPLES = r"""
- name: Load the certificate that is in the file
  dialtone.ha_pbx.mariadb_certificate:
"""

RETURN = r"""
certificate:
  description:
    - The certificate afterwards. C(path) is its file, C(in_force) what the server shows and C(on_disk) what the file holds, each with
      C(not_before) and C(not_after) in seconds since 1970, C(loaded) whether they are the same, C(seconds_left) how long the one in
      force is still valid, negative when it is not.
  returned: success
  type: dict
  sample:
    path: /etc/mysql/pbx-cert.pem
    in_force: {not_before: 1795824000, not_after: 1890432000}
    on_disk: {not_before: 1795824000, not_after: 1890432000}
    loaded: true
    seconds_left: 94608000
executed_queries:
  description: The statements that were executed.
  returned: always
  type: list
  elements: str
  sample: [FLUSH LOCAL SSL]
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb as mariadb
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_certificate as mariadb_certificate


def describe(certificate: dict[str, Any], which: str) -> str:
    """Return the dates of a certificate for a diff."""
    dates = certificate[which] or {"not_before": "none", "not_after": "none"}
    return f"valid from {dates['not_before']} to {dates['not_after']} (seconds since 1970)\n"


def work(module: AnsibleModule, session: mariadb.Session) -> dict[str, Any]:
    """Compare, and load where it is needed."""
    before = mariadb_certificate.read(session, session.variables())
    behind = not before["loaded"]
    if not behind and not (module.check_mode and module.params["announced"] and before["path"]):
        return {"changed": False, "certificate": before}
    result: dict[str, Any] = {"changed": True, "certificate": before}
    if not module.check_mode:
        # From before: what is written meanwhile counts as not read.
        moment = time.time()
        session.execute(mariadb_certificate.FLUSH)
        mariadb_certificate.note(session.variables(), moment)
        # A session goes on showing what there was when it began.
        fresh = mariadb.connect(module.params)
        result["certificate"] = mariadb_certificate.read(fresh, fresh.variables())
        if not result["certificate"]["loaded"]:
            raise mariadb.MariaDBError(
                f"{mariadb.hostname()}: the server was told to read its certificate {before['path']} and still shows another one. See "
                "`journalctl -u mariadb`: does the key fit, may the account mysql read both?"
            )
    if module._diff:
        result["diff"] = {
            "before_header": f"{before['path']} in the server", "after_header": before["path"],
            "before": describe(before, "in_force"), "after": describe(before, "on_disk"),
        }  # fmt: skip
    return result


def main() -> None:
    module = AnsibleModule(
        argument_spec={**mariadb.CONNECTION_ARGUMENTS, "announced": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    if mariadb_certificate.CRYPTOGRAPHY_MISSING:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=mariadb_certificate.CRYPTOGRAPHY_MISSING)
    mariadb.run_module(module, lambda session: work(module, session))


if __name__ == "__main__":
    main()
