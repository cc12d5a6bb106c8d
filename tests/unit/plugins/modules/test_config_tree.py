"""config_tree: what it plans, what it leaves on the disk, and what it never shows."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.modules import config_tree

IDS = (0, 850)
MODES = (0o640, 0o750)
DIRECTORY = {"type": "directory", "content": None, "uid": 0, "gid": 850, "mode": 0o750}


def file(content: bytes, **changes: Any) -> dict[str, Any]:
    """A file as it shall be, but for the changes."""
    return {"type": "file", "content": content, "uid": 0, "gid": 850, "mode": 0o640, **changes}


def plan(current: dict[str, Any], wanted: dict[str, bytes], purge: list[str]) -> dict[str, list[str]]:
    """The plan without its empty parts."""
    found = config_tree.plan(current, wanted, purge, IDS, MODES)
    return {action: paths for action, paths in found.items() if paths}


def test_a_new_tree_is_made_from_the_outside_in() -> None:
    """Directories come before what lies in them."""
    assert plan({}, {"a.conf": b"1", "tenants/demo/pjsip.conf": b"2"}, ["tenants"]) == {
        "directories": [".", "tenants", "tenants/demo"],
        "write": ["tenants/demo/pjsip.conf", "a.conf"],
    }


def test_what_is_included_is_there_before_what_includes_it() -> None:
    """Asterisk reads none of a file whose include is missing, and a run can break off between the two."""
    wanted = {"pjsip.conf": b"1", "a/b/c.conf": b"2", "tenants/x.conf": b"3", "z.conf": b"4"}
    assert plan({}, wanted, [])["write"] == ["a/b/c.conf", "tenants/x.conf", "pjsip.conf", "z.conf"]


def test_a_tree_as_wanted_needs_nothing() -> None:
    """The second run changes nothing."""
    current = {".": DIRECTORY, "tenants": DIRECTORY, "tenants/demo": DIRECTORY, "tenants/demo/x": file(b"1")}
    assert plan(current, {"tenants/demo/x": b"1"}, ["tenants"]) == {}


def test_what_left_the_inventory_goes_and_what_was_never_ours_stays() -> None:
    """Only purged directories are swept, the deepest path first."""
    current = {
        ".": DIRECTORY,
        "sample.conf": file(b"distribution"),
        "tenants": DIRECTORY,
        "tenants/former": DIRECTORY,
        "tenants/former/pjsip.conf": file(b"credentials"),
    }
    assert plan(current, {}, ["tenants"]) == {"remove": ["tenants/former/pjsip.conf", "tenants/former"]}


@pytest.mark.parametrize("wrong", [{"uid": 101}, {"gid": 0}, {"mode": 0o644}])
def test_wrong_owner_group_or_mode_is_set_right(wrong: dict[str, int]) -> None:
    """A readable password file is a difference although its content is right."""
    current = {".": DIRECTORY, "x": file(b"1", **wrong)}
    assert plan(current, {"x": b"1"}, []) == {"adjust": ["x"]}


@pytest.mark.parametrize(
    ("current", "wanted"),
    [
        ({".": DIRECTORY, "tenants": file(b"")}, {"tenants/x": b""}),
        ({".": DIRECTORY, "x": DIRECTORY}, {"x": b""}),
        ({".": DIRECTORY, "x": {**file(b""), "type": "other"}}, {"x": b""}),
    ],
)
def test_what_stands_in_the_way_is_not_removed(current: dict[str, Any], wanted: dict[str, bytes]) -> None:
    """A file where a directory belongs, a directory or a link where a file belongs: said, not replaced."""
    with pytest.raises(ValueError, match="is no"):
        plan(current, wanted, [])


def test_named_samples_go_and_directories_by_that_name_stay() -> None:
    """Only files: a directory may hold what somebody needs."""
    current = {".": DIRECTORY, "users.conf": file(b"sample")}
    found = config_tree.plan(current, {}, [], IDS, MODES, ["users.conf", "never.conf"])
    assert found["remove"] == ["users.conf"]
    with pytest.raises(ValueError, match="directories are not removed"):
        config_tree.plan({".": DIRECTORY, "users.conf": DIRECTORY}, {}, [], IDS, MODES, ["users.conf"])


@pytest.mark.parametrize("kind", ["special", "other", "file"])
def test_only_files_and_links_are_removed_and_none_behind_a_link(kind: str) -> None:
    """A socket is somebody's who listens on it."""
    there = {".": DIRECTORY, "x": {**file(b""), "type": kind}}
    if kind == "special":
        with pytest.raises(ValueError, match="only files are removed"):
            config_tree.plan(there, {}, [], IDS, MODES, ["x"])
    else:
        assert config_tree.plan(there, {}, [], IDS, MODES, ["x"])["remove"] == ["x"]
    with pytest.raises(ValueError, match="nothing is removed behind it"):
        config_tree.plan({".": DIRECTORY, "link": {**file(b""), "type": "other"}, "link/x": file(b"")}, {}, [], IDS, MODES, ["link/x"])


@pytest.mark.parametrize("path", ["/etc/passwd", "../passwd", "a/../../passwd", "", ".", "a//b", "a/"])
def test_paths_that_leave_the_tree_are_refused(path: str) -> None:
    """Names come from an inventory."""
    assert config_tree.refuse_paths(["good/one.conf", path]) == path


def run(root: Path, check: bool = False, **options: Any) -> dict[str, Any]:
    """Run the module as Ansible does, as a process with JSON on stdin; return its result."""
    arguments = {
        "root": str(root),
        "_ansible_check_mode": check,
        "_ansible_diff": True,
        "_ansible_remote_tmp": str(root.parent),
        **options,
    }
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


RUNNER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.dialtone.ha_pbx.plugins.modules import config_tree
with patch_module_args(json.load(sys.stdin)["ANSIBLE_MODULE_ARGS"]):
    config_tree.main()
"""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Owner and group that whoever runs the tests may give to files."""
    import grp  # noqa: PLC0415
    import pwd  # noqa: PLC0415

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return {"owner": pwd.getpwuid(os.getuid()).pw_name, "group": grp.getgrgid(os.getgid()).gr_name}


def test_on_a_disk(tmp_path: Path, account: dict[str, str]) -> None:
    """Check mode changes nothing, the first run everything, the second nothing, a third only what differs."""
    root = tmp_path / "asterisk"
    options: dict[str, Any] = {
        **account,
        "mode": "0640",
        "directory_mode": "0750",
        "files": {"rtp.conf": "[general]\n"},
        "secret_files": {"tenants/demo/pjsip.conf": "password = topsecret\n"},
        "purge": ["tenants"],
    }
    planned = run(root, check=True, **options)
    assert planned["changed"] and not root.exists()

    first = run(root, **options)
    assert first["changed"] and first["written"] == planned["written"] == ["tenants/demo/pjsip.conf", "rtp.conf"]
    assert (root / "tenants/demo/pjsip.conf").read_text() == "password = topsecret\n"
    assert stat.S_IMODE((root / "tenants/demo/pjsip.conf").stat().st_mode) == 0o640
    assert stat.S_IMODE((root / "tenants").stat().st_mode) == 0o750
    assert not run(root, **options)["changed"]

    (root / "tenants/former").mkdir()
    (root / "tenants/former/pjsip.conf").write_text("password = stale\n")
    (root / "sample.conf").write_text("distribution\n")
    (root / "rtp.conf").chmod(0o666)
    third = run(root, **options)
    assert third["removed"] == ["tenants/former/pjsip.conf", "tenants/former"]
    assert "rtp.conf" in third["adjusted"] and third["written"] == []
    assert (root / "sample.conf").exists() and not (root / "tenants/former").exists()
    assert [path.name for path in root.iterdir() if path.name.endswith(".new")] == []


def test_secrets_are_never_shown(tmp_path: Path, account: dict[str, str]) -> None:
    """Neither the new secret nor the old one is in the result, and a plain file's change is."""
    root = tmp_path / "asterisk"
    run(root, **account, files={"a": "before\n"}, secret_files={"b": "oldsecret\n"})
    result = run(root, **account, files={"a": "after\n"}, secret_files={"b": "newsecret\n"})
    shown = json.dumps(result["diff"])
    assert "before" in shown and "after" in shown
    assert "oldsecret" not in json.dumps(result) and "newsecret" not in json.dumps(result)


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path, account: dict[str, str]) -> None:
    """A link under a purged directory is removed, and what it points to stays."""
    root, outside = tmp_path / "asterisk", tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("stays")
    run(root, **account, purge=["tenants"])
    (root / "tenants/link").symlink_to(outside)
    result = run(root, **account, purge=["tenants"])
    assert result["removed"] == ["tenants/link"] and (outside / "precious").read_text() == "stays"


def test_a_path_named_twice_is_refused(tmp_path: Path, account: dict[str, str]) -> None:
    """It cannot be plain and secret, nor there and not there."""
    result = run(tmp_path / "x", **account, files={"a": "1"}, absent=["a"])
    assert result["failed"] and "named more than once: a" in result["msg"]


def test_an_unknown_account_is_said_with_the_cure(tmp_path: Path, account: dict[str, str]) -> None:
    """The message names it."""
    result = run(tmp_path / "x", **{**account, "group": "no_such_group"})
    assert result["failed"] and "no_such_group" in result["msg"] and "create it" in result["msg"]


def attributes(path: Path) -> tuple[int, int, int]:
    """Owner, group and mode of what lies there."""
    status = path.stat()
    return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)


@pytest.mark.usefixtures("account")
def test_owner_and_mode_that_are_not_given_stay(tmp_path: Path) -> None:
    """A private file of somebody's does not become everybody's because its content changed."""
    uid, gid = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    root = tmp_path / "tree"
    (root / "inner").mkdir(parents=True)
    (root / "inner/private").touch()
    for path, mode in ((root, 0o711), (root / "inner", 0o700), (root / "inner/private", 0o600)):
        os.chown(path, uid, gid)
        path.chmod(mode)
    before = {path: attributes(path) for path in (root, root / "inner", root / "inner/private")}
    options: dict[str, Any] = {"files": {"inner/private": "new"}}
    assert run(root, **options)["written"] == ["inner/private"]
    assert {path: attributes(path) for path in before} == before
    assert run(root, **options)["changed"] is False
    # What is given is set, and only that.
    assert run(root, **options, mode="0640")["adjusted"] == ["inner/private"]
    assert attributes(root / "inner/private") == (uid, gid, 0o640)
    assert attributes(root / "inner") == before[root / "inner"]


@pytest.mark.usefixtures("account")
def test_what_is_new_has_a_default_and_a_secret_a_private_one(tmp_path: Path) -> None:
    """Without a mode nobody meant a password to be readable."""
    root = tmp_path / "tree"
    run(root, files={"inner/open": "1"}, secret_files={"inner/secret": "2"})
    own = (os.geteuid(), os.getegid())
    assert attributes(root / "inner") == (*own, 0o755)
    assert attributes(root / "inner/open") == (*own, 0o644)
    assert attributes(root / "inner/secret") == (*own, 0o600)
    assert run(root, files={"inner/open": "1"}, secret_files={"inner/secret": "2"})["changed"] is False


@pytest.mark.usefixtures("account")
def test_nothing_is_removed_behind_a_link_nor_what_is_no_file(tmp_path: Path) -> None:
    """What lies there is another tree's."""
    root, other = tmp_path / "tree", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    (other / "x").touch()
    (root / "link").symlink_to(other)
    os.mkfifo(root / "pipe")
    assert "nothing is removed behind it" in run(root, absent=["link/x"])["msg"]
    assert "only files are removed" in run(root, absent=["pipe"])["msg"]
    assert (other / "x").exists()
    assert run(root, absent=["link"])["removed"] == ["link"]
    assert (other / "x").exists()
