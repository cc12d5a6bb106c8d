# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pcs_info says of resources that somebody stopped: which of them was told so, the resource or what it is inside of."""

from __future__ import annotations

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.info import resources_of

CIB = """\
<cib><configuration><resources>
  <group id="pbx">{group}
    <primitive id="pbx-fs" class="ocf" provider="heartbeat" type="Filesystem">{member}</primitive>
  </group>
  <clone id="disk-clone">{clone}<primitive id="disk" class="ocf" provider="linbit" type="drbd"/></clone>
</resources></configuration></cib>
"""


def meta(name: str, role: str) -> str:
    pair = f'<nvpair id="{name}-target" name="target-role" value="{role}"/>'
    return f'<meta_attributes id="{name}-meta">{pair}</meta_attributes>' if role else ""


@pytest.mark.parametrize(
    ("group", "member", "clone", "stopped"),
    [
        ("", "", "", {"pbx-fs": "", "disk": ""}),
        ("Stopped", "", "", {"pbx-fs": "pbx", "disk": ""}),
        ("", "Stopped", "", {"pbx-fs": "pbx-fs", "disk": ""}),
        ("", "", "Stopped", {"pbx-fs": "", "disk": "disk-clone"}),
        # The innermost that says something decides, as Pacemaker has it of meta attributes.
        ("Stopped", "Started", "", {"pbx-fs": "", "disk": ""}),
        ("Started", "", "stopped", {"pbx-fs": "", "disk": "disk-clone"}),
    ],
)
def test_what_was_told_to_be_stopped(group: str, member: str, clone: str, stopped: dict[str, str]) -> None:
    root = cib.parse(CIB.format(group=meta("pbx", group), member=meta("pbx-fs", member), clone=meta("disk-clone", clone)))
    assert {entry["id"]: entry["stopped_by"] for entry in resources_of(root, {"resources": []})} == stopped
