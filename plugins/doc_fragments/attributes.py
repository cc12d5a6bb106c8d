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

    # Of modules that change something.
    CHANGE = r"""
attributes:
  check_mode:
    description: Says what would change, by the plan that a real run carries out, and changes nothing.
    support: full
  diff_mode:
    description: Shows what is before and after. Secrets are masked.
    support: full
"""

    # Of modules that need a host of this kind.
    POSIX = r"""
attributes:
  platform:
    description: What the host must be.
    support: full
    platforms: posix
"""
