# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the controller has the authority whose certificates the nodes have; it is kept on one controller and nowhere else."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.problems import Problem, problem


def fingerprint(pem: str) -> str:
    """Return the SHA-256 fingerprint of the first certificate of a text in PEM, as openssl writes it; empty where there is none."""
    found = re.search("-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, re.DOTALL)
    try:
        der = base64.b64decode("".join(found[1].split()), validate=True) if found else b""
    except binascii.Error:
        return ""
    return ":".join(f"{byte:02X}" for byte in hashlib.sha256(der).digest()) if der else ""


def problems(
    own: str | None, can_sign: bool, held: Mapping[str, str | None], nodes: Sequence[str], directory: str, replace: bool
) -> list[Problem]:  # fmt: skip
    """Report why the authority on the controller is not to be used, or not to be made.

    :param own: certificate of the controller's authority in PEM; None where it has none.
    :param can_sign: whether the controller has what it takes to certify nodes that have to be: its key, where that is to be done.
    :param held: node of this run -> certificate of the authority that it trusts, in PEM; None where it trusts none yet.
    :param nodes: names of both nodes.
    :param directory: where the controller has, or would have, its authority (pbx_pki_dir).
    :param replace: whether somebody decided to give the nodes another authority.
    :returns: a list of C(found) and C(cure).
    """
    absent = [name for name in nodes if name not in held]
    known = {name: fingerprint(pem) for name, pem in held.items() if pem}
    here = fingerprint(own) if own else ""
    bring = (
        f"Copy the directory from the controller on which it was made to {directory} here (ca.key and ca.crt), or say with pbx_pki_dir"
        " where it is; keep it with the inventory, and secret."
    )
    anew = (
        " Only if it is lost, or is to be another one: run it for both nodes with -e mariadb_mm_replication_replace_authority=true,"
        " which gives both of them certificates of the new one."
    )
    if own and not here:
        return [problem(f"{directory}/ca.crt is no certificate in PEM", f"{bring}{anew}")]
    other = {name: print_ for name, print_ in known.items() if print_ != here}
    if other and (not replace or absent):
        where = " and ".join(f"{name} ({print_ or 'unreadable'})" for name, print_ in other.items())
        has = f"the one in {directory} is another ({here})" if here else f"this controller has none in {directory}"
        away = f"; to replace it takes both, and {' and '.join(absent)} is not in this run" if replace else ""
        return [
            problem(
                f"the database's certificate on {where} is of an authority that is not here: {has}. With another one on one"
                f" node alone, the two databases would refuse each other{away}",
                f"{bring}{anew}",
            )
        ]
    if not own and absent:
        return [
            problem(
                f"this controller has no authority in {directory}, and {' and '.join(absent)}, which may have certificates of"
                " one, is not in this run",
                f"{bring} Where there is none yet, run it for both nodes.",
            )
        ]
    if own and not can_sign:
        found = f"{directory} has ca.crt and not its key, ca.key, with which a certificate is to be made now"
        return [problem(found, bring)]
    return []
