"""Voicemail of extension 101: a caller who leaves a message, and what is in the mailbox."""

from __future__ import annotations

from . import exchange
from .phones import Phone

MAILBOX = "/var/spool/asterisk/voicemail/demo/101"
#: The same directory on the disk that both hosts have.
MAILBOX_ON_DISK = "/srv/pbx/var-spool-asterisk/voicemail/demo/101"
WAV_BYTES_PER_SECOND = 16000


def messages(directory: str) -> dict[str, int]:
    """Return the sound files under a directory of the active node, by path, with their size in bytes."""
    # Asterisk makes the directory with the first message.
    script = f"test ! -d {directory} || find {directory} -name '*.wav' -printf '%s %p\\n'"
    found = exchange.run(exchange.active_node(), ["sh", "-c", script])
    return {path: int(size) for size, path in (line.split(" ", 1) for line in found.splitlines())}


def leave_message(caller: Phone, seconds: float = 3.0) -> str:
    """Let 101 not answer, and the caller speak until some of his message is written; then he hangs up.

    Args:
        caller: a registered telephone; it sends its tone as the message.
        seconds: how much of the message (in seconds) has to be written.

    Returns:
        The path of the new message in the inbox, on the disk.

    Raises:
        LabError: there was no message, or more than one.
    """
    before = set(messages(MAILBOX))
    before_on_disk = set(messages(f"{MAILBOX_ON_DISK}/INBOX"))
    with Phone("101", 620, answers=False) as silent:
        caller.dial("101")
        silent.wait_incoming()
        caller.wait_established(60)
        silent.wait_closed()
        # Greeting and beep come first.
        exchange.wait_until(
            "a message of 101 that grows",
            lambda: max((size for path, size in messages(MAILBOX).items() if path not in before), default=0),
            lambda size: size >= seconds * WAV_BYTES_PER_SECOND, seconds=60,
        )  # fmt: skip
        caller.hangup()
    new = exchange.wait_until(
        "one new message in the inbox of 101, on the replicated disk",
        lambda: set(messages(f"{MAILBOX_ON_DISK}/INBOX")) - before_on_disk, lambda found: len(found) == 1, seconds=20,
    )  # fmt: skip
    return next(iter(new))
