"""What the documentation tells somebody at night to look at can be looked at: its commands exist and answer."""

from __future__ import annotations

import re

import pytest

from lab import exchange
from lab.config import REPOSITORY

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
#: Those that only look. In tables a backslash before a bar belongs to the table.
LOOK = re.compile(
    r"asterisk -rx '(?!module )[^']+'|mariadb (?:\w+ )?-e '(?:SELECT|SHOW)[^']+'"
    r"|pcs (?:status|constraint|stonith (?:history|status))(?: --full)?(?=[`\n]| +#)|corosync-(?:cfgtool -s|quorumtool)(?=[`\n])"
)
#: What Asterisk says, without failing, of a command that it does not know or an object that is not there.
REFUSAL = re.compile(r"No such command|Unable to find object|^Usage:", re.MULTILINE)


def commands() -> dict[str, str]:
    """Return each command of the documentation that only looks, with the page that has it first."""
    found: dict[str, str] = {}
    for page in PAGES:
        for command in LOOK.findall(page.read_text()):
            found.setdefault(command, str(page.relative_to(REPOSITORY)))
    return found


def test_the_commands_are_found() -> None:
    pages = set(commands().values())
    assert {"README.md", "docs/night/calls-stopped.md", "docs/night/records-missing.md"} <= pages


@pytest.mark.parametrize(("command", "page"), commands().items())
def test_a_command_of_the_documentation_answers(command: str, page: str) -> None:
    argv = ["sh", "-c", command.replace("NUMBER-TENANT", "100-demo")]
    said = exchange.run(exchange.active_node(), argv)
    assert not REFUSAL.search(said), f"{page}: {command}: {said}"
