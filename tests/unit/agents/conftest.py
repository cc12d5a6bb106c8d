# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agents as modules, from a copy: importing in place would leave __pycache__ in what the role installs."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest
from sip_server import Answer, SipServer

OCF = Path(__file__).resolve().parents[3] / "roles/exchange_service/files/ocf"


@pytest.fixture(scope="session")
def ocf_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory laid out as /usr/lib/ocf, with our agents and their library."""
    root = tmp_path_factory.mktemp("ocf") / "ocf"
    shutil.copytree(OCF, root)
    return root


@pytest.fixture(scope="session")
def import_agent(ocf_root: Path) -> Iterator[object]:
    """A function that imports an agent by name; sys.path and sys.modules are put back afterwards."""
    path, modules = list(sys.path), set(sys.modules)

    def load(name: str) -> ModuleType:
        module_name = f"dialtone_agent_{name}"
        if module_name not in sys.modules:
            loader = SourceFileLoader(module_name, str(ocf_root / "resource.d/dialtone" / name))
            spec = importlib.util.spec_from_loader(module_name, loader)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[module_name] = module  # dataclasses look their module up there
            loader.exec_module(module)
        return sys.modules[module_name]

    yield load
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("dialtone_agent_") or name in ("ocf_agent", "sip_check", "asterisk_progress"):
            del sys.modules[name]


@pytest.fixture(scope="session")
def asterisk(import_agent) -> ModuleType:
    return import_agent("asterisk")


@pytest.fixture(scope="session")
def writer(import_agent) -> ModuleType:
    return import_agent("mariadb_writer")


@pytest.fixture(scope="session")
def ocf(asterisk: ModuleType) -> ModuleType:
    """The shared library, as the agents imported it."""
    return sys.modules["ocf_agent"]


@pytest.fixture(scope="session")
def sip_check(asterisk: ModuleType) -> ModuleType:
    """The SIP check, as the agent imported it."""
    return sys.modules["sip_check"]


@pytest.fixture(scope="session")
def progress(asterisk: ModuleType) -> ModuleType:
    """What tells busy from dead, as the agent imported it."""
    return sys.modules["asterisk_progress"]


@pytest.fixture
def sip_server() -> Iterator[Callable[[Answer], SipServer]]:
    servers: list[SipServer] = []

    def make(answer: Answer) -> SipServer:
        servers.append(SipServer(answer))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def quiet_syslog(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests leave nothing in the machine's log."""
    monkeypatch.setattr("syslog.syslog", lambda *_arguments: None)
