# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actions: what a plan consists of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.cib import SECRET_MASK, is_secret

# An operation as plain data: {"name": "monitor", "interval": "10s", …}
Op = dict[str, str]
Value = Union[str, Op, None]


@dataclass(frozen=True)
class Action:
    """One change of one object.

    ``verb`` is create, set, remove or move; ``kind`` says of what (resource, option, meta, clone_meta, op, group,
    position, clone, property, resource_default, operation_default, constraint); ``target`` is the id of the
    object; ``name`` the name of the option and the like; ``before`` and ``after`` its values.
    """

    verb: str
    kind: str
    target: str
    name: str = ""
    before: Value = None
    after: Value = None

    def text(self) -> str:
        """The action as a line for people, secrets masked."""
        what = f"{self.kind} {self.name}".strip() if self.kind != "resource" else ""
        head = " ".join(part for part in (self.verb, self.target, what) if part)
        if self.kind == "option" and is_secret(self.name):
            return f"{head} = {SECRET_MASK}" if self.verb == "set" else head
        before, after = _shown(self.before), _shown(self.after)
        if before is not None and after is not None:
            return f"{head}: {before} -> {after}"
        if after is not None:
            return f"{head} = {after}"
        return f"{head} (was {before})" if before is not None else head


def _shown(value: Value) -> str | None:
    if isinstance(value, dict):
        return " ".join(f"{name}={text}" for name, text in sorted(value.items()) if name != "name")
    return value


def plan_values(  # noqa: PLR0913
    kind: str,
    target: str,
    current: dict[str, str],
    desired: dict[str, str | None],
    *,
    complete: bool,
    keep: frozenset[str] = frozenset(),
) -> list[Action]:
    """What turns one set of names and values into another.

    :param desired: name to value; None means the name must not be there.
    :param complete: names that are not in ``desired`` are removed too, but for those in ``keep``.
    :returns: set and remove actions, in the order of the names.
    """
    wanted = dict(desired)
    if complete:
        for name in current:
            if name not in wanted and name not in keep:
                wanted[name] = None
    actions = []
    for name in sorted(wanted):
        before, after = current.get(name), wanted[name]
        if before == after:
            continue
        verb = "remove" if after is None else "set"
        actions.append(Action(verb, kind, target, name, before, after))
    return actions
