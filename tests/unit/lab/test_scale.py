"""The company of ten thousand: its own tenant keeps its passwords, and no one else's are known."""

from __future__ import annotations

import json

import pytest

from lab.benchmarks import scale
from lab.config import LabError


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "password", lambda number: f"password-of-{number}")
    monkeypatch.setattr(scale.voicemail, "pin", lambda number: f"9{number}8")


@pytest.mark.usefixtures("own")
def test_the_labs_own_telephones_stay_as_they_are() -> None:
    tenants = scale.company(3)
    assert [tenant["name"] for tenant in tenants] == ["demo", "t000", "t001", "t002"]
    assert [(entry["number"], entry["password"]) for entry in tenants[0]["extensions"]] == [
        ("100", "password-of-100"), ("101", "password-of-101"),
    ]  # fmt: skip
    known = scale.telephones(tenants)
    assert len(known) == len({caller.user for caller in known}) == len({caller.secret for caller in known}) == 300
    assert not any(caller.user.endswith("-demo") for caller in known)


@pytest.mark.usefixtures("own")
def test_the_file_of_passwords_is_for_its_owner_and_goes_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(scale, "LAB_DIR", tmp_path_factory.mktemp("lab"))
    with scale.variables(scale.company(1)) as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(json.loads(path.read_text())["asterisk_tenants"]) == 2
    assert not path.exists()


def test_a_failed_deployment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "invocation", lambda *_given: {"args": ["sh", "-c", "echo why; exit 3"]})
    with pytest.raises(LabError, match="why"):
        scale.deploy()
