"""What of a run's recap counts as a change, and a work tree of a commit that is not there."""

from __future__ import annotations

import pytest

from lab import takeover
from lab.config import LabError

RECAP = """
PLAY RECAP *********************************************************************
server1                    : ok=173  changed=3    unreachable=0    failed=0    skipped=69   rescued=0    ignored=0
server2                    : ok=163  changed=0    unreachable=0    failed=0    skipped=79   rescued=0    ignored=0
"""


def test_changes_are_counted_by_host() -> None:
    assert takeover.changed("PLAY RECAP of another run: changed=9\n" + RECAP) == {"server1": 3, "server2": 0}


def test_a_commit_that_is_not_there_is_said() -> None:
    with pytest.raises(LabError, match="no work tree of no-such-commit"), takeover.work_tree("no-such-commit"):
        pass
