#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: asterisk_mailboxes
short_description: Put mailboxes aside whose owner has the number no more
version_added: "0.1.0"
description:
  - >-
    Compares the mailboxes on the disk with those of the tenants' C(voicemail.conf). A mailbox that no extension has, or whose
    extension is new or has another owner, is moved to O(archive), with its messages, greetings and the PIN that was set by telephone.
    Whoever gets the number next begins with an empty mailbox and the PIN of the inventory.
  - >-
    A number has another owner when its name and its PIN in C(voicemail.conf) are both others than in the file that is there. A new
    name alone is a rename, and the mailbox stays.
  - Nothing is deleted. Run it before the files are written, which tell who the former owner was.
  - It does nothing on the standby, where the directory of the mailboxes is not mounted.
author:
  - The dialtone.ha_pbx developers (@dialtone)
attributes:
  check_mode:
    description: Says which mailboxes it would move and moves none.
    support: full
  diff_mode:
    description: Names the mailboxes and where they go.
    support: full
options:
  files:
    description: >-
      The tenants' C(voicemail.conf) as they will be, by paths relative to O(config). What is there now is read at
      C(tenants/*/voicemail.conf). They hold PINs and are never logged.
    type: dict
    required: true
  replicated:
    description: Directories that move with the service. The one with O(spool) is mounted on the node in service and nowhere else.
    type: list
    elements: path
    required: true
  config:
    description: Directory of Asterisk's configuration.
    type: path
    default: /etc/asterisk
  spool:
    description: Directory of the mailboxes.
    type: path
    default: /var/spool/asterisk/voicemail
  archive:
    description: Where they go, as C(TENANT/NUMBER.TIME). On the same file system as O(spool); root alone can read it.
    type: path
    default: /var/spool/asterisk/voicemail-archive
seealso:
  - module: dialtone.ha_pbx.config_tree
"""

EXAMPLES = r"""
- name: Put mailboxes of removed extensions aside
  dialtone.ha_pbx.asterisk_mailboxes:
    files:
      tenants/demo/voicemail.conf: "{{ lookup('ansible.builtin.template', 'voicemail.conf.j2') }}"
    replicated: [/var/spool/asterisk]
"""

RETURN = r"""
in_service:
  description: Whether this host has the mailboxes.
  returned: success
  type: bool
  sample: true
archived:
  description: >-
    Mailboxes that were moved, or would be in check mode. C(mailbox) is V(number@tenant), C(messages) how many are in it, C(reason)
    why, and C(path) where it is now.
  returned: success
  type: list
  elements: dict
  sample:
    - mailbox: 101@demo
      messages: 2
      path: /var/spool/asterisk/voicemail-archive/demo/101.20261128T171500Z
      reason: no extension has it
pins_kept:
  description: Mailboxes whose PIN was changed in O(files), and that keep the one that was set by telephone.
  returned: success
  type: list
  elements: str
  sample: [102@demo]
"""

import glob
import os
import platform
import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _asterisk_mailboxes as mailboxes


def texts(config):
    """Return the tenants' voicemail.conf that are there now."""
    found = []
    for path in sorted(glob.glob(os.path.join(glob.escape(config), "tenants/*/voicemail.conf"))):
        with open(path, encoding="utf-8", errors="replace") as handle:
            found.append(handle.read())
    return found


def move(spool, archive, mailbox, path):
    """Move a mailbox to its place in the archive, which nobody but root can read."""
    for directory in (archive, os.path.dirname(path)):
        if not os.path.isdir(directory):
            os.mkdir(directory, 0o700)
    os.rename(os.path.join(spool, mailbox.context, mailbox.number), path)


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "dict", "required": True, "no_log": True},
            "replicated": {"type": "list", "elements": "path", "required": True},
            "config": {"type": "path", "default": "/etc/asterisk"},
            "spool": {"type": "path", "default": "/var/spool/asterisk/voicemail"},
            "archive": {"type": "path", "default": "/var/spool/asterisk/voicemail-archive"},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as handle:
        mounted = mailboxes.mount_points(handle.read())
    if not mailboxes.in_service(wanted["spool"], wanted["replicated"], mounted):
        module.exit_json(changed=False, in_service=False, archived=[], pins_kept=[])
    archived = []
    try:
        present = mailboxes.read(wanted["spool"])
        aside, kept = mailboxes.plan(present, mailboxes.parse(texts(wanted["config"])), mailboxes.parse(wanted["files"].values()))
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        for mailbox, reason in aside.items():
            inside = os.path.join(wanted["archive"], mailbox.context)
            taken = [os.path.join(inside, name) for name in os.listdir(inside)] if os.path.isdir(inside) else []
            path = mailboxes.place(wanted["archive"], mailbox, when, taken)
            if not module.check_mode:
                move(wanted["spool"], wanted["archive"], mailbox, path)
            archived.append(
                {"mailbox": str(mailbox), "messages": present[mailbox].messages, "path": path, "reason": reason}
            )
    except OSError as error:
        module.fail_json(
            msg=f"{platform.node()}: a mailbox cannot be put aside: {error}. Its number must not be given to somebody else before that"
            " is done. Put right what is said there, and run it again.",
            archived=archived,
        )
    lines = [f"mailbox {entry['mailbox']} moved to {entry['path']}, for {entry['reason']}\n" for entry in archived]
    module.exit_json(
        changed=bool(archived),
        in_service=True,
        archived=archived,
        pins_kept=[str(mailbox) for mailbox in kept],
        diff=[{"prepared": line} for line in lines],
    )


if __name__ == "__main__":
    main()
