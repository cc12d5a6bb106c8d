"""asterisk_reload against an Asterisk of this test: one that loads what its files say, and one that only says that it did."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_config as asterisk_config
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_loaded as asterisk_loaded
from ansible_collections.dialtone.ha_pbx.plugins.modules import asterisk_info, asterisk_reload

FILES = {
    "pjsip.conf": "[health]\ntype = endpoint\n[100-demo]\ntype = endpoint\n[100-demo]\ntype = auth\npassword = one\n",
    "extensions.conf": "[demo]\nexten => 100,1,Answer()\n",
    "modules.conf": "[modules]\nrequire = res_pjsip.so\nload = pbx_config.so\nload = cdr_adaptive_odbc.so\n",
}


class Left(Exception):
    """The module ended; its result, and whether it failed."""

    def __init__(self, failed: bool, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.failed, self.result = failed, result


class Asterisk:
    """A directory of files, a socket, and a console that answers from what was loaded."""

    def __init__(self, directory: Path) -> None:
        self.etc, self.log = directory / "etc", directory / "messages.log"
        self.etc.mkdir()
        self.log.write_text("")
        for name, text in FILES.items():
            self.write(name, text)
        self.modules = {"res_pjsip.so", "pbx_config.so", "cdr_adaptive_odbc.so"}
        self.loaded = self.files()
        self.deaf, self.complaint, self.hidden = False, "", ""
        self.commands: list[str] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "asterisk.ctl"))
        self.listener.listen()
        self.params: dict[str, Any] = {
            "config_dir": str(self.etc), "socket": str(directory / "asterisk.ctl"), "log": str(self.log),
            "record": str(directory / "run/asterisk.json"), "seconds": 5, "user": "asterisk", "reloaded_by": {}, "always": [],
            "announced": [], "declared": None, "space": [str(directory)], "trees": [str(directory)],
        }  # fmt: skip

    def write(self, name: str, text: str) -> None:
        (self.etc / name).write_text(text)

    def files(self) -> dict[str, set[str]]:
        return asterisk_config.declared({path.name: path.read_text() for path in self.etc.iterdir() if path.is_file()})

    def run_command(self, argv: list[str], **_options: Any) -> tuple[int, str, str]:
        if argv[0] == "runuser":
            return 0, "".join(f"{path}\n" for path in argv if self.hidden and path.endswith(self.hidden)), ""
        command = argv[-1]
        if command.startswith("module reload "):
            self.commands.append(command)
            if self.complaint:
                with self.log.open("a") as log:
                    log.write(self.complaint)
            if not self.deaf:
                self.loaded = self.files()
            return 0, f"Module '{command.split()[-1]}' reloaded successfully.\n", ""
        if command.startswith("module load "):
            self.commands.append(command)
            self.modules.add(command.split()[-1])
            return 0, "", ""
        return 0, self.answer(command), ""

    def answer(self, command: str) -> str:
        head = "\n <Object/Other..............................................................>\n=====\n\n"
        if command.startswith("pjsip list "):
            names = self.loaded.get(command.rsplit(maxsplit=1)[-1], set())
            return head + "".join(f" Object:  {name}/x    Unavailable\n" for name in names)
        if command == "module show":
            return "".join(f"{name}   A module   0   Running   core\n" for name in sorted(self.modules))
        if command == "dialplan show":
            lines = [f"[ Context '{name}' created by 'pbx_config' ]\n" for name in self.loaded["contexts"]]
            return "".join(lines) + "".join(f"  '{name.split('@')[0]}' =>  1. Answer()\n" for name in self.loaded["extensions"])
        return ""


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Asterisk]:
    made = Asterisk(tmp_path)
    yield made
    made.listener.close()


def run(module: Any, exchange: Asterisk, monkeypatch: pytest.MonkeyPatch, check: bool = False, **params: Any) -> Left:
    """Run a module and return how it ended."""

    class Module:
        check_mode, _diff = check, True

        def __init__(self, argument_spec: dict[str, Any], **_options: Any) -> None:
            self.params = {name: {**exchange.params, **params}[name] for name in argument_spec}
            self.run_command = exchange.run_command

        def fail_json(self, **result: Any) -> None:
            raise Left(True, result)

        def exit_json(self, **result: Any) -> None:
            raise Left(False, result)

    monkeypatch.setattr(module, "AnsibleModule", Module)
    monkeypatch.setattr(module.platform, "node", lambda: "server1")
    with pytest.raises(Left) as caught:
        module.main()
    return caught.value


@pytest.fixture
def reload(exchange: Asterisk, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the module, after a first run: this process is older than the files of the test."""

    def call(**params: Any) -> Left:
        return run(asterisk_reload, exchange, monkeypatch, **params)

    assert not call().failed
    exchange.commands.clear()
    return call


def test_nothing_to_do_is_nothing_done(exchange: Asterisk, reload: Any) -> None:
    end = reload()
    assert (end.failed, end.result["changed"], end.result["reloaded"], exchange.commands) == (False, False, {}, [])
    assert end.result["running"]


def test_exactly_the_module_whose_file_changed_is_reloaded(exchange: Asterisk, reload: Any) -> None:
    exchange.write("pjsip.conf", FILES["pjsip.conf"].replace("one", "two"))
    announced = reload(check=True)
    assert announced.result["changed"] and exchange.commands == []
    end = reload()
    assert end.result["reloaded"] == announced.result["reloaded"] == {"res_pjsip.so": ["pjsip.conf was written after it was loaded"]}
    assert exchange.commands == ["module reload res_pjsip.so"]
    assert not reload().result["changed"]


def test_an_asterisk_that_says_it_reloaded_and_did_not_is_a_failure_each_time(exchange: Asterisk, reload: Any) -> None:
    exchange.deaf = True
    exchange.write("pjsip.conf", FILES["pjsip.conf"] + "[101-demo]\ntype = endpoint\n")
    for _run in range(2):
        end = reload()
        assert end.failed
        found = "server1: Asterisk did not load all that its files say: not loaded: endpoint 101-demo. What to do: "
        assert end.result["msg"].startswith(found)
        assert end.result["differences"] == {"endpoints": {"missing": ["101-demo"], "extra": []}}
    exchange.deaf = False
    assert not reload().failed


def test_an_object_that_asterisk_keeps_as_it_was_is_a_failure_each_time(exchange: Asterisk, reload: Any) -> None:
    """Its name is there, its new settings are not: only the log says so."""
    exchange.complaint = "[x] ERROR[7] res_sorcery_config.c: Could not create an object of type 'endpoint' with id '100-demo'\n"
    exchange.write("pjsip.conf", FILES["pjsip.conf"].replace("one", "two"))
    for _run in range(2):
        end = reload()
        assert end.failed
        assert "its log says: Could not create an object of type 'endpoint' with id '100-demo'" in end.result["msg"]
    exchange.complaint = ""
    assert reload().result["changed"]


def test_what_asterisk_cannot_read_is_refused_before_a_reload(exchange: Asterisk, reload: Any) -> None:
    exchange.write("pjsip.conf", FILES["pjsip.conf"] + "[garbage\n")
    end = reload()
    assert end.failed
    assert "nothing was loaded: pjsip.conf line 8: a section without its closing bracket" in end.result["msg"]
    assert exchange.commands == []


def test_what_its_account_may_not_read_is_refused_before_a_reload(exchange: Asterisk, reload: Any) -> None:
    exchange.hidden = "pjsip.conf"
    exchange.write("pjsip.conf", FILES["pjsip.conf"].replace("one", "two"))
    end = reload()
    assert end.failed
    assert f"may not read {exchange.etc}/pjsip.conf, so nothing was loaded" in end.result["msg"]
    assert exchange.commands == []


def test_a_module_that_was_unloaded_is_loaded(exchange: Asterisk, reload: Any) -> None:
    exchange.modules.remove("cdr_adaptive_odbc.so")
    end = reload()
    assert (end.result["changed"], end.result["modules_loaded"]) == (True, ["cdr_adaptive_odbc.so"])
    assert exchange.commands == ["module load cdr_adaptive_odbc.so"]


def test_a_dry_run_announces_what_would_be_written(exchange: Asterisk, reload: Any) -> None:
    end = reload(check=True, announced=["pjsip.conf", "modules.conf", "tenants/new/pjsip.conf"])
    assert end.result["reloaded"] == {"res_pjsip.so": ["pjsip.conf would be written"]}
    assert end.result["restart_pending"] == ["modules.conf"]
    assert "reload res_pjsip.so: pjsip.conf would be written" in end.result["diff"]["prepared"]
    # In a real run it is on the disk, and that is looked at.
    assert not reload(announced=["pjsip.conf"]).result["changed"]


def test_modules_that_read_more_than_files(exchange: Asterisk, reload: Any) -> None:
    end = reload(always=["cdr_adaptive_odbc.so"])
    assert end.result["changed"]
    assert exchange.commands == ["module reload cdr_adaptive_odbc.so"]


def test_a_file_of_ones_own(exchange: Asterisk, reload: Any) -> None:
    exchange.modules.add("app_followme.so")
    exchange.write("followme.conf", "[general]\nx = 1\n")
    assert "app_followme.so" in reload(reloaded_by={"followme.conf": "app_followme.so"}).result["reloaded"]


def test_no_secret_is_remembered_or_returned(exchange: Asterisk, reload: Any) -> None:
    exchange.write("pjsip.conf", FILES["pjsip.conf"].replace("one", "verysecret"))
    end = reload()
    assert "verysecret" not in json.dumps(end.result) + Path(exchange.params["record"]).read_text()


def test_where_no_asterisk_runs_nothing_is_done(exchange: Asterisk, reload: Any) -> None:
    Path(exchange.params["socket"]).unlink()
    end = reload()
    assert (end.failed, end.result["running"], end.result["changed"]) == (False, False, False)


def test_what_asterisk_info_returns(exchange: Asterisk, monkeypatch: pytest.MonkeyPatch, reload: Any) -> None:
    exchange.write("pjsip.conf", FILES["pjsip.conf"].replace("[100-demo]\ntype = endpoint\n", "") + "garbage\n")
    found = run(asterisk_info, exchange, monkeypatch).result
    assert found["differences"] == {"endpoints": {"missing": [], "extra": ["100-demo"]}}
    assert found["pending"] == {"res_pjsip.so": ["pjsip.conf"]}
    assert found["ignored"] == ["pjsip.conf line 6: no equals sign, so the line is ignored"]
    assert (found["changed"], found["refused"], found["unreadable"], found["unwritable"]) == (False, [], [], [])
    Path(exchange.params["socket"]).unlink()
    stopped = run(asterisk_info, exchange, monkeypatch).result
    assert (stopped["running"], stopped["loaded"], stopped["written"]["endpoints"]) == (False, {}, ["health"])


SPLIT = {
    "sorcery.conf": "[res_pjsip]\nendpoint = config,pjsip_endpoint.conf,criteria=type=endpoint\n",
    "pjsip_endpoint.conf": "[health]\ntype = endpoint\n[100-demo]\ntype = endpoint\n[101-demo]\ntype = endpoint\n",
    "pjsip.conf": "[100-demo]\ntype = auth\npassword = one\n",
}


def test_telephones_are_not_reloaded_while_asterisk_looks_for_them_elsewhere(
    exchange: Asterisk, reload: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reload would drop them all: sorcery.conf is read at the start, and was written after it."""
    announced = reload(check=True, announced=[*SPLIT, "extensions.conf"])
    assert announced.result["held_back"] == ["res_pjsip.so"]
    assert list(announced.result["reloaded"]) == ["pbx_config.so"]
    for name, text in SPLIT.items():
        exchange.write(name, text)
    exchange.write("extensions.conf", FILES["extensions.conf"].replace("Answer", "Hangup"))
    # No name of the dialplan changes, and PJSIP's stay as they were.
    exchange.deaf = True
    end = reload()
    exchange.deaf = False
    assert not end.failed
    assert exchange.commands == ["module reload pbx_config.so"]
    assert end.result["held_back"] == ["res_pjsip.so"]
    assert "sorcery.conf" in end.result["restart_pending"]
    looked = run(asterisk_info, exchange, monkeypatch).result
    assert looked["held_back"] == ["res_pjsip.so"] and looked["pending"] == {}
    assert looked["differences"]["endpoints"] == {"missing": ["101-demo"], "extra": []}
    # It stays so in the next run, and ends with the next start, which is another process.
    assert (reload().result["changed"], reload().result["held_back"]) == (False, ["res_pjsip.so"])
    exchange.loaded = exchange.files()
    Path(exchange.params["record"]).unlink()
    monkeypatch.setattr(asterisk_loaded, "process", lambda *_given: asterisk_loaded.Process("another", 1e12))
    assert (reload().result["changed"], reload().result["held_back"]) == (False, [])
    exchange.write("pjsip_endpoint.conf", SPLIT["pjsip_endpoint.conf"] + "context = demo\n")
    assert list(reload().result["reloaded"]) == ["res_pjsip.so"]


def test_a_changed_acl_does_not_have_telephones_read_from_where_they_were(exchange: Asterisk, reload: Any) -> None:
    """A reload of named ACLs makes PJSIP read its endpoints again; and so does the wizard, as it is loaded."""
    exchange.modules.add("acl")
    for name, text in {**SPLIT, "acl.conf": "; another line\n"}.items():
        exchange.write(name, text)
    exchange.write("modules.conf", FILES["modules.conf"] + "load = res_pjsip_config_wizard.so\n")
    end = reload()
    assert not end.failed, end.result
    assert end.result["held_back"] == ["res_pjsip.so", "acl", "res_pjsip_config_wizard.so"]
    assert exchange.commands == []


def test_a_new_owner_of_sorcery_conf_holds_nothing_back(exchange: Asterisk, reload: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in SPLIT.items():
        exchange.write(name, text)
        os.utime(exchange.etc / name, (1, 1))
    exchange.loaded = exchange.files()
    Path(exchange.params["record"]).unlink()
    # Younger than the content of the file, and older than the change of its owner just now.
    monkeypatch.setattr(asterisk_loaded, "process", lambda *_given: asterisk_loaded.Process("another", 1000.0))
    assert reload().result["held_back"] == []


def test_directories_of_tenants_that_no_file_includes_are_refused(exchange: Asterisk, reload: Any) -> None:
    (exchange.etc / "tenants/demo").mkdir(parents=True)
    exchange.write("extensions.conf", FILES["extensions.conf"].replace("Answer", "Hangup"))
    end = reload()
    assert end.failed and "no file that includes them" in end.result["msg"] and "asterisk_tenants" in end.result["msg"]
    assert exchange.commands == []
