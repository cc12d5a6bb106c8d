"""The recap of ansible-playbook decides whether a run was idempotent: a wrong reading would pass a bad one."""

from __future__ import annotations

import pytest

from tools import recap

OUTPUT = """
PLAY RECAP is a word that a message may contain
TASK [Debug] ***
ok: [server1] => ok=1 changed=9

PLAY RECAP *********************************************************************
server1                    : ok=42   changed=0    unreachable=0    failed=0    skipped=7    rescued=0    ignored=0
\x1b[0;33mserver2\x1b[0m                    : \x1b[0;32mok=41  \x1b[0m \x1b[0;33mchanged=2   \x1b[0m unreachable=0    \
failed=0    skipped=8    rescued=0    ignored=0
"""


def test_reads_every_host_of_the_last_recap_through_colours() -> None:
    found = recap.parse(OUTPUT)
    assert set(found) == {"server1", "server2"}
    assert found["server1"]["ok"] == 42
    assert found["server1"]["changed"] == 0
    assert found["server2"]["changed"] == 2


def test_output_without_a_recap_is_an_error() -> None:
    with pytest.raises(ValueError, match="no PLAY RECAP"):
        recap.parse("ERROR! the playbook could not be found\n")


def counts(**changes: int) -> dict[str, int]:
    return {"ok": 5, "changed": 0, "unreachable": 0, "failed": 0} | changes


@pytest.mark.parametrize(
    ("found", "max_changed", "complaint"),
    [
        ({"server1": counts()}, 0, "server2: the run did not reach it"),
        ({"server1": counts(), "server2": counts(changed=1)}, 0, "server2: 1 tasks changed something, allowed are 0"),
        ({"server1": counts(failed=1), "server2": counts()}, None, "server1: 1 failed"),
        ({"server1": counts(unreachable=1), "server2": counts()}, None, "server1: 1 unreachable"),
    ],
)
def test_complains_about(found: dict[str, dict[str, int]], max_changed: int | None, complaint: str) -> None:
    assert recap.complaints(found, ["server1", "server2"], max_changed) == [complaint]


def test_is_content_with_a_good_run() -> None:
    found = {"server1": counts(), "server2": counts()}
    assert recap.complaints(found, ["server1", "server2"], 0) == []
    found["server1"]["changed"] = 30
    assert recap.complaints(found, ["server1", "server2"], None) == []
