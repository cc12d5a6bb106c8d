"""What SELinux did on a machine: whether it enforces, in which domain each process runs, and what it denied."""

from __future__ import annotations

import re
import shlex

from .. import exchange

#: Types that belong to the exchange or to what it runs on: Asterisk, MariaDB, the cluster and its agents, DRBD, TFTP.
CONCERNS = re.compile(r"(asterisk|mysqld|corosync|pacemaker|cluster|fenced|drbd|tftp|initrc)\w*_t\b")
#: Reads what the kernel said, since the first boot. Nobody else's lines: a command that looks for denials names them too.
KERNEL = ("journalctl", "--no-pager", "--quiet", "--output=cat", "_TRANSPORT=kernel", "_TRANSPORT=audit")
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


def _kernel(node: str, words: str) -> str:
    """Return the lines of a node's kernel that hold some words."""
    # journalctl fails when it finds nothing.
    return exchange.run(node, ["sh", "-c", f"{shlex.join(KERNEL)} --grep={shlex.quote(words)} || :"])


def _decisions(node: str) -> str:
    """Return the lines in which the kernel of a node tells of a decision of SELinux."""
    return _kernel(node, "avc:")


def lost(node: str) -> list[str]:
    """Return where the kernel of a node says that it could not tell all: without such a line `denials` is complete."""
    return _kernel(node, "audit_lost=").splitlines()


def denials(node: str) -> list[str]:
    """Return what SELinux denied to the exchange on a node, since its first boot."""
    return concerning(_decisions(node))


def let_pass(node: str) -> list[str]:
    """Return what was denied and let pass all the same: in a permissive domain, or while nothing was enforced."""
    return [line for line in _decisions(node).splitlines() if "permissive=1" in line]


def domain(node: str, service: str) -> str:
    """Return the domain in which the main process of a service runs on a node."""
    script = 'cut --delimiter=: --fields=3 "/proc/$(systemctl show --property=MainPID --value "$1")/attr/current"'
    return exchange.run(node, ["sh", "-c", script, "sh", service]).strip()
