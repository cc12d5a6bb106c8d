"""Certificates that nobody else has signed, for what the lab and the tests put in a real one's place."""

from __future__ import annotations

from pathlib import Path

from .command import run


def self_signed(certificate: Path, key: Path, name: str, address: str = "", days: int = 2) -> None:
    """Make a key and a certificate for it; a certificate authority is one, too.

    Args:
        certificate: file for the certificate.
        key: file for its key.
        name: common name.
        address: IP address that it is valid for, "" for none.
        days: how long it is valid.
    """
    run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(days),
        "-subj", f"/CN={name}", *(["-addext", f"subjectAltName=IP:{address}"] if address else []),
        "-keyout", str(key), "-out", str(certificate),
    ])  # fmt: skip
