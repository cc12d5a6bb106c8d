"""The modules for DRBD end with a message, never with a traceback, when a tool says what nobody understands."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.modules import drbd_info, drbd_resource

ANSWERS = {
    "cat /proc/drbd": "version: 9.2.12 (api:2/proto:86-122)\n",
    "drbdadm sh-ll-dev pbx": "/dev/vdb\n",
    "drbdsetup status pbx --json": "warning: something new\n",
}


class Failed(Exception):
    """What fail_json was given."""


class Module:
    """As much of AnsibleModule as the modules use, on a host where drbdsetup prints no JSON."""

    check_mode = False

    def __init__(self, argument_spec: dict[str, Any], supports_check_mode: bool) -> None:
        self.params = {name: option.get("default") for name, option in argument_spec.items()} | {"name": "pbx"}

    def run_command(self, argv: list[str], **_options: Any) -> tuple[int, str, str]:
        return 0, ANSWERS[" ".join(argv)], ""

    def fail_json(self, **result: Any) -> None:
        raise Failed(result)


@pytest.mark.parametrize("module", [drbd_info, drbd_resource])
def test_what_is_not_understood_is_said_and_nothing_is_changed(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AnsibleModule", Module)
    monkeypatch.setattr(module.platform, "node", lambda: "server1")
    with pytest.raises(Failed) as caught:
        module.main()
    (result,) = caught.value.args
    assert result["msg"].startswith("server1: `drbdsetup status pbx --json` said what is not understood: 'warning: something new")
    assert not result.get("changed", False)
