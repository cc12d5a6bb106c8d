"""Codecs that Asterisk does not know, or in which it cannot speak, are refused with their name."""

from __future__ import annotations

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_codecs


def said(codecs: list[str], modules: tuple[str, ...] = ()) -> list[str]:
    problems = asterisk_codecs.problems("asterisk_tenants_codecs", codecs, modules)
    return [f"{problem['found']}. {problem['cure']}" for problem in problems]


@pytest.mark.parametrize(
    ("codecs", "modules"),
    [
        (["g722", "alaw", "ulaw", "gsm", "g729", "opus", "h264", "vp8"], ()),
        (["alaw:20", "ulaw:30"], ()),
        (["g729"], ("codec_g729",)),
        (["speex16"], ("codec_speex",)),
    ],
)
def test_what_can_be_is_taken(codecs: list[str], modules: tuple[str, ...]) -> None:
    assert said(codecs, modules) == []


@pytest.mark.parametrize(
    ("codecs", "words"),
    [
        (["alaw", "ulow"], ["asterisk_tenants_codecs has 'ulow'", "Was ulaw meant?", "Asterisk has alaw, ulaw, g722"]),
        (["ALAW"], ["asterisk_tenants_codecs has 'ALAW'"]),
        (["alaw", ""], ["asterisk_tenants_codecs has ''"]),
        (["alaw", "all"], ["asterisk_tenants_codecs has 'all'"]),
        (["alaw", "!ulaw"], ["asterisk_tenants_codecs has '!ulaw'"]),
        (["alaw", "g.729"], ["asterisk_tenants_codecs has 'g.729'", "Was g729 meant?"]),
        (["alaw", "pcmu"], ["asterisk_tenants_codecs has 'pcmu'"]),
        (["alaw:fast"], ["no number of milliseconds"]),
        ([], ["asterisk_tenants_codecs is empty", "Add one of alaw, ulaw, g722, gsm"]),
        (["g729", "h264"], ["asterisk_tenants_codecs is g729, h264", "neither prompts nor voicemail"]),
        (["ilbc"], ["asterisk_tenants_codecs is ilbc"]),
    ],
)
def test_what_asterisk_would_ignore_is_refused(codecs: list[str], words: list[str]) -> None:
    (found,) = said(codecs)
    assert [word for word in words if word not in found] == []
