"""Keeps what Python compiles of a zip archive; installed in the box of the virtual machines, where a .pth file imports it.

Ansible sends each module in an archive, from which Python compiles the module's libraries anew, in each task the same ones:
on an emulated machine that is a third of what a task takes. What is kept is found by the hash of its source.

It is imported by every Python of the machine, so it imports nothing that is not loaded anyway.
"""

from __future__ import annotations

import _imp
import marshal
import os
import zipimport

DIRECTORY = "/var/cache/lab-zipcache"

_compile = zipimport._compile_source  # type: ignore[attr-defined] # noqa: SLF001


def _compile_source(pathname: str, source: bytes) -> object:
    kept = f"{DIRECTORY}/{_imp.source_hash(0, source).hex()}"
    try:
        with open(kept, "rb") as file:
            return marshal.load(file)  # noqa: S302 - only root writes there
    except (OSError, ValueError, EOFError, TypeError):
        pass
    code = _compile(pathname, source)
    try:
        with open(f"{kept}.{os.getpid()}", "xb") as file:
            marshal.dump(code, file)
        os.rename(f"{kept}.{os.getpid()}", kept)
    except OSError:
        # Whoever may not write there compiles each time, as everywhere else.
        pass
    return code


zipimport._compile_source = _compile_source  # type: ignore[attr-defined] # noqa: SLF001
