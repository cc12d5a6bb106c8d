# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pcs loaded once for many calls: what runs in the process that PcsServer (runner.py) starts.

Two thirds of a call of pcs are spent on importing it. Here it is imported once, and each call is a fork that runs the
distribution's own program file, so nothing of a call is left over for the next one.

The protocol is one line of JSON each way: ``{"argv": [program, …], "stdin": text or null}`` and, when the call is over,
``{"rc": exit code, "out": text, "err": text}``. Texts stay in memory, for they can be secret. The end of the input ends
the process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import sys
import traceback


def _text(file: int) -> str:
    """All that is in a file descriptor, from its beginning."""
    with os.fdopen(file, "rb") as stream:
        stream.seek(0)
        return stream.read().decode("utf-8", "replace")


def _in_child(argv: list[str], files: list[int]) -> None:
    """Be the program of this call; never returns.

    :param files: the descriptors of its standard input, output and error.
    """
    code: object = 1
    try:
        for number, file in enumerate(files):
            os.dup2(file, number)
        # New objects: those of the server belong to its protocol.
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: PTH123, SIM115
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = 0 if end.code is None else end.code
    except BaseException:  # noqa: BLE001 - as the interpreter itself reports it
        traceback.print_exc()
    if not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # Not sys.exit: what the server has registered for its own end is none of this call's business.
    os._exit(code & 0xFF)


def call(argv: list[str], stdin: str | None) -> dict[str, object]:
    """Run one call in a fork of this process.

    :param argv: the path of a Python program, and its arguments.
    :returns: ``rc`` (negative: ended by that signal), ``out``, ``err``.
    """
    files = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
    os.write(files[0], (stdin or "").encode())
    os.lseek(files[0], 0, os.SEEK_SET)
    child = os.fork()
    if child == 0:
        _in_child(argv, files)
    _pid, status = os.waitpid(child, 0)
    os.close(files[0])
    return {"rc": os.waitstatus_to_exitcode(status), "out": _text(files[1]), "err": _text(files[2])}


def main() -> None:
    """Answer calls until the input ends."""
    # An older or newer pcs that has it elsewhere is imported by each call, as ever.
    with contextlib.suppress(ImportError):
        importlib.import_module("pcs.entry_points.cli")
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(call(request["argv"], request["stdin"])) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
