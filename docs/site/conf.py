"""How Sphinx makes the site: tools/docs_site.sh puts docs/, this, and what antsibull-docs generates into one place."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

project = "dialtone.ha_pbx"
project_copyright = "the dialtone.ha_pbx developers"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Headings down to the third level are targets of links, as they are where the repository is hosted.
myst_heading_anchors = 3

html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "display_version": False,
    "documentation_home_url": "index.html",
    "topbar_links": {},
}

ANSIBLE = "https://docs.ansible.com/ansible/latest"
#: Labels of Ansible's own documentation to which generated pages refer, and the pages that have them.
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "common_return_values": "reference_appendices/common_return_values.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
}
ANSIBLE_PLUGIN = re.compile(r"ansible_collections\.(?P<path>(?!dialtone\.)\w+\.\w+\.\w+_\w+)")


def ansible_page(_app: Any, _env: Any, reference: Any, text: nodes.Element) -> nodes.reference | None:
    """Link a label of Ansible's documentation to its page, without asking that site for its list of labels."""
    label = reference.get("reftarget", "")
    plugin = ANSIBLE_PLUGIN.fullmatch(label)
    page = f"collections/{plugin['path'].replace('.', '/')}.html" if plugin else ANSIBLE_PAGES.get(label)
    return nodes.reference("", "", text, internal=False, refuri=f"{ANSIBLE}/{page}") if page else None


def setup(app: Any) -> None:
    """Let Sphinx know it."""
    app.connect("missing-reference", ansible_page)
