# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The program that brings call records to the database, as modules."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[3] / "roles/odbc_cdr/files/call_records"
NAMES = ("record", "spool", "rebuild", "database", "processors", "loader")


@pytest.fixture(scope="session")
def program() -> Iterator[Callable[[str], ModuleType]]:
    """A function that imports a module of the program; sys.path and sys.modules are put back afterwards."""
    path, written = list(sys.path), sys.dont_write_bytecode
    # Its directory is what the role installs.
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(PROGRAM))
    yield importlib.import_module
    sys.path[:], sys.dont_write_bytecode = path, written
    for name in NAMES:
        sys.modules.pop(name, None)


@pytest.fixture(scope="session")
def record(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("record")


@pytest.fixture(scope="session")
def spool_module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("spool")


@pytest.fixture(scope="session")
def rebuild_module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("rebuild")


@pytest.fixture(scope="session")
def loader_module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("loader")
