# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to other programs, and the errors that come back through it."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import server

# Messages are shown to people and never parsed, but one language makes reports comparable.
LANGUAGE = {"LC_ALL": "C.UTF-8", "LANGUAGE": "C"}


class PcsError(Exception):
    """Something a person has to do something about: the message says what was found, where, and what to do."""


@dataclass(frozen=True)
class Result:
    """What a program left behind: exit code, standard output, standard error."""

    rc: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both outputs, for messages: pcs moved its own from stdout to stderr between 0.10 and 0.11."""
        return "\n".join(part.strip() for part in (self.err, self.out) if part.strip())


class Runner(Protocol):
    """Runs a program; tests inject one that answers from a table."""

    def __call__(self, argv: Sequence[str], stdin: str | None = None) -> Result: ...


PACKAGES = {
    "pcs": "pcs",
    "crm_mon": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
    "cibadmin": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
    "crm_diff": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
    "crm_verify": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
    "crm_simulate": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
    "crm_resource": "pacemaker-cli-utils (Debian) or pacemaker-cli (EL)",
}


def hostname() -> str:
    """The name of this machine, as messages give it."""
    return socket.gethostname().split(".")[0]


def missing(program: str) -> PcsError:
    """The error for a program that is not installed."""
    package = PACKAGES.get(program, program)
    return PcsError(f"{hostname()}: the program {program} is not there. Install the package {package}.")


def interpreter(program: Path) -> list[str]:
    """The Python that runs a program, with its options, from the program's first line; [] when it is not Python."""
    try:
        with program.open("rb") as file:
            first = file.readline().decode("utf-8", "replace")
    except OSError:
        return []
    words = first[2:].split() if first.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = words[1:]
    return words if words and Path(words[0]).name.startswith("python") else []


def _server_source() -> str:
    """The text of server.py, which on a managed node lies in the module's zip file."""
    loader: Any = getattr(importlib.util.find_spec(server.__name__), "loader", None)
    return str(loader.get_source(server.__name__))


class PcsServer:
    """pcs, imported once for all calls: a process that ends with this one (see server.py).

    :param program: the path of pcs.
    :param python: the interpreter that runs it, with its options.
    """

    def __init__(self, program: str, python: Sequence[str]) -> None:
        self._program = program
        self._process = subprocess.Popen(  # noqa: S603
            [*python, "-c", _server_source()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **LANGUAGE},
        )

    def __call__(self, argv: Sequence[str], stdin: str | None = None) -> Result:
        """Run pcs with the arguments that follow its name in ``argv``.

        :raises PcsError: when the process is gone.
        """
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        if pipe_in is None or pipe_out is None:
            raise AssertionError("both were asked for")
        try:
            pipe_in.write(json.dumps({"argv": [self._program, *argv[1:]], "stdin": stdin}) + "\n")
            pipe_in.flush()
            answer = json.loads(pipe_out.readline())
        except (OSError, ValueError) as error:
            self._process.kill()
            said = self._process.communicate()[1].strip()
            raise PcsError(
                f"{hostname()}: {self._program} could not be run: the process that loads it is gone"
                f" (exit code {self._process.returncode}): {said or 'it said nothing'}. Does `pcs --version` work here?"
            ) from error
        return Result(answer["rc"], answer["out"], answer["err"])


def module_runner(module: Any) -> Runner:
    """A runner over AnsibleModule.run_command, and over one PcsServer for all calls of pcs.

    :param module: the AnsibleModule.
    :returns: a Runner. A missing program raises PcsError that names the package.
    """
    servers: list[PcsServer] = []

    def run(argv: Sequence[str], stdin: str | None = None) -> Result:
        if argv[0] == "pcs" and not servers:
            program = module.get_bin_path("pcs")
            if program is None:
                raise missing("pcs")
            python = interpreter(Path(program))
            if python:
                servers.append(PcsServer(program, python))
        if argv[0] == "pcs" and servers:
            return servers[0](argv, stdin)
        try:
            rc, out, err = module.run_command(list(argv), data=stdin, environ_update=LANGUAGE, handle_exceptions=False)
        except FileNotFoundError as error:
            raise missing(argv[0]) from error
        except OSError as error:
            raise PcsError(f"{hostname()}: {argv[0]} cannot be run: {error}") from error
        return Result(rc, out, err)

    return run


def capabilities(run: Runner) -> frozenset[str]:
    """What this pcs can do, from ``pcs --version --full``.

    :returns: names such as ``pcmk.cib.roles.promoted-unpromoted``. Distributions patch features in and out,
        so a version number says less.
    """
    result = run(["pcs", "--version", "--full"])
    if result.rc != 0:
        raise PcsError(f"{hostname()}: `pcs --version --full` failed: {result.text}")
    return frozenset(word for word in result.out.split() if "." in word and not word[0].isdigit())
