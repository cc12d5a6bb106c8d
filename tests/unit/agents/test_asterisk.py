# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""ocf:dialtone:asterisk against a SIP server on loopback and a systemd that is a script."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Answer = Callable[[str, int], "list[bytes]"]


def header(request: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*)\r$", request, re.MULTILINE)
    assert found, f"{name} is missing in {request!r}"
    return found.group(1)


def reply(request: str, status: str, call_id: str | None = None) -> bytes:
    lines = [
        f"SIP/2.0 {status}",
        f"Via: {header(request, 'Via')}",
        f"From: {header(request, 'From')}",
        f"To: {header(request, 'To')};tag=server",
        f"Call-ID: {call_id or header(request, 'Call-ID')}",
        f"CSeq: {header(request, 'CSeq')}",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class SipServer:
    """A UDP socket on loopback that answers each request with what `answer(request, number)` returns."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[str] = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = int(self.sock.getsockname()[1])
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            data, peer = self.sock.recvfrom(65535)
            if data == b"quit":
                return
            request = data.decode()
            self.requests.append(request)
            for datagram in self.answer(request, len(self.requests)):
                self.sock.sendto(datagram, peer)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"quit", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.sock.close()


@pytest.fixture
def sip_server() -> Iterator[Callable[[Answer], SipServer]]:
    servers: list[SipServer] = []

    def make(answer: Answer) -> SipServer:
        servers.append(SipServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def says(status: str) -> Answer:
    return lambda request, _number: [reply(request, status)]


def silent(_request: str, _number: int) -> list[bytes]:
    return []


# --- the message ------------------------------------------------------------------------------------------------


def test_options_request_is_what_rfc_3261_wants(asterisk) -> None:
    lines = asterisk.build_options("10.73.0.10", 5060, "10.73.0.10", 40000, "a" * 32, 2).decode("ascii").split("\r\n")
    assert lines[0] == "OPTIONS sip:10.73.0.10:5060 SIP/2.0"
    assert lines[-2:] == ["", ""]
    fields = dict(line.split(": ", 1) for line in lines[1:-2])
    assert {"Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Content-Length"} <= set(fields)
    assert re.fullmatch(r"SIP/2\.0/UDP 10\.73\.0\.10:40000;rport;branch=z9hG4bK\S+", fields["Via"])
    assert ";tag=" in fields["From"]
    assert ";tag=" not in fields["To"]
    assert fields["CSeq"] == "2 OPTIONS"
    assert fields["Content-Length"] == "0"


def test_each_attempt_is_a_transaction_of_its_own(asterisk) -> None:
    first, second = (asterisk.build_options("192.0.2.1", 5060, "192.0.2.1", 1, "abc", n).decode() for n in (1, 2))
    branch = re.compile(r"branch=(\S+)")
    assert branch.search(first).group(1) != branch.search(second).group(1)


def test_ipv6_address_stands_in_brackets(asterisk) -> None:
    text = asterisk.build_options("2001:db8::10", 5060, "2001:db8::10", 40000, "abc", 1).decode()
    assert text.startswith("OPTIONS sip:[2001:db8::10]:5060 SIP/2.0\r\n")
    assert "UDP [2001:db8::10]:40000;" in text


@pytest.mark.parametrize(
    ("datagram", "status", "reason", "call_id"),
    [
        (b"SIP/2.0 200 OK\r\nCall-ID: x@y\r\n\r\n", 200, "OK", "x@y"),
        (b"SIP/2.0 200 OK\r\nCall-ID: first@x\r\nCSeq: 1 OPTIONS\r\n\r\n", 200, "OK", "first@x"),
        (b"SIP/2.0 401 Unauthorized\r\nVia: v\r\ni: short\r\n\r\nbody", 401, "Unauthorized", "short"),
        (b"SIP/2.0 503 Service Unavailable\r\ncall-id : spaced \r\n\r\n", 503, "Service Unavailable", "spaced"),
        (b"SIP/2.0 404 \r\nCALL-ID:tight\r\n\r\n", 404, "", "tight"),
    ],
)
def test_parse_response(asterisk, datagram: bytes, status: int, reason: str, call_id: str) -> None:
    assert asterisk.parse_response(datagram) == asterisk.Response(status, reason, call_id)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"OPTIONS sip:x SIP/2.0\r\nCall-ID: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: without call id\r\n\r\n",
        b"SIP/2.0 99 OK\r\nCall-ID: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\n\r\nCall-ID: in-the-body\r\n",
    ],
)
def test_what_is_no_response_is_ignored(asterisk, datagram: bytes) -> None:
    assert asterisk.parse_response(datagram) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [(100, False), (200, True), (302, True), (401, True), (404, True), (503, False), (603, True)],
)
def test_which_statuses_mean_in_service(asterisk, status: int, expected: bool) -> None:
    assert asterisk.takes_calls(status) is expected


# --- the check --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "404 Not Found"])
def test_an_answer_is_alive_at_once(asterisk, sip_server, status: str) -> None:
    server = sip_server(says(status))
    started = time.monotonic()
    check = asterisk.check_sip("127.0.0.1", server.port, 4.0, 3)
    assert check.alive, check.detail
    assert status in check.detail
    assert time.monotonic() - started < 1
    assert len(server.requests) == 1


def test_another_hosts_answer_does_not_count(asterisk) -> None:
    # TEST-NET-1 (RFC 5737): an address that this host does not have; its owner's Asterisk says nothing about ours.
    check = asterisk.check_sip("192.0.2.1", 5060, 0.5, 1)
    assert not check.alive
    assert "192.0.2.1 is not an address of this host" in check.detail


def test_silence_is_dead_after_all_attempts_and_within_the_time(asterisk, sip_server) -> None:
    server = sip_server(silent)
    started = time.monotonic()
    check = asterisk.check_sip("127.0.0.1", server.port, 0.9, 2)
    took = time.monotonic() - started
    assert not check.alive
    assert "no answer" in check.detail
    assert 0.8 < took < 1.5
    assert len(server.requests) == 3


def test_a_lost_datagram_is_repeated(asterisk, sip_server) -> None:
    server = sip_server(lambda request, number: [reply(request, "200 OK")] if number == 2 else [])
    assert asterisk.check_sip("127.0.0.1", server.port, 2.0, 3).alive
    assert len(server.requests) == 2


def test_answers_to_somebody_else_do_not_count(asterisk, sip_server) -> None:
    server = sip_server(lambda request, _number: [reply(request, "200 OK", call_id="stranger"), b"noise"])
    assert not asterisk.check_sip("127.0.0.1", server.port, 0.5, 1).alive


def test_provisional_answer_is_not_yet_an_answer(asterisk, sip_server) -> None:
    server = sip_server(lambda request, _number: [reply(request, "100 Trying"), reply(request, "200 OK")])
    check = asterisk.check_sip("127.0.0.1", server.port, 1.0, 0)
    assert check.alive
    assert "200 OK" in check.detail


def test_503_only_is_dead(asterisk, sip_server) -> None:
    server = sip_server(says("503 Service Unavailable"))
    started = time.monotonic()
    check = asterisk.check_sip("127.0.0.1", server.port, 0.8, 2)
    assert not check.alive
    assert "503" in check.detail
    assert time.monotonic() - started < 2
    assert len(server.requests) == 3


def test_a_moment_of_503_is_forgiven(asterisk, sip_server) -> None:
    server = sip_server(lambda request, number: [reply(request, "200 OK" if number == 3 else "503 Busy")])
    assert asterisk.check_sip("127.0.0.1", server.port, 1.5, 3).alive


def test_nothing_listening_is_dead_and_said(asterisk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    started = time.monotonic()
    check = asterisk.check_sip("127.0.0.1", port, 0.5, 1)
    assert not check.alive
    assert "refused" in check.detail
    # A server that is about to listen gets the whole time.
    assert time.monotonic() - started > 0.4


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


def test_probe_asks_for_the_process_only(ocf, make_agent, sip_server) -> None:
    server = sip_server(silent)
    agent = make_agent(Systemd(ocf, "active"), server.port, OCF_RESKEY_CRM_meta_interval="0")
    assert agent.perform("monitor") == ocf.OCF_SUCCESS
    assert server.requests == []


def test_monitor_systemd_silent_is_a_failure_not_a_hang(ocf, make_agent) -> None:
    systemd = Systemd(ocf, "active")
    systemd.silent_commands = {"show"}
    assert make_agent(systemd).perform("monitor") == ocf.OCF_ERR_GENERIC


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
