"""Stand in for get-pip.py where `ansible-test` bootstraps pip in a virtual environment of its own.

`ansible-test` downloads get-pip.py from a host of the Ansible project that not every network can reach, and takes the
file from its cache when it is there. pip is a part of Python (ensurepip), so nothing but the package index is needed.
"""

from __future__ import annotations

import runpy
import subprocess
import sys

# get-pip.py's own options, which pip does not know.
GET_PIP_OPTIONS = {"--no-setuptools", "--no-wheel"}


def main() -> None:
    """Install pip from ensurepip, then what the command line asks for with that pip.

    The arguments are those of get-pip.py: options and requirement specifiers of `pip install`.
    """
    subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], check=True, stdout=subprocess.DEVNULL)
    sys.argv[1:] = ["install", *(argument for argument in sys.argv[1:] if argument not in GET_PIP_OPTIONS)]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
