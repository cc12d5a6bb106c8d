"""A second controller without the authority, or with another one, is refused before it makes the nodes refuse each other."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import authority
from lab.certificates import self_signed

NODES = ["pbx1", "pbx2"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give two authorities' certificates by name, and what openssl says is the fingerprint of the first."""
    directory = tmp_path_factory.mktemp("pki")
    found = {}
    for name in ("ours", "other"):
        path = directory / f"{name}.crt"
        self_signed(path, directory / "key", name)
        found[name] = path.read_text()
    said = subprocess.run(
        ["openssl", "x509", "-in", str(directory / "ours.crt"), "-noout", "-fingerprint", "-sha256"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return {**found, "fingerprint": said.stdout.strip().partition("=")[2]}


def said(own: str | None, held: dict[str, str | None], **more: Any) -> list[str]:
    options: dict[str, Any] = {"can_sign": True, "nodes": NODES, "directory": "/srv/pki", "replace": False, **more}
    return [f"{problem['found']}. {problem['cure']}" for problem in authority.problems(own, held=held, **options)]


def test_the_fingerprint_is_openssls(made: dict[str, str]) -> None:
    assert authority.fingerprint(made["ours"]) == authority.fingerprint("# ours\n" + made["ours"] + "\n") == made["fingerprint"]
    assert authority.fingerprint("") == authority.fingerprint("no certificate") == ""
    assert authority.fingerprint("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----") == ""


def test_what_fits_passes(made: dict[str, str]) -> None:
    ours = made["ours"]
    assert said(ours, {"pbx1": ours, "pbx2": ours}) == []
    # One node alone; a new machine; a new exchange; an end of line more.
    assert said(ours, {"pbx1": ours}) == []
    assert said(ours, {"pbx1": ours + "\n", "pbx2": None}) == []
    assert said(ours, {"pbx1": None, "pbx2": None}) == []
    assert said(None, {"pbx1": None, "pbx2": None}) == []


def test_a_controller_without_the_authority_makes_no_new_one(made: dict[str, str]) -> None:
    (found,) = said(None, {"pbx1": made["ours"], "pbx2": None})
    assert f"on pbx1 ({made['fingerprint']}) is of an authority that is not here: this controller has none in /srv/pki" in found
    assert "Copy the directory from the controller on which it was made to /srv/pki here" in found
    assert "mariadb_mm_replication_replace_authority=true" in found
    (found,) = said(None, {"pbx1": made["ours"], "pbx2": made["ours"]})
    assert "on pbx1 (" in found and " and pbx2 (" in found


def test_a_node_alone_gets_no_new_authority_whatever_it_has(made: dict[str, str]) -> None:
    """A machine that replaces another, from the second controller: the other node, which is not asked, has certificates."""
    (found,) = said(None, {"pbx2": None})
    assert "pbx1, which may have certificates of one, is not in this run" in found and "run it for both nodes" in found
    (found,) = said(None, {"pbx2": None}, replace=True)
    assert "pbx1, which may have certificates of one" in found


def test_another_authority_is_refused_until_somebody_decides_for_both(made: dict[str, str]) -> None:
    ours, other = made["ours"], made["other"]
    (found,) = said(other, {"pbx1": ours, "pbx2": other})
    assert "on pbx1 (" in found and "pbx2 (" not in found and "the one in /srv/pki is another" in found
    assert said(other, {"pbx1": ours, "pbx2": ours}, replace=True) == []
    assert said(None, {"pbx1": ours, "pbx2": ours}, replace=True) == []
    (found,) = said(other, {"pbx1": ours}, replace=True)
    assert "to replace it takes both, and pbx2 is not in this run." in found


def test_what_cannot_sign_or_be_read_is_said(made: dict[str, str]) -> None:
    (found,) = said(made["ours"], {"pbx1": made["ours"], "pbx2": None}, can_sign=False)
    assert "/srv/pki has ca.crt and not its key, ca.key" in found
    (found,) = said("garbage", {"pbx1": made["ours"]})
    assert "/srv/pki/ca.crt is no certificate in PEM" in found
    (found,) = said(made["ours"], {"pbx1": "garbage"})
    assert "on pbx1 (unreadable)" in found
