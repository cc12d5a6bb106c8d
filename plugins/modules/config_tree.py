#!/usr/bin/python
# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree of small files, written at one stroke."""

from __future__ import annotations

DOCUMENTATION = r"""
module: config_tree
short_description: Write a whole tree of small configuration files at one stroke
description:
  - Writes any number of files under one directory in a single visit to the host, and removes the files that do not
    belong there any more. With M(ansible.builtin.template) every file is a visit of its own, and files that fell out of
    the inventory (a telephone's credentials) stay behind.
  - Every file is replaced atomically, so a program that reads its configuration meanwhile sees the old or the new file. Files in
    directories come before those above them, which may include them, and what goes away goes last.
version_added: "0.1.0"
author: The dialtone.ha_pbx developers (@dialtone)
options:
  root:
    description: The directory all paths are relative to. It is created where it is missing, its parent is not.
    type: path
    required: true
  files:
    description: What the files hold, by their path relative to O(root).
    type: dict
    default: {}
  secret_files:
    description: The same for files that hold secrets. Their content is never logged nor shown in a diff.
    type: dict
    default: {}
  purge:
    description:
      - Directories relative to O(root) in which nothing else may lie. Files and directories under them that are in
        neither O(files) nor O(secret_files) are removed.
    type: list
    elements: str
    default: []
  absent:
    description:
      - Paths relative to O(root) of files that must not exist, for example samples that a package left there.
      - Only files and symbolic links are removed, and none through a symbolic link on the way.
    type: list
    elements: str
    default: []
  owner:
    description:
      - Owner of the files and of the directories under O(root).
      - Not given, what exists keeps its owner, and what is new belongs to the task's user.
    type: str
  group:
    description:
      - Group of the files and of the directories under O(root).
      - Not given, what exists keeps its group, and what is new belongs to that of the task's user.
    type: str
  mode:
    description:
      - Mode of the files, octal.
      - Not given, a file that exists keeps its mode, a new one of O(files) has V(0644) and a new one of O(secret_files)
        V(0600).
    type: str
  directory_mode:
    description:
      - Mode of O(root) and of the directories on the way to a file, octal.
      - Not given, a directory that exists keeps its mode, and a new one has V(0755).
    type: str
attributes:
  check_mode:
    description: Says what would change and changes nothing.
    support: full
  diff_mode:
    description: Shows the lines of O(files); of O(secret_files) only that they differ.
    support: full
"""

EXAMPLES = r"""
- name: Write the configuration of the exchange
  dialtone.ha_pbx.config_tree:
    root: /etc/asterisk
    files:
      rtp.conf: "{{ lookup('ansible.builtin.template', 'rtp.conf.j2') }}"
    secret_files:
      tenants/demo/pjsip_auth.conf: "{{ lookup('ansible.builtin.template', 'pjsip_auth.conf.j2') }}"
    purge: [tenants]
    owner: root
    group: asterisk
    mode: "0640"
    directory_mode: "0750"
"""

RETURN = r"""
written:
  description: Paths relative to O(root) whose content was written.
  type: list
  elements: str
  returned: success
  sample: [rtp.conf, tenants/demo/pjsip_auth.conf]
removed:
  description: Paths relative to O(root) that were removed.
  type: list
  elements: str
  returned: success
  sample: [tenants/former/pjsip_auth.conf]
adjusted:
  description: Paths relative to O(root) of which only owner, group or mode was set right, and directories made.
  type: list
  elements: str
  returned: success
  sample: [tenants]
"""

import grp
import os
import pwd
import stat
import tempfile
from typing import Any, Callable

from ansible.module_utils.basic import AnsibleModule

#: What lies at a path: type ('file', 'directory', 'other' for a link, 'special' for a device, socket or pipe), content (bytes,
#: or None), uid, gid, mode.
Entry = dict[str, Any]

#: Modes of what is new where nothing else is said: of files, of directories, and of files that hold secrets.
NEW_MODES = (0o644, 0o755)
NEW_SECRET = 0o600


def parents(path: str) -> list[str]:
    """The directories above a relative path, outermost first: 'a/b/c.conf' gives ['a', 'a/b']."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: index + 1]) for index in range(len(parts))]


def refuse_paths(paths: list[str]) -> str | None:
    """The first path that would leave the tree or is no proper relative path, or None."""
    for path in paths:
        if not path or os.path.isabs(path) or path != os.path.normpath(path) or path.split("/")[0] in ("..", "."):
            return path
    return None


def plan(
    current: dict[str, Entry],
    wanted: dict[str, bytes],
    purge: list[str],
    ids: tuple[int | None, int | None],
    modes: tuple[int | None, int | None],
    absent: list[str] | None = None,
) -> dict[str, list[str]]:
    """Compare a tree with what it shall be.

    :param current: {relative path: entry}; '.' is the root itself. For an entry see Entry.
    :param wanted: {relative path: bytes}.
    :param purge: relative directories in which nothing else may lie.
    :param ids: (uid, gid) that files and directories shall have; None is any.
    :param modes: (mode of files, mode of directories), integers; None is any.
    :param absent: paths of files that must not exist.
    :returns: {'directories': [...], 'write': [...], 'adjust': [...], 'remove': [...]}: directories to make, files to
        write, paths whose owner or mode is wrong, paths to remove (deepest first).
    :raises ValueError: where something that is no file, or no directory, stands in the way.
    """
    directories = sorted({"."} | {parent for path in wanted for parent in parents(path)} | set(purge))
    actions: dict[str, list[str]] = {"directories": [], "write": [], "adjust": [], "remove": []}

    def right(entry: Entry, mode: int | None) -> bool:
        wanted_of = {"uid": ids[0], "gid": ids[1], "mode": mode}
        return all(value is None or entry[name] == value for name, value in wanted_of.items())

    for path in directories:
        entry = current.get(path)
        if entry is None:
            actions["directories"].append(path)
        elif entry["type"] != "directory":
            raise ValueError(f"{path} is no directory")
        elif not right(entry, modes[1]):
            actions["adjust"].append(path)
    # What is included comes before what includes it: whoever reads the tree meanwhile, or after a run that broke off, finds all.
    for path in sorted(wanted, key=lambda path: (-path.count("/"), path)):
        entry = current.get(path)
        if entry is not None and entry["type"] != "file":
            raise ValueError(f"{path} is no ordinary file")
        if entry is None or entry["content"] != wanted[path]:
            actions["write"].append(path)
        elif not right(entry, modes[0]):
            actions["adjust"].append(path)
    for path in absent or []:
        entry = current.get(path)
        if entry is not None and entry["type"] == "directory":
            raise ValueError(f"{path} is no file, and directories are not removed")
        if entry is not None and entry["type"] == "special":
            raise ValueError(f"{path} is a device, a socket or a pipe, and only files are removed")
        for parent in parents(path):
            if current.get(parent, {"type": "directory"})["type"] != "directory":
                raise ValueError(f"{parent} is no directory, and nothing is removed behind it")
    keep = set(wanted) | set(directories)
    actions["remove"] = sorted(
        (
            path
            for path in current
            if path not in keep and (path in (absent or []) or any(path.startswith(top + "/") for top in purge))
        ),
        key=lambda path: (-path.count("/"), path),
    )
    return actions


def describe(path: str, content: bool) -> Entry | None:
    """One entry of plan()'s current for a path on disk; None where there is nothing."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    kinds = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "other"}
    kind = kinds.get(stat.S_IFMT(status.st_mode), "special")
    data = None
    if content and kind == "file":
        with open(path, "rb") as handle:
            data = handle.read()
    return {
        "type": kind,
        "content": data,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mode": stat.S_IMODE(status.st_mode),
    }


def read(root: str, wanted: dict[str, bytes], purge: list[str], absent: list[str]) -> dict[str, Entry]:
    """The tree as it is: the root, the paths that count, their directories, and all that lies under the purged ones."""
    entry = describe(root, False)
    current = {} if entry is None else {".": entry}
    named = [*wanted, *absent]
    paths = set(named) | {parent for path in named for parent in parents(path)} | set(purge)
    for top in purge:
        for directory, names, files in os.walk(os.path.join(root, top)):
            paths.update(os.path.relpath(os.path.join(directory, name), root) for name in names + files)
    for path in paths:
        entry = describe(os.path.join(root, path), path in wanted)
        if entry is not None:
            current[path] = entry
    return current


def write(module: AnsibleModule, path: str, content: bytes, ids: tuple[int, int], mode: int) -> None:
    """Replace one file atomically; the temporary one beside it is readable by nobody else from the first moment."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=os.path.dirname(path))
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fchown(handle.fileno(), ids[0], ids[1])
            os.fchmod(handle.fileno(), mode)
            os.fsync(handle.fileno())
        # Not module.atomic_move: it gives the file the old one's mode, or the umask's, for a moment.
        os.replace(name, path)
        module.set_default_selinux_context(path, False)
    finally:
        if os.path.exists(name):
            os.unlink(name)


def apply(
    module: AnsibleModule,
    root: str,
    actions: dict[str, list[str]],
    wanted: dict[str, bytes],
    attributes: Callable[[str, bool], tuple[tuple[int, int], int]],
) -> None:
    """Carry a plan out: directories first, then files, then owners and modes, then what goes away.

    :param attributes: ((uid, gid), mode) of a path, which is a directory or not.
    """
    for path in actions["directories"]:
        full = os.path.normpath(os.path.join(root, path))
        ids, mode = attributes(path, True)
        os.mkdir(full, mode)
        os.chown(full, ids[0], ids[1])
        os.chmod(full, mode)
        module.set_default_selinux_context(full, False)
    for path in actions["write"]:
        ids, mode = attributes(path, False)
        write(module, os.path.join(root, path), wanted[path], ids, mode)
    for path in actions["adjust"]:
        full = os.path.join(root, path)
        ids, mode = attributes(path, os.path.isdir(full))
        os.chown(full, ids[0], ids[1])
        os.chmod(full, mode)
    for path in actions["remove"]:
        full = os.path.join(root, path)
        if os.path.isdir(full) and not os.path.islink(full):
            os.rmdir(full)
        else:
            os.unlink(full)


def diff(
    current: dict[str, Entry], wanted: dict[str, bytes], secret: dict[str, Any], actions: dict[str, list[str]]
) -> list[dict[str, str]]:
    """Before and after of every file the plan writes or removes, in the form that Ansible shows."""
    shown: list[dict[str, str]] = []
    for path in actions["write"]:
        entry = current.get(path)
        before = ""
        if path in secret:
            after = "(holds secrets, not shown; new content)\n"
            if entry is not None:
                before = "(holds secrets, not shown)\n"
        else:
            if entry is not None:
                before = entry["content"].decode("utf-8", "replace")
            after = wanted[path].decode("utf-8")
        shown.append({"before_header": path, "after_header": path, "before": before, "after": after})
    for path in actions["directories"] + actions["adjust"]:
        shown.append({"prepared": f"owner and mode of {path}\n"})
    for path in actions["remove"]:
        shown.append({"prepared": f"removed {path}\n"})
    return shown


def octal(text: str | None) -> int | None:
    """A mode as a number; None stays None."""
    return None if text is None else int(text, 8)


def attributes_of(
    entry: Entry | None, ids: tuple[int | None, int | None], mode: int | None, directory: bool, secret: bool
) -> tuple[tuple[int, int], int]:
    """Owner, group and mode that a path is to have: what is declared, else what it has, else those of what is new.

    :param entry: what is there, or None.
    :param ids: what is declared, None for what is not; so is mode.
    :returns: ((uid, gid), mode).
    """
    new_mode = NEW_MODES[1] if directory else NEW_SECRET if secret else NEW_MODES[0]
    has = entry or {"uid": os.geteuid(), "gid": os.getegid(), "mode": new_mode}
    uid, gid = has["uid"] if ids[0] is None else ids[0], has["gid"] if ids[1] is None else ids[1]
    return (uid, gid), has["mode"] if mode is None else mode


def number(module: AnsibleModule, name: str, value: str, database: Callable[[str], Any]) -> int:
    """The number of an account or group; fails with the cure where it does not exist."""
    try:
        entry = database(value)
    except KeyError:
        # In check mode on a new host: a task before this one would have created it.
        if module.check_mode:
            return -1
        module.fail_json(msg=f"{name} {value} does not exist on this host; create it first.")
    return int(entry.pw_uid if name == "owner" else entry.gr_gid)


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "files": {"type": "dict", "default": {}},
            "secret_files": {"type": "dict", "default": {}, "no_log": True},
            "purge": {"type": "list", "elements": "str", "default": []},
            "absent": {"type": "list", "elements": "str", "default": []},
            "owner": {"type": "str"},
            "group": {"type": "str"},
            "mode": {"type": "str"},
            "directory_mode": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    root = params["root"]
    named = [*params["files"], *params["secret_files"], *params["absent"]]
    twice = sorted({path for path in named if named.count(path) > 1})
    if twice:
        module.fail_json(msg="named more than once: {}".format(", ".join(twice)))
    refused = refuse_paths([*params["files"], *params["secret_files"], *params["purge"], *params["absent"]])
    if refused is not None:
        module.fail_json(msg=f"{refused!r} is no plain path relative to {root}")
    wanted = {
        path: str(content).encode("utf-8") for path, content in {**params["files"], **params["secret_files"]}.items()
    }
    try:
        modes = octal(params["mode"]), octal(params["directory_mode"])
    except ValueError:
        module.fail_json(msg="mode and directory_mode are octal numbers such as '0640'")
    try:
        ids = (
            None if params["owner"] is None else number(module, "owner", params["owner"], pwd.getpwnam),
            None if params["group"] is None else number(module, "group", params["group"], grp.getgrnam),
        )
        current = read(root, wanted, params["purge"], params["absent"])
        actions = plan(current, wanted, params["purge"], ids, modes, params["absent"])
        if not module.check_mode:

            def attributes(path: str, directory: bool) -> tuple[tuple[int, int], int]:
                return attributes_of(current.get(path), ids, modes[int(directory)], directory, path in params["secret_files"])

            apply(module, root, actions, wanted, attributes)
    except (OSError, ValueError) as error:
        module.fail_json(msg=f"{root}: {error}")
    module.exit_json(
        changed=any(actions.values()),
        written=actions["write"],
        removed=actions["remove"],
        adjusted=actions["directories"] + actions["adjust"],
        diff=diff(current, wanted, params["secret_files"], actions),
    )


if __name__ == "__main__":
    main()
