# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import exchanges, role_arguments

ROLES = Path(__file__).resolve().parents[2] / "roles"


class ActionModule(ActionBase):
    """Check a host's variables on the controller."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp=None, task_vars=None):
        """Return C(problems); see plugins/modules/role_arguments.py."""
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        dummy, arguments = self.validate_argument_spec(
            argument_spec={"roles": {"type": "list", "elements": "str", "required": True}}
        )
        specs = role_arguments.read_specs(ROLES)
        unknown = sorted(set(arguments["roles"]) - set(specs))
        if unknown:
            raise AnsibleError(f"dialtone.ha_pbx has no role {', '.join(unknown)}; it has {', '.join(specs)}")
        wanted = {role: specs[role] for role in arguments["roles"]}
        values, broken = {}, {}
        for name in {name for options in wanted.values() for name in options} & set(task_vars):
            try:
                values[name] = self._templar.template(task_vars[name])
            except AnsibleError as error:
                broken[name] = " ".join(str(error).split())
        host, hosts = task_vars["inventory_hostname"], _of_all_hosts(task_vars)
        here = [other for other in hosts if other in task_vars["ansible_play_hosts_all"]]
        result["problems"] = (
            role_arguments.misspelt(specs, task_vars)
            + role_arguments.problems(wanted, values, broken)
            + exchanges.problems(host, hosts, here)
        )
        # A run that is limited to one exchange is not stopped by what somebody has begun to write for another.
        elsewhere = exchanges.problems(host, hosts, [other for other in hosts if other not in here])
        result["warnings"] = [
            f"{host}: {entry['found']}. What to do: {entry['cure']}" for entry in elsewhere if entry not in result["problems"]
        ]
        result["changed"] = False
        return result


def _of_all_hosts(task_vars):
    """Return for each host of the group pbx the variables that exchanges are compared by, as far as they can be worked out."""
    hosts = set(task_vars["groups"].get("pbx", [])) | {task_vars["inventory_hostname"]}
    found = {}
    for host in sorted(hosts):
        found[host] = {}
        for name in exchanges.READ:
            try:
                found[host][name] = task_vars["hostvars"][host][name]
            except (AnsibleError, KeyError):
                # The host's own preflight tells.
                continue
    return found
