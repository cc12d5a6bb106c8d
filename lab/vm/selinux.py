"""What SELinux did on a machine: whether it enforces, in which domain each process runs, and what it denied."""

from __future__ import annotations

import re

from .. import exchange

#: Types that belong to the exchange or to what it runs on: Asterisk, MariaDB, the cluster and its agents, DRBD, TFTP.
CONCERNS = re.compile(r"(asterisk|mysqld|corosync|pacemaker|cluster|fenced|drbd|tftp|initrc)\w*_t\b")
_DENIAL = re.compile(r"avc:\s+denied\s+\{(?P<permissions>[^}]+)\}.*?scontext=(?P<source>\S+) tcontext=(?P<target>\S+)")


def concerning(journal: str) -> list[str]:
    """Return the denials in a journal that concern the exchange, each line once.

    Args:
        journal: lines of a journal, as `journalctl --output=cat` prints them.
    """
    found: dict[str, None] = {}
    for line in journal.splitlines():
        denial = _DENIAL.search(line)
        if denial and (CONCERNS.search(denial["source"]) or CONCERNS.search(denial["target"])):
            # Without time and process id the same denial is the same line.
            found[re.sub(r"audit\([\d.:]+\): |\bpid=\d+ |\bino=\d+ ", "", line)] = None
    return list(found)


def denials(node: str) -> list[str]:
    """Return what SELinux denied to the exchange on a node, since its first boot."""
    return concerning(exchange.run(node, ["journalctl", "--no-pager", "--output=cat", "--grep=avc: .?denied"]))


def lost(node: str) -> str:
    """Return what the kernel says about audit messages that it lost; "" when it lost none."""
    command = "journalctl --no-pager --output=cat --grep='audit_lost|audit: (kauditd hold|backlog limit)' || :"
    return exchange.run(node, ["sh", "-c", command]).strip()


def domains(node: str) -> dict[str, str]:
    """Return the domain of each process on a node, by the name of the program; kernel threads are left out."""
    lines = exchange.run(node, ["ps", "-e", "-o", "label=,comm="]).splitlines()
    found = {}
    for line in lines:
        label, program = line.split(maxsplit=1)
        if ":kernel_t:" not in label:
            found[program] = label.split(":")[2]
    return found
