# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate that a MariaDB server shows, against the one in its file.

A server reads its certificate when it starts and at FLUSH SSL. What it shows it tells by the dates from and to which that is
valid (status variables Ssl_server_not_before and Ssl_server_not_after), which for certificates of one authority are as good as a
serial number: no two are signed in the same second for one node.
"""

from __future__ import annotations

import os
import ssl
import time
import traceback
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import Session, Statement

CRYPTOGRAPHY_MISSING: str | None = None
try:
    from cryptography import x509
except ImportError:
    CRYPTOGRAPHY_MISSING = traceback.format_exc()

# LOCAL: the other node must not be told by the binary log.
FLUSH = Statement("FLUSH LOCAL SSL")

#: Where it is noted when a server was told to read its files.
STAMPS = Path("/run/dialtone-pbx")

#: Validity as seconds since 1970: C(not_before), C(not_after).
Validity = dict[str, int]


def in_force(status: Mapping[str, str]) -> Validity | None:
    """Return the validity of the certificate that a server shows; None when it shows none.

    :param status: its status variables, dates as OpenSSL prints them ("Nov 28 17:30:21 2026 GMT").
    """
    words = {name: status.get(f"Ssl_server_{name}", "") for name in ("not_before", "not_after")}
    if not all(words.values()):
        return None
    return {name: int(ssl.cert_time_to_seconds(text)) for name, text in words.items()}


def on_disk(pem: bytes) -> Validity | None:
    """Return the validity of the first certificate in a file; None where there is none, or nothing to read it with."""
    if CRYPTOGRAPHY_MISSING:
        return None
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return None
    return {name: _seconds(certificate, f"not_valid_{name[4:]}") for name in ("not_before", "not_after")}


def _seconds(certificate: Any, name: str) -> int:
    # Before cryptography 42 there are only dates without a zone, which are UTC.
    date: datetime = getattr(certificate, f"{name}_utc", None) or getattr(certificate, name).replace(tzinfo=timezone.utc)
    return int(date.timestamp())


def _changed(path: str) -> float:
    try:
        return Path(path).stat().st_ctime
    except OSError:
        return 0.0


def stamp(variables: Mapping[str, str]) -> Path:
    """Return the file that is as old as the last reading that this collection ordered. It does not survive a restart of the host."""
    return STAMPS / f"mariadb{variables.get('socket', '').replace('/', '-')}"


def note(variables: Mapping[str, str], moment: float) -> None:
    """Note that the server read its files, as they were at a moment (seconds since 1970)."""
    path = stamp(variables)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    os.utime(path, (moment, moment))


def last_read(session: Session, variables: Mapping[str, str]) -> float:
    """Return when the server read its files for certain, in seconds since 1970: at its start, or when it was told to."""
    started = session.value(
        "SELECT CAST(UNIX_TIMESTAMP() - VARIABLE_VALUE AS INTEGER) FROM information_schema.GLOBAL_STATUS "
        "WHERE VARIABLE_NAME = 'UPTIME'"
    )
    # It counts whole seconds, and reads after it has begun to count.
    path = stamp(variables)
    return max(float(started) + 1, path.stat().st_mtime if path.exists() else 0.0)


def read(session: Session, variables: Mapping[str, str]) -> dict[str, Any]:
    """Return what a server shows and what its file holds.

    :param variables: the server's global variables.
    :returns: C(path) of the file (empty when the server uses none), C(in_force) and C(on_disk) as validities or None,
        C(loaded) whether the two are the same (if both are known) and no file was written since the server read it, and
        C(seconds_left) of the one in force.
    """
    path = variables.get("ssl_cert", "")
    rows = session.rows("SHOW STATUS LIKE 'Ssl_server_not%%'")
    shown = in_force({row["Variable_name"]: row["Value"] for row in rows})
    try:
        held = on_disk(Path(path).read_bytes()) if path else None
    except OSError:
        held = None
    # What the dates do not tell: another authority, or another key.
    files = [variables[name] for name in ("ssl_ca", "ssl_cert", "ssl_key") if variables.get(name)]
    newer = sorted(file for file in files if _changed(file) > last_read(session, variables))
    return {
        "path": path,
        "in_force": shown,
        "on_disk": held,
        "loaded": not path or ((held is None or shown == held) and not newer),
        "seconds_left": None if shown is None else shown["not_after"] - int(time.time()),
    }
