"""Asterisk's files as data: what main/config.c of Asterisk 22 takes, refuses and passes over, as it was seen doing it."""

from __future__ import annotations

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_config as config

PJSIP = """\
; a comment
[global]
type = global

#include tenants/demo/pjsip.conf

[health]
type = endpoint
disallow = all
allow = ulaw
[health-identify]
type = identify
endpoint = health
"""
TENANT = """\
[demo-phone](!)
type = endpoint
allow = alaw,!ulaw,g722:20 ; another comment
[demo-aor](!)
type = aor

[100-demo](demo-phone)
auth = 100-demo
[100-demo]
type = auth
password = abc\\;def
[100-demo](demo-aor)
"""
DIALPLAN = """\
[general]
static = yes
[globals]
TRUNK = PJSIP/out
[demo-hints]
exten => 100,hint,PJSIP/100-demo
[demo-internal]
exten => _1XX,1,NoOp()
 same => n,Hangup()
exten => *97/200,1,VoiceMailMain()
exten => ${TRUNK},1,Hangup()
include => demo-hints
[health]
"""
VOICEMAIL = "[general]\nformat = wav\n[zonemessages]\neu = x\n[demo]\n100 => 2580,Telephone 100\n"
MODULES = "[modules]\nautoload = no\nrequire = res_pjsip.so\nload = app_dial\nload = bad.so\nnoload = bad.so\n"
FILES = {
    "pjsip.conf": PJSIP,
    "tenants/demo/pjsip.conf": TENANT,
    "extensions.conf": DIALPLAN,
    "voicemail.conf": VOICEMAIL,
    "modules.conf": MODULES,
}


def read(text: str, **files: str) -> config.Config:
    return config.read("x.conf", {"x.conf": text, **files}.get)


def mistakes(text: str, fatal: bool = True, **files: str) -> list[str]:
    return [str(mistake) for mistake in read(text, **files).mistakes if mistake.fatal is fatal]


def test_what_the_files_of_an_exchange_make() -> None:
    assert config.declared(FILES) == {
        "endpoints": {"100-demo", "health"},
        "aors": {"100-demo"},
        "auths": {"100-demo"},
        "identifies": {"health-identify"},
        "registrations": set(),
        "contexts": {"demo-hints", "demo-internal", "health"},
        "extensions": {"100@demo-hints", "_1XX@demo-internal", "*97@demo-internal"},
        "hints": {"100@demo-hints"},
        "mailboxes": {"100@demo"},
        "modules": {"res_pjsip.so", "app_dial.so"},
    }


def test_a_kind_whose_file_is_not_given_is_left_out() -> None:
    assert set(config.declared({"voicemail.conf": VOICEMAIL})) == {"mailboxes"}


def test_an_include_that_is_commented_out_takes_its_objects_away() -> None:
    files = {**FILES, "pjsip.conf": PJSIP.replace("#include", ";#include")}
    assert config.declared(files)["endpoints"] == {"health"}


def test_objects_in_files_of_sorcery_count() -> None:
    files = {
        "pjsip.conf": "[global]\ntype = global\n",
        "sorcery.conf": "[res_pjsip]\nendpoint = config,pjsip_endpoint.conf,criteria=type=endpoint\naor = config,pjsip_aor.conf\n",
        "pjsip_endpoint.conf": "[100-demo]\ntype = endpoint\n",
        "pjsip_aor.conf": "[100-demo]\ntype = aor\n",
    }
    found = config.declared(files)
    assert (found["endpoints"], found["aors"], found["auths"]) == ({"100-demo"}, {"100-demo"}, set())


@pytest.mark.parametrize(
    ("line", "foreign"),
    [
        ("endpoint = config,pjsip.conf,criteria=type=endpoint", False),
        ("contact = astdb,registrar", False),
        ("endpoint = realtime,ps_endpoints", True),
        ("endpoint/cache = memory_cache,maximum_objects=10", False),
    ],
)
def test_whether_objects_come_from_elsewhere(line: str, foreign: bool) -> None:
    assert config.foreign_objects(read(f"[res_pjsip]\n{line}\n")) is foreign


def test_objects_count_only_where_asterisk_looks_for_them() -> None:
    """An endpoint beside the file that sorcery.conf names is none, and of two files for one type the first counts."""
    files = {
        "sorcery.conf": "[res_pjsip]\nendpoint = config,one.conf,criteria=type=endpoint\nendpoint = config,two.conf\n",
        "one.conf": "[100]\ntype = endpoint\n[100]\ntype = aor\n",
        "two.conf": "[101]\ntype = endpoint\n",
        "pjsip.conf": "[102]\ntype = endpoint\n[102]\ntype = aor\n",
    }
    found = config.declared(files)
    assert (found["endpoints"], found["aors"]) == ({"100"}, {"102"})


def test_the_names_of_a_directory_alone() -> None:
    files = {
        "tenants/pjsip_endpoint.conf": "#include tenants/x/pjsip_endpoint.conf\n",
        "tenants/x/pjsip_endpoint.conf": "[100]\ntype = endpoint\n[100]\ntype = aor\n",
        "tenants/pjsip_aor.conf": "[101]\ntype = aor\n",
        "tenants/voicemail.conf": "[x]\n100 => 2580,A\n",
    }
    found = config.declared(files, "tenants")
    assert (found["endpoints"], found["aors"], found["mailboxes"]) == ({"100"}, {"101"}, {"100@x"})


@pytest.mark.parametrize(
    ("pattern", "matched", "not_matched"),
    [
        ("_1XX", ["100", "199"], ["1000", "10", "200", "1a0"]),
        ("_X!", ["1", "100"], ["", "*97"]),
        ("_X.", ["10", "1a"], ["1"]),
        ("_[2-5]Nz", ["221"], ["121", "210", "220"]),
        ("_*9X", ["*97"], ["997"]),
        ("_9-NX", ["923"], ["9-23"]),
        ("100", [], ["100"]),
    ],
)
def test_patterns_of_the_dialplan(pattern: str, matched: list[str], not_matched: list[str]) -> None:
    assert [exten for exten in matched + not_matched if config.matches(pattern, exten)] == matched


def test_a_template_brings_its_options_and_is_no_object() -> None:
    tree = config.read("tenants/demo/pjsip.conf", FILES.get)
    (endpoint, *_rest) = [section for section in tree.sections if section.name == "100-demo"]
    assert endpoint.values("type") == ["endpoint"]
    assert config.codecs([tree]) == {"alaw", "ulaw", "g722"}


def test_an_escaped_semicolon_is_one_and_a_comment_in_blocks_is_none() -> None:
    tree = read("[a]\npassword = x\\;y\n;-- all of\nthis = 1 ;-- nested --;\n--; after = 2\n;--- not a block\nlast = 3\n")
    assert tree.sections[0].options == [("password", "x;y"), ("after", "2"), ("last", "3")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a\n", "x.conf line 1: a section without its closing bracket"),
        ("a = 1\n", "x.conf line 1: an option before the first section"),
        ("[a](b)\n", "x.conf line 1: the template b is not there"),
        ("[a](+)\n", "x.conf line 1: [a](+) adds to a section that is not there"),
        ("[a]\n\n#include gone.conf\n", "x.conf line 3: the file gone.conf that it includes is not there"),
    ],
)
def test_what_asterisk_cannot_read(text: str, said: str) -> None:
    assert mistakes(text) == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a]\nthis is garbage\n", "x.conf line 2: no equals sign, so the line is ignored"),
        ("[a]\n#inclde b.conf\n", "x.conf line 2: #inclde is no directive, so the line is ignored"),
    ],
)
def test_what_asterisk_passes_over(text: str, said: str) -> None:
    assert mistakes(text, fatal=False) == [said]
    assert mistakes(text) == []


def test_includes_of_all_kinds() -> None:
    tree = read('[a]\n#include "b.conf"\n#tryinclude gone.conf\n#exec /bin/true\nlast = 1\n', **{"b.conf": "first = 1\n[b]\nx = 1\n"})
    # An included file begins in the section around it, and what comes after goes on there.
    assert [(section.name, section.options) for section in tree.sections] == [
        ("a", [("first", "1"), ("last", "1")]), ("b", [("x", "1")])
    ]  # fmt: skip
    assert tree.files == {"x.conf": tree.files["x.conf"], "b.conf": "first = 1\n[b]\nx = 1\n", "gone.conf": None}
    assert tree.mistakes == []


def test_a_pattern_includes_every_file_that_matches() -> None:
    files = {**FILES, "pjsip.conf": "#include tenants/*/pjsip.conf\n", "tenants/other/pjsip.conf": "[x]\ntype = aor\n"}
    assert config.declared(files)["aors"] == {"100-demo", "x"}


def test_files_that_include_each_other_come_to_an_end() -> None:
    said = mistakes("#include y.conf\n", **{"y.conf": "#include x.conf\n"})
    assert said == ["x.conf line 1: #include y.conf goes deeper than 10 files"]
