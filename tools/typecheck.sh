#!/usr/bin/env bash
# mypy, strict: what modules share (as the package that Ansible makes of it), the lab, and the tools.
set -euo pipefail
cd "$(dirname "$0")/.."

mypy --package ansible_collections.dialtone.ha_pbx.plugins.module_utils
mypy lab tools
