"""What Asterisk would leave out or take otherwise is refused, with the variable, the value and what can be."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_codecs, asterisk_settings
from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.asterisk_modules import MODULES

ROLE = Path(__file__).resolve().parents[4] / "roles/asterisk"
DEFAULTS: dict[str, Any] = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
VARIABLES: dict[str, Any] = yaml.safe_load((ROLE / "vars/main.yml").read_text())
LOADED = [*VARIABLES["__asterisk_modules_required"], *itertools.chain(*VARIABLES["__asterisk_feature_modules"].values())]


def said(os_family: str = "Debian", method: str = "package", **given: Any) -> list[str]:
    problems = asterisk_settings.problems({**DEFAULTS, "pbx_cluster_name": "pbx", **given}, os_family, method)
    return [f"{problem['found']}. {problem['cure']}" for problem in problems]


def missing(installed: bool, **given: Any) -> list[str]:
    settings = {**DEFAULTS, **{name: value for name, value in given.items() if name in DEFAULTS}}
    found = asterisk_settings.missing(
        settings, given.get("os_family", "Debian"), given.get("method", "package"), given.get("modules", ()), given.get("sounds", ()),
        installed, given.get("required"),
    )  # fmt: skip
    return [f"{problem['found']}. {problem['cure']}" for problem in found]


def test_the_defaults_can_be_used() -> None:
    assert said() == []
    assert said("RedHat", "source") == []
    assert missing(installed=False) == []


@pytest.mark.parametrize(
    "given",
    [
        {"asterisk_sound_languages": ["es", "en"], "asterisk_language": "es_MX"},
        {"asterisk_rtp_start": 1024, "asterisk_rtp_end": 5000},
        {"asterisk_user_agent": "dialtone/1.0 (pair)"},
        {"asterisk_sip_port": 65535},
    ],
)
def test_what_can_be_is_taken(given: dict[str, Any]) -> None:
    assert said(**given) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"asterisk_sound_languages": ["en", "de"]}, ["asterisk_sound_languages has 'de'", "here there are en, es, fr, it, ru"]),
        ({"asterisk_sound_languages": ["en", "es_MX"]}, ["asterisk_sound_languages has 'es_MX'"]),
        ({"asterisk_language": "Spanish"}, ["asterisk_language is 'Spanish'"]),
        ({"asterisk_language": "en; x"}, ["asterisk_language is 'en; x'"]),
        ({"asterisk_language": ""}, ["asterisk_language is ''"]),
        ({"asterisk_extra_modules": ["app_queue.so"]}, ["asterisk_extra_modules has 'app_queue.so'", "Write app_queue."]),
        ({"asterisk_extra_modules": ["app_queue\nload = x"]}, ["which is no name of a module"]),
        ({"pbx_cluster_name": "pbx;1"}, ["pbx_cluster_name is 'pbx;1'", "1 to 63 letters"]),
        ({"pbx_cluster_name": "a name"}, ["pbx_cluster_name is 'a name'"]),
        ({"pbx_cluster_name": "pbx\nx = 1"}, ["pbx_cluster_name is"]),
        ({"asterisk_user_agent": ""}, ["asterisk_user_agent is no text"]),
        ({"asterisk_user_agent": "a;b"}, ["asterisk_user_agent is no text"]),
        ({"asterisk_user_agent": "a\nb = c"}, ["asterisk_user_agent is no text"]),
        ({"asterisk_user_agent": "é"}, ["asterisk_user_agent is no text"]),
        ({"asterisk_rtp_start": 20000, "asterisk_rtp_end": 10000}, ["is 20000 and asterisk_rtp_end 10000", "5000 to 31000"]),
        ({"asterisk_rtp_start": 4000, "asterisk_rtp_end": 6000}, ["ports of others: 5060, 5405, 5406"]),
        ({"asterisk_rtp_start": 1000, "asterisk_rtp_end": 4000}, ["asterisk_rtp_start is 1000", "from 1024 to 65534"]),
        ({"asterisk_rtp_end": 70000}, ["asterisk_rtp_end is 70000"]),
        ({"asterisk_sip_port": 0}, ["asterisk_sip_port is 0"]),
        ({"asterisk_sip_port": -5060}, ["asterisk_sip_port is -5060"]),
    ],
)
def test_what_asterisk_would_ignore_is_refused(given: dict[str, Any], words: list[str]) -> None:
    (found,) = said(**given)
    assert [word for word in words if word not in found] == []
    assert "\n" not in found


def test_a_build_from_source_on_el_has_english_and_what_was_chosen() -> None:
    (found,) = said("RedHat", "source", asterisk_sound_languages=["en", "es"])
    assert "asterisk_sound_languages has 'es', of which this system has no prompts" in found and "here there are en." in found
    chosen = ["CORE-SOUNDS-ES-WAV", "CORE-SOUNDS-EN_GB-ULAW", "app_queue"]
    assert said("RedHat", "source", asterisk_sound_languages=["en", "es", "en_GB"], asterisk_source_menuselect_enable=chosen) == []


@pytest.mark.parametrize(
    ("given", "installed", "words"),
    [
        ({"asterisk_language": "es"}, False, ["is 'es', and there are no prompts of it (en)", "asterisk_sound_languages"]),
        ({"asterisk_language": "es", "asterisk_sound_languages": ["es"]}, False, []),
        ({"asterisk_language": "es", "asterisk_sound_languages": ["es"], "sounds": ["en"]}, True, ["no prompts of it (en)"]),
        ({"asterisk_language": "de_AT", "sounds": ["de"]}, False, []),
        ({"asterisk_extra_modules": ["app_quue"]}, False, ["the module app_quue", "Was app_queue meant?"]),
        ({"asterisk_extra_modules": ["chan_sip"]}, False, ["the module chan_sip"]),
        ({"asterisk_extra_modules": ["app_macro"]}, False, ["the module app_macro"]),
        ({"asterisk_extra_modules": ["app_queue"]}, False, []),
        ({"asterisk_extra_modules": ["codec_g729"]}, False, ["the module codec_g729", "of another vendor"]),
        ({"asterisk_extra_modules": ["codec_g729"], "modules": ["codec_g729"]}, False, []),
        ({"asterisk_extra_modules": ["app_queue"], "sounds": ["en"]}, True, ["the module app_queue, and the host has none"]),
        ({"required": ["res_srtp"], "sounds": ["en"], "modules": ["app_queue"]}, True, ["the module res_srtp"]),
        ({"required": ["res_srtp"], "sounds": ["en"], "modules": ["res_srtp"]}, True, []),
    ],
)
def test_what_a_host_would_not_have_is_named(given: dict[str, Any], installed: bool, words: list[str]) -> None:
    found = missing(installed, **given)
    assert len(found) == bool(words)
    assert [word for word in words if word not in " ".join(found)] == []


def test_what_the_role_loads_is_in_the_list_and_what_it_can_speak_is_loaded() -> None:
    assert set(LOADED) - MODULES == set()
    assert len(LOADED) == len(set(LOADED))
    assert {asterisk_codecs.TRANSLATED[name] for name in asterisk_codecs.LOADED} <= set(LOADED)
    assert set(asterisk_codecs.TRANSLATED.values()) <= MODULES


def test_each_variable_that_is_judged_is_handed_over() -> None:
    handed = set(VARIABLES["__asterisk_settings"])
    assert set(asterisk_settings.RANGES) <= handed
    assert handed <= set(DEFAULTS)
