#!/usr/bin/env bash
# mypy, strict: what modules and what plugins share (as the packages that Ansible makes of them), the lab, and the tools.
set -euo pipefail
cd "$(dirname "$0")/.."

mypy --package ansible_collections.dialtone.ha_pbx.plugins.module_utils --package ansible_collections.dialtone.ha_pbx.plugins.plugin_utils
mypy lab tools
