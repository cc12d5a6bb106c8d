"""Voicemail of the lab's extensions: a caller who leaves a message, and what is in the mailbox."""

from __future__ import annotations

from . import exchange
from .config import LAB_DIR
from .phones import Phone

MAILBOXES = "/var/spool/asterisk/voicemail/demo"
#: The same directory on the disk that both hosts have.
MAILBOXES_ON_DISK = "/srv/pbx/var-spool-asterisk/voicemail/demo"
#: The mailbox of 101, which most tests use.
MAILBOX, MAILBOX_ON_DISK = f"{MAILBOXES}/101", f"{MAILBOXES_ON_DISK}/101"
WAV_BYTES_PER_SECOND = 16000


def messages(directory: str) -> dict[str, int]:
    """Return the sound files under a directory of the active node, by path, with their size in bytes."""
    # Asterisk makes the directory with the first message.
    script = f"test ! -d {directory} || find {directory} -name '*.wav' -printf '%s %p\\n'"
    found = exchange.run(exchange.active_node(), ["sh", "-c", script])
    return {path: int(size) for size, path in (line.split(" ", 1) for line in found.splitlines())}


def leave_message(caller: Phone, seconds: float = 3.0, number: str = "101") -> str:
    """Let an extension not answer, and the caller speak until some of his message is written; then he hangs up.

    Args:
        caller: a registered telephone; it sends its tone as the message.
        seconds: how much of the message (in seconds) has to be written.
        number: whom he calls.

    Returns:
        The path of the new message in the inbox, on the disk.

    Raises:
        LabError: there was no message, or more than one.
    """
    mailbox, inbox = f"{MAILBOXES}/{number}", f"{MAILBOXES_ON_DISK}/{number}/INBOX"
    before, before_on_disk = set(messages(mailbox)), set(messages(inbox))
    with Phone(number, 620, answers=False) as silent:
        caller.dial(number)
        silent.wait_incoming()
        caller.wait_established(60)
        silent.wait_closed()
        # Greeting and beep come first.
        exchange.wait_until(
            f"a message of {number} that grows",
            lambda: max((size for path, size in messages(mailbox).items() if path not in before), default=0),
            lambda size: size >= seconds * WAV_BYTES_PER_SECOND, seconds=60,
        )  # fmt: skip
        caller.hangup()
    new = exchange.wait_until(
        f"one new message in the inbox of {number}, on the replicated disk",
        lambda: set(messages(inbox)) - before_on_disk, lambda found: len(found) == 1, seconds=20,
    )  # fmt: skip
    return next(iter(new))


def pin(number: str) -> str:
    """Return the PIN that the lab's deployment generated for a mailbox."""
    return (LAB_DIR / "secrets" / f"voicemail_{number}").read_text().split()[0]


def listen(owner: Phone, pin: str, tone_hz: int, seconds: float = 2.0) -> None:
    """Call the owner's mailbox, give the PIN, and play the first new message until a tone is heard; then hang up.

    Args:
        owner: a registered telephone.
        pin: what is asked for.
        tone_hz: what the caller sent who left the message.
        seconds: how many seconds of it are to be heard.

    Raises:
        PhoneError: it was not heard: the PIN is wrong, or there is no such message.
    """
    owner.dial("*97")
    owner.wait_established(10)
    # What is pressed before it is asked for waits for the question.
    owner.press(f"{pin}#1")
    owner.wait_heard(tone_hz, seconds, 40)
    owner.hangup()


def leave_locks(mailbox: str) -> list[str]:
    """Leave in a mailbox what an Asterisk that is killed while it has it locked leaves there, of both its ways to lock.

    Args:
        mailbox: directory of the mailbox, on the active node; it may have no message yet.

    Returns:
        The paths of the locks.
    """
    script = '''set -e
    # As Asterisk: a directory above that is root's would keep it from making the next mailbox.
    for folder in INBOX Old; do
        runuser -u asterisk -- mkdir -p "$0/$folder"
        runuser -u asterisk -- touch "$0/$folder/.lock" "$0/$folder/lock"
        ls "$0/$folder/.lock" "$0/$folder/lock"
    done'''
    return exchange.run(exchange.active_node(), ["sh", "-c", script, mailbox]).splitlines()
