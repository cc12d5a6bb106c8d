# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the dialtone resource agents share: exit codes, parameters, logging, bounded commands, dispatch.

Source of the protocol: Open Cluster Framework, Resource Agent API 1.0 and 1.1. An agent is called with one
action as its argument; its parameters come as OCF_RESKEY_<name> in the environment, Pacemaker's own as
OCF_RESKEY_CRM_meta_<name>; the answer is the exit code, and a line "ocf-exit-reason:..." on stderr is what
`pcs status` shows to the person who is woken at night.

The standard library of Python 3.9 is all that is used: an agent must not depend on what can be uninstalled. A monitor
runs every second or two, and most of it is Python that starts; so what costs time to import (dataclasses, secrets,
xml.sax, pathlib, traceback) is not imported, or only where it is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import syslog
import time
from collections.abc import Mapping, Sequence
from typing import Callable, NamedTuple

OCF_SUCCESS = 0
OCF_ERR_GENERIC = 1
OCF_ERR_ARGS = 2
OCF_ERR_UNIMPLEMENTED = 3
OCF_ERR_PERM = 4
OCF_ERR_INSTALLED = 5
OCF_ERR_CONFIGURED = 6
OCF_NOT_RUNNING = 7

#: `systemctl` answers in milliseconds; a system manager that takes longer than this is itself in trouble.
SYSTEMCTL_TIMEOUT = 5.0

_PRIORITIES = {
    "crit": syslog.LOG_CRIT,
    "err": syslog.LOG_ERR,
    "warn": syslog.LOG_WARNING,
    "info": syslog.LOG_INFO,
}


class AgentError(Exception):
    """An action that ends here.

    :param code: OCF exit code
    :param reason: one sentence for the operator: what was found and what to do
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Result(NamedTuple):
    """The end of a command: exit code (None when it was abandoned at its time limit), output, error output."""

    rc: int | None
    out: str = ""
    err: str = ""

    @property
    def timed_out(self) -> bool:
        return self.rc is None


#: run(argv, timeout in seconds, stdin) -> Result. Injected, so that tests need neither systemd nor MariaDB.
Runner = Callable[[Sequence[str], float, str | None], Result]


def run(argv: Sequence[str], timeout: float, stdin: str | None = None) -> Result:
    """Run a command for at most `timeout` seconds.

    :raises FileNotFoundError: the program is not installed
    """
    environment = {**os.environ, "LC_ALL": "C"}
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        encoding="utf-8",
        errors="replace",
        # A killed child may leave children of its own behind, which would hold the pipes open.
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout=max(timeout, 0.05))
    except subprocess.TimeoutExpired:
        # Not waited for: a child in uninterruptible sleep cannot be killed, and must not take the agent with it.
        process.kill()
        return Result(None)
    return Result(process.returncode, out, err)


class Unit(NamedTuple):
    """A unit as systemd sees it. `job` is True while systemd has a job queued or running for it."""

    load: str
    active: str
    sub: str
    result: str
    pid: int
    job: bool

    @property
    def installed(self) -> bool:
        return self.load == "loaded"

    @property
    def gone(self) -> bool:
        """No process of it is left, and none is on its way."""
        return not self.installed or self.active in ("inactive", "failed")

    @property
    def headless(self) -> bool:
        """Its main process is gone; systemd still clears away what that left behind."""
        return self.active in ("active", "deactivating") and self.pid == 0


class Deadline:
    """A point in time `seconds` from now on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        return self.left <= 0.0


class Parameter(NamedTuple):
    """One parameter of an agent, as its meta-data tells it. `kind`: string or integer; times say their unit."""

    name: str
    short: str
    long: str
    kind: str = "string"
    default: str | None = None
    required: bool = False


class Action(NamedTuple):
    """One action as the meta-data advertises it: default timeout and, for monitor, interval in seconds."""

    name: str
    timeout: int
    interval: int | None = None


class Agent:
    """Base of an agent: subclasses set the class attributes and write start, stop, monitor and validate.

    :param env: the environment the cluster called the agent with
    :param runner: how commands are run
    """

    name = ""
    short = ""
    long = ""
    parameters: Sequence[Parameter] = ()
    actions: Sequence[Action] = ()

    def __init__(self, env: Mapping[str, str], runner: Runner = run) -> None:
        self.env = env
        self.runner = runner

    def start(self) -> int:
        raise NotImplementedError

    def stop(self) -> int:
        raise NotImplementedError

    def monitor(self) -> int:
        raise NotImplementedError

    def validate(self) -> int:
        raise NotImplementedError

    def text(self, name: str) -> str:
        """The parameter's value, its default when it is not set.

        :raises AgentError: OCF_ERR_CONFIGURED when it is required and not set
        """
        spec = next(spec for spec in self.parameters if spec.name == name)
        value = self.env.get("OCF_RESKEY_" + name, "") or spec.default
        if value is None:
            raise AgentError(OCF_ERR_CONFIGURED, f"parameter {name} is not set")
        return value

    def number(self, name: str, low: int, high: int) -> int:
        """The parameter as an integer within [low, high].

        :raises AgentError: OCF_ERR_CONFIGURED when it is anything else
        """
        value = self.text(name)
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if not low <= number <= high:
            raise AgentError(
                OCF_ERR_CONFIGURED, f"parameter {name} is {value!r}: it must be a number from {low} to {high}"
            )
        return number

    @property
    def is_probe(self) -> bool:
        """True when the cluster only asks whether the resource happens to run here (monitor with interval 0)."""
        return self.env.get("OCF_RESKEY_CRM_meta_interval", "0") == "0"

    def granted(self) -> float:
        """Seconds that the cluster grants the action in progress; 0 when somebody calls by hand."""
        try:
            milliseconds = int(self.env.get("OCF_RESKEY_CRM_meta_timeout", "0"))
        except ValueError:
            milliseconds = 0
        return max(milliseconds, 0) / 1000.0

    def operation_timeout(self, action: str) -> float:
        """Seconds that the cluster grants this action; the advertised default when somebody calls by hand."""
        return self.granted() or float(next(spec.timeout for spec in self.actions if spec.name == action))

    def patience(self, seconds: float) -> float:
        """Seconds to wait for a program that answers at once on a healthy host.

        Somebody who grants an operation minutes has a host that is slow as a whole: then it is a sixth of that, where
        that is more than `seconds`.
        """
        return max(seconds, self.granted() / 6)

    def log(self, level: str, message: str) -> None:
        """Log to syslog under the resource's name; from warnings up also to stderr, which Pacemaker keeps.

        :param level: crit, err, warn or info
        """
        resource = self.env.get("OCF_RESOURCE_INSTANCE", self.name)
        if level != "info":
            print(f"{level.upper()}: {message}", file=sys.stderr)
        facility = self.env.get("HA_LOGFACILITY", "daemon")
        if facility != "none":
            number = getattr(syslog, "LOG_" + facility.upper(), syslog.LOG_DAEMON)
            syslog.openlog(f"{self.name}({resource})", syslog.LOG_PID, number)
            syslog.syslog(_PRIORITIES[level], message)

    def systemctl(self, *arguments: str) -> str:
        """Output of systemctl.

        :raises AgentError: it is not installed, failed or did not answer
        """
        command = "systemctl {}".format(" ".join(arguments))
        patience = self.patience(SYSTEMCTL_TIMEOUT)
        try:
            result = self.runner(["systemctl", *arguments], patience, None)
        except FileNotFoundError:
            raise AgentError(OCF_ERR_INSTALLED, "systemctl is not installed on this host") from None
        if result.timed_out:
            raise AgentError(OCF_ERR_GENERIC, f"{command} did not answer within {patience:.0f} s")
        if result.rc != 0:
            raise AgentError(OCF_ERR_GENERIC, f"{command} failed ({result.rc}): {result.err.strip()}")
        return result.out

    def kill(self, name: str) -> None:
        """SIGKILL to all processes of a unit. One that just ended by itself is no error; the caller looks again."""
        result = self.runner(["systemctl", "kill", "--signal=SIGKILL", name], self.patience(SYSTEMCTL_TIMEOUT), None)
        if result.rc != 0:
            self.log("info", f"systemctl kill {name}: {result.err.strip() or 'no answer'}")

    def unit(self, name: str) -> Unit:
        """The state of a systemd unit; one that does not exist is not `installed`.

        :raises AgentError: systemd cannot be asked
        """
        out = self.systemctl("show", "--property=LoadState,ActiveState,SubState,Result,MainPID,Job", name)
        found = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
        pid = found.get("MainPID", "0")
        return Unit(
            load=found.get("LoadState", ""),
            active=found.get("ActiveState", ""),
            sub=found.get("SubState", ""),
            result=found.get("Result", ""),
            pid=int(pid) if pid.isdigit() else 0,
            # systemd omits the property, or gives 0, when there is no job
            job=found.get("Job", "0") not in ("", "0"),
        )

    def metadata(self) -> str:
        """The agent's description as XML (ra-api-1)."""
        from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 - it imports half of the network's libraries

        lines = [
            '<?xml version="1.0"?>',
            '<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">',
            f'<resource-agent name={quoteattr(self.name)} version="1.0">',
            "<version>1.0</version>",
            f'<longdesc lang="en">{escape(self.long)}</longdesc>',
            f'<shortdesc lang="en">{escape(self.short)}</shortdesc>',
            "<parameters>",
        ]
        for spec in self.parameters:
            default = "" if spec.default is None else f" default={quoteattr(spec.default)}"
            lines += [
                f'<parameter name={quoteattr(spec.name)} unique="0" required="{int(spec.required)}">',
                f'<longdesc lang="en">{escape(spec.long)}</longdesc>',
                f'<shortdesc lang="en">{escape(spec.short)}</shortdesc>',
                f"<content type={quoteattr(spec.kind)}{default}/>",
                "</parameter>",
            ]
        lines += ["</parameters>", "<actions>"]
        for action in self.actions:
            interval = "" if action.interval is None else f' interval="{action.interval}s" depth="0"'
            lines.append(f'<action name="{action.name}" timeout="{action.timeout}s"{interval}/>')
        lines += ["</actions>", "</resource-agent>"]
        return "\n".join(lines)

    def perform(self, action: str) -> int:
        """Perform one OCF action and return its exit code; nothing escapes as a traceback without a reason."""
        handlers: dict[str, Callable[[], int]] = {
            "start": self.start,
            "stop": self.stop,
            "monitor": self.monitor,
            "status": self.monitor,
            "validate-all": self.validate,
        }
        if action == "meta-data":
            print(self.metadata())
            return OCF_SUCCESS
        if action in ("usage", "help"):
            print(self.usage())
            return OCF_SUCCESS
        if action not in handlers:
            print(self.usage(), file=sys.stderr)
            return OCF_ERR_UNIMPLEMENTED
        try:
            return handlers[action]()
        except AgentError as error:
            print(f"ocf-exit-reason:{error.reason}", file=sys.stderr)
            self.log("err", f"{action}: {error.reason}")
            return error.code
        except Exception as error:  # the cluster has to get an exit code whatever happens
            import traceback  # noqa: PLC0415 - only here

            print(f"ocf-exit-reason:the agent itself failed: {error!r}", file=sys.stderr)
            self.log("err", "{}: {}".format(action, traceback.format_exc().replace("\n", " | ")))
            return OCF_ERR_GENERIC

    def usage(self) -> str:
        return f"usage: {self.name} {{start|stop|monitor|validate-all|meta-data}}"


def main(agent: Agent, argv: Sequence[str]) -> int:
    """Entry point: one action in argv[1]; returns the OCF exit code."""
    if len(argv) != 2:  # noqa: PLR2004 - the program's name and the action
        print(agent.usage(), file=sys.stderr)
        return OCF_ERR_ARGS
    return agent.perform(argv[1])
