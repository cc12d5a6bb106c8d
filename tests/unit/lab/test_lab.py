"""The lab's own parts: the image's key, the agreement with the inventory, and the power switch over real TLS."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab import config, hosts, image, switch

PASSWORD = "only for this test"


def test_inventory_and_lab_agree_on_addresses() -> None:
    inventory = yaml.safe_load((config.REPOSITORY / "lab/inventories/containers/hosts.yml").read_text())
    shared = yaml.safe_load((config.REPOSITORY / "lab/inventories/containers/group_vars/lab_pair/pbx.yml").read_text())
    connected = inventory["all"]["children"]["pbx"]["children"]["lab_pair"]["hosts"]
    assert {name: host.address for name, host in config.HOSTS.items()} == {
        name: variables["ansible_host"] for name, variables in connected.items()
    }
    assert {host.name: host.address for host in config.HOSTS.values()} == {
        node["name"]: node["address"] for node in shared["pbx_nodes"]
    }
    assert shared["pbx_floating_address"] == config.FLOATING_ADDRESS


def test_image_key_follows_what_roles_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "REPOSITORY", tmp_path)
    monkeypatch.setattr(image, "__file__", str(tmp_path / "lab/image.py"))
    install = tmp_path / "roles/asterisk/tasks/install.yml"
    other = tmp_path / "roles/asterisk/tasks/configure.yml"
    for path in (tmp_path / "lab/image.py", tmp_path / "lab/image.yml", install, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("before")
    before = image.key()
    other.write_text("configuration is not in the image")
    assert image.key() == before
    install.write_text("another package")
    assert image.key() != before


def test_unknown_host_is_named_with_those_there_are() -> None:
    with pytest.raises(config.LabError, match="no host 'server3': it has server1, server2"):
        hosts.host("server3")


class Power:
    """Stands for the containers: remembers what the switch did to them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.on = {"server1": True, "server2": True}
        monkeypatch.setattr(hosts, "running", self.on.__getitem__)
        monkeypatch.setattr(hosts, "kill", lambda name: self.on.update({name: False}))
        monkeypatch.setattr(hosts, "start", lambda name: self.on.update({name: True}))


class Client:
    """Asks the switch as the fence agent does."""

    def __init__(self, port: int, certificate: Path) -> None:
        self.context = ssl.create_default_context(cafile=certificate)
        # The certificate is for the lab's address; on this machine's loopback only its signature can be checked.
        self.context.check_hostname = False
        self.url = f"https://127.0.0.1:{port}"

    def ask(self, path: str, power: str | None = None, password: str = PASSWORD) -> tuple[int, dict[str, str]]:
        """Return the status and the JSON body."""
        request = urllib.request.Request(self.url + path, method="PUT" if power else "GET")
        login = base64.b64encode(f"{config.SWITCH_USER}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        if power:
            request.data = json.dumps({"power": power}).encode()
        try:
            with urllib.request.urlopen(request, timeout=5, context=self.context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> Power:
    return Power(monkeypatch)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, power: Power) -> Iterator[Client]:
    monkeypatch.setattr(switch, "CERTIFICATE", tmp_path / "switch/cert.pem")
    monkeypatch.setattr(switch, "KEY", tmp_path / "switch/key.pem")
    monkeypatch.setattr(switch, "PASSWORD", tmp_path / "secrets/switch")
    switch.make_identity()
    assert len((tmp_path / "secrets/switch").read_text()) >= 32
    assert (tmp_path / "secrets/switch").stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(switch.Handler, "password", PASSWORD)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(switch.CERTIFICATE, switch.KEY)
    server = switch.Server(("127.0.0.1", 0), context)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Client(server.server_address[1], switch.CERTIFICATE)
    server.shutdown()
    thread.join()
    server.server_close()


def test_switch_tells_and_switches_one_plug(client: Client, power: Power) -> None:
    assert client.ask("/plugs") == (200, {"server1": "on", "server2": "on"})
    assert client.ask("/plugs/server1", power="off") == (200, {"power": "off"})
    assert power.on == {"server1": False, "server2": True}
    assert client.ask("/plugs/server1") == (200, {"power": "off"})
    assert client.ask("/plugs/server1", power="on") == (200, {"power": "on"})


def test_switch_refuses_a_wrong_password_and_switches_nothing(client: Client, power: Power) -> None:
    status, _body = client.ask("/plugs/server1", power="off", password="guessed")
    assert status == 401
    assert power.on["server1"]


@pytest.mark.parametrize(
    ("path", "wanted", "status"),
    [("/plugs/server9", "off", 404), ("/plugs", "off", 404), ("/plugs/server1", "dim", 400)],
)
def test_switch_refuses_what_it_does_not_have(
    client: Client, power: Power, path: str, wanted: str, status: int
) -> None:
    assert client.ask(path, power=wanted)[0] == status
    assert power.on == {"server1": True, "server2": True}


def test_switch_reports_a_host_that_cannot_be_started(
    client: Client, power: Power, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise config.LabError(f"{name} has no disk")

    monkeypatch.setattr(hosts, "start", fail)
    assert client.ask("/plugs/server1", power="on") == (500, {"error": "server1 has no disk"})
