"""A number is given to somebody else: the former owner's messages and PIN are put aside, and the new one begins anew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab import exchange, phones, voicemail
from lab.phones import Phone
from lab.testing import playbook

ARCHIVE = "/var/spool/asterisk/voicemail-archive/demo"
pytestmark = pytest.mark.long

FORMER_PIN, NEW_PIN = "975310", "864209"


def extension(number: str, name: str, pin: str) -> dict[str, str]:
    return {"number": number, "name": name, "password": phones.password(number), "voicemail_pin": pin}


def deploy(*arguments: str, **variables: object) -> str:
    """Run what concerns Asterisk, with the lab's tenants where no others are given, and return what it says on one line."""
    result = playbook(
        "containers", "site.yml", "--tags", "asterisk", "--extra-vars", json.dumps(variables), *arguments, everything=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return " ".join((result.stdout + result.stderr).split())


def archived() -> list[str]:
    return exchange.run(exchange.active_node(), ["sh", "-c", f"ls {ARCHIVE} 2> /dev/null || :"]).split()


@pytest.fixture
def former_owner(caller: Phone) -> Iterator[str]:
    """Let 101 have a message, and a PIN that was set by telephone; the lab's own 101 comes back in the end."""
    path = voicemail.leave_message(caller)
    active = exchange.active_node()
    text = f"[general]\npassword = {FORMER_PIN}\n"
    exchange.run(active, ["sh", "-c", "cat > \"$0\" && chown asterisk: \"$0\"", f"{voicemail.MAILBOX}/secret.conf"], text)
    exchange.run(active, ["asterisk", "-rx", "voicemail reload"])
    yield path
    deploy()
    exchange.run(active, ["rm", "-rf", ARCHIVE])


def test_the_new_owner_of_a_number_begins_with_an_empty_mailbox(caller: Phone, former_owner: str) -> None:
    before = archived()
    others = extension("100", "Telephone 100", voicemail.pin("100"))
    tenants = [{"name": "demo", "extensions": [others, extension("101", "Somebody else", NEW_PIN)]}]
    said = deploy("--check", asterisk_tenants=tenants)
    assert "the mailbox 101@demo (messages: " in said and "would be moved to" in said
    assert former_owner in voicemail.messages(voicemail.MAILBOX_ON_DISK)
    said = deploy(asterisk_tenants=tenants)
    assert "was moved to" in said and "it has another owner" in said
    (moved,) = set(archived()) - set(before)
    assert any(path.startswith(f"{ARCHIVE}/{moved}/") for path in voicemail.messages(f"{ARCHIVE}/{moved}"))
    assert voicemail.messages(voicemail.MAILBOX) == {}
    voicemail.leave_message(caller)
    with Phone("101", 620) as owner:
        voicemail.listen(owner, NEW_PIN, caller.tone_hz)

    # The number goes altogether, and comes back.
    said = deploy(asterisk_tenants=[{"name": "demo", "extensions": [others]}])
    assert "was moved to" in said and "no extension has it" in said
    assert len(set(archived()) - set(before)) == 2
    said = deploy(asterisk_tenants=tenants)
    assert "moved to" not in said
    assert voicemail.messages(voicemail.MAILBOX) == {}
