"""What pytest gives to the tests of every scenario: telephones that are registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .phones import Phone


@pytest.fixture
def caller() -> Iterator[Phone]:
    """Give telephone 100, registered."""
    with Phone("100", 440) as phone:
        yield phone


@pytest.fixture
def callee() -> Iterator[Phone]:
    """Give telephone 101, registered; it answers by itself."""
    with Phone("101", 620) as phone:
        yield phone
