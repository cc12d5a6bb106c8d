"""Role asterisk: which tenants it refuses, and that what it writes cannot be broken out of."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

TEMPLATES = Path(__file__).parents[3] / "roles" / "asterisk" / "templates"

EXTENSION = {"number": "100", "name": "Telephone 100", "password": "correct-horse", "voicemail_pin": "2580"}
TENANT = {"name": "demo", "extensions": [EXTENSION]}


def render(template: str, **variables: Any) -> str:
    """Render a template of the role as the lookup does."""
    templar = Templar(loader=DataLoader(), variables={"ansible_managed": "managed", **variables})
    text = trust_as_template((TEMPLATES / template).read_text())
    return str(templar.template(text) or "")


def mistakes(*tenants: dict[str, Any]) -> list[str]:
    """What the role says against a list of tenants."""
    return [line for line in render("tenant/mistakes.j2", asterisk_tenants=list(tenants)).splitlines() if line]


def changed(**values: Any) -> dict[str, Any]:
    """The good tenant with another extension."""
    tenant = copy.deepcopy(TENANT)
    tenant["extensions"][0].update(values)  # type: ignore[index,union-attr]
    return tenant


def test_a_good_list_is_accepted() -> None:
    """The same number in two tenants, names in other alphabets, every printable character a password may have."""
    other = {
        "name": "other_2",
        "extensions": [
            {**EXTENSION, "name": "José O'Neill (1.º)"},
            {**EXTENSION, "number": "199", "password": "!\"#$%&'()*+,-./:<=>?@[]^_`{|}~"},
        ],
    }
    assert mistakes(TENANT, other) == []


@pytest.mark.parametrize(
    "name", ["", "Demo", "1demo", "de mo", "demo]", "de-mo", "demo\n", "a\n[general", "a" * 33, "default", "general"]
)
def test_a_name_that_is_no_section_of_its_own_is_refused(name: str) -> None:
    """Names become sections, contexts and directories."""
    assert len(mistakes({**TENANT, "name": name})) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"number": "99"},
        {"number": "200"},
        {"number": "1000"},
        {"number": "10a"},
        {"number": "100\n"},
        {"name": ""},
        {"name": 'a" <666>'},
        {"name": "a,b"},
        {"name": "a;b"},
        {"name": "a\nb"},
        {"name": "trailing\n"},
        {"name": "a" * 41},
        {"password": ""},
        {"password": "elevenchars"},
        {"password": "with a space"},
        {"password": "a;comment-begins"},
        {"password": "back\\slash-here"},
        {"password": "trailing-line\n"},
        {"password": "line\nmax_contacts=9"},
        {"password": "my-100-demo-password"},
        {"voicemail_pin": "123"},
        {"voicemail_pin": "12a4"},
        {"voicemail_pin": "1234\n"},
        {"voicemail_pin": "12345678901"},
        {"number": "1234", "voicemail_pin": "2580"},
    ],
)
def test_values_that_would_break_a_file_or_are_weak_are_refused(values: dict[str, str]) -> None:
    """One mistake, one line, and the secret is not in it."""
    said = mistakes(changed(**values))
    assert len(said) == 1
    secret = values.get("password") or values.get("voicemail_pin")
    assert not secret or secret.strip() not in said[0]


def test_doubles_are_refused() -> None:
    """Tenants by name, extensions by number within their tenant."""
    twice = {"name": "demo", "extensions": [EXTENSION, EXTENSION]}
    assert mistakes(twice) == ["tenant demo: extension 100 is listed twice"]
    assert mistakes(TENANT, TENANT) == ["tenant demo is listed twice"]


def test_several_mistakes_are_said_at_once() -> None:
    """Whoever corrects an inventory wants to do it once."""
    assert len(mistakes(changed(number="5", password="short", voicemail_pin="x"))) == 3


def sections(text: str) -> list[str]:
    """Section headers of a configuration file, in order."""
    return [line.split("]")[0][1:] for line in text.splitlines() if line.startswith("[")]


def test_tenants_with_the_same_numbers_do_not_share_a_name() -> None:
    """What PJSIP and the dialplan know by name is different for every tenant."""
    variables = {
        "asterisk_codecs": ["alaw"],
        "asterisk_language": "en",
        "asterisk_tone_zone": "us",
        "asterisk_rtp_timeout": 0,
        "asterisk_max_contacts": 1,
        "asterisk_qualify_frequency": 60,
        "asterisk_registration_expiration": 300,
        "asterisk_ring_seconds": 20,
    }
    for template in ("tenant/pjsip.conf.j2", "tenant/extensions.conf.j2", "tenant/voicemail.conf.j2"):
        one, other = (
            set(sections(render(template, tenant={**TENANT, "name": name}, **variables))) for name in ("demo", "other")
        )
        assert one and other and not one & other
