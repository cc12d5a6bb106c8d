"""verify.yml: who asks for an answer at the floating address."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

PLAYBOOK = Path(__file__).resolve().parents[3] / "playbooks/verify.yml"


def templated(what: str, **given: Any) -> Any:
    """Return one of verify.yml's variables, given others."""
    loader = DataLoader()
    (play,) = loader.load_from_file(str(PLAYBOOK), trusted_as_template=True)
    variables = {**play["vars"], "pbx_nodes": [{"name": "server1"}, {"name": "server2"}], **given}
    return Templar(loader=loader, variables=variables).template(variables[what])


@pytest.mark.parametrize(
    ("host", "present", "check", "asks"),
    [
        # The one that stands by asks: the one in service answers itself whatever its firewall says.
        ("server1", ["server1", "server2"], False, False),
        ("server2", ["server1", "server2"], False, True),
        # Nobody else is there to ask.
        ("server1", ["server1"], False, True),
        # Only the one that stands by is in the run.
        ("server2", ["server2"], False, True),
        # A dry run before the firewall lets the other one ask.
        ("server1", ["server1", "server2"], True, True),
        ("server2", ["server1", "server2"], True, False),
    ],
)
def test_who_asks_for_an_answer_at_the_floating_address(host: str, present: list[str], check: bool, asks: bool) -> None:
    given = {"inventory_hostname": host, "ansible_play_hosts": present, "ansible_check_mode": check}
    assert bool(templated("verify_asks", verify_judged={"active": ["server1"]}, **given)) is asks
