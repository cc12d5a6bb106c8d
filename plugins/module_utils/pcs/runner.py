# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door to other programs, and the errors that come back through it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


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


def module_runner(module: Any) -> Runner:
    """A runner over AnsibleModule.run_command.

    :param module: the AnsibleModule.
    :returns: a Runner. A missing program raises PcsError that names the package.
    """

    def run(argv: Sequence[str], stdin: str | None = None) -> Result:
        try:
            # Messages are shown to people and never parsed, but one language makes reports comparable.
            rc, out, err = module.run_command(
                list(argv),
                data=stdin,
                environ_update={"LC_ALL": "C.UTF-8", "LANGUAGE": "C"},
                handle_exceptions=False,
            )
        except FileNotFoundError as error:
            package = PACKAGES.get(argv[0], argv[0])
            raise PcsError(
                f"{hostname()}: the program {argv[0]} is not there. Install the package {package}."
            ) from error
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
