# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DRBD as the modules see it: read the state, plan in a pure function, apply.

Kernel modules 8.4 and 9 are served. What the tools print is parsed as drbd-utils 9.22 prints it
(https://github.com/LINBIT/drbd-utils: user/v84/drbdsetup.c, user/v9/drbdsetup.c, user/shared/drbdmeta.c).
A resource has one volume, number 0.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

#: The current UUID that `create-md` writes and that the first write, or `new-current-uuid`, replaces
#: (UUID_JUST_CREATED in DRBD's sources). A disk that has it never carried data under DRBD.
UUID_JUST_CREATED = 0x4

#: Bytes at the beginning of a disk that must be zero for `create-md` to ask no question (SO_MUCH in drbdmeta.c: 68 KiB).
BLANK_BYTES = 68 * 1024
#: What stands for a beginning that is not zero and in which wipefs recognises nothing.
REMAINS = "remains of something unknown"

#: File systems that the first node may be told to make, and how their tool is told to be quiet and to discard nothing: the
#: disk is blank, and what is discarded counts as written. DRBD would note up to 5 GB as active, and copy all of it when
#: this node crashes for the first time.
MKFS = {"ext4": ["mkfs.ext4", "-q", "-E", "nodiscard"], "xfs": ["mkfs.xfs", "-q", "-K"]}


class DrbdError(Exception):
    """A refusal or a failure: what was found and what to do, in one message for the operator."""


@dataclass(frozen=True)
class Result:
    """What a command returned."""

    rc: int
    out: str
    err: str


#: Runs a command (argument list) and returns its result; never raises for an exit code.
Runner = Callable[..., Result]


def runner(module: Any) -> Runner:
    """Return a Runner over AnsibleModule.run_command."""

    def run(argv: list[str]) -> Result:
        # Without data a tool would have the terminal of ssh, and could ask a question that nobody sees. cat asks none, and where its
        # file is not there it is gone before it is written to, which would be an error.
        data = None if argv[0] == "cat" else "\n"
        return Result(*module.run_command(argv, data=data, environ_update={"LC_ALL": "C"}))

    return run


@dataclass(frozen=True)
class Peer:
    """The other node as the local kernel sees it."""

    name: str
    connection: str
    role: str = "Unknown"
    replication: str = "Off"
    disk: str = "DUnknown"
    #: Per cent that agree already, while a synchronisation runs.
    done: float | None = None


@dataclass(frozen=True)
class Status:
    """A resource that is up in the kernel."""

    role: str
    disk: str
    minor: int
    peers: tuple[Peer, ...] = ()
    #: Why the kernel holds back all input and output ("no-data", "fencing", …); empty when it does not.
    suspended: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metadata:
    """DRBD's metadata on the backing device."""

    #: absent, clean, unclean (the host crashed; DRBD repairs that when it attaches), unknown.
    state: str
    current_uuid: int | None = None
    #: What the tool said where the state is unknown.
    detail: str = ""

    @property
    def new(self) -> bool:
        """Whether it was just created: no data was ever written through DRBD."""
        return self.current_uuid == UUID_JUST_CREATED


@dataclass(frozen=True)
class State:
    """Everything the plan depends on, as found on one node."""

    name: str
    #: Version of the kernel module, None when it is not loaded.
    kernel: tuple[int, ...] | None
    #: Backing device by the configuration, None when the resource is not configured.
    disk: str | None = None
    status: Status | None = None
    metadata: Metadata = field(default_factory=lambda: Metadata("unknown"))
    #: What the backing device holds, DRBD's own metadata ("drbd") included (read_signatures); None: it could not be read.
    signatures: tuple[str, ...] | None = None

    @property
    def contents(self) -> tuple[str, ...]:
        """What is on the backing device besides DRBD's metadata: a file system, a partition table, …"""
        return tuple(s for s in self.signatures or () if s != "drbd")


@dataclass(frozen=True)
class Desired:
    """What the resource shall be."""

    #: present, formatted, up, down or absent; see the module drbd_resource.
    state: str
    fstype: str = "ext4"
    mkfs_options: tuple[str, ...] = ()
    #: Whether the peer reported metadata just created on a device that holds nothing else.
    peer_new: bool = False
    wipe_data: bool = False
    adjust: bool = False


@dataclass(frozen=True)
class Action:
    """One command of a plan; `sets` is what it changes in the description that the diff shows."""

    argv: tuple[str, ...]
    why: str
    sets: Mapping[str, Any] = field(default_factory=dict)
    #: Command that takes this one back when a later one fails, so that the node is left as it was.
    undo: tuple[str, ...] = ()


# --- reading -------------------------------------------------------------------------------------------------------


def parse_version(proc_drbd: str) -> tuple[int, ...] | None:
    """Return the kernel module's version out of /proc/drbd ("version: 8.4.11 (api:1/…"), None when it says none."""
    match = re.search(r"^version:\s*([0-9]{1,9}(?:\.[0-9]{1,9})+)", proc_drbd, re.MULTILINE)
    return tuple(int(part) for part in match.group(1).split(".")) if match else None


def _not_understood(program: str, said: str) -> DrbdError:
    return DrbdError(
        f"`{program}` said what is not understood: {said[:200]!r}. Run it on this host: an error of its own is"
        " in what it prints; else this version of drbd-utils writes what this collection does not know."
    )


def _json(text: str, program: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _not_understood(program, text) from error


def dicts(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list of JSON; what is none of both has none."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _minor(value: Any, program: str) -> int:
    """Return a minor number: where it is wrong, a device that is not ours would be written to."""
    if re.fullmatch(r"[0-9]{1,7}", str(value)) is None:
        raise _not_understood(program, f"minor {value}")
    return int(value)


def _per_cent(value: Any, program: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise _not_understood(program, f"{value} per cent") from error


def parse_events2(text: str, name: str) -> Status | None:
    """Read `drbdsetup events2 --now NAME` (8.4 and 9). None: the resource is not up.

    Raises DrbdError when a number in it is none.
    """
    program = f"drbdsetup events2 --now {name}"
    role, suspended, disk, minor = "", "no", "Diskless", -1
    peers: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[0] != "exists":
            continue
        kind = words[1]
        fields = dict(word.split(":", 1) for word in words[2:] if ":" in word)
        if fields.get("name") != name:
            continue
        if kind == "resource":
            role, suspended = fields.get("role", "Unknown"), fields.get("suspended", "no")
        elif kind == "device" and fields.get("volume") == "0":
            disk, minor = fields.get("disk", "Diskless"), _minor(fields.get("minor"), program)
        elif kind == "connection":
            peer = peers.setdefault(fields.get("peer-node-id", "0"), {})
            peer.update(
                name=fields.get("conn-name", "peer"),
                connection=fields.get("connection", "StandAlone"),
                role=fields.get("role", "Unknown"),
            )
        elif kind == "peer-device" and fields.get("volume") == "0":
            peer = peers.setdefault(fields.get("peer-node-id", "0"), {})
            peer.update(replication=fields.get("replication", "Off"), disk=fields.get("peer-disk", "DUnknown"))
            if "done" in fields:
                peer["done"] = _per_cent(fields["done"], program)
    if not role:
        return None
    return Status(
        role=role,
        disk=disk,
        minor=minor,
        peers=tuple(Peer(**{"name": "peer", "connection": "StandAlone", **peer}) for peer in peers.values()),
        suspended=() if suspended == "no" else tuple(suspended.split(",")),
    )


def parse_status_json(text: str, name: str) -> Status | None:
    """Read `drbdsetup status NAME --json` (9 only). None: the resource is not up.

    Raises DrbdError when it is no JSON, or a number in it is none.
    """
    program = f"drbdsetup status {name} --json"
    for resource in dicts(_json(text, program)) if text.strip() else []:
        if resource.get("name") != name:
            continue
        device = next((d for d in dicts(resource.get("devices")) if d.get("volume") == 0), None)
        peers = []
        for connection in dicts(resource.get("connections")):
            volumes = dicts(connection.get("peer_devices"))
            volume: dict[str, Any] = next((v for v in volumes if v.get("volume") == 0), {})
            syncing = volume.get("has-sync-details", False)
            peers.append(
                Peer(
                    name=str(connection.get("name", "peer")),
                    connection=str(connection.get("connection-state", "StandAlone")),
                    role=str(connection.get("peer-role", "Unknown")),
                    replication=str(volume.get("replication-state", "Off")),
                    disk=str(volume.get("peer-disk-state", "DUnknown")),
                    done=_per_cent(volume.get("percent-in-sync"), program) if syncing else None,
                )
            )
        reasons = tuple(r for r in ("user", "no-data", "fencing", "quorum") if resource.get(f"suspended-{r}"))
        return Status(
            role=str(resource.get("role", "Unknown")),
            disk=str(device.get("disk-state", "Diskless")) if device else "Diskless",
            minor=_minor(device.get("minor"), program) if device else -1,
            peers=tuple(peers),
            suspended=reasons or (("unknown",) if resource.get("suspended") else ()),
        )
    return None


def parse_gi(text: str) -> int | None:
    """Return the current UUID out of `drbdadm get-gi` ("0000000000000004:…:flags"), None when there is none."""
    match = re.search(r"^([0-9A-Fa-f]{16}):", text, re.MULTILINE)
    return int(match.group(1), 16) if match else None


def parse_dump_md(result: Result) -> Metadata:
    """Read what `drbdadm dump-md` said.

    Its exit code alone says nothing: it is 1 for a device without metadata and also for valid metadata of a host that
    crashed ("unclean"). Only the words tell them apart.
    """
    if result.rc == 0:
        match = re.search(r"^current-uuid\s+0x([0-9A-Fa-f]+);", result.out, re.MULTILINE)  # v09
        if match is None:
            match = re.search(r"^uuid\s*\{\s*0x([0-9A-Fa-f]+);", result.out, re.MULTILINE)  # v08
        if match:
            return Metadata("clean", int(match.group(1), 16))
    said = (result.err + result.out).strip()
    if result.rc != 0 and "No valid meta data found" in said:
        return Metadata("absent")
    if "unclean" in said:
        return Metadata("unclean")
    return Metadata("unknown", detail=said)


def parse_signatures(result: Result) -> tuple[str, ...] | None:
    """Return the types that `wipefs --no-act --json` lists; None when it failed, which is not the same as none.

    Raises DrbdError when it says something else: what is not understood is not proven blank.
    """
    if result.rc != 0:
        return None
    # Old versions print nothing at all for a blank device.
    if not result.out.strip():
        return ()
    program = "wipefs --no-act --json"
    found = _json(result.out, program)
    signatures = found.get("signatures") if isinstance(found, dict) else None
    if not isinstance(signatures, list) or not all(isinstance(entry, dict) for entry in signatures):
        raise _not_understood(program, result.out)
    return tuple(sorted({str(entry.get("type") or "unknown") for entry in signatures}))


def wipe(disk: str) -> str:
    """Return the commands that make a disk blank.

    wipefs takes away only what it recognises a disk by, and `drbdadm create-md` asks before it uses one on which anything is
    left at the beginning.
    """
    return f"`wipefs --all {disk} && dd if=/dev/zero of={disk} bs=1M count=1 conv=fsync`"


def read_signatures(run: Runner, disk: str) -> tuple[str, ...] | None:
    """Return what a block device holds: what wipefs recognises, or REMAINS; an empty tuple when it is blank, None when it
    cannot be read.

    Raises DrbdError when wipefs says what is not understood.
    """
    signatures = parse_signatures(run(["wipefs", "--no-act", "--json", disk]))
    if signatures is None or any(signature != "drbd" for signature in signatures):
        return signatures
    beginning = run(["cmp", "--quiet", f"--bytes={BLANK_BYTES}", disk, "/dev/zero"])
    if beginning.rc > 1:
        return None
    return tuple(sorted((*signatures, REMAINS))) if beginning.rc else signatures


def read_status(run: Runner, name: str, kernel: Sequence[int]) -> Status | None:
    """Return the resource's state in the kernel, None when it is not up."""
    if kernel[0] >= 9:
        result = run(["drbdsetup", "status", name, "--json"])
        return parse_status_json(result.out, name) if result.rc == 0 else None
    result = run(["drbdsetup", "events2", "--now", name])
    return parse_events2(result.out, name) if result.rc == 0 else None


def read_state(run: Runner, name: str) -> State:
    """Read everything the plan for resource `name` depends on. Changes nothing.

    Without the kernel module nothing more is asked: the tools would take the version to be 9, whatever comes later.
    """
    kernel = parse_version(run(["cat", "/proc/drbd"]).out)
    if kernel is None:
        return State(name, None)
    configured = run(["drbdadm", "sh-ll-dev", name])
    if configured.rc != 0 or not configured.out.strip():
        return State(name, kernel)
    disk = configured.out.split()[0]
    status = read_status(run, name, kernel)
    if status is not None and status.disk not in ("Diskless", "Failed"):
        # The kernel owns the metadata now and dump-md would be refused.
        uuid = parse_gi(run(["drbdadm", "get-gi", name]).out)
        metadata = Metadata("clean" if uuid is not None else "unknown", uuid)
    else:
        metadata = parse_dump_md(run(["drbdadm", "dump-md", name]))
        if metadata.state == "unclean":
            # get-gi reads unclean metadata too, which dump-md refuses.
            metadata = Metadata("unclean", parse_gi(run(["drbdadm", "get-gi", name]).out))
    if status is not None:
        # DRBD writes past what the kernel remembers of the disk, which would be that it is blank.
        run(["blockdev", "--flushbufs", disk])
    return State(name, kernel, disk, status, metadata, read_signatures(run, disk))


# --- the configuration that the kernel has --------------------------------------------------------------------------

#: Where it is noted that DRBD has read a resource's configuration. It does not survive a restart of the host.
STAMPS = Path("/run/dialtone-pbx")


def unread(config: Path, stamp: Path, booted: float) -> bool:
    """Whether a resource that is up has not read its configuration file as it is.

    Where nothing is noted, a file from before the host's start counts as read: who brought the resource up then read it.

    :param stamp: file as old as the last reading that was noted.
    :param booted: when the host started, in seconds since 1970.
    """
    try:
        changed = config.stat().st_ctime
    except OSError:
        return False
    return changed > max(booted, stamp.stat().st_mtime if stamp.exists() else 0.0)


def note_read(stamp: Path, moment: float) -> None:
    """Note that DRBD has read a resource's configuration as it was at a moment, in seconds since 1970."""
    stamp.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp.touch(mode=0o600)
    os.utime(stamp, (moment, moment))


def booted(uptime: Path = Path("/proc/uptime"), now: float | None = None) -> float:
    """Return when the host started, in seconds since 1970."""
    return (time.time() if now is None else now) - float(uptime.read_text(encoding="ascii").split()[0])


# --- deciding ------------------------------------------------------------------------------------------------------


def describe(state: State) -> dict[str, Any]:
    """Return what the diff shows: the parts of the state that a plan can change."""
    return {
        "metadata": "new" if state.metadata.new else state.metadata.state,
        "up": state.status is not None,
        "contents": list(state.contents),
    }


def plan(state: State, desired: Desired) -> list[Action]:
    """Return the commands that take the resource from `state` to `desired`; an empty list when it is there already.

    Raises DrbdError where going on could cost data, or cannot work; the message says what was found and what to do.
    """
    if state.kernel is None:
        raise DrbdError(
            "the DRBD kernel module is not loaded. Load it with `modprobe drbd` (EL: package kmod-drbd9x of"
            " ELRepo; Debian:"
            " it comes with the kernel package, but not with the cloud flavour). Nothing was done: without it the tools"
            " assume version 9 and could write metadata that version 8.4 does not read."
        )
    if state.disk is None:
        raise DrbdError(
            f"DRBD's configuration has no resource {state.name} for this host. `drbdadm dump {state.name}` says"
            " why: the"
            f" file /etc/drbd.d/{state.name}.res must name this host as `uname -n` does."
        )
    planners = {
        "present": _plan_present,
        "formatted": _plan_formatted,
        "up": _plan_up,
        "down": _plan_down,
        "absent": _plan_absent,
    }
    return planners[desired.state](state, desired)


def _up(name: str) -> Action:
    return Action(("drbdadm", "up", name), "attach the disk and connect to the peer", {"up": True})


def _plan_present(state: State, desired: Desired) -> list[Action]:
    actions: list[Action] = []
    if state.metadata.state == "absent":
        if state.status is not None:
            _refuse_unless_replaceable(state, state.status)
        _refuse_unless_blank(state)
        actions.append(
            # Without --force: on a device that holds something after all, drbdmeta asks, and nobody says yes.
            Action(
                ("drbdadm", "create-md", state.name),
                f"{state.disk} was found blank and has no metadata",
                {"metadata": "new"},
            )
        )
        if state.status is None:
            actions.append(_up(state.name))
        else:
            actions.append(Action(("drbdadm", "attach", state.name), "the disk was replaced: the peer fills it"))
    elif state.metadata.state == "unknown":
        raise DrbdError(
            f"it is not clear whether {state.disk} holds DRBD metadata: {state.metadata.detail or 'no answer'}."
            f" Nothing was written. See `drbdadm dump-md {state.name}`; is the device there, and used by nothing else?"
        )
    elif state.metadata.new and state.status is None:
        # Created by a run that did not come to its end. Later on only the cluster takes the resource up and down.
        actions.append(_up(state.name))
    if desired.adjust and state.status is not None:
        actions.append(Action(("drbdadm", "adjust", state.name), "its configuration was written after DRBD read it"))
    return actions


def _refuse_unless_replaceable(state: State, status: Status) -> None:
    # DRBD's guide: create-md and attach, while the service goes on over the peer's disk.
    if status.disk == "Diskless" and [(peer.connection, peer.disk) for peer in status.peers] == [("Connected", "UpToDate")]:
        return
    peers = ", ".join(f"peer {peer.connection}, {peer.disk}" for peer in status.peers) or "no peer"
    raise DrbdError(
        f"resource {state.name} is up, and its disk {state.disk} holds no DRBD metadata. It can be put in the place of one that"
        f" failed only where the resource is Diskless and the peer is connected with an UpToDate copy. Found: disk"
        f" {status.disk}, {peers}. Nothing was written. Is it the right device, and does the peer have its disk?"
    )


def _refuse_unless_blank(state: State) -> None:
    if state.signatures is None:
        raise DrbdError(
            f"{state.disk} could not be read, so it is not proven blank. Does the device exist on this host?"
        )
    if "drbd" in state.signatures:
        raise DrbdError(
            f"{state.disk} carries DRBD metadata that the running version {_dotted(state.kernel)} does not read"
            f" (written by another version, or damaged). Nothing was written. To give up what is on it:"
            f" {wipe(state.disk or '')}, then run this again."
        )
    if state.signatures:
        raise DrbdError(
            f"{state.disk} is not blank: it holds {', '.join(state.signatures)}. Nothing was written. Name the"
            " right device,"
            f" or, to give up what is on this one, {wipe(state.disk or '')}, then run this again."
        )


def _dotted(version: Sequence[int] | None) -> str:
    return ".".join(str(part) for part in version or ())


def _plan_formatted(state: State, desired: Desired) -> list[Action]:
    if desired.fstype not in MKFS:
        raise DrbdError(f"file system {desired.fstype} is not supported: use one of {', '.join(sorted(MKFS))}")
    if not state.metadata.new:
        return _check_formatted(state, desired)
    status = state.status
    if status is None:
        raise DrbdError(
            f"resource {state.name} is not up. Bring it up on both nodes first (`drbdadm up {state.name}`)."
        )
    peer = status.peers[0] if len(status.peers) == 1 else None
    if peer and (peer.disk in ("UpToDate", "Consistent", "Outdated") or "Sync" in peer.replication):
        return []  # The peer has data: DRBD copies it here by itself, and there is nothing to format.
    found = f"role {status.role}, disk {status.disk}, " + (
        f"peer {peer.connection}, {peer.role}, {peer.disk}, replication {peer.replication}" if peer else "no peer"
    )
    if (
        peer is None
        or peer.connection != "Connected"
        or peer.replication != "Established"
        or (status.disk, peer.disk) != ("Inconsistent", "Inconsistent")
        or (status.role, peer.role) != ("Secondary", "Secondary")
    ):
        raise DrbdError(
            f"the first synchronisation may be skipped only when two new disks are connected and both Inconsistent."
            f" Found: {found}. Is the peer up, and does the firewall let the replication port through?"
        )
    if not desired.peer_new:
        raise DrbdError(
            f"the peer did not report that its disk is blank and its metadata new, so the first synchronisation of"
            f" {state.name} cannot be skipped. Found here: {found}. To copy this node's disk over the peer's instead:"
            f" `drbdadm primary --force {state.name}`."
        )
    if state.signatures is None or state.contents:
        raise DrbdError(
            f"{state.disk} holds {', '.join(state.contents) or 'what could not be read'} under new DRBD metadata,"
            " so the peer's"
            f" disk is not equal to it. To keep it, `drbdadm primary --force {state.name}` here (a full copy to"
            " the peer)."
        )
    device = f"/dev/drbd{status.minor}"
    name = state.name
    return [
        Action(
            ("drbdadm", "new-current-uuid", "--clear-bitmap", f"{name}/0"),
            "both disks are blank and new: nothing to copy",
            {"metadata": "clean"},
        ),
        Action(
            ("drbdadm", "primary", name),
            "the file system is written through DRBD",
            undo=("drbdadm", "secondary", name),
        ),
        Action(
            (*MKFS[desired.fstype], *desired.mkfs_options, device),
            "the new device has no file system",
            {"contents": [desired.fstype]},
        ),
        # udev opens a device that was written to; until it is done, DRBD would refuse to give up the role.
        Action(("udevadm", "settle", "--timeout=60"), "wait until udev has looked at the new file system"),
        Action(("drbdadm", "secondary", name), "from here on the cluster decides who is primary"),
    ]


def _check_formatted(state: State, desired: Desired) -> list[Action]:
    if desired.fstype in state.contents:
        return []
    if state.signatures is None:
        raise DrbdError(f"{state.disk} could not be read, so nobody knows whether {state.name} has a file system.")
    if state.contents:
        raise DrbdError(
            f"resource {state.name} holds {', '.join(state.contents)} and not {desired.fstype}. Say so in"
            " drbd_fstype: the"
            " cluster mounts it by that name."
        )
    raise DrbdError(
        f"resource {state.name} is initialised but {state.disk} has no file system (a first run was cut off?). If"
        " you know"
        f" that nothing is on it, on this node: `drbdadm primary {state.name} && mkfs.{desired.fstype}"
        f" $(drbdadm sh-dev {state.name}) && drbdadm secondary {state.name}`. Nothing was written."
    )


def _plan_up(state: State, desired: Desired) -> list[Action]:
    actions = _plan_present(state, desired)
    if state.status is None and not any(action.sets.get("up") for action in actions):
        actions.append(_up(state.name))
    return actions


def _plan_down(state: State, desired: Desired) -> list[Action]:
    if state.status is None:
        return []
    if state.status.role == "Primary":
        raise DrbdError(
            f"resource {state.name} is Primary: it is in service on this node. Move the service first, or put the"
            " node on"
            " standby (`pcs node standby`)."
        )
    return [Action(("drbdadm", "down", state.name), "detach and disconnect", {"up": False})]


def _plan_absent(state: State, desired: Desired) -> list[Action]:
    actions = _plan_down(state, desired)
    if state.metadata.state == "absent":
        return actions
    if not desired.wipe_data:
        raise DrbdError(
            f"{state.disk} holds DRBD metadata ({state.metadata.state}), without which its data is a replica of"
            " nothing."
            " To remove it all the same, set wipe_data."
        )
    # --force answers drbdmeta's question, which the parameter wipe_data has asked already.
    actions.append(Action(("drbdadm", "wipe-md", "--force", state.name), "wipe_data is set", {"metadata": "absent"}))
    return actions


# --- doing ---------------------------------------------------------------------------------------------------------


def expected(state: State, actions: Sequence[Action]) -> dict[str, Any]:
    """Return the description of the state after `actions`, for the diff."""
    after = describe(state)
    for action in actions:
        after.update(action.sets)
    return after


def apply(run: Runner, actions: Sequence[Action]) -> None:
    """Run the commands in order.

    Raises DrbdError at the first that fails, after taking back what can be taken back.
    """
    done: list[Action] = []
    for action in actions:
        result = run(list(action.argv))
        if result.rc != 0:
            undone = [" ".join(a.undo) for a in reversed(done) if a.undo and run(list(a.undo)).rc == 0]
            raise DrbdError(
                f"`{' '.join(action.argv)}` failed with exit code {result.rc}: {(result.err + result.out).strip()}."
                f" Done before: {', '.join(' '.join(a.argv) for a in done) or 'nothing'}."
                + (f" Taken back with: {', '.join(undone)}." if undone else "")
            )
        done.append(action)


# --- judging -------------------------------------------------------------------------------------------------------

_CONNECTION_PROBLEMS = {
    "StandAlone": (
        "gave up the connection to the peer: split brain, or disconnected by hand",
        '`journalctl -k --grep=drbd` tells which ("Split-Brain detected"). By hand: `drbdadm connect {name}`. Split'
        " brain: decide whose changes since the split are given up, in nearly every case those of the node that is not in"
        " service, and run the playbook dialtone.ha_pbx.drbd_discard.",
    ),
    "Connecting": (
        "waits for the peer, which does not answer",
        "Is the peer up, is the resource up there (`drbdadm status {name}`), does the replication link work and"
        " the firewall"
        " let the port through?",
    ),
}
_DISK_PROBLEMS = {
    "Diskless": (
        "has no local disk: detached after an I/O error, or by hand",
        "The service goes on over the peer's disk. Look at `journalctl -k`, replace the disk, then `drbdadm attach"
        " {name}`"
        " (a new, blank disk under the same name: `site.yml --tags disk`).",
    ),
    "Failed": ("has a local disk that failed", "Look at `journalctl -k`, replace the disk, then `site.yml --tags disk`."),
    "Inconsistent": (
        "has a local copy that is not usable alone",
        "It must be synchronised from the peer. If no synchronisation runs, see the connection.",
    ),
    "Outdated": (
        "has a local copy that is older than the peer's",
        "It is brought up to date when the peer is connected. Never force it to be primary while the peer may return.",
    ),
}


def problems(state: State) -> list[dict[str, str]]:
    """Return what is wrong with the resource on this node, each as {"found": …, "cure": …}; empty when it is healthy.

    A running synchronisation is not a problem by itself; the copy it repairs is one while it lasts.
    """
    name = state.name
    if state.kernel is None:
        return [{"found": "the DRBD kernel module is not loaded", "cure": "modprobe drbd"}]
    if state.disk is None:
        return [{"found": f"resource {name} is not configured here", "cure": "Run the role drbd."}]
    if state.status is None:
        return [
            {
                "found": f"resource {name} is down",
                "cure": "The cluster takes it up: see `pcs status`; is the node on standby?",
            }
        ]
    found: list[dict[str, str]] = []

    def add(what: str, cure: str) -> None:
        found.append({"found": f"resource {name} {what}", "cure": cure.format(name=name)})

    status = state.status
    if status.disk != "UpToDate":
        what, cure = _DISK_PROBLEMS.get(
            status.disk, (f"has a local disk in state {status.disk}", "See `drbdadm status {name}`.")
        )
        add(what, cure)
    if status.suspended:
        add(
            f"holds back all input and output ({', '.join(status.suspended)})",
            "It waits for the peer to be fenced or to return: see `pcs stonith history` and `pcs status`. Once the"
            " peer is"
            " certainly off: `pcs stonith confirm <peer>`.",
        )
    if not status.peers:
        add(*_CONNECTION_PROBLEMS["StandAlone"])
    for peer in status.peers:
        if peer.connection == "Connected":
            if status.role == "Primary" and peer.role == "Primary":
                add(
                    "is Primary on both nodes, which destroys its file system",
                    "Stop the service on one node at once, and remove allow-two-primaries from the configuration.",
                )
            if peer.disk not in ("UpToDate", "DUnknown"):
                progress = f", {peer.done:.0f} % in agreement" if peer.done is not None else ""
                add(
                    f"has a peer whose disk is {peer.disk} ({peer.replication}{progress})", "See drbd_info on the peer."
                )
        else:
            what, cure = _CONNECTION_PROBLEMS.get(
                peer.connection, (f"is not connected ({peer.connection})", _CONNECTION_PROBLEMS["Connecting"][1])
            )
            add(what, cure)
    return found


def as_dict(state: State) -> dict[str, Any]:
    """Return the state as the modules report it."""
    status = state.status
    return {
        "name": state.name,
        "version": _dotted(state.kernel),
        "disk": state.disk,
        "up": status is not None,
        "role": status.role if status else None,
        "disk_state": status.disk if status else None,
        "device": f"/dev/drbd{status.minor}" if status else None,
        "suspended": list(status.suspended) if status else [],
        "peers": [
            {
                "name": p.name,
                "connection": p.connection,
                "role": p.role,
                "replication": p.replication,
                "disk_state": p.disk,
                "percent_done": p.done,
            }
            for p in (status.peers if status else ())
        ],
        "metadata": state.metadata.state,
        "metadata_new": state.metadata.new,
        "contents": list(state.contents),
        # What a peer may be told: nothing was ever on this disk, so it equals another of which the same is true.
        "blank": state.metadata.new and state.signatures is not None and not state.contents,
    }
