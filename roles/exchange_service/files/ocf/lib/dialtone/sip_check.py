# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether an exchange answers SIP: OPTIONS over UDP (RFC 3261, section 11), asked within a time."""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import time
from typing import Callable, NamedTuple

from ocf_agent import Deadline

_FIRST_FINAL, _SERVER_ERROR, _GLOBAL_FAILURE = 200, 500, 600


class Response(NamedTuple):
    """A SIP response: status code, reason phrase, Call-ID."""

    status: int
    reason: str
    call_id: str


class Check(NamedTuple):
    """What a SIP check found: whether the exchange takes calls, and the evidence for the log.

    silent: nothing answered, neither the exchange nor the kernel in its place.
    absent: this host does not have the address, so that nobody could be asked.
    """

    alive: bool
    detail: str
    silent: bool = False
    absent: bool = False


def host_in_uri(address: str) -> str:
    """An address as it stands in a SIP URI: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def build_options(address: str, port: int, local_address: str, local_port: int, call_id: str, cseq: int) -> bytes:
    """A SIP OPTIONS request (RFC 3261, 8.1.1 and 11.1) for the exchange itself: a URI without user.

    Each cseq makes a transaction of its own (branch), so that a "503, busy" to one attempt is not simply
    repeated by the server's transaction layer to the next. rport: RFC 3581.
    """
    target = f"sip:{host_in_uri(address)}:{port}"
    local = f"{host_in_uri(local_address)}:{local_port}"
    lines = [
        f"OPTIONS {target} SIP/2.0",
        f"Via: SIP/2.0/UDP {local};rport;branch=z9hG4bK{call_id.partition('@')[0]}-{cseq}",
        "Max-Forwards: 70",
        f"From: <sip:cluster-monitor@{host_in_uri(local_address)}>;tag={call_id[:8]}",
        f"To: <{target}>",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} OPTIONS",
        f"Contact: <sip:cluster-monitor@{local}>",
        "Accept: application/sdp",
        "User-Agent: dialtone-cluster-monitor",
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")


def parse_response(datagram: bytes) -> Response | None:
    """The SIP response in a datagram; None when it is none (a request, garbage, no Call-ID)."""
    head = datagram.decode("utf-8", "replace").partition("\r\n\r\n")[0].replace("\r\n", "\n")
    first, _separator, rest = head.partition("\n")
    status_line = re.fullmatch(r"SIP/2\.0 ([1-6]\d\d)(?: (.*))?", first.rstrip())
    # i: is the compact form of Call-ID (RFC 3261, 20.8)
    call_id = re.search(r"^(?:call-id|i)[ \t]*:[ \t]*(\S+)[ \t]*$", rest, re.IGNORECASE | re.MULTILINE)
    if status_line is None or call_id is None:
        return None
    return Response(int(status_line.group(1)), (status_line.group(2) or "").strip(), call_id.group(1))


def takes_calls(status: int) -> bool:
    """Whether this final status comes from an exchange that is in service.

    401, 403 and 404 are answers of a SIP stack that works. 5xx is not: Asterisk says 503 while it shuts down.
    """
    return status >= _FIRST_FINAL and not _SERVER_ERROR <= status < _GLOBAL_FAILURE


def has_address(address: str) -> bool:
    """Whether this host has an address, ready to be used (an IPv6 address that is still being checked is not)."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def check_sip(
    address: str,
    port: int,
    seconds: float,
    retries: int,
    at_once: bool = False,
    unanswered: Callable[[], None] | None = None,
) -> Check:
    """Ask address:port with OPTIONS over UDP until it answers as an exchange in service, at most `seconds`.

    The intervals between the 1 + `retries` requests double (as RFC 3261's T1 does) and add up to `seconds`:
    a lost datagram costs a fraction of the time, a busy exchange gets most of it.

    :param at_once: a refusal or a 503 ends the check; otherwise an exchange that is about to listen gets the whole time
    :param unanswered: called once, when the first half of the requests, two at least, went without an answer
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    call_id = os.urandom(16).hex()
    detail = f"no answer from {address}:{port} within {seconds:.1f} s"
    silent = True
    attempts = retries + 1
    deadline = Deadline(seconds)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            # From the same address: the health endpoint identifies it (the kernel would choose the node's own), and
            # where this host does not have it, the other node's Asterisk must not answer for this one.
            sock.bind((address, 0))
            # Connected: the kernel then reports "port unreachable" and drops datagrams of strangers.
            sock.connect((address, port))
        except OSError as error:
            return Check(False, f"{address} is not an address of this host: {error.strerror}", absent=True)
        local_address, local_port = sock.getsockname()[:2]
        for attempt in range(attempts):
            if unanswered is not None and attempt == attempts // 2 > 1:
                unanswered()
            wait = Deadline(min(deadline.left, seconds * 2**attempt / (2**attempts - 1)))
            try:
                sock.send(build_options(address, port, local_address, local_port, call_id, attempt + 1))
            except OSError as error:
                # A connected UDP socket reports here what became of the request before.
                silent, detail = False, f"{address}:{port} refused the request: {error.strerror}"
            while not wait.passed:
                if not select.select([sock], [], [], wait.left)[0]:
                    break
                try:
                    response = parse_response(sock.recv(65535))
                except OSError as error:
                    silent, detail = False, f"nothing listens on {address}:{port} (UDP): {error.strerror}"
                else:
                    if response is None or response.call_id != call_id or response.status < _FIRST_FINAL:
                        continue
                    silent, detail = False, f"{address}:{port} answered {response.status} {response.reason}"
                    if takes_calls(response.status):
                        return Check(True, detail)
                # Overload makes Asterisk say 503 for a moment, and a refusal comes at once, as would the next one. One
                # such answer must not end every call on the exchange, so it gets the rest of the time.
                if at_once:
                    return Check(False, detail)
                time.sleep(wait.left)
                break
    return Check(False, detail, silent=silent)
