# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules for objects of the CIB have in common: arguments, the way to the cluster, results."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, status
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Runner, module_runner
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import (
    CommitFailed,
    Outcome,
    Transaction,
    diff_text,
    live_text,
    near,
    read_file,
    write_private,
)

try:  # ansible-core 2.22
    from ansible.module_utils.secrets import register_secrets
except ImportError:
    register_secrets = None

# Edits a tree and says what it did.
Edit = Callable[[Runner, ET.Element], "list[Action]"]


def object_arguments() -> dict[str, dict[str, Any]]:
    """The arguments of every module for an object (documented in the fragment ``pcs``)."""
    return {
        "cib_file": {"type": "path"},
        "wait": {"type": "int", "default": 0},
    }


def _primitive_arguments() -> dict[str, dict[str, Any]]:
    return {
        "name": {"type": "str", "required": True},
        "agent": {"type": "str"},
        # Secrets in it are hidden by SecretOptionsModule.
        "options": {"type": "dict"},
        "operations": {"type": "list", "elements": "dict"},
        "meta": {"type": "dict"},
    }


def resource_arguments() -> dict[str, dict[str, Any]]:
    """The declaration of a resource (pcs_resource, and the list in pcs_cib)."""
    return {
        **_primitive_arguments(),
        "group": {"type": "str"},
        "after": {"type": "str"},
        "before": {"type": "str"},
        "clone": {"type": "dict"},
        "promotable": {"type": "dict"},
    }


def stonith_arguments() -> dict[str, dict[str, Any]]:
    """The declaration of a fence device (pcs_stonith, and the list in pcs_cib)."""
    return {**_primitive_arguments(), "nodes": {"type": "list", "elements": "str"}, "delay": {"type": "int"}}


def constraint_arguments() -> dict[str, dict[str, Any]]:
    """The declaration of a constraint (pcs_constraint, and the list in pcs_cib)."""
    verbs = ["start", "stop", "promote", "demote"]
    return {
        "id": {"type": "str", "required": True},
        "type": {"type": "str", "choices": ["location", "colocation", "order"]},
        "resource": {"type": "str"},
        "node": {"type": "str"},
        "score": {"type": "str"},
        "role": {"type": "str"},
        "with_resource": {"type": "str"},
        "resource_role": {"type": "str"},
        "with_role": {"type": "str"},
        "first": {"type": "str"},
        "first_action": {"type": "str", "choices": verbs},
        "then": {"type": "str"},
        "then_action": {"type": "str", "choices": verbs},
        "kind": {"type": "str", "choices": ["Mandatory", "Optional", "Serialize"]},
        "symmetrical": {"type": "bool"},
    }


def secrets_in(value: Any) -> set[str]:
    """The secret values in what a module was given: in dicts ``options``, under names that say so.

    :param value: the module's parameters, at any depth.
    """
    found: set[str] = set()
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name == "options" and isinstance(item, Mapping):
                for option, secret in item.items():
                    if cib.is_secret(str(option)):
                        # A list is refused later, and its parts are not to be seen in what says so.
                        parts = secret if isinstance(secret, list) else [secret]
                        found |= {cib.as_text(part) for part in parts if part not in (None, "")}
            else:
                found |= secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            found |= secrets_in(item)
    return found


class SecretOptionsModule(AnsibleModule):  # type: ignore[misc]
    """A module whose ``options`` hold secrets among much that is none.

    Declared no_log, the whole of ``options`` would count as secret, and Ansible then blanks each of its values
    (host names, addresses, numbers) wherever they occur, since ansible-core 2.22 in the whole play. So only the
    values under secret names are hidden, and that before the module's invocation goes to the host's log.
    """

    def _log_invocation(self) -> None:
        secrets = secrets_in(self.params)
        self.no_log_values.update(secrets)
        if register_secrets is not None:
            register_secrets(secrets)
        super()._log_invocation()


def edit_file(run: Runner, path: Path, edit: Edit) -> tuple[list[Action], list[dict[str, str]]]:
    """Edit a checked-out copy; nothing is written when nothing changes.

    :returns: (actions, diff).
    """
    root = read_file(path)
    before, before_secret = cib.describe_configuration(root), cib.describe_configuration(root, secrets=True)
    actions = edit(run, root)
    if not actions:
        return [], []
    write_private(path, cib.dump(root))
    changed = before_secret != cib.describe_configuration(root, secrets=True)
    old, new = near(before, cib.describe_configuration(root))
    return actions, [diff_text(old, new, changed, str(path))]


def edit_live(
    run: Runner, edit: Edit, *, check_mode: bool, wait: int, tolerate_old_errors: bool = True, interrupt: bool = True
) -> tuple[list[Action], Outcome]:
    """Edit a private copy of the live CIB and push it: the same way for one object and for a whole declaration.

    :param tolerate_old_errors: see Transaction.verify. A cluster without fence devices is invalid until it has one,
        and single objects must be able to give it one.
    :param interrupt: see Transaction.commit.
    """
    original = live_text(run, or_empty=check_mode)
    root = cib.parse(original, "the live CIB")
    actions = edit(run, root)
    if not actions:
        return [], Outcome()
    transaction = Transaction(run, original, root)
    return actions, transaction.commit(
        check_mode=check_mode, wait=wait, tolerate_old_errors=tolerate_old_errors, interrupt=interrupt
    )


def outcome_result(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the result of a module."""
    return {
        "changed": outcome.changed,
        "actions": outcome.actions,
        "actions_text": status.simulation_lines(outcome.actions),
        "interruptions": outcome.interruptions,
        "failed_resources": outcome.failed,
    }


def run_object_module(module: Any, edit: Edit) -> None:
    """Carry out a module for objects of the CIB, from arguments to result.

    :param module: the AnsibleModule with the arguments of object_arguments().
    :param edit: edits a tree by the module's declaration.
    """
    run = module_runner(module)
    cib_file = module.params["cib_file"]
    try:
        if cib_file:
            actions, diff = edit_file(run, Path(cib_file), edit)
            result = outcome_result(Outcome(changed=bool(actions)))
        else:
            actions, outcome = edit_live(run, edit, check_mode=module.check_mode, wait=module.params["wait"])
            diff, result = outcome.diff, outcome_result(outcome)
            for warning in outcome.warnings:
                module.warn(warning)
    except CommitFailed as error:
        # "failed" belongs to Ansible; the resources go under a name of their own.
        module.fail_json(msg=str(error), **{**outcome_result(error.outcome), "diff": error.outcome.diff})
    except PcsError as error:
        module.fail_json(msg=str(error))
    result["changes"] = [action.text() for action in actions]
    if module._diff:
        result["diff"] = diff
    module.exit_json(**result)
