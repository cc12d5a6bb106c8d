# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps: making one and reading one, with MariaDB's own programs."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, client_arguments, hostname

# The last line of a complete dump begins with this; a dump cut short does not have it.
COMPLETE = b"-- Dump completed"


def _program(module: Any, name: str) -> str:
    path: str | None = module.get_bin_path(name)
    if path is None:
        raise MariaDBError(
            f"{hostname()}: the program {name} is not there. Install mariadb-client (Debian) or mariadb (EL)."
        )
    return path


def _compressed(path: str) -> bool:
    return path.endswith(".gz")


def dump(module: Any, params: Mapping[str, Any], databases: Sequence[str], dest: str) -> int:
    """Dump databases into a file that only its owner can read.

    :param databases: names; each is created by the dump if it is not there.
    :param dest: path; with the ending .gz the file is compressed. It appears when it is complete, never before.
    :returns: size of the file in bytes.
    :raises MariaDBError: the program is missing or failed, or the dump is not complete. Then there is no file.
    """
    arguments = [
        *client_arguments(_program(module, "mariadb-dump"), dict(params)),
        "--single-transaction",
        "--quick",
        "--hex-blob",
        "--routines",
        "--events",
        "--triggers",
        "--databases",
        *databases,
    ]
    partial = Path(dest + ".partial")
    # A leftover of a run that was killed.
    with suppress(FileNotFoundError):
        partial.unlink()
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            _run_dump(arguments, file, _compressed(dest))
            file.flush()
            os.fsync(file.fileno())
        if not is_complete(str(partial), _compressed(dest)):
            raise MariaDBError(
                f"{hostname()}: mariadb-dump ended without a word and without the end of the dump. Try again."
            )
        partial.rename(dest)
    except OSError as error:
        _remove(partial)
        raise MariaDBError(f"{hostname()}: the dump cannot be written to {dest}: {error}") from error
    except MariaDBError:
        _remove(partial)
        raise
    return Path(dest).stat().st_size


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _run_dump(arguments: Sequence[str], file: IO[bytes], compress: bool) -> None:
    # Its messages go to a file: a pipe that nobody reads while the dump is copied could fill and stop it.
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages)
        if process.stdout is None:
            raise AssertionError("its output was to be a pipe")
        with process.stdout as rows:
            if compress:
                # Level 1: writers wait while this runs.
                with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="") as target:
                    shutil.copyfileobj(rows, target, 1 << 20)
            else:
                shutil.copyfileobj(rows, file, 1 << 20)
        if process.wait() != 0:
            raise MariaDBError(f"{hostname()}: mariadb-dump failed: {_said(messages)}. Nothing was kept.")


def _said(messages: IO[bytes]) -> str:
    messages.seek(0)
    return messages.read().decode(errors="replace").strip().rstrip(".") or "it does not say why"


@contextmanager
def _reading(path: str, compressed: bool) -> Iterator[IO[bytes]]:
    with Path(path).open("rb") as file:
        if compressed:
            with gzip.GzipFile(fileobj=file, mode="rb") as content:
                yield content  # type: ignore[misc]
        else:
            yield file


def is_complete(path: str, compressed: bool) -> bool:
    """Whether a dump has its end.

    :raises MariaDBError: when it is not readable, or not compressed though its name says so.
    """
    tail = b""
    try:
        with _reading(path, compressed) as content:
            if not compressed:
                content.seek(-min(4096, Path(path).stat().st_size), os.SEEK_END)
            while chunk := content.read(1 << 20):
                tail = (tail + chunk)[-4096:]
    except EOFError:
        return False  # compressed, and cut short
    except OSError as error:
        raise MariaDBError(f"{hostname()}: the dump {path} cannot be read: {error}") from error
    lines = tail.rstrip().rsplit(b"\n", 1)
    return lines[-1].startswith(COMPLETE)


def load(module: Any, params: Mapping[str, Any], src: str) -> None:
    """Read a dump into the server, past the binary log.

    :param src: path of the dump; with the ending .gz it is compressed.
    :raises MariaDBError: the program is missing, or the server refused a statement. What came before it is done.
    """
    arguments = [
        *client_arguments(_program(module, "mariadb"), dict(params)),
        # What is seeded is at the peer already: that is where it comes from.
        "--init-command=SET SESSION sql_log_bin = 0",
        "--batch",
    ]
    with tempfile.TemporaryFile() as messages:
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=messages, stderr=subprocess.STDOUT)
        if process.stdin is None:
            raise AssertionError("its input was to be a pipe")
        try:
            with _reading(src, _compressed(src)) as content, suppress(BrokenPipeError), process.stdin as target:
                # A client that gives up closes the pipe; its message and exit code say why.
                shutil.copyfileobj(content, target, 1 << 20)
        except (OSError, EOFError) as error:
            process.kill()
            process.wait()
            raise MariaDBError(f"{hostname()}: the dump {src} cannot be read: {error}") from error
        if process.wait() != 0:
            raise MariaDBError(f"{hostname()}: the dump {src} was refused: {_said(messages)}.")
