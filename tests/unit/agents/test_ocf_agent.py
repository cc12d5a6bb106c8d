# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What both agents share, and both agents as programs: meta-data, unknown actions, bounded commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

AGENTS = ("asterisk", "mariadb_writer")
DTD = Path("/usr/share/resource-agents/ra-api-1.dtd")


def call(ocf_root: Path, agent: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    program = ocf_root / "resource.d/dialtone" / agent
    return subprocess.run(
        [sys.executable, str(program), *arguments],
        env={"PATH": "/nonexistent", "HA_LOGFACILITY": "none", **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("agent", AGENTS)
def test_metadata_is_complete(ocf_root: Path, agent: str) -> None:
    result = call(ocf_root, agent, "meta-data")
    assert result.returncode == 0
    root = ET.fromstring(result.stdout)  # noqa: S314 - our own output
    assert (root.tag, root.get("name")) == ("resource-agent", agent)
    actions = {action.get("name"): action for action in root.iter("action")}
    assert {"start", "stop", "monitor", "validate-all", "meta-data"} <= set(actions)
    assert actions["monitor"].get("interval")
    for parameter in root.iter("parameter"):
        content = parameter.find("content")
        assert content is not None
        assert content.get("type") in ("string", "integer")
        assert parameter.get("required") in ("0", "1")
        assert (parameter.get("required") == "1") == (content.get("default") is None)
        assert parameter.findtext("longdesc")
        assert parameter.findtext("shortdesc")


@pytest.mark.skipif(not (shutil.which("xmllint") and DTD.exists()), reason="needs xmllint and resource-agents' DTD")
@pytest.mark.parametrize("agent", AGENTS)
def test_metadata_obeys_the_dtd(ocf_root: Path, agent: str, tmp_path: Path) -> None:
    shutil.copy(DTD, tmp_path)  # where the DOCTYPE looks for it
    xml = tmp_path / "agent.xml"
    xml.write_text(call(ocf_root, agent, "meta-data").stdout, encoding="utf-8")
    result = subprocess.run(
        ["xmllint", "--noout", "--nonet", "--dtdvalid", str(DTD), str(xml)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("agent", AGENTS)
def test_probe_on_a_host_with_nothing_installed_is_not_running(ocf_root: Path, agent: str) -> None:
    result = call(ocf_root, agent, "monitor", OCF_RESKEY_sip_address="127.0.0.1", OCF_RESKEY_CRM_meta_interval="0")
    assert result.returncode == 7, result.stderr


@pytest.mark.parametrize("agent", AGENTS)
def test_recurring_monitor_with_nothing_installed_is_an_installation_error(ocf_root: Path, agent: str) -> None:
    result = call(ocf_root, agent, "monitor", OCF_RESKEY_sip_address="127.0.0.1", OCF_RESKEY_CRM_meta_interval="5000")
    assert result.returncode == 5
    assert "ocf-exit-reason:" in result.stderr


@pytest.mark.parametrize("agent", AGENTS)
def test_stop_with_nothing_installed_succeeds(ocf_root: Path, agent: str) -> None:
    assert call(ocf_root, agent, "stop", OCF_RESKEY_sip_address="127.0.0.1").returncode == 0


@pytest.mark.parametrize("agent", AGENTS)
def test_unknown_action_and_missing_action(ocf_root: Path, agent: str) -> None:
    assert call(ocf_root, agent, "promote").returncode == 3
    assert call(ocf_root, agent).returncode == 2


def test_missing_parameter_is_named(ocf_root: Path) -> None:
    result = call(ocf_root, "asterisk", "validate-all")
    assert result.returncode == 6
    assert "ocf-exit-reason:parameter sip_address is not set" in result.stderr


@pytest.mark.parametrize("port", ["0", "65536", "sip", "-1"])
def test_number_out_of_range_is_a_configuration_error(ocf_root: Path, port: str) -> None:
    env = {"OCF_RESKEY_sip_address": "127.0.0.1", "OCF_RESKEY_sip_port": port}
    result = call(ocf_root, "asterisk", "validate-all", **env)
    assert result.returncode == 6
    assert "sip_port" in result.stderr


def test_run_abandons_a_command_that_hangs(ocf) -> None:
    started = time.monotonic()
    # The grandchild keeps the pipes open after its parent was killed; waiting for them would take 30 s.
    result = ocf.run(["sh", "-c", "sleep 30 & echo $!; wait"], 0.5)
    assert result.timed_out
    assert time.monotonic() - started < 5


def test_run_passes_stdin_and_returns_output(ocf) -> None:
    result = ocf.run(["sh", "-c", "cat; echo oops >&2; exit 4"], 10, "hello")
    assert (result.rc, result.out, result.err) == (4, "hello", "oops\n")


def test_unexpected_exception_becomes_an_exit_code_with_a_reason(asterisk, ocf, capsys, monkeypatch) -> None:
    def runner(*_arguments: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setenv("HA_LOGFACILITY", "none")
    agent = asterisk.Asterisk({**os.environ, "OCF_RESKEY_sip_address": "127.0.0.1"}, runner)
    assert agent.perform("monitor") == ocf.OCF_ERR_GENERIC
    assert "ocf-exit-reason:the agent itself failed: RuntimeError('boom')" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\nMainPID=42\nJob=0\n", False),
        ("LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=signal\nMainPID=0\n", False),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=signal\nMainPID=0\n", True),
        ("LoadState=not-found\nActiveState=inactive\nSubState=dead\nResult=success\nMainPID=0\n", True),
    ],
)
def test_unit_state(asterisk, ocf, text: str, gone: bool) -> None:
    agent = asterisk.Asterisk({}, lambda *_arguments: ocf.Result(0, text))
    unit = agent.unit("asterisk.service")
    assert unit.gone is gone
    assert unit.pid == (42 if "MainPID=42" in text else 0)
    assert unit.job is False
