# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: asterisk_declared
short_description: What Asterisk makes of configuration files
version_added: "0.1.0"
description:
  - Reads configuration files as Asterisk would, with includes and templates, and gives the names of what it would have - endpoints,
    AORs, authentications, mailboxes, contexts, extensions, hints, modules.
author:
  - The dialtone.ha_pbx developers (@dialtone)
positional: _input
options:
  _input:
    description: Text of each file by its path relative to the configuration directory.
    type: dict
    required: true
  directory:
    description: >-
      Path relative to the configuration directory, of files that those of the same name above include. Empty for that directory
      itself.
    type: str
    default: ""
seealso:
  - plugin: dialtone.ha_pbx.asterisk_problems
    plugin_type: filter
"""

EXAMPLES = r"""
- name: List the telephones of a configuration
  ansible.builtin.debug:
    msg: "{{ ({'pjsip.conf': lookup('ansible.builtin.template', 'pjsip.conf.j2')} | dialtone.ha_pbx.asterisk_declared).endpoints }}"
"""

RETURN = r"""
_value:
  description: Sorted names by kind.
  type: dict
  sample: {"endpoints": ["100-demo"], "mailboxes": ["100@demo"]}
"""

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_config as asterisk_config
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_loaded as asterisk_loaded


def declared(files, directory=""):
    """Return sorted names by kind."""
    return asterisk_loaded.as_data(asterisk_config.declared(files, directory))


class FilterModule:
    """The filter of this file."""

    def filters(self):
        """Return the filter by its name."""
        return {"asterisk_declared": declared}
