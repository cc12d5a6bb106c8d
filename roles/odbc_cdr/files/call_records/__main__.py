# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring call records from the spool to the database: `run` is the service, `status` says what waits.

The standard library of Python 3.9 and PyMySQL are all that is used.
"""

from __future__ import annotations

import argparse
import json
import sys

import loader

CONFIGURATION = "/etc/dialtone/call_records.json"


def main() -> int:
    """The command line."""
    arguments = argparse.ArgumentParser(prog="call-records", description="Call records on their way to the database.")
    arguments.add_argument("command", choices=["run", "status"], help="run: the service; status: what waits in the spool")
    arguments.add_argument("--json", action="store_true", help="the status for a program")
    arguments.add_argument("--configuration", default=CONFIGURATION, help=f"settings (default {CONFIGURATION})")
    options = arguments.parse_args()
    settings = loader.read_settings(options.configuration)
    if options.command == "run":
        return loader.run(settings)
    found = loader.status(settings)
    print(json.dumps(found) if options.json else loader.readable(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
