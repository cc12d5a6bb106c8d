"""What the acceptance says of an Asterisk that has not what the inventory declares: each thing with its name and what to do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_problems

MEBIBYTE = 2**20
NAMES = {
    "endpoints": ["100-demo", "health"], "aors": ["100-demo"], "auths": ["100-demo"], "mailboxes": ["100@demo"],
    "contexts": ["demo-internal"], "modules": ["cdr_custom.so"],
}  # fmt: skip
HEALTHY: dict[str, Any] = {
    "running": True, **{where: copy.deepcopy(NAMES) for where in ("declared", "loaded", "written")},
    "differences": {}, "pending": {}, "restart_pending": [], "held_back": [], "refused": [],
    "ignored": [], "unreadable": [], "unwritable": [],
    "space": [{"path": "/var/spool/asterisk/voicemail", "bytes": 900 * MEBIBYTE, "files": 90000}],
}  # fmt: skip


def judge(change: Callable[[dict[str, Any]], Any], differing: tuple[str, ...] = ()) -> list[str]:
    looked = copy.deepcopy(HEALTHY)
    change(looked)
    return [f"{problem['found']} -> {problem['cure']}" for problem in asterisk_problems.judge(looked, differing)]


def differs(kind: str, missing: list[str], extra: list[str]) -> Callable[[dict[str, Any]], Any]:
    return lambda looked: looked["differences"].update({kind: {"missing": missing, "extra": extra}})


@pytest.mark.parametrize(
    "change",
    [
        lambda looked: None,
        # Somebody's own dialplan, beside that of the roles.
        lambda looked: looked["written"]["contexts"].append("own"),
        lambda looked: looked.update(running=False, loaded={}),
        lambda looked: looked["space"][0].update(files=None),
        # It is told, and is no fault: the service goes on.
        lambda looked: looked.update(restart_pending=["modules.conf"]),
    ],
)
def test_what_is_as_it_should_be(change: Callable[[dict[str, Any]], Any]) -> None:
    assert judge(change) == []


def test_a_dry_run_asks_for_nothing_that_is_not_written() -> None:
    assert judge(lambda looked: looked.update(declared=None, written={"endpoints": ["health"]})) == []


@pytest.mark.parametrize(
    ("change", "found", "cure"),
    [
        (differs("endpoints", ["100-demo"], []), "endpoint not loaded: 100-demo", "site.yml (`--tags asterisk`"),
        (differs("mailboxes", ["100@demo"], []), "mailbox not loaded: 100@demo", "/var/log/asterisk/messages.log"),
        (differs("aors", ["100-demo"], []), "AOR not loaded: 100-demo", "cannot register"),
        (differs("contexts", ["demo-internal"], []), "dialplan context not loaded: demo-internal", "site.yml"),
        (differs("modules", ["cdr_custom.so"], []), "module not loaded: cdr_custom.so",
         "`asterisk -rx 'module load cdr_custom.so'`"),
        (differs("endpoints", [], ["103-demo"]), "endpoint loaded, and neither in the files nor in the inventory: 103-demo",
         "works as it did before it was removed"),
        (lambda looked: looked["written"].update(endpoints=["health"]),
         "endpoint of the inventory that no file of /etc/asterisk has: 100-demo", "commented out an #include"),
        (lambda looked: looked.update(unreadable=["/etc/asterisk/tenants/demo/pjsip.conf"]),
         "account may not read /etc/asterisk/tenants/demo/pjsip.conf", "root:asterisk"),
        (lambda looked: looked.update(refused=["pjsip.conf line 9: a section without its closing bracket"]),
         "pjsip.conf line 9: a section without its closing bracket", "writes its own ones anew"),
        (lambda looked: looked.update(ignored=["pjsip.conf line 9: no equals sign, so the line is ignored"]),
         "passes over: pjsip.conf line 9", "Correct the file"),
        (lambda looked: looked.update(pending={"res_pjsip.so": ["tenants/demo/pjsip.conf"]}),
         "written and not loaded: tenants/demo/pjsip.conf", "site.yml"),
        (lambda looked: looked["space"][0].update(bytes=3 * MEBIBYTE),
         "/var/spool/asterisk/voicemail has room for 3 MiB only", "du -xsh"),
        (lambda looked: looked["space"][0].update(files=7), "has room for 7 more files only", "du -xsh"),
        (lambda looked: looked.update(unwritable=["/var/spool/asterisk/voicemail"]),
         "may not write to /var/spool/asterisk/voicemail", "chown -R asterisk:asterisk"),
    ],
)  # fmt: skip
def test_each_fault_is_named_alone_with_what_to_do(change: Callable[[dict[str, Any]], Any], found: str, cure: str) -> None:
    (said,) = judge(change)
    assert found in said.partition(" -> ")[0]
    assert cure in said.partition(" -> ")[2]


def test_files_that_are_not_what_the_inventory_makes_are_named() -> None:
    (said,) = judge(lambda looked: None, differing=("pjsip.conf",))
    assert "not what the inventory makes of them: pjsip.conf" in said
    assert "--check --diff" in said


def test_an_extension_that_is_declared_and_loaded_is_not_too_much() -> None:
    """The file lost it, Asterisk still has it: the file is the fault."""

    def lost(looked: dict[str, Any]) -> None:
        looked["written"].update(endpoints=["health"])
        differs("endpoints", [], ["100-demo"])(looked)

    assert [line.split(":")[0] for line in judge(lost, differing=("x",))] == [
        "endpoint of the inventory that no file of /etc/asterisk has",
        "files in /etc/asterisk are not what the inventory makes of them",
    ]


def test_the_standby_is_asked_for_its_files_only() -> None:
    said = judge(lambda looked: looked.update(running=False, loaded={}, written={"endpoints": ["health"]}))
    assert said[0].startswith("endpoint of the inventory that no file of /etc/asterisk has: 100-demo")


def test_an_asterisk_that_could_not_be_looked_at() -> None:
    (problem,) = asterisk_problems.judge({"msg": "server1: Asterisk runs and did not answer `module show` within 20 s."})
    assert "could not be looked at: server1: Asterisk runs and did not answer" in problem["found"]


@pytest.mark.parametrize("sides", [{"missing": ["103-demo"], "extra": []}, {"missing": [], "extra": ["103-demo"]}])
def test_telephones_that_wait_for_a_start_are_told_with_the_move_that_brings_it(sides: dict[str, list[str]]) -> None:
    def waits(looked: dict[str, Any]) -> None:
        looked.update(restart_pending=["sorcery.conf"], held_back=["res_pjsip.so"], differences={"endpoints": sides})

    (said,) = judge(waits)
    assert "103-demo" in said and "Move the service to the other node" in said and "site.yml" not in said
    # What is not PJSIP's is loaded as ever.
    (said,) = judge(lambda looked: (waits(looked), looked.update(differences={"mailboxes": {"missing": ["103@demo"], "extra": []}})))
    assert "Move the service" not in said and "site.yml" in said
