# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_conf_problems
short_description: What Asterisk would not understand of its configuration files
version_added: "0.1.0"
description:
  - >-
    Reads files of /etc/asterisk as Asterisk does, which has no parser of its own that could be asked beforehand - sections that are
    there twice, templates and included files that are not there, objects of PJSIP that name others which do not exist,
    endpoints that ask for no password. No value is in what it says.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: >-
      Contents of the files by their paths relative to /etc/asterisk. Those at the top of O(directory) are read, and what they include.
    type: dict
    required: true
  directory:
    description: Path relative to /etc/asterisk, empty for that itself.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Read the files before Asterisk does
  ansible.builtin.assert:
    that: files | dialtone.ha_pbx.asterisk_conf_problems | length == 0
"""

RETURN = r"""
_value:
  description: A sentence for each problem, with file and line; empty when there is none.
  type: list
  elements: str
"""

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils import asterisk_conf


def problems(files, directory=""):
    """Report what Asterisk would not understand; see DOCUMENTATION."""
    return asterisk_conf.problems(files, directory=directory)


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_conf_problems": problems}
