# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ocf:dialtone:asterisk against a SIP server on loopback and a systemd that is a script."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from sip_server import SipServer, reply, says, silent

# --- processes and the decision to kill -------------------------------------------------------------------------


def test_state_of_a_stopped_process(asterisk) -> None:
    process = subprocess.Popen(["sleep", "30"])
    try:
        process.send_signal(signal.SIGSTOP)
        deadline = time.monotonic() + 5
        while asterisk.process_state(process.pid) != "T":
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert asterisk.process_state(process.pid) == ""


def test_state_behind_a_name_with_parentheses(asterisk, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/stat").write_text("7 (a) S (b) R 1 7 7", encoding="ascii")
    assert asterisk.process_state(7, tmp_path) == "R"


@pytest.mark.parametrize(
    ("load", "active", "state", "alive", "expected"),
    [
        ("not-found", "inactive", "", None, "nothing"),
        ("loaded", "inactive", "", None, "nothing"),
        ("loaded", "failed", "", None, "nothing"),
        ("loaded", "active", "S", True, "terminate"),
        ("loaded", "active", "S", False, "kill"),
        ("loaded", "active", "T", None, "kill"),
        ("loaded", "active", "T", True, "kill"),
        ("loaded", "active", "t", None, "kill"),
        ("loaded", "activating", "S", False, "kill"),
        ("loaded", "deactivating", "S", True, "terminate"),
    ],
)
def test_stop_plan(asterisk, ocf, load: str, active: str, state: str, alive: bool | None, expected: str) -> None:
    unit = ocf.Unit(load, active, "", "", 42, False)
    check = None if alive is None else asterisk.Check(alive, "")
    assert asterisk.stop_plan(unit, state, check) == expected


# --- actions, with a systemd that is a script -------------------------------------------------------------------


class Systemd:
    """Stands for systemctl: a unit with a state, and what start, stop and kill make of it."""

    def __init__(self, ocf, active: str = "inactive", load: str = "loaded") -> None:
        self.ocf = ocf
        self.active = active
        self.load = load
        self.after_start = "active"
        self.obeys_stop = True
        self.obeys_kill = True
        self.after_kill = "failed"
        self.silent_commands: set[str] = set()
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, argv: list[str], timeout: float, stdin: str | None):
        assert argv[0] == "systemctl"
        assert timeout <= 5
        command = argv[1]
        self.calls.append(tuple(argv[1:]))
        if command in self.silent_commands:
            return self.ocf.Result(None)
        if command == "show":
            pid = "0" if self.active in ("inactive", "failed", "deactivating") else "4242"
            lines = {"LoadState": self.load, "ActiveState": self.active, "SubState": "x", "MainPID": pid}
            return self.ocf.Result(0, "".join(f"{key}={value}\n" for key, value in lines.items()))
        if command == "start":
            self.active = self.after_start
        elif command == "stop" and self.obeys_stop:
            self.active = "inactive"
        elif command == "kill" and self.obeys_kill:
            self.active = self.after_kill
        return self.ocf.Result(0)

    @property
    def commands(self) -> list[str]:
        return [call[0] for call in self.calls if call[0] != "show"]


@pytest.fixture
def make_agent(asterisk, tmp_path: Path):
    """make(systemd, port, state letter of the main process, **environment) -> agent."""

    def make(systemd: Systemd, port: int = 9, state: str = "S", **env: str):
        (tmp_path / "4242").mkdir(exist_ok=True)
        (tmp_path / "4242/stat").write_text(f"4242 (asterisk) {state} 1", encoding="ascii")
        full = {
            "HA_LOGFACILITY": "none",
            "HA_RSCTMP": str(tmp_path),
            "OCF_RESKEY_console": str(tmp_path / "asterisk.ctl"),
            "OCF_RESKEY_sip_address": "127.0.0.1",
            "OCF_RESKEY_sip_port": str(port),
            "OCF_RESKEY_sip_timeout_ms": "300",
            "OCF_RESKEY_sip_retries": "1",
            "OCF_RESKEY_CRM_meta_timeout": "4000",
            "OCF_RESKEY_CRM_meta_interval": "5000",
            **env,
        }
        return asterisk.Asterisk(full, systemd, tmp_path)

    return make


def test_monitor_running(ocf, make_agent, sip_server) -> None:
    server = sip_server(says("200 OK"))
    assert make_agent(Systemd(ocf, "active"), server.port).perform("monitor") == ocf.OCF_SUCCESS


@pytest.mark.parametrize("active", ["inactive", "failed", "deactivating"])
def test_monitor_process_gone_is_not_running(ocf, make_agent, active: str) -> None:
    assert make_agent(Systemd(ocf, active)).perform("monitor") == ocf.OCF_NOT_RUNNING


def test_monitor_process_alive_and_sip_silent_is_a_failure(ocf, make_agent, sip_server, capsys) -> None:
    server = sip_server(silent)
    assert make_agent(Systemd(ocf, "active"), server.port, "T").perform("monitor") == ocf.OCF_ERR_GENERIC
    assert "state T" in capsys.readouterr().err


class Stack:
    """PJSIP as the console shows it: each look finds `done` more requests handled and `waiting` more before them."""

    def __init__(self, asterisk, progress, monkeypatch: pytest.MonkeyPatch, done: int, waiting: int) -> None:
        self.processor = progress.Processor
        self.now, self.step, self.looks = (0, waiting), (done, waiting), 0

        def look(_path: str):
            self.looks += 1
            self.now = (self.now[0] + self.step[0], self.now[1] + self.step[1])
            return progress.Look(time.monotonic(), {"pjsip/distributor-1": progress.Processor(*self.now, 450)})

        monkeypatch.setattr(asterisk, "look", look)


BUSY, HANGING, DEAF = (100, 0), (0, 2), (0, 0)


def test_monitor_busy_is_no_failure(asterisk, ocf, progress, make_agent, sip_server, monkeypatch, capsys) -> None:
    server, stack = sip_server(silent), Stack(asterisk, progress, monkeypatch, *BUSY)
    agent = make_agent(Systemd(ocf, "active"), server.port, OCF_RESKEY_sip_retries="3")
    assert agent.perform("monitor") == ocf.OCF_SUCCESS
    assert len(server.requests) == 4
    assert stack.looks == 2
    assert "is busy" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [HANGING, DEAF])
def test_monitor_no_progress_is_a_failure_in_the_same_time(
    asterisk, ocf, progress, make_agent, sip_server, monkeypatch, capsys, kind: tuple[int, int]
) -> None:
    Stack(asterisk, progress, monkeypatch, *kind)
    agent = make_agent(Systemd(ocf, "active"), sip_server(silent).port, OCF_RESKEY_sip_retries="3")
    began = time.monotonic()
    assert agent.perform("monitor") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - began < 0.8
    assert "no answer" in capsys.readouterr().err


def test_monitor_no_console_is_a_failure_as_before(ocf, make_agent, sip_server, capsys) -> None:
    agent = make_agent(Systemd(ocf, "active"), sip_server(silent).port, OCF_RESKEY_sip_retries="3")
    assert agent.perform("monitor") == ocf.OCF_ERR_GENERIC
    assert "console" in capsys.readouterr().err


@pytest.mark.parametrize("answer", [says("503 Service Unavailable"), None])
def test_monitor_a_wrong_answer_is_not_excused_by_progress(
    asterisk, ocf, progress, make_agent, sip_server, monkeypatch, answer
) -> None:
    """503 comes from an Asterisk that was told to stop, and no answer but the kernel's from one without its socket."""
    Stack(asterisk, progress, monkeypatch, *BUSY)
    port = sip_server(answer).port if answer else 9
    agent = make_agent(Systemd(ocf, "active"), port, OCF_RESKEY_sip_retries="3")
    assert agent.perform("monitor") == ocf.OCF_ERR_GENERIC


def test_monitor_an_answer_costs_no_look(asterisk, ocf, progress, make_agent, sip_server, monkeypatch) -> None:
    stack = Stack(asterisk, progress, monkeypatch, *BUSY)
    agent = make_agent(Systemd(ocf, "active"), sip_server(says("200 OK")).port, OCF_RESKEY_sip_retries="3")
    assert agent.perform("monitor") == ocf.OCF_SUCCESS
    assert stack.looks == 0


# TEST-NET-1 (RFC 5737): an address that this host does not have.
NOWHERE = {"OCF_RESKEY_sip_address": "192.0.2.1"}


def test_monitor_waits_for_the_address_that_its_own_resource_brings_back(
    asterisk, ocf, make_agent, sip_server, monkeypatch, capsys
) -> None:
    server = sip_server(says("200 OK"))
    real, back = asterisk.check_sip, time.monotonic() + 0.5

    def there() -> bool:
        return time.monotonic() >= back

    monkeypatch.setattr(asterisk, "has_address", lambda _address: there())
    monkeypatch.setattr(
        asterisk, "check_sip", lambda address, *a, **k: real(address if there() else "192.0.2.1", *a, **k)
    )
    assert make_agent(Systemd(ocf, "active"), server.port).perform("monitor") == ocf.OCF_SUCCESS
    assert time.monotonic() >= back
    assert "192.0.2.1 is not an address of this host" in capsys.readouterr().err


def test_monitor_an_address_that_stays_away_is_a_failure_with_its_name(
    asterisk, ocf, make_agent, monkeypatch, capsys
) -> None:
    monkeypatch.setattr(asterisk, "ADDRESS_SECONDS", 0.3)
    agent = make_agent(Systemd(ocf, "active"), OCF_RESKEY_CRM_meta_timeout="1000", **NOWHERE)
    began = time.monotonic()
    assert agent.perform("monitor") == ocf.OCF_ERR_GENERIC
    assert 0.3 <= time.monotonic() - began < 1
    assert "192.0.2.1 is not an address of this host, for 0 s now" in capsys.readouterr().err


def test_start_without_the_address_fails_at_once_and_starts_nothing(ocf, make_agent, capsys) -> None:
    systemd = Systemd(ocf)
    began = time.monotonic()
    agent = make_agent(systemd, OCF_RESKEY_CRM_meta_timeout="30000", **NOWHERE)
    assert agent.perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - began < 2
    assert systemd.commands == []
    assert "192.0.2.1 is not an address of this host" in capsys.readouterr().err


def test_start_that_loses_its_address_fails_at_once(asterisk, ocf, make_agent, monkeypatch) -> None:
    monkeypatch.setattr(asterisk, "has_address", lambda _address: True)
    agent = make_agent(Systemd(ocf), OCF_RESKEY_CRM_meta_timeout="30000", **NOWHERE)
    began = time.monotonic()
    assert agent.perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - began < 2


def test_start_sees_the_first_answer_soon(asterisk, ocf, make_agent) -> None:
    """What is refused meanwhile costs no more than a step, because every step is silence for who telephones."""
    port = free_udp_port()
    later = threading.Timer(0.6, lambda: servers.append(SipServer(says("200 OK"), port)))
    servers: list[SipServer] = []
    later.start()
    began = time.monotonic()
    try:
        assert make_agent(Systemd(ocf), port).perform("start") == ocf.OCF_SUCCESS
        assert 0.6 <= time.monotonic() - began < 1.0
    finally:
        later.join()
        for server in servers:
            server.close()


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def test_stop_of_a_busy_exchange_asks(asterisk, ocf, progress, make_agent, sip_server, monkeypatch) -> None:
    Stack(asterisk, progress, monkeypatch, *BUSY)
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, sip_server(silent).port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["stop"]


def test_stop_of_what_a_monitor_found_dead_kills_at_once(ocf, make_agent, sip_server) -> None:
    systemd, server = Systemd(ocf, "active"), sip_server(silent)
    assert make_agent(systemd, server.port).perform("monitor") == ocf.OCF_ERR_GENERIC
    asked = len(server.requests)
    assert make_agent(systemd, server.port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["kill", "reset-failed"]
    assert len(server.requests) == asked


@pytest.mark.parametrize("note", ["4242 0.0", "17 {now}", "rubbish", ""])
def test_an_old_note_is_no_reason_to_kill(ocf, make_agent, sip_server, tmp_path: Path, note: str) -> None:
    (tmp_path / "dialtone-asterisk.dead").write_text(note.format(now=time.monotonic()))
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["stop"]


@pytest.mark.parametrize(("console", "expected"), [(True, ["stop"]), (False, ["kill", "reset-failed"])])
def test_stop_without_the_address_asks_the_console(
    asterisk, ocf, make_agent, monkeypatch, console: bool, expected: list[str]
) -> None:
    if console:
        monkeypatch.setattr(asterisk, "ask_console", lambda _path, _command: "System uptime: 1 minute")
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, **NOWHERE).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == expected


def test_probe_asks_for_the_process_only(ocf, make_agent, sip_server) -> None:
    server = sip_server(silent)
    agent = make_agent(Systemd(ocf, "active"), server.port, OCF_RESKEY_CRM_meta_interval="0")
    assert agent.perform("monitor") == ocf.OCF_SUCCESS
    assert server.requests == []


def test_monitor_systemd_silent_is_a_failure_not_a_hang(ocf, make_agent) -> None:
    systemd = Systemd(ocf, "active")
    systemd.silent_commands = {"show"}
    assert make_agent(systemd).perform("monitor") == ocf.OCF_ERR_GENERIC


def test_monitor_systemd_silent_ends_no_calls(ocf, make_agent, sip_server, capsys) -> None:
    """A restart would end them, and systemd, which does not answer, could not start Asterisk again."""
    systemd = Systemd(ocf, "active")
    systemd.silent_commands = {"show"}
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("monitor") == ocf.OCF_SUCCESS
    assert "did not answer" in capsys.readouterr().err


def test_start_waits_for_sip(ocf, make_agent, sip_server) -> None:
    server = sip_server(lambda request, number: [reply(request, "200 OK" if number > 2 else "503 Starting")])
    systemd = Systemd(ocf)
    assert make_agent(systemd, server.port).perform("start") == ocf.OCF_SUCCESS
    assert systemd.commands == ["reset-failed", "start"]
    assert len(server.requests) == 3


def test_start_behind_the_remains_of_the_last_one(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "deactivating")
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("start") == ocf.OCF_SUCCESS
    assert systemd.commands == ["reset-failed", "start"]


def test_start_of_what_runs_starts_nothing(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("start") == ocf.OCF_SUCCESS
    assert systemd.commands == []


def test_start_that_dies_fails_at_once(ocf, make_agent, capsys) -> None:
    systemd = Systemd(ocf)
    systemd.after_start = "failed"
    started = time.monotonic()
    assert make_agent(systemd).perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - started < 1
    assert "journalctl -u asterisk.service" in capsys.readouterr().err


def test_start_without_sip_ends_before_the_cluster_gives_up(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf)
    agent = make_agent(systemd, sip_server(silent).port, OCF_RESKEY_CRM_meta_timeout="2000")
    started = time.monotonic()
    assert agent.perform("start") == ocf.OCF_ERR_GENERIC
    assert time.monotonic() - started < 2.5


def test_start_without_the_unit_is_an_installation_error(ocf, make_agent) -> None:
    assert make_agent(Systemd(ocf, load="not-found")).perform("start") == ocf.OCF_ERR_INSTALLED


def test_stop_of_a_healthy_exchange_asks(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["stop"]
    assert "--no-block" in next(call for call in systemd.calls if call[0] == "stop")


def test_stop_of_a_stopped_process_kills_without_asking_sip(ocf, make_agent, sip_server) -> None:
    server = sip_server(says("200 OK"))
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, server.port, "T").perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["kill", "reset-failed"]
    assert server.requests == []


def test_stop_of_a_silent_exchange_kills(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    assert make_agent(systemd, sip_server(silent).port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["kill", "reset-failed"]


def test_stop_kills_what_does_not_end_in_time(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    systemd.obeys_stop = False
    started = time.monotonic()
    assert make_agent(systemd, sip_server(says("200 OK")).port).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == ["stop", "kill", "reset-failed"]
    assert 2 < time.monotonic() - started < 4


def test_stop_grace_shortens_the_wait(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    systemd.obeys_stop = False
    agent = make_agent(systemd, sip_server(says("200 OK")).port, OCF_RESKEY_stop_grace="0")
    started = time.monotonic()
    assert agent.perform("stop") == ocf.OCF_SUCCESS
    assert time.monotonic() - started < 1


def test_stop_of_what_cannot_be_killed_fails_so_that_the_host_is_fenced(ocf, make_agent, sip_server, capsys) -> None:
    systemd = Systemd(ocf, "active")
    systemd.obeys_kill = False
    agent = make_agent(systemd, sip_server(silent).port, OCF_RESKEY_CRM_meta_timeout="2000")
    assert agent.perform("stop") == ocf.OCF_ERR_GENERIC
    assert "survived SIGKILL" in capsys.readouterr().err


@pytest.mark.parametrize("active", ["inactive", "failed"])
def test_stop_of_what_is_down_does_nothing(ocf, make_agent, active: str) -> None:
    systemd = Systemd(ocf, active)
    assert make_agent(systemd).perform("stop") == ocf.OCF_SUCCESS
    assert systemd.commands == []


def test_stop_counts_the_main_process_and_not_what_systemd_still_clears_away(ocf, make_agent, sip_server) -> None:
    systemd = Systemd(ocf, "active")
    systemd.after_kill = "deactivating"
    started = time.monotonic()
    assert make_agent(systemd, sip_server(silent).port).perform("stop") == ocf.OCF_SUCCESS
    assert time.monotonic() - started < 1.5


def test_stop_of_what_ends_just_then_is_no_failure(ocf, make_agent, sip_server) -> None:
    """`systemctl kill` fails when there is nothing to kill any more; a failed stop would fence the host."""
    systemd = Systemd(ocf, "active")
    real = systemd.__call__

    def runner(argv: list[str], timeout: float, stdin: str | None):
        result = real(argv, timeout, stdin)
        return ocf.Result(1, "", "No process to kill") if argv[1] == "kill" else result

    assert make_agent(runner, sip_server(silent).port).perform("stop") == ocf.OCF_SUCCESS
