# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the handler of DRBD gets to read of the cluster's nodes (roles/drbd/files/fence-peer.sh)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

WRAPPER = Path(__file__).parents[3] / "roles" / "drbd" / "files" / "fence-peer.sh"

#: Pacemaker 3.0.1, of a node that was fenced and of one that is there; and the same by 2.1.5.
NEW = """<cib><status>
  <node_state id="2" uname="server2" in_ccm="0" crmd="0" crm-debug-origin="x" join="down" expected="down"/>
  <node_state id="1" uname="server1" in_ccm="1795437949" crmd="1795437950" join="member" expected="member">
    <lrm_resource id="in_ccm" class="0" crmd="0"/>
"""
OLD = """<cib><status>
  <node_state id="2" uname="server2" in_ccm="false" crmd="offline" crm-debug-origin="x" join="down" expected="down"/>
  <node_state id="1" uname="server1" in_ccm="true" crmd="online" join="member" expected="member">
    <lrm_resource id="in_ccm" class="0" crmd="0"/>
"""


def read_through(directory: Path, text: str, code: int = 0, arguments: str = "-Q") -> subprocess.CompletedProcess[str]:
    """What a handler in bash gets when it calls cibadmin, and the exit code it sees."""
    cibadmin = directory / "cibadmin"
    (directory / "text").write_text(text)
    cibadmin.write_text(f'#!/bin/sh\n[ "$*" = "{arguments}" ] || exit 99\ncat {directory}/text\nexit {code}\n')
    handler = directory / "handler.sh"
    handler.write_text(f'#!/bin/bash\ntext=$( set +x; cibadmin {arguments} )\ncode=$?\necho "$text"\nexit $code\n')
    for file in (cibadmin, handler):
        file.chmod(0o755)
    return subprocess.run(
        [WRAPPER, handler], capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"},
    )  # fmt: skip


@pytest.mark.parametrize("text", [NEW, OLD])
def test_the_handler_reads_the_words_it_knows_from_every_pacemaker(tmp_path, text):
    done = read_through(tmp_path, text)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == OLD


@pytest.mark.parametrize("code", [0, 62, 105, 124])
def test_the_handler_sees_the_exit_code_of_cibadmin(tmp_path, code):
    arguments = "-C -o constraints"
    assert read_through(tmp_path, "", code, arguments).returncode == code
