"""The lab's power switch: what a switchable power strip is to two real machines.

It listens with TLS on the lab's network and knows one user. `GET /plugs` lists the plugs, `GET /plugs/NAME` tells
the power of one, `PUT /plugs/NAME` with {"power": "on"} or {"power": "off"} switches it. Off means that the host is
gone in one instant. The cluster reaches it with the fence agent `fence_lab_switch`.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from . import hosts, process
from .certificates import self_signed
from .command import run, wait_for
from .config import HOSTS, LAB_DIR, MACHINE_ADDRESS, REPOSITORY, SWITCH_PORT, SWITCH_USER, LabError, ns_argv

CERTIFICATE = LAB_DIR / "switch" / "cert.pem"
KEY = LAB_DIR / "switch" / "key.pem"
PASSWORD = LAB_DIR / "secrets" / "switch"
PID_FILE = LAB_DIR / "run" / "switch.pid"


class Handler(BaseHTTPRequestHandler):
    """Answers the requests described at the top of this file."""

    lock = Lock()
    password = ""
    # A client that connects and says nothing must not hold a thread for ever.
    timeout = 10

    def do_GET(self) -> None:
        """Tell the power of every plug or of one."""
        self._answer(switch_to=None)

    def do_PUT(self) -> None:
        """Switch one plug."""
        length = min(int(self.headers.get("Content-Length", 0)), 1024)
        try:
            power = json.loads(self.rfile.read(length))["power"]
        except (ValueError, KeyError, TypeError):
            power = None
        if power not in ("on", "off"):
            self._send(400, {"error": 'the body must be {"power": "on"} or {"power": "off"}'})
            return
        self._answer(switch_to=power)

    def _answer(self, switch_to: str | None) -> None:
        wanted = "Basic " + base64.b64encode(f"{SWITCH_USER}:{self.password}".encode()).decode()
        if not hmac.compare_digest(self.headers.get("Authorization", ""), wanted):
            self._send(401, {"error": "wrong user or password"})
            return
        parts = self.path.strip("/").split("/")
        if parts == ["plugs"] and switch_to is None:
            self._send(200, {name: self._power(name) for name in HOSTS})
        elif len(parts) == 2 and parts[0] == "plugs" and parts[1] in HOSTS:
            self._send(*self._switch(parts[1], switch_to))
        else:
            self._send(404, {"error": f"no such plug; there are {', '.join(HOSTS)}"})

    def _switch(self, name: str, power: str | None) -> tuple[int, dict[str, str]]:
        try:
            with self.lock:
                if power == "off":
                    hosts.kill(name)
                elif power == "on":
                    hosts.start(name)
        except LabError as error:
            return 500, {"error": str(error)}
        return 200, {"power": self._power(name)}

    @staticmethod
    def _power(name: str) -> str:
        return "on" if hosts.running(name) else "off"

    def _send(self, code: int, body: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """A server that does the TLS handshake in the connection's own thread, so that none can block the others."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext) -> None:
        """Listen at `address` with the certificate of `context`."""
        super().__init__(address, Handler)
        self._context = context

    def finish_request(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Handle one connection."""
        request.settimeout(Handler.timeout)
        with self._context.wrap_socket(request, server_side=True) as connection:
            super().finish_request(connection, client_address)

    def handle_error(self, request, client_address) -> None:  # type: ignore[no-untyped-def]
        """Log a connection that broke off in one line: a probe of the port is no reason for a traceback."""
        print(f"{client_address[0]}: {sys.exc_info()[1]!r}", file=sys.stderr, flush=True)


def make_identity() -> None:
    """Generate the switch's certificate and its first password."""
    CERTIFICATE.parent.mkdir(mode=0o700, exist_ok=True)
    self_signed(CERTIFICATE, KEY, "lab power switch", MACHINE_ADDRESS, days=3650)
    make_password()


def make_password() -> None:
    """Generate a password, which the switch knows from its next start on."""
    PASSWORD.parent.mkdir(mode=0o700, exist_ok=True)
    with os.fdopen(os.open(PASSWORD, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(24))


def serve() -> None:
    """Serve until ended. Must run in the lab's namespace, where the address is."""
    Handler.password = PASSWORD.read_text()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)
    Server((MACHINE_ADDRESS, SWITCH_PORT), context).serve_forever()


def start() -> None:
    """Start the switch in the lab's namespace and wait until it listens."""
    log = LAB_DIR / "log" / "switch.log"
    process.start(ns_argv([sys.executable, "-m", "lab.switch"]), PID_FILE, log, cwd=REPOSITORY)
    listening = ns_argv(["nc", "-z", MACHINE_ADDRESS, str(SWITCH_PORT)])
    wait_for(f"the power switch (see {log})", lambda: not run(listening, check=False).returncode, 10)


def stop() -> None:
    """End the switch."""
    process.stop(PID_FILE, "lab.switch", "the power switch")


if __name__ == "__main__":
    serve()
