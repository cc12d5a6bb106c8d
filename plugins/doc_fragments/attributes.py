# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    # Of modules that look and change nothing.
    INFO = r"""
attributes:
  check_mode:
    description: Can run in check mode and return what it finds.
    support: full
  diff_mode:
    description: Shows what would change; there is nothing to change here.
    support: none
"""
