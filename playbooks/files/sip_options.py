"""Ask a SIP server with OPTIONS over UDP (RFC 3261, section 11) and print the status line of its answer.

usage: sip_options.py ADDRESS PORT

Exit code 0: a response came that is not a server error (5xx); 1: a server error; 2: no response to three requests.
"""

from __future__ import annotations

import socket
import sys
import uuid

SECONDS = 2.0


def main() -> int:
    """Send up to three requests, and judge the first response."""
    server, port = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(SECONDS)
        sock.connect((server, port))
        own, own_port = sock.getsockname()[:2]
        at, own = (f"[{host}]" if ":" in host else host for host in (server, own))
        call = uuid.uuid4().hex
        request = "\r\n".join(
            (
                f"OPTIONS sip:{at}:{port} SIP/2.0",
                f"Via: SIP/2.0/UDP {own}:{own_port};rport;branch=z9hG4bK{call}",
                "Max-Forwards: 70",
                f"From: <sip:verify@{own}>;tag={call[:8]}",
                f"To: <sip:{at}:{port}>",
                f"Call-ID: {call}",
                "CSeq: 1 OPTIONS",
                f"Contact: <sip:verify@{own}:{own_port}>",
                "Content-Length: 0",
                "\r\n",
            )
        ).encode()
        for _attempt in range(3):
            try:
                sock.send(request)
                status = sock.recv(65535).split(b"\r\n", 1)[0].decode(errors="replace")
            except (TimeoutError, socket.timeout, ConnectionRefusedError):
                continue
            print(status)
            return 1 if status.startswith("SIP/2.0 5") else 0
    print(f"no answer from {server} port {port} to three requests")
    return 2


if __name__ == "__main__":
    sys.exit(main())
