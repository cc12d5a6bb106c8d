# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cluster properties and the defaults of resources and operations: names and values."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import Action, plan_values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Runner, hostname

# kind: (section, tag of the set, id of the set when pcs makes it)
PLACES = {
    "property": ("crm_config", "cluster_property_set", "cib-bootstrap-options"),
    "resource_default": ("rsc_defaults", "meta_attributes", "rsc_defaults-meta_attributes"),
    "operation_default": ("op_defaults", "meta_attributes", "op_defaults-meta_attributes"),
}


def read(root: ET.Element, kind: str) -> dict[str, str]:
    """Names and values that are set. For kind see PLACES."""
    place, tag, _set_id = PLACES[kind]
    return cib.nvpairs(cib.configuration(root).find(place), tag)


def desired(values: Mapping[str, object] | None, absent: bool = False) -> dict[str, str | None]:
    """A declaration as data: null and "" mean that the name must not be set, and so does ``absent`` for all."""
    wanted: dict[str, str | None] = {}
    for name, value in (values or {}).items():
        text = None if absent or value is None else cib.text_value(value, str(name))
        wanted[cib.text_value(name, "a name")] = text or None
    return wanted


def plan(kind: str, current: dict[str, str], wanted: dict[str, str | None]) -> list[Action]:
    """What sets the declared names and leaves all others alone.

    :raises PcsError: for a property that the cluster writes itself.
    """
    own = sorted(set(wanted) & cib.BOOKKEEPING_PROPERTIES) if kind == "property" else []
    if own:
        raise PcsError(f"{', '.join(own)}: written by the cluster itself, not a setting")
    return plan_values(kind, "", current, wanted, complete=False)


def check_properties(run: Runner, root: ET.Element, values: Mapping[str, str]) -> None:
    """Let pcs judge names and values of properties: it knows them from Pacemaker's own metadata."""
    with tempfile.TemporaryDirectory(prefix="pcs-") as directory:
        scratch = Path(directory) / "cib.xml"
        scratch.write_text(cib.dump(cib.empty_like(root)), encoding="utf-8")
        result = run(["pcs", "-f", str(scratch), "property", "set", *(f"{n}={v}" for n, v in sorted(values.items()))])
    if result.rc != 0:
        raise PcsError(f"{hostname()}: pcs refuses the cluster properties: {result.text}\nNothing was changed.")


def apply(root: ET.Element, kind: str, actions: list[Action]) -> None:
    """Carry out a plan on a tree."""
    place, tag, set_id = PLACES[kind]
    owner = cib.section(root, place)
    for action in actions:
        value = action.after if isinstance(action.after, str) else None
        cib.set_nvpair(root, owner, tag, set_id, action.name, value)


def ensure(run: Runner, root: ET.Element, kind: str, wanted: dict[str, str | None]) -> list[Action]:
    """Read, plan and apply on a tree; returns the actions, [] costs no program call."""
    actions = plan(kind, read(root, kind), wanted)
    setting = {a.name: a.after for a in actions if isinstance(a.after, str)}
    if kind == "property" and setting:
        check_properties(run, root, setting)
    apply(root, kind, actions)
    return actions
