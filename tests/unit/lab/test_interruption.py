"""When a deployment is killed, and where it was."""

from __future__ import annotations

import itertools

import pytest

from lab import interruption

OUTPUT = """
\x1b[0;36mPLAY [Base system] *****\x1b[0m

TASK [dialtone.ha_pbx.centos_base : Install packages] ****
ok: [server1]

TASK [dialtone.ha_pbx.centos_base : Name the host] ****
changed: [server1]
"""


@pytest.mark.parametrize("seed", range(5))
def test_a_moment_in_each_part_of_the_run(seed: int) -> None:
    found = interruption.moments(10, seed)
    assert [int(moment * 10) for moment in found] == list(range(10))
    assert found == interruption.moments(10, seed)


def test_another_seed_draws_other_moments() -> None:
    drawn = [tuple(interruption.moments(3, seed)) for seed in range(5)]
    assert all(one != other for one, other in itertools.combinations(drawn, 2))


@pytest.mark.parametrize(
    ("output", "task"),
    [
        (OUTPUT, "TASK [dialtone.ha_pbx.centos_base : Name the host]"),
        (OUTPUT + "\nRUNNING HANDLER [x : Restart it] ***\n", "RUNNING HANDLER [x : Restart it]"),
        ("", ""),
    ],
)
def test_the_task_at_which_it_was_killed(output: str, task: str) -> None:
    assert interruption.last_task(output) == task
