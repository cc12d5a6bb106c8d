# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to other programs: pcs in a process that imports it once, everything else by run_command."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import runner

PROGRAM = """#!{python} -Es
import os, sys
calls = globals().setdefault("calls", [])
calls.append(1)
print("call", len(calls), "of process", os.getppid(), *sys.argv[1:])
print("heard", sys.stdin.read(), file=sys.stderr)
sys.exit({end})
"""


@pytest.fixture
def pcs(tmp_path):
    """Make a program: make(end=…) with what it passes to sys.exit; returns a PcsServer for it."""

    def make(end: str = "0") -> runner.PcsServer:
        path = tmp_path / "pcs"
        path.write_text(PROGRAM.replace("{python}", sys.executable).replace("{end}", end))
        return runner.PcsServer(str(path), runner.interpreter(path))

    return make


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("#!/usr/bin/python3 -Es", ["/usr/bin/python3", "-Es"]),
        ("#! /usr/libexec/platform-python", []),
        ("#!/usr/bin/python3.12", ["/usr/bin/python3.12"]),
        ("#!/usr/bin/env python3", ["python3"]),
        ("#!/bin/sh", []),
        ("\x7fELF\x02", []),
        ("", []),
    ],
)
def test_the_interpreter_is_what_the_first_line_says(tmp_path, line, words):
    (tmp_path / "pcs").write_text(f"{line}\nrest\n")
    assert runner.interpreter(tmp_path / "pcs") == words


def test_a_program_that_cannot_be_read_has_no_interpreter(tmp_path):
    assert runner.interpreter(tmp_path / "nothing") == []


def test_calls_share_the_process_and_nothing_else(pcs):
    server = pcs()
    first = server(["pcs", "resource", "create", "ñandú \"'"], stdin="geheim ñ\n")
    second = server(["pcs", "status"])
    assert first.rc == second.rc == 0
    assert first.out.split()[:2] == second.out.split()[:2] == ["call", "1"]
    assert first.out.endswith("resource create ñandú \"'\n")
    assert first.out.split()[4] == second.out.split()[4]
    assert first.err == "heard geheim ñ\n\n"
    # Without a text its input is empty, and never that of the process that serves it.
    assert second.err == "heard \n"


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("3", 3, ""),
        ("None", 0, ""),
        ("'it does not work'", 1, "it does not work\n"),
        ("[][0]", 1, "IndexError"),
        ("os.kill(os.getpid(), 9)", -9, ""),
    ],
)
def test_the_end_of_a_call_is_that_of_a_program(pcs, end, code, said):
    server = pcs(end=end)
    result = server(["pcs", "status"])
    assert result.rc == code
    assert said in result.err
    # What ends one call does not end the next.
    assert server(["pcs", "status"]).rc == code


def test_a_server_that_is_gone_is_said(pcs):
    server = pcs(end="os.kill(os.getppid(), 15) or 0")
    with pytest.raises(runner.PcsError, match=r"process that loads it is gone \(exit code -15\).*pcs --version"):
        server(["pcs", "status"])


@pytest.mark.parametrize(("recorded", "promoted_words"), [("pcs-0.10.txt", False), ("pcs-0.11.txt", True)])
def test_capabilities_are_what_pcs_lists(fixture_text, fake, recorded, promoted_words):
    found = runner.capabilities(fake({"pcs": runner.Result(0, fixture_text(recorded), "")}))
    assert {"pcmk.cib.get", "pcmk.resource.create", "corosync.config.update"} <= found
    assert ("pcmk.cib.roles.promoted-unpromoted" in found) is promoted_words
    assert not [word for word in found if word[0].isdigit()]
