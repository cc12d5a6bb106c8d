"""Which tenants are refused, with a message of what was written; and that no secret is in it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_tenants
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem

ROLE = Path(__file__).resolve().parents[4] / "roles/asterisk_tenants"
DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
VARIABLES: dict[str, Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text())
EXTENSION = {"number": "100", "name": "Telephone 100", "password": "correct-horse", "voicemail_pin": "2580"}
TENANT: dict[str, Any] = {"name": "demo", "extensions": [EXTENSION]}
WHO = "tenant demo, extension 100"


def problems(tenants: Any, **given: Any) -> list[Problem]:
    """Return what is found of tenants, with the defaults of all other variables."""
    return asterisk_tenants.problems({**DEFAULTS, "asterisk_extra_modules": [], "asterisk_tenants": tenants, **given})


def said(*tenants: Any) -> list[str]:
    """Return what is found of a list of tenants."""
    return [problem["found"] for problem in problems(list(tenants))]


def changed(**values: Any) -> dict[str, Any]:
    """The good tenant with another extension."""
    tenant = copy.deepcopy(TENANT)
    tenant["extensions"][0].update(values)
    return tenant


def test_a_good_list_is_accepted() -> None:
    """The same number in two tenants, of any length, names in other alphabets, every printable character a password may have."""
    other = {
        "name": "other_2",
        "extensions": [
            {**EXTENSION, "name": "José O'Neill (1.º)"},
            {**EXTENSION, "number": "199", "name": "東京 2", "password": "!\"#$%&'()*+,-./:<=>?@[]^_`{|}~"},
            {**EXTENSION, "number": "0101", "password": "4f1c9a07b2e85d63", "voicemail_pin": "0815"},
            {**EXTENSION, "number": "9"},
            {**EXTENSION, "number": "349123456789012"},
        ],
    }
    assert said(TENANT, other) == []
    assert said() == []


@pytest.mark.parametrize(
    "name",
    ["", " ", "Demo", "1demo", "de mo", "demo]", "de-mo", "demo\n", "a\n[general", "a" * 33, "dèmo", "default", "general", "health"],
)
def test_a_name_that_is_no_section_of_its_own_is_refused(name: str) -> None:
    """Names become sections, contexts and directories."""
    (found,) = said({**TENANT, "name": name})
    assert "\n" not in found and len(found) < 150


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        *(({"number": number}, "a number is 1 to 15 digits") for number in (
            "10a", "100\n", "", " 100", "+100", "1 0", "١٠٠", "*97", "1" * 16, "-100", "1.5")),
        *(({"number": number}, f"{number} is the emergency number") for number in ("112", "911")),
        *(({"name": name}, "a name is 1 to 40") for name in (
            "", " ", "   ", ".", "-", "()", "_", 'a" <666>', "a,b", "a;b", "a\nb", "trailing\n", " a", "a ", "a" * 41, "a\tb",
            "e\u0301")),
        ({"name": "東" * 30}, "its name has 90 bytes in UTF-8, and Asterisk keeps 79"),
        *(({"password": word}, "a password is 12 to 64") for word in (
            "", "elevenchars", "with a space", "a;comment-begins", "back\\slash-here", "trailing-line\n", "line\nmax_contacts=9",
            "x" * 65, "pässwörter-und")),
        ({"password": "my-100-demo-password"}, "holds the user name"),
        *(({"password": word}, "no sequence") for word in (
            "aaaaaaaaaaaa", "abababababab", "123123123123", "abcdefghijkl", "lkjihgfedcba", "123456789012", "987654321098",
            "passwordpassword", "111111111112", "aAaAaAaAbBbB")),
        *(({"voicemail_pin": pin}, "a voicemail PIN is 4 to 10 digits") for pin in (
            "", "123", "12a4", "1234\n", "12345678901", "٢٥٨٠", "-1234")),
        *(({"voicemail_pin": pin}, "a voicemail PIN is no sequence") for pin in (
            "0000", "7777", "1234", "4321", "0123456789", "9876543210", "8901", "1212", "090909")),
    ],
)  # fmt: skip
def test_values_that_would_break_a_file_or_are_weak_are_refused(values: dict[str, Any], rule: str) -> None:
    """One mistake, one message with its rule, and the secret is not in it."""
    (problem,) = problems([changed(**values)])
    text = f"{problem['found']} {problem['cure']}"
    assert rule in problem["found"]
    assert "\n" not in text and len(text) < 330
    secret = values.get("password", "") or values.get("voicemail_pin", "")
    assert not secret.strip() or secret.strip() not in text.replace("0000, 1212", "").replace("(1234)", "").replace("4 to 10", "")


@pytest.mark.parametrize("what", ["number", "name", "password", "voicemail_pin"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "empty"), (True, "true or false"), (False, "true or false"), (123456789012, "a bare number"), (12.5, "a bare number"),
        (0.0, "a bare number"), (["a"], "a list"), ([], "a list"), ({"a": 1}, "a dictionary"), ({}, "a dictionary"), (b"x", "no text"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_said_as_such(what: str, value: Any, kind: str) -> None:
    (problem,) = problems([changed(**{what: value})])
    assert kind in problem["found"]
    assert problem["cure"]
    if what in ("password", "voicemail_pin"):
        assert "123456789012" not in problem["found"] + problem["cure"]


def test_a_number_without_quotes_is_refused_for_yaml_may_have_read_it_as_octal() -> None:
    extension = yaml.safe_load("{number: 0100, name: Telephone, password: correct-horse, voicemail_pin: 01234567}")
    for what, problem in zip(("number", "voicemail PIN"), problems([{"name": "demo", "extensions": [extension]}]), strict=True):
        # 64, which is a number like any other, and 342391, which is a PIN like any other.
        assert problem["found"] == f"tenant demo, extension 64: the {what} is a bare number, and text belongs there"
        assert "quotes" in problem["cure"] and "octal" in problem["cure"]


def test_a_password_that_is_a_bare_number_is_said_through_templates_too() -> None:
    """As the inventory gives it: by way of the vault, and in Ansible's own kinds of numbers."""
    loader = DataLoader()
    template = trust_as_template("{{ vault_sip }}")
    extension = {**EXTENSION, "password": template}
    variables = {"vault_sip": loader.load("123456789012"), "tenants": [{"name": "demo", "extensions": [extension]}]}
    tenants = Templar(loader=loader, variables=variables).template(trust_as_template("{{ tenants }}"))
    assert said(*tenants) == [f"{WHO}: the password is a bare number, and text belongs there"]


@pytest.mark.parametrize(
    ("tenants", "found"),
    [
        (None, "asterisk_tenants is empty, and a list belongs there"),
        ({"name": "demo"}, "asterisk_tenants is a dictionary, and a list belongs there"),
        ("demo", "asterisk_tenants is no text, and a list belongs there"),
        (["demo"], "asterisk_tenants has entries that are no dictionaries"),
        ([{"name": "demo"}], "tenant demo: its extensions are empty, and a list belongs there"),
        ([{"name": "demo", "extensions": {"a": 1}}], "tenant demo: its extensions are a dictionary, and a list belongs there"),
        ([{"name": "demo", "extensions": ["100"]}], "tenant demo: an extension is no text, and a dictionary belongs there"),
        ([{"name": 5, "extensions": []}], "tenant 5: the name is a bare number, and text belongs there"),
        ([{"extensions": []}], "tenant None: the name is empty, and text belongs there"),
    ],
)
def test_what_is_no_list_of_tenants_is_said(tenants: Any, found: str) -> None:
    assert [problem["found"] for problem in problems(tenants)] == [found]


def test_doubles_are_refused() -> None:
    """Tenants by name, extensions by number within their tenant."""
    twice = {"name": "demo", "extensions": [EXTENSION, {**EXTENSION, "name": "Another"}]}
    assert said(twice) == ["tenant demo: extension 100 is listed twice"]
    assert said(TENANT, TENANT) == ["tenant demo is listed twice"]


def test_several_mistakes_are_said_at_once() -> None:
    """Whoever corrects an inventory wants to do it once."""
    assert len(said(changed(number="5a", password="short", voicemail_pin="x"))) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"asterisk_tenants_max_contacts": 0}, ["asterisk_tenants_max_contacts is 0", "Give telephones from 1 to 100"]),
        ({"asterisk_tenants_qualify_frequency": 86401}, ["asterisk_tenants_qualify_frequency is 86401", "from 0 to 86400"]),
        ({"asterisk_tenants_registration_expiration": 30}, ["asterisk_tenants_registration_expiration is 30"]),
        ({"asterisk_tenants_ring_seconds": 0}, ["asterisk_tenants_ring_seconds is 0"]),
        ({"asterisk_tenants_rtp_timeout": -1}, ["asterisk_tenants_rtp_timeout is -1"]),
        ({"asterisk_tenants_codecs": ["ulow"]}, ["asterisk_tenants_codecs has 'ulow'", "Was ulaw meant?"]),
    ],
)
def test_settings_of_telephones_that_asterisk_would_ignore_are_refused(given: dict[str, Any], words: list[str]) -> None:
    (found,) = problems([], **given)
    assert [word for word in words if word not in f"{found['found']}. {found['cure']}"] == []


def test_each_variable_that_is_judged_is_handed_over() -> None:
    handed = set(VARIABLES["__asterisk_tenants_settings"])
    assert set(asterisk_tenants.RANGES) <= handed
    assert handed == {*DEFAULTS, "asterisk_extra_modules"}


@pytest.mark.parametrize(
    ("numbers", "patterns"),
    [
        ([], []),
        (["100", "199", "101"], ["_XXX"]),
        (["2000", "9", "100"], ["_X", "_XXX", "_XXXX"]),
    ],
)
def test_there_is_a_pattern_for_each_length_of_number(numbers: list[str], patterns: list[str]) -> None:
    assert asterisk_tenants.number_patterns(numbers) == patterns
