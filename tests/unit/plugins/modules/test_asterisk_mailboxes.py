"""Whose mailbox is put aside, on real directories, and what the next owner of the number finds."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_mailboxes as mailboxes
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._asterisk_mailboxes import Content, Mailbox, Owner

RUNNER = """
import json, sys
from ansible.module_utils.testing import patch_module_args
from ansible_collections.dialtone.ha_pbx.plugins.modules import asterisk_mailboxes
with patch_module_args(json.load(sys.stdin)["ANSIBLE_MODULE_ARGS"]):
    asterisk_mailboxes.main()
"""
ANNA, BERT = Owner("2580", "Anna"), Owner("1357", "Bert")


class Exchange:
    """A node's directories, and the module on them."""

    def __init__(self, root: Path) -> None:
        self.config, self.spool, self.archive = root / "etc", root / "spool/voicemail", root / "spool/voicemail-archive"
        self.spool.mkdir(parents=True)
        self.config.mkdir()

    def deployed(self, **tenants: dict[str, Owner]) -> None:
        """Have the configuration of these tenants, and of nobody else, as the role writes it."""
        for path in self.config.glob("tenants/*/voicemail.conf"):
            path.unlink()
        for path, text in self.files(tenants).items():
            (self.config / path).parent.mkdir(parents=True, exist_ok=True)
            (self.config / path).write_text(text)

    @staticmethod
    def files(tenants: dict[str, dict[str, Owner]]) -> dict[str, str]:
        return {
            f"tenants/{name}/voicemail.conf": f"; managed\n[{name}]\n" + "".join(
                f"{number} => {owner.pin},{owner.name}\n" for number, owner in extensions.items()
            )
            for name, extensions in tenants.items()
        }  # fmt: skip

    def message(self, tenant: str, number: str, pin: str = "") -> Path:
        """Leave a message, and set a PIN by telephone."""
        inbox = self.spool / tenant / number / "INBOX"
        inbox.mkdir(parents=True, exist_ok=True)
        (inbox / "msg0000.txt").write_text("[message]\n")
        (inbox / "msg0000.wav").write_bytes(b"RIFF")
        if pin:
            (inbox.parent / "secret.conf").write_text(f"[general]\npassword = {pin}\n")
        return inbox.parent

    def run(self, check: bool = False, replicated: str = "", **tenants: dict[str, Owner]) -> dict[str, Any]:
        arguments = {
            "files": self.files(tenants), "replicated": [replicated] if replicated else [], "config": str(self.config),
            "spool": str(self.spool), "archive": str(self.archive),
            "_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": str(self.config.parent),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", RUNNER], input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.stdout, done.stderr
        for owners in tenants.values():
            for owner in owners.values():
                assert f'"{owner.pin}' not in done.stdout and f"{owner.pin}," not in done.stdout
        result: dict[str, Any] = json.loads(done.stdout)
        return result


@pytest.fixture
def exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exchange:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return Exchange(tmp_path)


def test_a_removed_extension_leaves_nothing_to_the_next_owner(exchange: Exchange) -> None:
    """Messages, greetings and the PIN go, once, and are kept where root alone reads them; the others' stay."""
    exchange.deployed(demo={"100": ANNA, "101": BERT}, other={"101": BERT})
    for tenant, number in (("demo", "100"), ("demo", "101"), ("other", "101")):
        exchange.message(tenant, number, pin="9753")
    planned = exchange.run(check=True, demo={"100": ANNA}, other={"101": BERT})
    assert planned["changed"] and (exchange.spool / "demo/101").exists() and not exchange.archive.exists()
    done = exchange.run(demo={"100": ANNA}, other={"101": BERT})
    (moved,) = done["archived"]
    assert {**moved, "path": ""} == {"mailbox": "101@demo", "messages": 1, "reason": "no extension has it", "path": ""}
    assert {**planned["archived"][0], "path": ""} == {**moved, "path": ""}
    assert moved["path"] in done["diff"][0]["prepared"]
    place = Path(moved["path"])
    assert (place / "INBOX/msg0000.wav").read_bytes() == b"RIFF" and "9753" in (place / "secret.conf").read_text()
    assert stat.S_IMODE(exchange.archive.stat().st_mode) == stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    assert not (exchange.spool / "demo/101").exists()
    assert (exchange.spool / "demo/100/secret.conf").exists() and (exchange.spool / "other/101/secret.conf").exists()
    exchange.deployed(demo={"100": ANNA}, other={"101": BERT})
    again = exchange.run(demo={"100": ANNA}, other={"101": BERT})
    assert not again["changed"] and again["archived"] == again["pins_kept"] == []


@pytest.mark.parametrize(
    ("now", "archived"),
    [
        (Owner("2580", "Bert"), False),  # a rename
        (Owner("1357", "Anna"), False),  # a PIN for nobody: she has set her own
        (Owner("1357", "Bert"), True),
    ],
)
def test_a_rename_keeps_the_mailbox_and_another_owner_begins_anew(exchange: Exchange, now: Owner, archived: bool) -> None:
    exchange.deployed(demo={"101": ANNA})
    exchange.message("demo", "101", pin="9753")
    done = exchange.run(demo={"101": now})
    assert (exchange.spool / "demo/101").exists() is not archived
    assert [entry["mailbox"] for entry in done["archived"]] == ["101@demo"] * archived
    assert done["pins_kept"] == ["101@demo"] * (now == Owner("1357", "Anna"))


def test_a_tenant_that_goes_takes_all_its_mailboxes_along(exchange: Exchange) -> None:
    exchange.deployed(demo={"100": ANNA}, gone={"100": ANNA, "101": BERT})
    for number in ("100", "101"):
        exchange.message("gone", number)
    exchange.message("demo", "100")
    done = exchange.run(demo={"100": ANNA})
    assert [entry["mailbox"] for entry in done["archived"]] == ["100@gone", "101@gone"]
    assert (exchange.spool / "demo/100").exists()


def test_runs_that_break_off_anywhere_leave_nothing_to_the_next_owner(exchange: Exchange) -> None:
    """After the mailbox was put aside and before the files are written; and between those and the reload."""
    exchange.deployed(demo={"100": ANNA, "101": ANNA})
    exchange.message("demo", "101", pin="9753")
    exchange.run(demo={"100": ANNA})
    # The files are still the old ones, and Asterisk takes one more message. Then the number is somebody else's.
    exchange.message("demo", "101", pin="9753")
    assert len(exchange.run(demo={"100": ANNA, "101": BERT})["archived"]) == 1
    assert not (exchange.spool / "demo/101").exists()
    # Written, and not reloaded: a message more, and the run that would have seen it was never made.
    exchange.deployed(demo={"100": ANNA})
    exchange.message("demo", "101")
    (entry,) = exchange.run(demo={"100": ANNA, "101": BERT})["archived"]
    assert entry["reason"] == "its extension is new, so it is a former owner's"
    assert len(list((exchange.archive / "demo").iterdir())) == 3


def test_where_nothing_says_who_had_what_everything_stays_that_somebody_has(exchange: Exchange) -> None:
    exchange.message("demo", "101")
    exchange.message("demo", "199")
    done = exchange.run(demo={"101": ANNA})
    assert [entry["mailbox"] for entry in done["archived"]] == ["199@demo"]


def test_empty_folders_and_left_locks_are_no_mailbox(exchange: Exchange) -> None:
    exchange.deployed(demo={"100": ANNA})
    (exchange.spool / "demo/101/INBOX").mkdir(parents=True)
    (exchange.spool / "demo/101/INBOX/.lock").touch()
    (exchange.spool / "demo/stray.txt").touch()
    (exchange.spool / "stray.txt").touch()
    assert not exchange.run(demo={"100": ANNA})["changed"]


def test_the_standby_does_nothing(exchange: Exchange) -> None:
    """What is under its mount point is not the exchange's."""
    exchange.message("demo", "101")
    done = exchange.run(replicated=str(exchange.spool.parent))
    assert (done["changed"], done["in_service"], done["archived"]) == (False, False, [])
    assert (exchange.spool / "demo/101").exists()


@pytest.mark.parametrize(
    ("replicated", "mounted", "expected"),
    [
        (["/var/spool/asterisk", "/etc/asterisk"], ["/var/spool/asterisk"], True),
        (["/var/spool/asterisk", "/etc/asterisk"], ["/etc/asterisk"], False),
        (["/var/spool"], ["/var/spool"], True),
        (["/var/spool/"], [], False),
        (["/var/spool/ast"], [], True),
        ([], [], True),
    ],
)
def test_where_the_mailboxes_are(replicated: list[str], mounted: list[str], expected: bool) -> None:
    assert mailboxes.in_service("/var/spool/asterisk/voicemail", replicated, mounted) is expected


def test_where_something_is_mounted() -> None:
    text = "36 35 98:0 /a /var/spool/asterisk rw - ext4 /dev/drbd0 rw\n37 35 98:0 / /mnt/with\\040space rw - ext4 /dev/x rw\nx\n"
    assert mailboxes.mount_points(text) == {"/var/spool/asterisk", "/mnt/with space"}
    assert "/proc" in mailboxes.mount_points(Path("/proc/self/mountinfo").read_text())


def test_two_in_the_same_second_have_two_places() -> None:
    box = Mailbox("demo", "101")
    first = mailboxes.place("/a", box, "T", [])
    assert first == "/a/demo/101.T"
    assert mailboxes.place("/a", box, "T", [first, first + ".2"]) == "/a/demo/101.T.3"


def test_what_voicemail_conf_says_is_read_as_the_role_writes_it() -> None:
    text = "; managed\n[demo]\n100 => 2580,José O'Neill (1.º)\n;101 => 1,x\n102=>0815, Two \n"
    assert mailboxes.parse([text, ""]) == {
        Mailbox("demo", "100"): Owner("2580", "José O'Neill (1.º)"), Mailbox("demo", "102"): Owner("0815", "Two"),
    }  # fmt: skip


def test_a_directory_that_cannot_be_moved_is_said_with_what_to_do(exchange: Exchange) -> None:
    exchange.message("demo", "101")
    exchange.archive.write_text("a file in its place")
    done = exchange.run()
    assert done["failed"] and "must not be given to somebody else" in done["msg"]


def test_a_plan_has_no_word_of_who_stays() -> None:
    present = {Mailbox("demo", "100"): Content(1, own_pin=False)}
    assert mailboxes.plan(present, {Mailbox("demo", "100"): ANNA}, {Mailbox("demo", "100"): ANNA}) == ({}, [])
