# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster itself: nodes, Corosync, authentication between the nodes, start at boot."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, corosync
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import (
    PcsError,
    Result,
    Runner,
    capabilities,
    hostname,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.transaction import mon

KNOWN_HOSTS = Path("/var/lib/pcsd/known-hosts")
SERVICES = ("corosync", "pacemaker")
CIB_FILE = Path("/var/lib/pacemaker/cib/cib.xml")
PCSD_PORT = 2224

#: Corosync's own token, in milliseconds.
_COROSYNC_TOKEN_MS = 3000
#: For how long a node is not taken for dead while the token becomes shorter, in milliseconds.
_PATIENCE_MS = 10000
#: Answers over a link after which it is known to hold with new times.
_ANSWERS = 5
#: For how long they are waited for, in seconds.
_SETTLE_SECONDS = 30


@dataclass(frozen=True)
class Desired:
    """A cluster as it is declared. None means: leave that as it is."""

    name: str
    nodes: tuple[corosync.Node, ...]
    transport: str = "knet"
    transport_options: dict[str, str] | None = None
    links: tuple[dict[str, str], ...] = ()
    crypto: dict[str, str] | None = None
    compression: dict[str, str] | None = None
    totem: dict[str, str] | None = None
    quorum: dict[str, str] | None = None
    device: dict[str, str] | None = None
    device_model: dict[str, str] = field(default_factory=dict)
    device_heuristics: dict[str, str] = field(default_factory=dict)
    device_address: str = ""
    enable: bool | None = None
    start: bool | None = None
    wait: int = 0
    user: str = "hacluster"
    authenticate: bool = False


@dataclass(frozen=True)
class Current:
    """A node as it is.

    ``config`` is None without a corosync.conf; ``loaded`` holds the totem options that the running Corosync has;
    ``known`` maps the hosts that pcs here is authorised for to their address.
    """

    config: corosync.Config | None = None
    loaded: dict[str, str] = field(default_factory=dict)
    known: dict[str, tuple[str, int]] = field(default_factory=dict)
    running: bool = False
    enabled: bool = False

    @property
    def member(self) -> bool:
        """Whether the node belongs to a cluster; the file that a package brings does not count."""
        return self.config is not None and not self.config.placeholder


@dataclass(frozen=True)
class Step:
    """One thing to do: text for people, the program, whether the password goes to its stdin, and what takes it back."""

    kind: str
    text: str
    argv: tuple[str, ...]
    password: bool = False
    undo: tuple[str, ...] = ()


def _maps(value: Any) -> dict[str, str]:
    return cib.text_values(value or {})


# Corosync writes its switches as numbers.
_SWITCH = {"true": "1", "false": "0", "yes": "1", "no": "0"}


def _switches(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    return {name: _SWITCH.get(text, text) for name, text in cib.text_values(value).items()}


def desired(params: Mapping[str, Any]) -> Desired:
    """The declaration of pcs_cluster as data.

    :raises PcsError: for what contradicts itself.
    """
    nodes = tuple(
        corosync.Node(node["name"], tuple(node.get("addresses") or [node["name"]])) for node in params["nodes"]
    )
    if not nodes:
        raise PcsError("nodes is empty: a cluster needs at least one node")
    if len({len(node.addresses) for node in nodes}) > 1:
        listed = ", ".join(f"{node.name}: {len(node.addresses)}" for node in nodes)
        raise PcsError(f"the nodes have different numbers of addresses ({listed}): a link needs one on every node")
    if len({node.name for node in nodes}) != len(nodes):
        raise PcsError(f"a node is named twice: {', '.join(node.name for node in nodes)}")
    totem = _switches(params.get("totem"))
    unknown = sorted(set(totem or {}) - corosync.TOTEM_OPTIONS)
    if unknown:
        raise PcsError(f"totem: unknown {', '.join(unknown)}; there are {', '.join(sorted(corosync.TOTEM_OPTIONS))}")
    quorum = _switches(params.get("quorum"))
    if quorum is not None:
        two_node = quorum.pop("two_node", None)
        # pcs derives two_node from the number of nodes and refuses it as an option.
        pair = len(nodes) == 2 and not params.get("quorum_device")  # noqa: PLR2004
        if two_node is not None and (two_node == "1") != pair and quorum.get("auto_tie_breaker") != "1":
            raise PcsError(
                f"quorum: two_node={two_node} cannot be: pcs sets it to 1 for two nodes without a quorum device and"
                " leaves it out otherwise"
            )
        unknown = sorted(set(quorum) - corosync.QUORUM_OPTIONS)
        if unknown:
            raise PcsError(f"quorum: unknown {', '.join(unknown)}; there are {', '.join(corosync.QUORUM_OPTIONS)}")
    device = params.get("quorum_device")
    generic: dict[str, str] | None = None
    model: dict[str, str] = {}
    if device is not None:
        generic = {k: v for k, v in _maps(device).items() if k in ("sync_timeout", "timeout")}
        skip = {"model", "sync_timeout", "timeout", "heuristics", "address"}
        model = dict(_maps({k: v for k, v in device.items() if k not in skip}).items())
        if device:
            generic["model"] = str(device.get("model", "net"))
            if generic["model"] == "net" and not {"host", "algorithm"} <= set(model):
                raise PcsError("quorum_device: model net needs host and algorithm (ffsplit for two nodes)")
    link = _switches(params.get("link_options")) or {}
    return Desired(
        name=params["name"],
        nodes=nodes,
        transport=params.get("transport") or "knet",
        transport_options=_switches(params.get("transport_options")),
        # Every link has the same options, for they are about the quality of lines between the same machines.
        links=tuple({"linknumber": str(number), **link} for number in range(len(nodes[0].addresses)) if link),
        # No switches here: `cipher: none` is a word.
        crypto=None if params.get("crypto") is None else _maps(params["crypto"]),
        compression=None if params.get("compression") is None else _maps(params["compression"]),
        totem=totem,
        quorum=quorum,
        device=generic,
        device_model=model,
        device_heuristics=_maps((device or {}).get("heuristics")),
        device_address=str((device or {}).get("address") or ""),
        enable=params.get("enable"),
        start=params.get("start"),
        wait=params.get("wait") or 0,
        user=params.get("hacluster_user") or "hacluster",
        authenticate=bool(params.get("hacluster_password")),
    )


# --- planning -------------------------------------------------------------------------------------------------


def _words(values: Mapping[str, str] | None) -> list[str]:
    return [f"{name}={value}" for name, value in sorted((values or {}).items())]


def setup_argv(wanted: Desired, overwrite: bool) -> list[str]:
    """``pcs cluster setup`` for a declaration.

    :param overwrite: the nodes hold the file that a package brings; pcs takes any file for a cluster.
    """
    argv = ["pcs", "cluster", "setup", wanted.name]
    for node in wanted.nodes:
        argv += [node.name, *(f"addr={address}" for address in node.addresses)]
    argv += ["transport", wanted.transport, *_words(wanted.transport_options)]
    for link in wanted.links:
        argv += ["link", *_words(link)]
    if wanted.compression:
        argv += ["compression", *_words(wanted.compression)]
    if wanted.crypto:
        argv += ["crypto", *_words(wanted.crypto)]
    if wanted.totem:
        argv += ["totem", *_words(wanted.totem)]
    if wanted.quorum:
        argv += ["quorum", *_words(wanted.quorum)]
    if wanted.enable:
        argv.append("--enable")
    if wanted.start:
        argv.append("--start")
    return [*argv, "--force"] if overwrite else argv


def auth_step(wanted: Desired, names: list[str]) -> Step:
    """``pcs host auth`` for these hosts. Without -p pcs reads the password from stdin."""
    addresses = {node.name: node.addresses[0] for node in wanted.nodes}
    host = wanted.device_model.get("host", "")
    if host:
        addresses.setdefault(host, wanted.device_address or host)
    argv = ["pcs", "host", "auth"]
    for name in names:
        argv += [name, f"addr={addresses[name]}"]
    return Step("auth", f"authorise pcs for {', '.join(names)}", (*argv, "-u", wanted.user), password=True)


def _unknown_hosts(current: Current, wanted: Desired) -> list[str]:
    return [node.name for node in wanted.nodes if current.known.get(node.name) != (node.addresses[0], PCSD_PORT)]


def _device_steps(config: corosync.Config | None, wanted: Desired, current: Current) -> list[Step]:
    if wanted.device is None:
        return []
    have = bool(config and config.device)
    if not wanted.device:
        argv = ("pcs", "quorum", "device", "remove")
        return [Step("device", "remove the quorum device", argv)] if have else []
    generic = {k: v for k, v in wanted.device.items() if k != "model"}
    model = wanted.device["model"]
    steps = []
    host = wanted.device_model.get("host", "")
    add = _device_add(generic, model, wanted.device_model, wanted.device_heuristics)
    moved = have and config is not None and (config.device.get("model") != model or config.device_model.get("host") != host)
    if have and config is not None and not moved:
        return _device_update(config, wanted, generic)
    # First, so that a host that cannot be reached costs nothing.
    if host and wanted.authenticate and host not in current.known:
        steps.append(auth_step(wanted, [host]))
    if moved and config is not None:
        # Votes and tls are pcs's own doing.
        former = {k: v for k, v in config.device.items() if k not in ("model", "votes")}
        former_model = {k: v for k, v in config.device_model.items() if k != "tls"}
        back = _device_add(former, config.device.get("model", "net"), former_model, config.device_heuristics)
        steps.append(Step("device", "remove the old quorum device", ("pcs", "quorum", "device", "remove"), undo=back))
    steps.append(Step("device", f"add the quorum device {host}".rstrip(), add))
    return steps


def _device_add(
    generic: Mapping[str, str], model: str, model_options: Mapping[str, str], heuristics: Mapping[str, str]
) -> tuple[str, ...]:
    argv = ["pcs", "quorum", "device", "add", *_words(generic), "model", model, *_words(model_options)]
    return (*argv, "heuristics", *_words(heuristics)) if heuristics else tuple(argv)


def _device_update(config: corosync.Config, wanted: Desired, generic: dict[str, str]) -> list[Step]:
    def changed(have: Mapping[str, str], want: Mapping[str, str], keep: tuple[str, ...] = ()) -> list[str]:
        words = [f"{k}={v}" for k, v in sorted(want.items()) if have.get(k) != v]
        return words + [f"{k}=" for k in sorted(have) if k not in want and k not in keep]

    first = changed(config.device, generic, ("model", "votes"))
    # tls is pcs's own doing.
    second = changed(config.device_model, wanted.device_model, ("tls",))
    third = changed(config.device_heuristics, wanted.device_heuristics)
    if not first + second + third:
        return []
    argv = ["pcs", "quorum", "device", "update", *first]
    argv += ["model", *second] if second else []
    argv += ["heuristics", *third] if third else []
    return [Step("device", f"change the quorum device: {' '.join(first + second + third)}", tuple(argv))]


def frozen_differences(config: corosync.Config, wanted: Desired) -> list[str]:
    """What differs and cannot change while the cluster runs, as lines "what: now -> declared"."""
    lines = []
    if config.name != wanted.name:
        lines.append(f"name: {config.name} -> {wanted.name}")
    if config.transport != wanted.transport:
        lines.append(f"transport: {config.transport} -> {wanted.transport}")
    now = {node.name: node.addresses for node in config.nodes}
    new = {node.name: node.addresses for node in wanted.nodes}
    for name in sorted(set(now) | set(new)):
        if name not in new:
            lines.append(f"node {name}: in the cluster -> not declared")
        elif name not in now:
            lines.append(f"node {name}: not in the cluster -> declared")
        elif now[name] != new[name]:
            lines.append(f"addresses of {name}: {' '.join(now[name])} -> {' '.join(new[name])}")
    for prefix, values in (
        ("", wanted.transport_options),
        (corosync.CRYPTO_PREFIX, wanted.crypto),
        (corosync.COMPRESSION_PREFIX, wanted.compression),
    ):
        for name, value in sorted((values or {}).items()):
            have = config.totem.get(prefix + name, "")
            if have != value:
                lines.append(f"{prefix}{name}: {have or 'not set'} -> {value}")
    for index, link in enumerate(wanted.links):
        number = link.get("linknumber", str(index))
        have_link = config.links.get(number, {})
        for name, value in sorted(link.items()):
            # corosync.conf prefixes options of knet links.
            names = [name, f"knet_{name}"]
            have = next((have_link[n] for n in names if n in have_link), "")
            if name != "linknumber" and have != value:
                lines.append(f"link {number} {name}: {have or 'not set'} -> {value}")
    if wanted.quorum is not None:
        have_quorum = {k: v for k, v in config.quorum.items() if k in corosync.QUORUM_OPTIONS}
        # For two nodes Corosync implies wait_for_all, so saying it or not is no difference.
        if config.quorum.get("two_node") == "1":
            have_quorum.setdefault("wait_for_all", "1")
        implied = {"wait_for_all": "1"} if config.quorum.get("two_node") == "1" else {}
        want_quorum = {**implied, **wanted.quorum}
        for name in sorted(set(have_quorum) | set(want_quorum)):
            have, want = have_quorum.get(name, "0"), want_quorum.get(name, "0")
            if have != want:
                lines.append(f"quorum {name}: {have} -> {want}")
    return lines


def stale_options(config: corosync.Config, loaded: Mapping[str, str]) -> list[str]:
    """Options of totem that the running Corosync has otherwise than its file: an earlier run was cut off in between.

    :param loaded: what it has, without what it chose itself; empty where it does not run.
    """
    if not loaded:
        return []
    written = {k: _SWITCH.get(v, v) for k, v in config.totem.items() if k in corosync.TOTEM_OPTIONS}
    known = {k: _SWITCH.get(v, v) for k, v in loaded.items() if k in corosync.TOTEM_OPTIONS}
    return sorted(k for k in written.keys() | known.keys() if written.get(k) != known.get(k))


def _totem_words(have: Mapping[str, str], totem: Mapping[str, str]) -> list[str]:
    words = [f"{k}={v}" for k, v in sorted(totem.items()) if have.get(k) != v]
    return words + [f"{k}=" for k in sorted(have) if k not in totem]


def _totem_step(have: Mapping[str, str], totem: Mapping[str, str]) -> Step:
    words = _totem_words(have, totem)
    shown = ", ".join(
        f"{name} {have.get(name, 'not set')} -> {value or 'not set'}" for name, value in (word.split("=", 1) for word in words)
    )
    argv = ("pcs", "cluster", "config", "update", "totem", *words)
    return Step("totem", f"change {shown} in the running cluster", argv)


def _shorter(have: Mapping[str, str], totem: Mapping[str, str]) -> bool:
    """Whether the token becomes shorter. One that is not given is Corosync's own (corosync.conf(5))."""
    return _ms(totem, "token", _COROSYNC_TOKEN_MS) < _ms(have, "token", _COROSYNC_TOKEN_MS)


def _ms(totem: Mapping[str, str], option: str, default: int) -> int:
    # What is no number is for pcs to refuse.
    value = totem.get(option, "")
    return int(value) if value.isdigit() else default


def _totem_steps(current: Current, config: corosync.Config, wanted: Desired) -> list[Step]:
    stale = stale_options(config, current.loaded)
    have = {k: v for k, v in config.totem.items() if k in corosync.TOTEM_OPTIONS}
    totem = have if wanted.totem is None else wanted.totem
    words = _totem_words(have, totem)
    loading = [
        Step("sync", f"give corosync.conf to all nodes ({', '.join(stale)})", ("pcs", "cluster", "sync", "corosync")),
        Step("reload", f"load {', '.join(stale)} into the running Corosync", ("pcs", "cluster", "reload", "corosync")),
    ]
    # What runs is compared, not what is written: a run may have been cut off between the two.
    becomes_shorter = current.running and _shorter(current.loaded or have, totem)
    if (words or stale) and becomes_shorter and config.transport == "knet" and len(config.nodes) > 1:
        # A link is given up when no answer came for half a token, and was asked each quarter of the token of before: right
        # after the change it may be given up on both nodes at once, for longer than the new token. So for that moment nobody
        # is taken for dead: Corosync waits for consensus first.
        patient = {**totem, "consensus": str(max(_PATIENCE_MS, *(_ms(options, "consensus", 0) for options in (have, totem))))}
        return [
            *([_totem_step(have, patient)] if patient != have else loading),
            Step("settle", "wait until the links between the nodes hold with that", ()),
            *([_totem_step(patient, totem)] if patient != totem else []),
        ]
    if words:
        return [_totem_step(have, totem)]
    return loading if stale else []


def plan(current: Current, wanted: Desired) -> list[Step]:
    """What makes a cluster of the nodes, or changes what can change while it runs.

    :returns: the steps, [] when there is nothing to do. None of them needs a peer when nothing has to change.
    :raises PcsError: when something differs that needs the cluster stopped, with each difference and what to do.
    """
    steps: list[Step] = []
    names = [node.name for node in wanted.nodes]
    if not current.member:
        if current.config is not None:
            # pcs takes the package's file for a cluster: it would give the authorisation to the nodes listed there,
            # save it nowhere, and report success.
            text = "remove the corosync.conf that the package brought, which is of no cluster"
            steps.append(Step("placeholder", text, ("pcs", "cluster", "destroy")))
        # Always, not only when no token is there: a token can be of an installation that is gone.
        if wanted.authenticate:
            steps.append(auth_step(wanted, names))
        elif _unknown_hosts(current, wanted):
            raise PcsError(
                f"{hostname()}: pcs is not authorised for {', '.join(_unknown_hosts(current, wanted))}: give"
                " hacluster_password, or run `pcs host auth` by hand"
            )
        text = f"make the cluster {wanted.name} of {', '.join(names)}"
        text += ", start it" if wanted.start else ""
        text += ", enable it at boot" if wanted.enable else ""
        steps.append(Step("setup", text, tuple(setup_argv(wanted, overwrite=False))))
        return steps + _device_steps(None, wanted, current)
    config = current.config
    if config is None:
        raise AssertionError("a member of a cluster has its configuration")
    frozen = frozen_differences(config, wanted)
    if frozen:
        raise PcsError(
            f"{hostname()} is in the cluster '{config.name}', which differs from what is declared in what cannot change"
            " while it runs:\n" + "".join(f"  {line}\n" for line in frozen) + "Nothing was changed. Either declare what"
            " there is, or in a maintenance window: `pcs cluster stop --all`, change it (`pcs cluster link`, `pcs"
            " cluster config update`, `pcs quorum update`, `pcs cluster node`), `pcs cluster start --all`."
        )
    changes = _totem_steps(current, config, wanted) + _device_steps(config, wanted, current)
    missing = _unknown_hosts(current, wanted)
    if missing and wanted.authenticate and (changes or any(name not in current.known for name in missing)):
        steps.append(auth_step(wanted, missing))
    steps += changes
    if wanted.enable is not None and wanted.enable != current.enabled:
        verb = "enable" if wanted.enable else "disable"
        steps.append(Step("enable", f"{verb} the cluster at boot on this node", ("pcs", "cluster", verb)))
    if wanted.start and not current.running:
        steps.append(Step("start", "start the cluster on this node", ("pcs", "cluster", "start")))
    return steps


# --- reading --------------------------------------------------------------------------------------------------


def parse_known_hosts(text: str) -> dict[str, tuple[str, int]]:
    """pcsd's known-hosts: host name to (address, port); hosts without a token are left out."""
    try:
        content = json.loads(text)
    except ValueError:
        # A file that pcs itself cannot read either; authorising again writes a new one.
        return {}
    hosts = content.get("known_hosts") if isinstance(content, dict) else None
    known = {}
    for name, host in hosts.items() if isinstance(hosts, dict) else ():
        if not isinstance(host, dict) or not host.get("token"):
            continue
        destinations = host.get("dest_list")
        first = destinations[0] if isinstance(destinations, list) and destinations else {}
        if not isinstance(first, dict):
            continue
        port = str(first.get("port", PCSD_PORT))
        known[name] = (str(first.get("addr", "")), int(port) if re.fullmatch("[0-9]{1,5}", port) else 0)
    return known


def _cmap(text: str) -> dict[str, str]:
    """What corosync-cmapctl prints: "totem.token (u32) = 3000" becomes {"totem.token": "3000"}."""
    lines = (line.partition(" = ") for line in text.splitlines())
    return {key.split(" ")[0]: value.strip() for key, separator, value in lines if separator}


def parse_cmap(text: str) -> dict[str, str]:
    """``corosync-cmapctl -b totem.``: "totem.token (u32) = 3000" becomes {"token": "3000"}."""
    return {key[len("totem.") :]: value for key, value in _cmap(text).items() if key.startswith("totem.")}


def read(run: Runner, corosync_conf: Path = corosync.COROSYNC_CONF, known_hosts: Path = KNOWN_HOSTS) -> Current:
    """The state of this node: files and local services, no peer is asked."""
    conf = corosync.read_text(corosync_conf)
    hosts = corosync.read_text(known_hosts)
    active = run(["systemctl", "is-active", *SERVICES])
    enabled = run(["systemctl", "is-enabled", *SERVICES])
    running = active.out.split() == ["active"] * len(SERVICES)
    loaded = run(["corosync-cmapctl", "-b", "totem."]) if running else Result(1, "", "")
    return Current(
        config=None if conf is None else corosync.config(conf),
        loaded=parse_cmap(loaded.out) if loaded.rc == 0 else {},
        known=parse_known_hosts(hosts or ""),
        running=running,
        enabled=enabled.out.split() == ["enabled"] * len(SERVICES),
    )


# --- applying -------------------------------------------------------------------------------------------------


def may_overwrite(run: Runner, wanted: Desired) -> bool:
    """Whether setup has to, and may, replace files on the nodes.

    pcs refuses nodes that have a corosync.conf, and Debian's package brings one. Replacing one that is not that
    would destroy a cluster, so each node's file is looked at first.

    :raises PcsError: when a node is in a real cluster, or cannot be asked.
    """
    overwrite = False
    for node in wanted.nodes:
        result = run(["pcs", "cluster", "corosync", node.name])
        if result.rc != 0:
            # No file, or an old pcsd that cannot say: then pcs's own check in setup decides.
            continue
        config = corosync.config(result.out)
        if not config.placeholder:
            mates = ", ".join(n.name for n in config.nodes)
            own = hostname()
            addresses = next((n.addresses for n in wanted.nodes if n.name == own), ("…",))
            # The authorisation comes first: what that node has is the old installation's, and node remove needs it.
            raise PcsError(
                f"{node.name} is already in the cluster '{config.name}' (nodes {mates}), and {own} is in none. Nothing was"
                f" changed. Was {own} installed anew? Then on {node.name}: `pcs host auth {own} addr={addresses[0]} -u"
                f" {wanted.user}`, `pcs cluster node remove {own}`, `pcs cluster node add {own}"
                f" {' '.join(f'addr={address}' for address in addresses)}`, and run this again. If that cluster is to go:"
                f" on {node.name} `pcs cluster destroy`."
            )
        overwrite = True
    return overwrite


def refuse_unreachable(run: Runner, wanted: Desired, what: str) -> None:
    """Refuse a change of corosync.conf while a node cannot be reached.

    pcs would write the file where it can, fail, and leave the nodes with different ones.
    """
    for node in wanted.nodes:
        result = run(["pcs", "cluster", "corosync", node.name])
        if result.rc != 0:
            raise PcsError(
                f"{hostname()}: cannot {what}, because {node.name} does not answer: {result.text}\nNothing was changed."
                " All nodes need the same corosync.conf: run again when it is back."
            )


def refuse_used_placeholder(path: Path = CIB_FILE) -> None:
    """Refuse to remove the cluster of a package's corosync.conf when somebody has put resources into it."""
    text = corosync.read_text(path)
    names = [] if text is None else cib.resource_ids(cib.parse(text, str(path)))
    if names:
        raise PcsError(
            f"{hostname()}: its corosync.conf is that of the package, with one node on the loopback, and yet its cluster"
            f" has resources ({', '.join(names)}). Nothing was changed. If they may go: `pcs cluster destroy` there."
        )


def confirmed(run: Runner, argv: list[str]) -> list[str]:
    """A command that pcs wants confirmed, in its dialect: --yes where it knows that.

    Before, 0.11 asks at a terminal only, and 0.10 never and refuses --force.
    """
    return [*argv, "--yes"] if "pcs.yes-to-confirm-commands" in capabilities(run) else argv


CURES = {
    "placeholder": "`systemctl stop pacemaker corosync` and the removal of /etc/corosync/corosync.conf do the same.",
    "auth": "Is pcsd running on every node (`systemctl status pcsd`), port 2224 open between them, and the password of"
    " the account the same everywhere?",
    "setup": "Nothing of an existing cluster was replaced. The message names the node; `journalctl -u pcsd` there has"
    " more.",
    "totem": "Every node must be reachable, for all need the same corosync.conf. Run again when they are; what was"
    " written already is completed then.",
    "settle": "`corosync-cfgtool -s` shows the links. Run again when they hold: until then Corosync waits 10 s before it takes a node"
    " for dead.",
    "sync": "Every node must be reachable, for all need the same corosync.conf.",
    "reload": "`corosync-cfgtool -R` shows more.",
    "device": "Is pcsd running on the quorum device's host, is it authorised (`pcs host auth`), and did `pcs qdevice"
    " setup model net --enable --start` run there?",
    "enable": "`systemctl status corosync pacemaker` shows more.",
    "start": "`journalctl -u corosync -u pacemaker` shows more.",
}


def apply(run: Runner, wanted: Desired, current: Current, steps: list[Step], password: str | None) -> None:
    """Carry out a plan, then wait until the cluster is there.

    :param password: of the account hacluster, for stdin.
    :raises PcsError: with the step that failed, and what to do.
    """
    done: list[Step] = []
    for step in steps:
        argv = list(step.argv)
        if step.kind == "placeholder":
            refuse_used_placeholder()
            argv = confirmed(run, argv)
        if step.kind == "setup" and may_overwrite(run, wanted):
            argv = setup_argv(wanted, overwrite=True)
        if step.kind == "totem" and "corosync.config.update" not in capabilities(run):
            raise PcsError(
                f"{hostname()}: this pcs cannot change Corosync's options in a running cluster (it lacks the capability"
                " corosync.config.update). Nothing was changed. Update pcs, or edit /etc/corosync/corosync.conf, then"
                " `pcs cluster sync corosync` and `pcs cluster reload corosync`."
            )
        if step.kind in ("totem", "sync", "device") and current.member:
            refuse_unreachable(run, wanted, step.text)
        result = wait_links(run) if step.kind == "settle" else run(argv, stdin=password if step.password else None)
        if result.rc != 0:
            raise PcsError(f"{hostname()}: could not {step.text}: {result.text}\n{CURES[step.kind]}{_taken_back(run, done)}")
        done.append(step)
    if wanted.wait and any(step.kind in ("setup", "start") for step in steps) and wanted.start:
        everybody = any(step.kind == "setup" for step in steps)
        names = [node.name for node in wanted.nodes] if everybody else [_own_name(wanted)]
        wait_online(run, names, wanted.wait)


@dataclass(frozen=True)
class Links:
    """What Corosync counts: answers by link ("node2.link0"), of those that are up, and how often it began and ended to regroup."""

    answers: dict[str, int]
    gathered: int
    operational: int


def parse_links(text: str) -> Links:
    """``corosync-cmapctl -m stats``: "stats.knet.node2.link0.connected (u8) = 1" and the like (cmap_keys(7)).

    A node's link to itself is asked nothing, and does not count.
    """
    counters = {key: int(value) for key, value in _cmap(text).items() if value.isdigit()}
    links = {
        name[1]: counters.get(f"stats.knet.{name[1]}.rx_pong_packets", 0)
        for key in counters
        if (name := re.fullmatch(r"stats\.knet\.(node\d+\.link\d+)\.connected", key)) and counters[key] == 1
    }
    return Links(
        {name: answers for name, answers in links.items() if answers},
        counters.get("stats.srp.gather_entered", 0),
        counters.get("stats.srp.operational_entered", 0),
    )


def parse_members(text: str) -> int:
    """``corosync-cmapctl -b runtime.members.``: how many nodes are members ("runtime.members.2.status (str) = joined")."""
    return sum(key.endswith(".status") and value == "joined" for key, value in _cmap(text).items())


def wait_links(run: Runner) -> Result:
    """Wait until all links that are up have borne some more answers, and Corosync is not about to regroup.

    A node that is the only member waits for nobody: no other can be taken for dead.

    :returns: code 1, with the links that did not, when that takes longer than half a minute.
    """
    argv = ["corosync-cmapctl", "-m", "stats"]
    first = parse_links(run(argv).out)
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        if parse_members(run(["corosync-cmapctl", "-b", "runtime.members."]).out) == 1:
            return Result(0, "", "")
        now = parse_links(run(argv).out)
        # A link that had been given up when it was looked at first is there again.
        silent = [name for name in first.answers.keys() | now.answers.keys()
                  if now.answers.get(name, 0) < first.answers.get(name, 0) + _ANSWERS]  # fmt: skip
        regrouping = now.gathered - first.gathered > now.operational - first.operational
        if now.answers and not silent and not regrouping:
            return Result(0, "", "")
        if time.monotonic() >= deadline:
            names = ", ".join(sorted(silent)) or "any link"
            found = "Corosync still regroups" if now.answers and not silent else f"no answers over {names}"
            return Result(1, "", f"after {_SETTLE_SECONDS} s {found}")
        # Corosync has no way to block until a link holds.
        time.sleep(0.2)


def _taken_back(run: Runner, done: list[Step]) -> str:
    """Take back what would leave less than before, the last first; a sentence about it, "" when there is nothing."""
    said = ""
    for step in reversed([step for step in done if step.undo]):
        result = run(list(step.undo))
        if result.rc == 0:
            said += " What was done before is taken back: the cluster is as it was."
        else:
            said += f" What was done before could not be taken back: `{' '.join(step.undo)}` says {result.text}"
    return said


def _own_name(wanted: Desired) -> str:
    names = [node.name for node in wanted.nodes]
    own = hostname()
    return own if own in names else ""


def wait_online(run: Runner, names: list[str], seconds: int) -> None:
    """Wait until these nodes are online, at most ``seconds``; with "" only until Pacemaker here answers.

    With one node of two Corosync waits for the other before it gives quorum (wait_for_all), so a single node that
    starts is waited for only until it is in touch with its own Pacemaker.

    :raises PcsError: when the time is over; with who is missing.
    """
    deadline = time.monotonic() + seconds
    missing, answer = names, ""
    while True:
        try:
            state = mon(run)
            online = {node["name"] for node in state["nodes"] if node["online"] and not node["pending"]}
            missing = [name for name in names if name and name not in online]
            if not missing and (state["dc"] or len(names) == 1):
                return
        except PcsError as error:
            answer = str(error)
        if time.monotonic() >= deadline:
            break
        # crm_mon has no way to block until a node joins.
        time.sleep(0.5)
    raise PcsError(
        f"{hostname()}: the cluster was started, but after {seconds} s not online: {', '.join(missing) or 'no DC'}."
        f" {answer} On those nodes: `journalctl -u corosync -u pacemaker`; between them UDP 5405 must be open."
    )
