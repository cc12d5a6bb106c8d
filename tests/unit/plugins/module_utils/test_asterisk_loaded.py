"""What Asterisk has loaded: its console's words (22.10.1, recorded), and what is made of them."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_loaded as asterisk
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import Result

ENDPOINTS = """\
No ethernet interface found for seeding global EID. You will have to set it manually.

 Endpoint:  <Endpoint/CID.....................................>  <State.....>  <Channels.>
==========================================================================================

 Endpoint:  100-demo/100                                         Unavailable   0 of 2
 Endpoint:  health                                               Unavailable   0 of inf

Objects found: 2

"""
AUTHS = """\

  I/OAuth:  <AuthId/UserName.............................................................>
==========================================================================================

     Auth:  100-demo/100-demo

Objects found: 1

"""
REGISTRATIONS = """\

 <Registration/ServerURI..............................>  <Auth....................>  <Status.......>
==========================================================================================

 provider/sip:sip.example.com                           provider                     Registered        (exp. 23s)

Objects found: 1

"""
MAILBOXES = """\
Context    Mbox  User                      Zone       NewMsg
demo       100   Telephone 100                             0
a_tenant_with_a_long_name 101   Telephone                            12
2 voicemail users configured.
"""
DIALPLAN = """\
[ Context 'demo-internal' created by 'pbx_config' ]
  '*43' =>          1. Set(CDR(node)=${ENV(PBX_NODE)})            [extensions.conf:28]
                    2. Answer()                                   [extensions.conf:29]
  '_1XX' (CID match '200') => 1. NoOp()                           [extensions.conf:9]
     [unavailable]  7. VoiceMail(${EXTEN}@demo,u)                 [extensions.conf:15]
  Include =>        'demo-hints'                                  [pbx_config]

[ Context 'demo-hints' created by 'pbx_config' ]
  '100' =>          hint: PJSIP/100-demo                          [extensions.conf:3]

[ Context 'parkedcalls' created by 'res_parking' ]
  '700' =>          1. Park()                                     [res_parking]

[ Context 'health' created by 'pbx_config' ]

-= 3 extensions (4 priorities) in 4 contexts. =-
"""
MODULES = """\
Module                         Description                              Use Count  Status      Support Level
acl                            Access Control Lists                     1          Running              core
app_voicemail.so               Comedian Mail (Voicemail System)         0          Running              core
pbx_config.so                  Text Extension Configuration             0          Running              core
res_pjsip.so                   Basic SIP resource                       40         Running              core
res_srtp.so                    Secure RTP (SRTP)                        0          Not Running          core
5 modules loaded
"""
CODECS = """\
      ID TYPE  NAME         FORMAT           QUALITY DESCRIPTION
------------------------------------------------------------------------------------------------
       6 audio alaw         alaw                 100 (G.711 a-law)
      23 audio speex        speex16               40 (SpeeX 16khz)
"""

FILES = {
    "pjsip.conf": "[health]\ntype = endpoint\nallow = alaw\n#include tenants/demo/pjsip.conf\n",
    "tenants/demo/pjsip.conf": "[100-demo]\ntype = endpoint\nallow = alaw\n[100-demo]\ntype = auth\npassword = one\n",
    "extensions.conf": "[demo-internal]\nexten => *43,1,Answer()\nexten => _1XX/200,1,NoOp()\n"
    "[demo-hints]\nexten => 100,hint,PJSIP/100-demo\n[health]\n",
    "voicemail.conf": "[demo]\n100 => 1234,Telephone 100\n[a_tenant_with_a_long_name]\n101 => 1234,Telephone\n",
    "modules.conf": "[modules]\nrequire = res_pjsip.so\n",
    # Of a module that does not run: a distribution's sample.
    "queues.conf": "[general\n",
}
ANSWERS = {
    "core show uptime seconds": "System uptime: 10\n",
    "core waitfullybooted": "Asterisk has fully booted.\n",
    "module show": MODULES,
    "pjsip list endpoints": ENDPOINTS,
    "pjsip list aors": "No objects found.\n\n",
    "pjsip list auths": AUTHS,
    "pjsip list identifies": "No objects found.\n\n",
    "pjsip list registrations": "No such command 'pjsip list registrations' (type 'core show help' for other possible commands)\n",
    "voicemail show users": MAILBOXES,
    "dialplan show": DIALPLAN,
    "core show codecs": CODECS,
}


@pytest.mark.parametrize(
    ("text", "names", "width"),
    [
        (ENDPOINTS, {"100-demo", "health"}, 51),
        (AUTHS, {"100-demo"}, 78),
        (REGISTRATIONS, {"provider"}, 54),
        ("No objects found.\n\n", set(), 0),
    ],
)
def test_lists_of_pjsip(text: str, names: set[str], width: int) -> None:
    assert asterisk.parse_pjsip_list(text) == (names, width)


def test_mailboxes() -> None:
    assert asterisk.parse_mailboxes(MAILBOXES) == {"100@demo", "101@a_tenant_with_a_long_name"}
    none = "There are no voicemail users currently defined\n"
    assert asterisk.parse_mailboxes(none) == set()
    assert asterisk.parse_mailboxes("No such command 'voicemail show users' (type 'core show help voicemail' for more)\n") == set()


def test_the_dialplan_without_what_modules_put_there() -> None:
    assert asterisk.parse_dialplan(DIALPLAN) == {
        "contexts": {"demo-internal", "demo-hints", "health"},
        "extensions": {"*43@demo-internal", "_1XX@demo-internal", "100@demo-hints"},
        "hints": {"100@demo-hints"},
    }


def test_modules_that_run_and_codecs() -> None:
    assert asterisk.parse_modules(MODULES) == {"acl", "app_voicemail.so", "pbx_config.so", "res_pjsip.so"}
    assert asterisk.parse_codecs(CODECS) == {"alaw", "speex", "speex16"}


def test_what_differs() -> None:
    wanted = {"endpoints": {"100-demo", "101-demo"}, "modules": {"a.so"}, "aors": {"100-demo"}, "hints": {"1@x"}}
    found = {"endpoints": {"100-demo", "102-demo"}, "modules": {"b.so"}, "aors": {"100-demo"}}
    differences = asterisk.compare(wanted, found)
    assert differences == {
        "modules": {"missing": ["a.so"], "extra": []},
        "endpoints": {"missing": ["101-demo"], "extra": ["102-demo"]},
    }
    assert asterisk.describe(differences) == [
        "not loaded: module a.so", "not loaded: endpoint 101-demo", "loaded and in no file: endpoint 102-demo"
    ]  # fmt: skip


def test_hints_that_asterisk_made_of_a_pattern_are_not_too_many() -> None:
    """For each number that a lamp is subscribed to it makes a hint, and with it an extension, in the same context."""
    wanted = {"hints": {"_XXX@demo-hints"}, "extensions": {"_XXX@demo-hints", "_1XX@demo-internal"}}
    made = {"100@demo-hints"}
    found = {kind: names | made for kind, names in wanted.items()}
    assert asterisk.compare(wanted, found) == {}
    strange = {"1000@demo-hints", "100@other-hints", "100@demo-internal"}
    assert asterisk.compare(wanted, {**found, "extensions": found["extensions"] | strange}) == {
        "extensions": {"missing": [], "extra": sorted(strange)}
    }


def test_an_aor_is_cut_off_before_its_heading_ends() -> None:
    """Of `pjsip list aors`, where the number of contacts stands beside the name."""
    head = "\n  Aor:  <Aor..............................................>  <MaxContact>\n=====\n\n"
    name = "34911234567-" + "t" * 30
    texts = {"module show": "res_pjsip.so  PJSIP  0  Running  core\n", "pjsip list aors": head + f"  Aor:  {name[:41]}            1\n"}
    found, widths = asterisk.loaded(lambda command: texts.get(command, "No such command"))
    assert asterisk.compare({"aors": {name}}, {"aors": found["aors"]}, widths) == {}


def test_a_name_that_the_console_cuts_off_is_the_same() -> None:
    name = "100-" + "x" * 60
    assert asterisk.compare({"endpoints": {name}}, {"endpoints": {name[:51]}}, {"endpoints": 51}) == {}
    assert asterisk.compare({"endpoints": {name}}, {"endpoints": set()}, {"endpoints": 51})["endpoints"]["missing"] == [name]


# --- the whole, with a console that answers as recorded ---------------------------------------------------------------


class Exchange:
    """Files in a directory, a socket at which this process listens, and a console."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.record = directory / "etc", directory / "run/dialtone-pbx/asterisk.json"
        for name, text in FILES.items():
            self.write(name, text)
        self.answers = dict(ANSWERS)
        self.asked: list[str] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.socket = str(directory / "asterisk.ctl")
        self.listener.bind(self.socket)
        self.listener.listen()

    def write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, argv: list[str]) -> Result:
        assert argv[:2] == ["timeout", "--kill-after=2"] and argv[3:5] == ["asterisk", "-rx"]
        self.asked.append(argv[-1])
        return Result(0, self.answers[argv[-1]], "")

    def state(self, started: float | None = None) -> asterisk.State:
        """Read it; `started` is when its process began, or before the files were written."""
        state = asterisk.read_state(asterisk.Console(self.run, self.socket), self.directory, self.record, {})
        began = time.time() + 3600 if started is None else started
        return asterisk.State(**{**vars(state), "process": asterisk.Process(state.process.identity, began)})

    def note(self, state: asterisk.State, *modules: str) -> None:
        asterisk.write_record(self.record, state.process.identity, asterisk.noted(state, modules or state.modules))


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    return Exchange(tmp_path)


def test_what_a_process_read_at_its_start_is_loaded(exchange: Exchange) -> None:
    state = exchange.state()
    assert asterisk.plan(state) == {}
    assert asterisk.restart_pending(state) == []
    assert asterisk.refused(state, {"alaw"}) == []


def test_files_that_are_newer_than_the_process_are_loaded_by_their_modules_alone(exchange: Exchange) -> None:
    state = exchange.state(started=0)
    assert asterisk.plan(state) == {
        "app_voicemail.so": ["voicemail.conf was written after it was loaded"],
        "res_pjsip.so": ["pjsip.conf was written after it was loaded", "tenants/demo/pjsip.conf was written after it was loaded"],
        "pbx_config.so": ["extensions.conf was written after it was loaded"],
    }
    assert asterisk.restart_pending(state) == ["modules.conf"]


def test_a_password_changed_after_the_last_load_is_seen_though_no_name_changed(exchange: Exchange) -> None:
    exchange.note(exchange.state(started=0))
    assert asterisk.plan(exchange.state(started=0)) == {}
    exchange.write("tenants/demo/pjsip.conf", FILES["tenants/demo/pjsip.conf"].replace("one", "two"))
    assert asterisk.plan(exchange.state(started=0)) == {
        "res_pjsip.so": ["tenants/demo/pjsip.conf was written after it was loaded"]
    }  # fmt: skip


def test_the_same_content_written_again_needs_nothing(exchange: Exchange) -> None:
    exchange.note(exchange.state(started=0))
    exchange.write("tenants/demo/pjsip.conf", FILES["tenants/demo/pjsip.conf"])
    assert asterisk.plan(exchange.state(started=0)) == {}


def test_what_one_process_loaded_says_nothing_of_the_next(exchange: Exchange) -> None:
    exchange.note(exchange.state(started=0))
    text = exchange.record.read_text()
    exchange.record.write_text(text.replace(f" {os.getpid()} ", " 1 "))
    assert set(asterisk.plan(exchange.state(started=0))) == {"app_voicemail.so", "res_pjsip.so", "pbx_config.so"}
    exchange.record.write_text("{")
    assert set(asterisk.plan(exchange.state(started=0))) == {"app_voicemail.so", "res_pjsip.so", "pbx_config.so"}


def test_a_lost_reload_is_seen_by_names_whatever_is_remembered(exchange: Exchange) -> None:
    exchange.write("tenants/demo/pjsip.conf", "[101-demo]\ntype = endpoint\n[101-demo]\ntype = auth\n")
    state = exchange.state()
    exchange.note(state)
    assert asterisk.plan(exchange.state()) == {
        "res_pjsip.so": [
            "not loaded: endpoint 101-demo", "loaded and in no file: endpoint 100-demo",
            "not loaded: authentication 101-demo", "loaded and in no file: authentication 100-demo",
        ]
    }  # fmt: skip


def test_a_module_that_reads_more_than_files_is_reloaded_when_told(exchange: Exchange) -> None:
    assert asterisk.plan(exchange.state(), ["app_voicemail.so"]) == {
        "app_voicemail.so": ["what it reads besides its files has changed"]
    }  # fmt: skip


def test_only_what_was_loaded_is_noted(exchange: Exchange) -> None:
    exchange.note(exchange.state(started=0), "app_voicemail.so")
    assert set(asterisk.plan(exchange.state(started=0))) == {"res_pjsip.so", "pbx_config.so"}
    assert exchange.record.stat().st_mode & 0o777 == 0o600
    assert exchange.record.parent.stat().st_mode & 0o777 == 0o700
    assert "password" not in exchange.record.read_text()


def test_a_module_that_does_not_run(exchange: Exchange) -> None:
    exchange.write("modules.conf", "[modules]\nrequire = res_pjsip.so\nload = res_srtp.so\n")
    state = exchange.state()
    assert asterisk.missing_modules(state) == ["res_srtp.so"]
    # A reload makes nothing of it.
    assert asterisk.plan(state) == {}


def test_what_cannot_be_taken_is_refused_and_samples_do_not_count(exchange: Exchange) -> None:
    exchange.write("tenants/demo/pjsip.conf", "[100-demo]\ntype = endpoint\nallow = alaw,ulow\n[broken\n")
    assert asterisk.refused(exchange.state(), {"alaw", "ulaw"}) == [
        "tenants/demo/pjsip.conf line 4: a section without its closing bracket",
        "PJSIP's endpoints name ulow, which is no codec of this Asterisk, so it drops them whole",
    ]
    assert len(asterisk.refused(exchange.state(), set())) == 1


def test_objects_that_a_wizard_makes_are_not_too_many(exchange: Exchange) -> None:
    exchange.write("tenants/demo/pjsip.conf", "")
    assert "endpoints" in exchange.state().differences()
    exchange.answers["module show"] += "res_pjsip_config_wizard.so     PJSIP Config Wizard      0          Running              core\n"
    assert exchange.state().differences() == {}


def test_an_asterisk_that_does_not_run_or_not_answer(exchange: Exchange, tmp_path: Path) -> None:
    assert not asterisk.Console(exchange.run, str(tmp_path / "gone.ctl")).answers()
    assert exchange.asked == []
    console = asterisk.Console(lambda _argv: Result(1, "", "Unable to connect to remote asterisk (does …?)"), exchange.socket)
    assert not console.answers()
    console = asterisk.Console(lambda _argv: Result(124, "", ""), exchange.socket)
    with pytest.raises(asterisk.AsteriskError, match=r"did not answer `core show uptime seconds` within 15 s\. The cluster"):
        console.answers()


def test_when_a_process_began(tmp_path: Path) -> None:
    hz = os.sysconf("SC_CLK_TCK")
    (tmp_path / "7").mkdir()
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "7/stat").write_text(f"7 (a) b (c) S {' '.join(['0'] * 18)} {250 * hz} 0 0\n")
    (tmp_path / "uptime").write_text("1000.50 1.0\n")
    (tmp_path / "sys/kernel/random/boot_id").write_text("b00t\n")
    assert asterisk.process(7, tmp_path, now=5000.5) == asterisk.Process(f"b00t 7 {250 * hz}", 4250.0)


LOG = """\
[2026-11-28 17:18:42.396] NOTICE[70] sorcery.c: Type 'system' is not reloadable, maintaining previous values
[2026-11-28 17:18:42.396] ERROR[70] config_options.c: Error parsing max_contacts=many at line 25 of /etc/asterisk/x.conf
[2026-11-28 17:18:42.396] ERROR[70][C-00000001] res_sorcery_config.c: Could not create an object of type 'aor' with id '1'
[2026-11-28 17:18:42.396] ERROR[70]: res_sorcery_config.c:422 load: Could not take password=verysecret here
[2026-11-28 17:18:42.396] WARNING[70] config.c: No '=' (equal sign) in line 25
[2026-11-28 17:18:42.396] ERROR[70] res_odbc.c: the database is away
"""


def test_what_the_log_says_of_a_reload(tmp_path: Path) -> None:
    log = tmp_path / "messages.log"
    log.write_text("ERROR[1] config.c: from before\n" + LOG)
    sources = ("config", "config_options", "res_sorcery_config")
    said = asterisk.said_since(log, 31, sources)
    assert said == [
        "Error parsing max_contacts=many at line 25 of /etc/asterisk/x.conf",
        "Could not create an object of type 'aor' with id '1'",
        "load: Could not take password=(not shown) here",
    ]
    assert asterisk.said_since(tmp_path / "gone", 0, sources) == []


def test_room_counts_each_file_system_once(tmp_path: Path) -> None:
    (room,) = asterisk.space([str(tmp_path), str(tmp_path / "gone"), str(tmp_path)])
    assert room["path"] == str(tmp_path)
    assert room["bytes"] > 0


def test_the_files_of_one_that_does_not_run_are_judged_too(exchange: Exchange) -> None:
    exchange.write("pjsip.conf", "[broken\n")
    state = asterisk.stopped(exchange.directory, {})
    assert asterisk.refused(state, set()) == ["pjsip.conf line 1: a section without its closing bracket"]
    found: dict[str, Any] = asterisk.as_data(state.written.objects)
    assert found["mailboxes"] == ["100@demo", "101@a_tenant_with_a_long_name"]


def test_directories_of_others_below_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree, the tenants and the mailboxes are looked at, and nothing further down; those of the account itself are left out."""
    tree = tmp_path / "voicemail"
    for mailbox in ("demo/100/INBOX", "demo/101", "other/200"):
        (tree / mailbox).mkdir(parents=True)
    own = tree.stat().st_uid
    account = SimpleNamespace(pw_uid=own + 1)
    monkeypatch.setattr(asterisk.pwd, "getpwnam", lambda _name: account)
    assert asterisk.foreign([str(tree), str(tmp_path / "none")], "asterisk") == [
        str(tree / name) for name in ("", "demo", "other", "demo/100", "demo/101", "other/200")
    ]
    account.pw_uid = own
    assert asterisk.foreign([str(tree)], "asterisk") == []
