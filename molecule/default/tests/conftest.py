"""What the tests of the virtual machines share."""

from __future__ import annotations

import pytest

from lab import exchange
from lab.testing import callee, caller

__all__ = ["callee", "caller"]

#: For a machine to be fenced, to boot, to join again and to fetch what it missed.
RETURN_SECONDS = 180


@pytest.fixture(scope="session", autouse=True)
def exchange_stands() -> None:
    """Begin with a healthy exchange: the machine whose power was cut may still be on its way back."""
    exchange.wait_healthy(RETURN_SECONDS)
