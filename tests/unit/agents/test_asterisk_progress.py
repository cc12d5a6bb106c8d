# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Busy or dead: what the console tells, and what follows from two looks."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

RECORDED = Path(__file__).parent / "recorded"


class Console:
    """Asterisk's console on a Unix socket: greets, takes one command, says what `says(command)` returns, and closes."""

    def __init__(
        self, path: Path, says: Callable[[str], str | None], greeting: bytes = b"server1/42/22.10.1\n"
    ) -> None:
        self.commands: list[str] = []
        self.says, self.greeting = says, greeting
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.bind(str(path))
        self.sock.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        while True:
            connection = self.sock.accept()[0]
            with connection, contextlib.suppress(BrokenPipeError):
                connection.sendall(self.greeting)
                command = connection.recv(4096).decode()
                if command == "quit":
                    return
                assert command.startswith("cli quit after ")
                assert command.endswith("\0")
                self.commands.append(command[len("cli quit after ") : -1])
                said = self.says(self.commands[-1])
                if said is None:  # it hangs: the connection stays open
                    time.sleep(2)
                else:
                    # In pieces, as a long answer comes.
                    for start in range(0, len(said), 1000):
                        connection.sendall(said[start : start + 1000].encode())

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.connect(self.sock.getsockname())
            sock.sendall(b"quit")
            sock.recv(4096)
        self.thread.join(5)
        self.sock.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Callable[..., tuple[str, Console]]]:
    """console(says) -> path, Console."""
    running: list[Console] = []

    def make(says: Callable[[str], str | None], **more: bytes) -> tuple[str, Console]:
        path = tmp_path / "console"
        running.append(Console(path, says, **more))
        return str(path), running[-1]

    yield make
    for each in running:
        each.close()


def table(**processors: tuple[int, int]) -> str:
    """What the console prints of processors: name with _ for / -> (processed, in queue)."""
    head = "\nProcessor      Processed   In Queue  Max Depth  Low water High water\n"
    rows = [
        f"pjsip/{name.replace('_', '-')} {done} {waiting} 9 450 500" for name, (done, waiting) in processors.items()
    ]
    return head + "\n".join(rows) + f"\n\n{len(rows)} taskprocessors\n"


def test_what_asterisk_22_prints(progress) -> None:
    found = progress.parse_processors((RECORDED / "taskprocessors-22.10.txt").read_text())
    assert len(found) == 44
    assert sum(name.startswith("pjsip/distributor-") for name in found) == 31
    assert found["pjsip/distributor-0000001d"] == progress.Processor(506, 0, 450)
    assert found["pjsip/options/manage"] == progress.Processor(1, 0, 4500)


def test_what_asterisk_18_prints(progress) -> None:
    text = (
        "Processor                                      Processed   In Queue  Max Depth  Low water High water\n"
        "pjsip/distributor-00000019                            12          3          3        450        500\n"
    )
    assert progress.parse_processors(text) == {"pjsip/distributor-00000019": progress.Processor(12, 3, 450)}


@pytest.mark.parametrize("said", ["", "No such command 'core show taskprocessors like pjsip'", "0 taskprocessors"])
def test_a_console_that_tells_nothing_of_pjsip_is_no_evidence(progress, said: str) -> None:
    with pytest.raises(progress.ConsoleError, match="no task processor of PJSIP"):
        progress.parse_processors(said)


def test_a_look_asks_the_console(progress, console) -> None:
    path, server = console(lambda _command: (RECORDED / "taskprocessors-22.10.txt").read_text())
    before = time.monotonic()
    look = progress.look(path)
    assert server.commands == ["core show taskprocessors like pjsip"]
    assert len(look.processors) == 44
    assert before <= look.at <= time.monotonic()


def test_a_console_that_hangs_is_given_up(progress, console) -> None:
    path, _server = console(lambda _command: None)
    began = time.monotonic()
    with pytest.raises(progress.ConsoleError, match="does not answer"):
        progress.ask_console(path, "core show uptime", 0.2)
    assert time.monotonic() - began < 1


def test_a_console_that_is_not_there_is_said(progress, tmp_path: Path) -> None:
    with pytest.raises(progress.ConsoleError, match="cannot be asked .No such file"):
        progress.look(str(tmp_path / "nothing"))


#: Before and after, of distributors 1 and 2 and others: (processed, in queue); and whether that is busy.
CASES = {
    "it handles others": (
        {"distributor_1": (10, 3), "distributor_2": (5, 2)},
        {"distributor_1": (90, 4), "distributor_2": (99, 0)},
        True,
    ),
    "it handles others, with empty queues": ({"distributor_1": (10, 0)}, {"distributor_1": (50, 0)}, True),
    "one lane is busy and one idle": (
        {"distributor_1": (10, 9), "distributor_2": (0, 0)},
        {"distributor_1": (20, 9), "distributor_2": (0, 0)},
        True,
    ),
    "a queue comes down from above its mark": (
        {"distributor_1": (9, 0), "mwi_1": (5, 900)},
        {"distributor_1": (9, 0), "mwi_1": (99, 800)},
        True,
    ),
    "one call hangs, others are handled": (
        {"distributor_1": (1, 0), "outsess_7": (3, 2)},
        {"distributor_1": (8, 0), "outsess_7": (3, 2)},
        True,
    ),
    "nothing moves": (
        {"distributor_1": (10, 2), "distributor_2": (5, 1)},
        {"distributor_1": (10, 4), "distributor_2": (5, 2)},
        False,
    ),
    "nobody reads the socket": ({"distributor_1": (10, 0)}, {"distributor_1": (10, 0)}, False),
    "our lane hangs, others are handled": (
        {"distributor_1": (10, 2), "distributor_2": (5, 0)},
        {"distributor_1": (10, 4), "distributor_2": (50, 0)},
        False,
    ),
    "the pool of threads hangs, and the flood goes on": (
        {"distributor_1": (10, 400), "distributor_2": (5, 300)},
        {"distributor_1": (10, 700), "distributor_2": (5, 600)},
        False,
    ),
    "a queue over its mark hangs, and all that is new is ignored for it": (
        {"distributor_1": (10, 0), "mwi_1": (5, 600)},
        {"distributor_1": (30, 0), "mwi_1": (5, 600)},
        False,
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_busy_or_dead(progress, case: str) -> None:
    before, after, busy = CASES[case]
    first = progress.Look(100.0, progress.parse_processors(table(**before)))
    second = progress.Look(103.0, progress.parse_processors(table(**after)))
    verdict = progress.judge(first, second)
    assert verdict.busy is busy, verdict
    assert "3.0 s" in verdict.detail


def test_who_hangs_is_named(progress) -> None:
    looks = [
        progress.Look(at, progress.parse_processors(table(distributor_1=(7, 2), distributor_2=(done, 0))))
        for at, done in ((0.0, 1), (3.0, 9))
    ]
    assert "pjsip/distributor-1 (2 waiting)" in progress.judge(*looks).detail


def test_a_processor_that_came_meanwhile_is_no_evidence(progress) -> None:
    first = progress.Look(0.0, progress.parse_processors(table(distributor_1=(7, 0))))
    second = progress.Look(3.0, progress.parse_processors(table(distributor_1=(7, 0), session_1=(50, 0))))
    assert not progress.judge(first, second).busy
