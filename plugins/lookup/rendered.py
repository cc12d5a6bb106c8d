# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rendered
short_description: Templates rendered, once or for each item of a list, as files by their paths
version_added: "0.1.0"
description:
  - Renders each template for each item, on the controller, and gives the files that come of it as one dictionary, which is what
    M(dialtone.ha_pbx.config_tree) takes.
  - Unlike P(ansible.builtin.template#lookup), it does not copy all variables for each file. With ten thousand telephones among them,
    that takes two seconds each time.
author:
  - The dialtone.ha_pbx developers (@dialtone)
options:
  _terms:
    description: Templates, as C(ansible.builtin.template) finds them.
    type: list
    elements: str
    required: true
  items:
    description: For what they are rendered. Not given, each template is rendered once.
    type: list
    elements: raw
  variable:
    description: Name by which a template knows the item.
    type: str
    default: item
  path:
    description: >-
      Path of a file, as a format string of Python - V({item}) is the item (C({item[name]}) a field of it), V({file}) the template's
      name without its directory and C(.j2).
    type: str
    default: "{file}"
seealso:
  - plugin: ansible.builtin.template
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: Write two files
  dialtone.ha_pbx.config_tree:
    root: /etc/asterisk
    files: "{{ lookup('dialtone.ha_pbx.rendered', 'rtp.conf.j2', 'pjsip.conf.j2') }}"

- name: Write the files of each tenant
  dialtone.ha_pbx.config_tree:
    root: /etc/asterisk
    files: >-
      {{ lookup('dialtone.ha_pbx.rendered', 'tenant/extensions.conf.j2', 'tenant/voicemail.conf.j2', items=tenants,
                variable='tenant', path='tenants/{item[name]}/{file}') }}
"""

RETURN = r"""
_raw:
  description: One dictionary, of paths and contents.
  type: list
  elements: dict
"""

import os
from collections import ChainMap

from ansible import constants
from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.template import trust_as_template


def file_path(pattern, item, template):
    """Return the path of a file.

    :param pattern: a format string with C(item) and C(file).
    :param item: what the template is rendered for.
    :param template: path of the template.
    :raises AnsibleError: the pattern asks for something else, or for a field that the item has not.
    """
    name = os.path.basename(template)
    try:
        return pattern.format(item=item, file=name[: -len(".j2")] if name.endswith(".j2") else name)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise AnsibleError(f"{template}: the path {pattern!r} cannot be made for this item: {error!r}") from error


class LookupModule(LookupBase):
    """The lookup of this file."""

    def run(self, terms, variables=None, **kwargs):
        """Return the files; see DOCUMENTATION.

        :raises AnsibleError: two files would have the same path, or one has none.
        """
        self.set_options(var_options=variables, direct=kwargs)
        # Not through the lookup ansible.builtin.template: for each file it copies all variables, with every tenant in them.
        variables = {"ansible_managed": constants.config.get_config_value("DEFAULT_MANAGED_STR"), **(variables or {})}
        templates = {term: self._source(term, variables) for term in terms}
        items = self.get_option("items")
        name = self.get_option("variable")
        files = {}
        for item in [None] if items is None else items:
            own = {} if items is None else {name: item}
            renders = self._templar.copy_with_new_env(available_variables=ChainMap(own, variables))
            for term, source in templates.items():
                path = file_path(self.get_option("path"), item, term)
                if path in files:
                    raise AnsibleError(f"{term}: there are two files {path}")
                # Of a template that says nothing, ansible-core makes None.
                text = renders.template(source, escape_backslashes=False)
                files[path] = "" if text is None else text
        return [files]

    def _source(self, term, variables):
        """Return the text of a template, as a template."""
        path = self.find_file_in_search_path(variables, "templates", term)
        if not path:
            raise AnsibleLookupError(f"the template {term} is not there")
        return trust_as_template(self._loader.get_text_file_contents(path))
