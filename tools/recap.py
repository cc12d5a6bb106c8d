"""The recap at the end of what ansible-playbook prints: what it counts for each host, and what is wrong with that."""

from __future__ import annotations

import re

# "server1  : ok=42  changed=0  unreachable=0  failed=0  skipped=7  rescued=0  ignored=0", in colour perhaps.
RECAP_LINE = re.compile(r"^(?P<host>\S+)\s*: (?P<counts>ok=\d+\s+changed=\d+.*)$")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def parse(output: str) -> dict[str, dict[str, int]]:
    """Return the counters of every host, for example ``{"server1": {"ok": 42, "changed": 0, …}}``.

    Args:
        output: what ansible-playbook printed. With several recaps in it, the last one counts.

    Raises:
        ValueError: there is no recap in it.
    """
    _before, heading, recap = COLOUR.sub("", output).rpartition("PLAY RECAP")
    if not heading:
        raise ValueError("no PLAY RECAP in the output: ansible-playbook did not get that far")
    found = {}
    for line in recap.splitlines():
        if match := RECAP_LINE.match(line.strip()):
            found[match["host"]] = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", match["counts"])}
    return found


def complaints(recap: dict[str, dict[str, int]], hosts: list[str], max_changed: int | None) -> list[str]:
    """Return what is wrong with a run, one sentence for each host and finding; an empty list when all is well.

    Args:
        recap: from `parse`.
        hosts: the hosts that must be in it.
        max_changed: how many tasks of a host may have changed something; None for any number.
    """
    found = [f"{host}: the run did not reach it" for host in hosts if host not in recap]
    for host, counts in recap.items():
        found += [f"{host}: {counts[key]} {key}" for key in ("unreachable", "failed") if counts[key]]
        if max_changed is not None and counts["changed"] > max_changed:
            found.append(f"{host}: {counts['changed']} tasks changed something, allowed are {max_changed}")
    return found
