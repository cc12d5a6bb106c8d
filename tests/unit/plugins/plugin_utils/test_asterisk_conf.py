"""Asterisk's files as Asterisk reads them: sections, templates, includes, and what it would leave out."""

from __future__ import annotations

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_conf

PHONE = """\
[phone](!)
type = endpoint
identify_by = username
allow = alaw
[100](phone)
auth = 100
aors = 100
[100]
type = auth
password = a=b>c
[100]
type = aor
"""


def test_templates_comments_and_both_signs_are_read() -> None:
    sections = asterisk_conf.read(
        {"a.conf": '[one](!)\na = 1 ; said\n[two](one)\nb => 2\\;3\n#include sub/b.conf\n', "sub/b.conf": "[two](+)\na = 4\n"},
        "a.conf",
    )  # fmt: skip
    assert [(section.name, section.template) for section in sections] == [("one", True), ("two", False)]
    two = sections[1]
    assert (two.values("a"), two.value("a"), two.value("b"), two.value("c")) == (["1", "4"], "4", "2\\;3", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1\n", "before the first section"),
        ("[a\nb = 1\n", "no header of a section"),
        ("[]\n", "no header of a section"),
        ("[a](b)\n", "inherits from b, which is not there yet"),
        ("[a](b)\n[b](!)\n", "inherits from b, which is not there yet"),
        ("[a](+)\n", "adds to a section a that is not there yet"),
        ("[a]\nwords and words\n", "is no entry"),
        ("[a]\n= 1\n", "is no entry"),
        ("[a]\n#include tenants/gone.conf\n", "the file tenants/gone.conf is not there"),
        ("[a]\n#include a.conf\n", "a.conf includes itself"),
        ("[a]\n#exec /bin/true\n", "no directive that Asterisk carries out"),
        ("[a]\n#include\n", "no directive that Asterisk carries out"),
        ("[a]\nb = 1 ;-- all that follows\nc = 2\n", "takes what follows out"),
        ("[a]\nb = " + "x" * 8192 + "\n", "longer than 8191 bytes"),
        ("[a]\nb = 1\x00\n", "a control character"),
        ("[a]\nb = 1\r\n", "a control character"),
        ("[a]\nb = 1\n[c]\n[a]\nd = 1\n", "there is a section a already"),
    ],
)
def test_what_asterisk_would_not_read_to_its_end_is_said_with_its_place(text: str, said: str) -> None:
    (problem,) = asterisk_conf.problems({"a.conf": text})
    assert problem.startswith("a.conf, line ")
    assert said in problem


def test_a_file_of_a_tenant_that_nobody_includes_is_named() -> None:
    assert asterisk_conf.problems({"a.conf": "[a]\n;#include tenants/x/a.conf\n", "tenants/x/a.conf": "[b]\n"}) == [
        "tenants/x/a.conf: no file includes it"
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("type = endpoint", "typ = endpoint"), "section 100 has no type"),
        (("type = aor", "type = auth"), "there is a section 100 of type auth already"),
        (("type = aor", "type = aorr"), "of an unknown type, aorr"),
        (("type = aor", "type = aor\nmax_contact = 2"), "line 13: max_contact is no option of type aor"),
        (("aors = 100", "aors = 100,101"), "endpoint 100 names the aor 101, which is not there"),
        (("auth = 100", "auth = 99"), "endpoint 100 names the auth 99, which is not there"),
        (("auth = 100\n", ""), "asks for no password and can be had by name"),
        (("identify_by = username", "identify_by = ip"), "no section of type identify gives one"),
    ],
)
def test_what_pjsip_would_leave_out_is_said(change: tuple[str, str], said: str) -> None:
    options = {
        "endpoint": ["type", "identify_by", "allow", "auth", "aors"], "auth": ["type", "password"], "aor": ["type"],
        "identify": ["type", "endpoint", "match"],
    }  # fmt: skip
    assert asterisk_conf.problems({"pjsip.conf": PHONE}, options) == []
    found = asterisk_conf.problems({"pjsip.conf": PHONE.replace(*change)}, options)
    assert any(said in problem for problem in found), found


SPLIT = {
    "pjsip.conf": "[global]\ntype = global\n[health-identify]\ntype = identify\nendpoint = health\n",
    "pjsip_endpoint.conf": "[health]\ntype = endpoint\nidentify_by = ip\n[100]\ntype = endpoint\nauth = 100\naors = 100\n",
    "pjsip_aor.conf": "[100]\ntype = aor\n",
    "pjsip_auth.conf": "[100]\ntype = auth\n",
}


def test_objects_in_a_file_for_each_type_refer_to_each_other() -> None:
    assert asterisk_conf.problems(SPLIT) == []
    (found,) = asterisk_conf.problems({**SPLIT, "pjsip_aor.conf": "[101]\ntype = aor\n"})
    assert found == "pjsip_endpoint.conf, line 4: endpoint 100 names the aor 100, which is not there"


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("pjsip.conf", "[101]\ntype = endpoint\nauth = 100\n", "endpoint"),
        ("pjsip_endpoint.conf", "[101]\ntype = aor\n", "aor"),
        ("pjsip_auth.conf", "[transport-udp]\ntype = transport\n", "transport"),
    ],
)
def test_an_object_where_asterisk_does_not_look_for_it_is_named(path: str, text: str, kind: str) -> None:
    (found,) = asterisk_conf.problems({**SPLIT, path: SPLIT[path] + text})
    assert f"is of type {kind}, which Asterisk does not look for in {path}" in found


def test_the_files_of_a_directory_are_read_by_themselves() -> None:
    files = {
        "tenants/pjsip_endpoint.conf": "#include tenants/x/pjsip_endpoint.conf\n",
        "tenants/x/pjsip_endpoint.conf": "[100]\ntype = endpoint\nauth = 100\n",
        "tenants/pjsip_auth.conf": "#include tenants/x/pjsip_auth.conf\n",
        "tenants/x/pjsip_auth.conf": "[100]\ntype = auth\n",
    }
    assert asterisk_conf.problems(files, directory="tenants") == []
    assert asterisk_conf.problems({**files, "tenants/pjsip_auth.conf": ""}, directory="tenants") == [
        "tenants/x/pjsip_endpoint.conf, line 1: endpoint 100 names the auth 100, which is not there",
        "tenants/x/pjsip_auth.conf: no file includes it",
    ]


def test_no_value_is_said_for_it_may_be_a_secret() -> None:
    broken = PHONE.replace("password = a=b>c", "password secret-horse\npassword = secret-horse\nsecret = secret-horse")
    found = " ".join(asterisk_conf.problems({"pjsip.conf": broken}, {"endpoint": [], "auth": [], "aor": []}))
    assert "secret-horse" not in found.replace("password secret-hors", "")
