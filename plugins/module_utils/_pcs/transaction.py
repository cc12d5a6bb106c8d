# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster change is one transaction: copy, edit, compare, verify, simulate, push once, wait."""

from __future__ import annotations

import difflib
import re
import tempfile
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, constraint, corosync, status
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError, Runner, hostname

ORIGINAL_SUFFIX = ".orig"

# crm_diff: 0 equal, 1 different; anything else is an error of its own.
DIFF_EQUAL, DIFF_DIFFERENT = 0, 1

# crm_verify: invalid (CRM_EX_CONFIG), and since 2.0 for warnings too.
INVALID = 78

MON = ("crm_mon", "--one-shot", "--inactive", "--output-as=xml")


@dataclass
class Outcome:
    """What a commit did, or in check mode would do."""

    changed: bool = False
    changes: list[str] = field(default_factory=list)
    actions: list[dict[str, str]] = field(default_factory=list)
    interruptions: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)


def live_text(run: Runner, or_empty: bool = False) -> str:
    """The XML of the live CIB.

    :param or_empty: on a host that belongs to no cluster, give an empty one: what a dry run has to begin with there.
    :raises PcsError: when the cluster does not run here.
    """
    result = run(["cibadmin", "--query"])
    if result.rc != 0:
        if or_empty and corosync.read_config() is None:
            return run(["cibadmin", "--empty"]).out
        raise PcsError(
            f"{hostname()}: the cluster's configuration cannot be read (cibadmin: {result.text}). Is the cluster"
            " running on this node? `pcs cluster start`, then `pcs status`."
        )
    return result.out


def diff_text(before: str, after: str, secret_changed: bool, name: str) -> dict[str, str]:
    """A diff for Ansible. Where only a secret differs, that is said and the secret is not."""
    if secret_changed and before == after:
        after += "  (a secret value differs)\n"
    return {"before_header": f"{name} (now)", "after_header": f"{name} (declared)", "before": before, "after": after}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read: a CIB carries the secrets of fence devices."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        # NamedTemporaryFile makes files with mode 0600; the rename keeps that.
        file.write(text)
    Path(file.name).replace(path)


def read_file(path: Path) -> ET.Element:
    """A CIB from a file.

    :raises PcsError: when it cannot be read or is not a CIB.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise PcsError(
            f"{hostname()}: {path} cannot be read ({error.strerror}): make it with pcs_cib (state: checkout) first"
        ) from error
    return cib.parse(text, str(path))


def checkout(run: Runner, path: Path) -> None:
    """Write the live CIB to ``path`` and, to compare with later, to ``path.orig``."""
    text = live_text(run)
    cib.parse(text, "the live CIB")
    for target in (path, path.with_name(path.name + ORIGINAL_SUFFIX)):
        try:
            write_private(target, text)
        except OSError as error:
            raise PcsError(f"{hostname()}: {target} cannot be written: {error.strerror}") from error


def discard(path: Path) -> bool:
    """Remove a checked-out copy; returns whether there was one."""
    targets = (path, path.with_name(path.name + ORIGINAL_SUFFIX))
    there = [target for target in targets if target.exists()]
    for target in there:
        target.unlink()
    return bool(there)


@dataclass(frozen=True)
class Verdict:
    """What crm_verify says of a configuration: errors and warnings, one text a message."""

    errors: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()


# It ends with what it found at all. The words: before 2.1.7, since then, since 3.0.2.
_ONLY_WARNINGS = re.compile(r"warnings found during check|\(with warnings\)|may need attention", re.IGNORECASE)
_SUMMARY = re.compile(r"found during check|^configuration (invalid|may need attention)", re.IGNORECASE)
# Before a message: the function that said it, the file and line it is about; both differ where the message is the same.
_ORIGIN = re.compile(r"^(?:\([^)\s]+\)\s*|\S*\.xml:\d+:\s*|crm_verify:\s*)+")


def verdict(rc: int, text: str) -> Verdict:
    """Read what ``crm_verify --verbose --verbose`` left.

    It ends with 78 (invalid configuration) for warnings too, which a cluster may have for years: deprecated words, an old
    schema. 2.1.7 and 2.1.8 do not say which of their messages are errors, so there all are when one is.

    :param rc: its exit code.
    :param text: what it wrote.
    :raises PcsError: when it could not judge at all.
    """
    if rc == 0:
        return Verdict()
    if rc != INVALID:
        raise PcsError(
            f"{hostname()}: Pacemaker's crm_verify could not judge the configuration ({rc}): {text.strip() or 'it says nothing'}\n"
            "Nothing was changed in the cluster."
        )
    errors, warnings = set(), set()
    lines = [_ORIGIN.sub("", line.strip()).strip() for line in text.splitlines()]
    ends = [line for line in lines if _SUMMARY.search(line)]
    only_warnings = bool(ends) and all(_ONLY_WARNINGS.search(line) for line in ends)
    for line in lines:
        marked = re.match(r"^(error|warning):\s*(.*)$", line)
        if not line or line in ends:
            continue
        if marked.group(1) == "warning" if marked else only_warnings:
            warnings.add(marked.group(2) if marked else line)
        else:
            errors.add(marked.group(2) if marked else line)
    if not errors and not only_warnings:
        errors.add("it does not say what is wrong")
    return Verdict(frozenset(errors), frozenset(warnings))


class Transaction:
    """The way from an edited copy of the CIB to the cluster.

    :param run: runner.
    :param original: text of the CIB as it was when the copy was made.
    :param edited: the tree as it should be.
    """

    def __init__(self, run: Runner, original: str, edited: ET.Element) -> None:
        self.run = run
        self.original = original
        self.before = cib.parse(original, "the original of the copy")
        self.after = edited
        self.edited = cib.dump(edited)

    def patch(self) -> str:
        """The difference between original and copy as a patch for cibadmin, "" when there is none."""
        with tempfile.TemporaryDirectory(prefix="pcs-") as directory:
            old, new = Path(directory) / "old.xml", Path(directory) / "new.xml"
            old.write_text(self.original, encoding="utf-8")
            new.write_text(self.edited, encoding="utf-8")
            # Without the version numbers: status updates raise them all the time, and they are no content.
            result = self.run(["crm_diff", "--no-version", "--original", str(old), "--new", str(new)])
        if result.rc == DIFF_EQUAL:
            return ""
        if result.rc != DIFF_DIFFERENT:
            raise PcsError(f"{hostname()}: crm_diff failed ({result.rc}): {result.text}")
        self._refuse_broken(result.out)
        return result.out

    def _refuse_broken(self, patch: str) -> None:
        """Refuse a patch that is no XML, which the cluster would take with a part of the value missing.

        Pacemaker 2.1.5 writes a value with a letter outside ASCII as it is, with its quotes and its ampersands.
        """
        try:
            ET.fromstring(patch)  # noqa: S314 - the output of a local program of the cluster
        except ET.ParseError as error:
            known = {value for element in self.before.iter() for value in element.attrib.values()}
            names = sorted(
                {
                    f"{element.get('name', element.tag)} ({element.get('id', '')})"
                    for element in self.after.iter()
                    for value in element.attrib.values()
                    if value not in known and not value.isascii() and any(sign in value for sign in "&<\"")
                }
            )
            raise PcsError(
                f"{hostname()}: this Pacemaker cannot write down {', '.join(names) or 'a value'}: a letter outside ASCII"
                " beside a quotation mark, & or < in one value (crm_diff wrote no XML). Nothing was changed in the cluster."
                " Leave out the one or the other; Pacemaker 3 takes both."
            ) from error

    def _verdict(self, text: str) -> Verdict:
        with tempfile.TemporaryDirectory(prefix="pcs-") as directory:
            file = Path(directory) / "cib.xml"
            file.write_text(text, encoding="utf-8")
            # Once is for errors, twice for warnings too (before 2.1.7).
            result = self.run(["crm_verify", "--verbose", "--verbose", "--xml-file", str(file)])
        return verdict(result.rc, result.text)

    def verify(self, tolerate_old_errors: bool) -> list[str]:
        """Let Pacemaker check the copy. Only errors that the original does not have are the change's.

        :param tolerate_old_errors: accept them also when the original has no resources yet, so that its errors are only what
            is missing. For single changes on the way to a complete configuration; a transaction that makes a whole one and
            leaves it invalid is refused.
        :returns: warnings.
        :raises PcsError: when the configuration is invalid.
        """
        now = self._verdict(self.edited)
        if not now.errors and not now.warnings:
            return []
        before = self._verdict(self.original)
        tolerate = tolerate_old_errors or bool(cib.resource_ids(self.before))
        new = now.errors - before.errors if tolerate else now.errors
        if new:
            lines = "".join(f"  {line}\n" for line in sorted(new))
            raise PcsError(
                f"{hostname()}: Pacemaker refuses the new configuration (crm_verify):\n{lines}"
                "Nothing was changed in the cluster. Correct what is declared and run again."
            )
        found = []
        if now.errors:
            found.append(
                "the cluster's configuration was invalid before, and still is: " + "; ".join(sorted(now.errors))
            )
        if now.warnings - before.warnings:
            found.append("Pacemaker warns of the new configuration: " + "; ".join(sorted(now.warnings - before.warnings)))
        if now.warnings & before.warnings:
            found.append(
                "Pacemaker warned of the cluster's configuration before, and still does: "
                + "; ".join(sorted(now.warnings & before.warnings))
            )
        return found

    def refuse_faults(self) -> None:
        """Refuse what names something that goes away with the change, or comes into a clone by it.

        :raises PcsError: Pacemaker itself says that in the words of its schema, or ignores it.
        """
        before, after = constraint.faults(self.before), constraint.faults(self.after)
        new = [after[name] for name in sorted(set(after) - set(before))]
        if new:
            raise PcsError(
                f"{hostname()}: {'; '.join(new)}. Nothing was changed in the cluster. Change or remove that in the same transaction"
                " (pcs_cib), or before."
            )

    def simulate(self, text: str) -> list[dict[str, str]]:
        """What the cluster would start, stop and move with a configuration."""
        with tempfile.TemporaryDirectory(prefix="pcs-") as directory:
            file = Path(directory) / "cib.xml"
            file.write_text(text, encoding="utf-8")
            result = self.run(["crm_simulate", "--simulate", "--output-as=xml", "--xml-file", str(file)])
        if result.rc != 0:
            raise PcsError(
                f"{hostname()}: the change cannot be simulated (crm_simulate, {result.rc}): {result.text}\n"
                "Nothing was changed in the cluster."
            )
        if not result.out.strip():
            # Pacemaker 2.0 does not know --output-as here, and succeeds.
            raise PcsError(
                f"{hostname()}: the change cannot be simulated: crm_simulate writes no XML here ({result.text}). Nothing was"
                " changed in the cluster. Pacemaker 2.1 or later is needed."
            )
        return status.parse_simulation(result.out)

    def refuse_if_moved(self, or_empty: bool) -> bool:
        """Look whether somebody changed the cluster since the copy was made.

        :param or_empty: as for live_text.
        :returns: True when the live CIB already is what the copy says.
        :raises PcsError: when it is neither the original nor the copy.
        """
        live = cib.parse(live_text(self.run, or_empty), "the live CIB")
        now = cib.describe_configuration(live, secrets=True)
        if now == cib.describe_configuration(self.after, secrets=True):
            return now != cib.describe_configuration(self.before, secrets=True)
        if now != cib.describe_configuration(self.before, secrets=True):
            changed = ", ".join(cib.changed_objects(self.before, live)) or "see `pcs config`"
            raise PcsError(
                f"{hostname()}: somebody changed the cluster's configuration meanwhile ({changed}). Nothing was"
                " changed by this run. Run again: it then starts from the new configuration."
            )
        return False

    def push(self, patch: str) -> None:
        """Apply the patch to the live CIB and check that it is there.

        :raises PcsError: when it is refused, or is not there afterwards.
        """
        result = self.run(["cibadmin", "--patch", "--xml-pipe"], stdin=patch)
        if result.rc != 0:
            raise PcsError(
                f"{hostname()}: the cluster refuses the change (cibadmin, {result.rc}): {result.text}\n"
                "Its configuration is as it was. Has the cluster quorum? `pcs quorum status`."
            )
        live = cib.parse(live_text(self.run), "the live CIB")
        if cib.describe_configuration(live, secrets=True) != cib.describe_configuration(self.after, secrets=True):
            changed = ", ".join(cib.changed_objects(self.after, live))
            raise PcsError(
                f"{hostname()}: after the change the cluster's configuration is not what was pushed ({changed}):"
                " somebody changes it at the same time. Compare with `pcs config` and run again."
            )

    def interruptions(self, actions: list[dict[str, str]]) -> list[dict[str, Any]]:
        """What the change would interrupt, without what the cluster is about to do anyway (see status.interruptions).

        :param actions: what the cluster would do with the copy.
        """
        found = status.interruptions(self.before, actions)
        anyway = status.interruptions(self.before, self.simulate(self.original)) if found else []
        return [entry for entry in found if entry not in anyway]

    def refuse_interruption(self, interrupted: list[dict[str, Any]]) -> None:
        """Stop where the service would be away for a moment.

        :raises PcsError: with what would be interrupted, and for how long.
        """
        if interrupted:
            lines = "".join(f"  {line}\n" for line in status.interruption_lines(interrupted))
            raise PcsError(
                f"{hostname()}: this change would interrupt the service, which was not to be:\n{lines}"
                "Nothing was changed in the cluster. Run it when that is acceptable, with interruption=accept."
            )

    def diff(self, actions: list[dict[str, str]], interrupted: list[dict[str, Any]]) -> list[dict[str, str]]:
        """For Ansible: the configuration before and after, and what the cluster would do."""
        changed = cib.describe_configuration(self.before, True) != cib.describe_configuration(self.after, True)
        before, after = cib.describe_configuration(self.before), cib.describe_configuration(self.after)
        parts = [diff_text(near(before, after)[0], near(before, after)[1], changed, "cluster configuration")]
        lines = status.simulation_lines(actions) or ["nothing starts, stops or moves"]
        parts.append({"prepared": "what the cluster does:\n" + "".join(f"  {line}\n" for line in lines)})
        if interrupted:
            away = "".join(f"  {line}\n" for line in status.interruption_lines(interrupted))
            parts.append({"prepared": "what is away meanwhile:\n" + away})
        return parts

    def commit(
        self, *, check_mode: bool, wait: int = 0, tolerate_old_errors: bool = False, interrupt: bool = True
    ) -> Outcome:
        """Compare, verify, simulate, push once, wait.

        :param interrupt: whether something that runs may stop, restart or move for it.
        :param wait: seconds to wait until the cluster has settled; 0 does not wait.
        :returns: what was done; in check mode the same without the push.
        :raises PcsError: when it is refused (the cluster is as it was), or when after the push something failed.
        """
        outcome = Outcome()
        patch = self.patch()
        if not patch:
            return outcome
        # crm_diff sees ids and order too; what Pacemaker does not see is not worth a change.
        same = cib.describe_configuration(self.before, True) == cib.describe_configuration(self.after, True)
        if same or self.refuse_if_moved(check_mode):
            return outcome
        self.refuse_faults()
        outcome.changed = True
        outcome.changes = cib.changed_objects(self.before, self.after)
        outcome.warnings = self.verify(tolerate_old_errors)
        outcome.actions = self.simulate(self.edited)
        outcome.interruptions = self.interruptions(outcome.actions)
        if not interrupt:
            self.refuse_interruption(outcome.interruptions)
        outcome.diff = self.diff(outcome.actions, outcome.interruptions)
        if check_mode:
            return outcome
        before = failures(self.run)
        self.push(patch)
        if wait:
            wait_settled(self.run, wait)
            touched = touched_resources(self.before, self.after, outcome.actions)
            outcome.failed = new_trouble(self.run, before, touched, outcome.actions)
            if outcome.failed:
                raise CommitFailed(outcome)
        return outcome


def commit_file(run: Runner, path: Path, *, check_mode: bool, wait: int, interrupt: bool = True) -> Outcome:
    """Commit an edited copy and remove it, whatever came of it: it holds secrets and is out of date."""
    original = path.with_name(path.name + ORIGINAL_SUFFIX)
    try:
        edited = read_file(path)
        text = cib.dump(read_file(original))
        return Transaction(run, text, edited).commit(check_mode=check_mode, wait=wait, interrupt=interrupt)
    finally:
        discard(path)


class CommitFailed(PcsError):
    """The change is in the cluster, and something in it does not run."""

    def __init__(self, outcome: Outcome) -> None:
        lines = [f"{f['resource']} on {f['node'] or 'no node'}: {f['cause']}\n  {f['cure']}" for f in outcome.failed]
        super().__init__(
            f"{hostname()}: the cluster has taken the new configuration, but not everything in it runs:\n"
            + "\n".join(lines)
        )
        self.outcome = outcome


def near(before: str, after: str, context: int = 3) -> tuple[str, str]:
    """Both texts without the long stretches that are equal: a cluster's whole configuration buries a change."""
    old, new = before.splitlines(), after.splitlines()
    kept: tuple[list[str], list[str]] = ([], [])
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal" and a2 - a1 > 2 * context:
            for side, lines in ((0, old[a1:a2]), (1, new[b1:b2])):
                kept[side].extend([*lines[:context], "…", *lines[-context:]])
        else:
            kept[0].extend(old[a1:a2])
            kept[1].extend(new[b1:b2])
    return "".join(f"{line}\n" for line in kept[0]), "".join(f"{line}\n" for line in kept[1])


def mon(run: Runner) -> dict[str, Any]:
    """The state of the running cluster (see status.parse_mon)."""
    result = run(MON)
    if result.rc != 0:
        raise PcsError(f"{hostname()}: the cluster's state cannot be read (crm_mon, {result.rc}): {result.text}")
    return status.parse_mon(result.out)


def failures(run: Runner) -> list[dict[str, str]]:
    """The failed actions that the cluster remembers."""
    found: list[dict[str, str]] = mon(run)["failures"]
    return found


def wait_settled(run: Runner, seconds: int) -> None:
    """Wait until the cluster has nothing left to do, at most ``seconds``.

    crm_resource --wait asks the scheduler for outstanding actions again and again; it knows of a change as soon as
    that is in the CIB, so there is no moment in which it takes "not begun yet" for "settled".

    :raises PcsError: when the time is over; with what is still to be done.
    """
    started = time.monotonic()
    result = run(["crm_resource", "--wait", f"--timeout={seconds}s"])
    if result.rc == 0:
        return
    spent = time.monotonic() - started
    state = mon(run)
    unclean = [node["name"] for node in state["nodes"] if node["unclean"]]
    hint = f" Unclean (must be fenced, and is not yet): {', '.join(unclean)}: `pcs stonith history`." if unclean else ""
    pending = [node["name"] for node in state["nodes"] if node["pending"]]
    hint += f" Joining: {', '.join(pending)}." if pending else ""
    raise PcsError(
        f"{hostname()}: the cluster has taken the new configuration, but had not settled after {spent:.0f} s"
        f" (limit {seconds} s): {result.text}.{hint} Look at `pcs status --full`; a longer wait may be all it needs."
    )


def touched_resources(before: ET.Element, after: ET.Element, actions: list[dict[str, str]]) -> set[str]:
    """The primitives that a change concerns: those whose definition differs and those the cluster acts on."""

    def primitives(root: ET.Element) -> dict[str, str]:
        found = cib.section(root, "resources").iter("primitive")
        return {e.get("id", ""): cib.describe(e, secrets=True) for e in found}

    old, new = primitives(before), primitives(after)
    touched = {name for name in new if old.get(name) != new[name]}
    return touched | {action["resource"].split(":")[0] for action in actions}


RUNNING = {"start", "restart", "move", "migrate", "promote", "recover"}


def new_trouble(
    run: Runner, before: list[dict[str, str]], touched: set[str], actions: list[dict[str, str]]
) -> list[dict[str, str]]:
    """What went wrong with the resources a change concerns, each with cause and cure.

    :param before: the failed actions the cluster remembered before the change.
    :returns: dicts resource, node, action, cause, cure.
    """
    state = mon(run)
    trouble = []
    for failure in state["failures"]:
        name = failure["resource"].split(":")[0]
        if name not in touched or failure in before:
            continue
        reason = f": {failure['reason']}" if failure["reason"] not in ("", "none") else ""
        trouble.append(
            {
                "resource": name,
                "node": failure["node"],
                "action": failure["action"],
                "cause": f"{failure['action']} failed with '{failure['status']}'{reason}",
                "cure": f"On {failure['node']}: `journalctl -b -u pacemaker -g {name}` has the agent's words. When the"
                f" cause is gone: `pcs resource cleanup {name}`.",
            }
        )
    reported = {entry["resource"] for entry in trouble}
    active = {r["id"].split(":")[0] for r in state["resources"] if r["nodes"]}
    expected = {
        a["resource"].split(":")[0] for a in actions if a["action"] in RUNNING and a["dest"] and not a.get("blocked")
    }
    # The simulation ends where a promotion would go on, so what follows that is not among the expected; but a look
    # that came out badly keeps it from ever starting.
    silent = [] if state["maintenance"] else sorted((expected | touched) - active - reported)
    live = cib.parse(live_text(run), "the live CIB") if silent else None
    for name in silent:
        probes = [] if live is None else status.failed_probes(live, name)
        trouble += [
            {
                "resource": name,
                "node": probe["node"],
                "action": "monitor",
                "cause": f"the look whether it runs there ended with '{probe['status']}'"
                + (f": {probe['reason']}" if probe["reason"] else "")
                + ", so it cannot start there",
                "cure": f"Correct what its agent misses there, then `pcs resource cleanup {name}`.",
            }
            for probe in probes
        ]
        if not probes and name in expected:
            trouble.append(
                {
                    "resource": name,
                    "node": "",
                    "action": "start",
                    "cause": "it should run and does not",
                    "cure": f"`crm_simulate --live-check --show-scores` and `pcs status --full` say why {name} has no"
                    " place to run: a failed resource before it, a ban, a node in standby, no quorum.",
                }
            )
    return trouble
