"""What takes long is asked for."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `make molecule-long` ask for what takes long."""
    parser.addoption("--long", action="store_true", help="the tests that take long, and no others")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for."""
    long = config.getoption("--long")
    left_out = [item for item in items if (item.get_closest_marker("long") is not None) != long]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
