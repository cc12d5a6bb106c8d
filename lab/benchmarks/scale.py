"""How long does Asterisk take with thousands of telephones? python3 -m lab.benchmarks.scale --runs N, on a deployed lab.

A hundred tenants with a hundred telephones each are deployed beside the lab's own and registered. A run has two parts. The service is
restarted through the cluster: from the start of the process to its first answer to OPTIONS, and what the caller sees. Then one
telephone gets another name, and site.yml loads it beside calls: the longest silence of OPTIONS meanwhile, and how long the run takes.
No call may fail, and every telephone must still be registered after each part. In the end the lab has its own telephones again.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import exchange, voicemail
from lab.config import LAB_DIR, LabError
from lab.phones import password
from lab.playbooks import invocation
from lab.probe import SipProbe
from lab.registrations import Present, register
from lab.sipp import Caller, Load

from . import Measured, measure, parser

EXTENSIONS = 100
#: Seconds between two OPTIONS.
INTERVAL = 0.02
#: Seconds that a start may take before the benchmark gives up.
LIMIT = 180.0
#: Calls beside a reload: begun in a second, and for how many seconds.
RATE, TALK_SECONDS, LOAD_SECONDS = 5.0, 2.0, 140

Tenants = list[dict[str, Any]]


def extension(number: str, name: str, word: str, pin: str) -> dict[str, str]:
    """Return an extension as the inventory declares it."""
    return {"number": number, "name": name, "password": word, "voicemail_pin": pin}


def company(count: int) -> Tenants:
    """Return the lab's own tenant, and `count` tenants with telephones of made-up passwords."""
    own = [extension(number, f"Telephone {number}", password(number), voicemail.pin(number)) for number in ("100", "101")]
    numbers = [str(200 + index) for index in range(EXTENSIONS)]
    return [{"name": "demo", "extensions": own}] + [
        {
            "name": f"t{index:03d}",
            "extensions": [extension(number, f"Telephone {number}", secrets.token_hex(16), "2580") for number in numbers],
        }
        for index in range(count)
    ]


def telephones(tenants: Tenants) -> list[Caller]:
    """Return who registers: all but the lab's own."""
    return [
        Caller(f"{entry['number']}-{tenant['name']}", entry["password"]) for tenant in tenants[1:] for entry in tenant["extensions"]
    ]


@contextmanager
def variables(tenants: Tenants) -> Iterator[Path]:
    """Give a file of variables with these tenants, for as long as it is needed."""
    path = LAB_DIR / f"scale-{secrets.token_hex(4)}.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"asterisk_tenants": tenants}, file)
    try:
        yield path
    finally:
        path.unlink()


def deploy(tenants: Tenants | None = None) -> float:
    """Have site.yml write and load tenants (the inventory's own where none are given); return the seconds that it took.

    Raises:
        LabError: it failed.
    """
    def run(*more: str) -> float:
        begun = time.monotonic()
        done = subprocess.run(
            **invocation("containers", "playbooks/site.yml", "--tags", "asterisk", *more), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise LabError(f"site.yml failed: {(done.stdout + done.stderr)[-3000:]}")
        return time.monotonic() - begun

    if tenants is None:
        return run()
    with variables(tenants) as path:
        return run("--extra-vars", f"@{path}")


def contacts(node: str) -> int:
    """Return how many registrations Asterisk has."""
    said = exchange.run(node, ["asterisk", "-rx", "pjsip list contacts"])
    found = re.search(r"Objects found: (\d+)", said)
    return int(found[1]) if found else 0


def started_before(node: str) -> float:
    """Return how many seconds ago Asterisk's process began (proc_pid_stat(5): field 22, in ticks since the host's boot)."""
    stat = exchange.run(node, ["cat", f"/proc/{exchange.main_process(node, 'asterisk')}/stat", "/proc/uptime"])
    line, uptime = stat.splitlines()[:2]
    return float(uptime.split()[0]) - int(line.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")


def all_registered(node: str, expected: int) -> None:
    """Check that no registration is lost.

    Raises:
        LabError: Asterisk has others than it should.
    """
    exchange.wait_until(f"{expected} registrations on {node}", lambda: contacts(node), lambda found: found >= expected, 20)


def start(expected: int) -> Measured:
    """Restart the service through the cluster; return the moments of the start."""
    node = exchange.active_node()
    exchange.wait_healthy(60)
    former = exchange.main_process(node, "asterisk")
    with SipProbe(INTERVAL) as probe:
        probe.wait_answer(time.monotonic(), 5)
        exchange.run(node, ["pcs", "resource", "disable", exchange.ASTERISK, f"--wait={int(LIMIT)}"])
        stopped = time.monotonic()
        exchange.run(node, ["pcs", "resource", "enable", exchange.ASTERISK])
        answered = probe.wait_answer(stopped, LIMIT)
        began = time.monotonic() - started_before(node)
    exchange.wait_until(f"Asterisk on {node}", lambda: exchange.main_process(node, "asterisk"), lambda pid: pid != former, 10)
    exchange.wait_healthy(60)
    all_registered(node, expected)
    memory = exchange.run(node, ["grep", "VmRSS", f"/proc/{exchange.main_process(node, 'asterisk')}/status"])
    print(f"  start: {answered - began:.2f} s, {int(memory.split()[1]) // 1024} MiB", flush=True)
    return [("start of the process to the first answer", answered - began)]


def change(tenants: Tenants, run: int, expected: int) -> Measured:
    """Give one telephone another name beside calls; return the silence meanwhile and how long the run took."""
    node = exchange.active_node()
    tenants[1]["extensions"][0]["name"] = f"Telephone of run {run}"
    # The records of former calls are loaded first.
    exchange.wait_until("an empty spool of records", exchange.spool_empty, bool, 60)
    with Load(RATE, round(RATE * LOAD_SECONDS), talk_seconds=TALK_SECONDS) as load, SipProbe(INTERVAL) as probe:
        begun = time.monotonic()
        probe.wait_answer(begun, 5)
        seconds = deploy(tenants)
        silence = probe.longest_silence(begun)
        if not load.running:
            raise LabError(f"site.yml took {seconds:.0f} s, longer than there were calls")
        outcome = load.wait()
    if outcome.failed or outcome.succeeded != outcome.begun:
        raise LabError(f"calls failed beside the reload: {outcome}")
    all_registered(node, expected)
    print(f"  reload: silent for {silence:.2f} s, site.yml {seconds:.0f} s; {outcome}", flush=True)
    return [("longest silence while one telephone is changed", silence), ("site.yml that changes one telephone", seconds)]


def main() -> int:
    """Deploy, register, measure and print the table; return 1 when something was lost."""
    arguments = parser("lab.benchmarks.scale", __doc__ or "")
    arguments.add_argument("--tenants", type=int, default=100, help="tenants of 100 telephones (1 to 200, default 100)")
    given = arguments.parse_args()
    try:
        exchange.wait_healthy(60)
        tenants = company(min(200, max(1, given.tenants)))
        known = telephones(tenants)
        print(f"{len(known)} telephones", flush=True)
        before = deploy()
        first = deploy(tenants)
        print(f"  site.yml without them {before:.0f} s, with them {first:.0f} s", flush=True)
        register(known)
        with Present():
            all_registered(exchange.active_node(), len(known))

            def once(run: int) -> Measured:
                return start(len(known)) + change(tenants, run, len(known))

            return measure(given.runs, f"{len(known)} telephones, seconds", once)
    except LabError as error:
        print(f"scale: {error}", file=sys.stderr)
        return 1
    finally:
        deploy()


if __name__ == "__main__":
    sys.exit(main())
