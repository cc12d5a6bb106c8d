# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pcs_* modules share: read the CIB's XML, plan in pure functions, apply to a copy, push once."""

from __future__ import annotations
