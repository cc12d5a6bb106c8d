"""Plans, whatever they start from: carried out on a model they reach what is wanted, and then there is nothing left to do."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _drbd as drbd
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_replication as mariadb_replication
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError, Statement
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_account import Account, native_hash, plan_account
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, constraint, resource, values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.plan import plan_values
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError
from ansible_collections.dialtone.ha_pbx.plugins.modules import config_tree

NAMES = st.sampled_from(["ip", "nic", "timeout", "é", "target-role", "with space"])
#: What XML can hold: every letter, and the characters that it must quote.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("<>&'\""), min_size=1, max_size=8)
VALUES = st.dictionaries(NAMES, TEXTS, max_size=4)

EMPTY = '<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/></configuration></cib>'


# --- names and values ------------------------------------------------------------------------------------------------


@given(VALUES, st.dictionaries(NAMES, st.none() | TEXTS, max_size=4), st.booleans(), st.frozensets(NAMES, max_size=2))
def test_names_and_values_become_what_is_declared_and_what_is_kept_stays(
    current: dict[str, str], declared: dict[str, str | None], complete: bool, keep: frozenset[str]
) -> None:
    after = dict(current)
    for action in plan_values("option", "x", current, declared, complete=complete, keep=keep):
        if action.verb == "remove":
            del after[action.name]
        else:
            after[action.name] = str(action.after)
    rest = {name: value for name, value in current.items() if name not in declared and (not complete or name in keep)}
    assert after == {**rest, **{name: value for name, value in declared.items() if value is not None}}
    assert plan_values("option", "x", after, declared, complete=complete, keep=keep) == []


@given(VALUES)
def test_what_is_as_declared_needs_no_plan(current: dict[str, str]) -> None:
    assert plan_values("option", "x", current, dict(current), complete=True) == []


@given(st.sampled_from(sorted(values.PLACES)), VALUES, st.dictionaries(NAMES, st.none() | TEXTS, max_size=4))
def test_defaults_and_properties_stand_in_the_cib_as_declared(
    kind: str, before: dict[str, str], declared: dict[str, str | None]
) -> None:
    root = cib.parse(EMPTY)
    values.apply(root, kind, values.plan(kind, {}, dict(before)))
    values.apply(root, kind, values.plan(kind, values.read(root, kind), declared))
    # What is written is what is read again from the file.
    found = values.read(cib.parse(cib.dump(root)), kind)
    assert found == {n: v for n, v in {**before, **declared}.items() if v is not None}
    assert values.plan(kind, found, declared) == []
    assert len(cib.ids(root)) == sum(1 for element in root.iter() if element.get("id"))


# --- resources -------------------------------------------------------------------------------------------------------

TIMES = st.sampled_from(["10", "10s", "20s", "1min", "500ms"])
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["monitor", "start", "stop"])},
        optional={
            "interval": TIMES,
            "timeout": TIMES,
            "role": st.sampled_from(["Promoted", "master", "Unpromoted", "Started"]),
            "on_fail": st.sampled_from(["restart", "fence"]),
            "OCF_CHECK_LEVEL": st.sampled_from(["10", "20"]),
        },
    ),
    max_size=4,
    unique_by=lambda op: (op["name"], cib.time_ms(op.get("interval", "60s" if op["name"] == "monitor" else "0s"))),
)
IDS = ["db", "ip", "fs"]


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, Any]:
    """A resource in the words of pcs_resource."""
    declared: dict[str, Any] = {"name": draw(st.sampled_from(IDS)), "agent": "ocf:pacemaker:Dummy"}
    declared["options"] = draw(st.none() | VALUES)
    declared["meta"] = draw(st.none() | VALUES)
    declared["operations"] = draw(st.none() | OPERATIONS)
    place = draw(st.sampled_from(["", "alone", "group", "clone", "promotable"]))
    if place == "group":
        declared["group"] = draw(st.sampled_from(["pbx", "other"]))
        declared[draw(st.sampled_from(["after", "before", "nothing"]))] = draw(st.sampled_from(IDS))
    elif place == "alone":
        declared["group"] = ""
    elif place:
        declared[place] = draw(st.dictionaries(st.sampled_from(["clone-max", "notify"]), st.just("1"), max_size=2))
    declared.pop("nothing", None)
    return declared


def made(name: str) -> ET.Element:
    """The bare primitive that pcs makes of the agent."""
    return ET.Element("primitive", {"id": name, "class": "ocf", "provider": "pacemaker", "type": "Dummy"})


def members(root: ET.Element, group: str | None) -> list[str]:
    found = cib.find_resource(root, group) if group else None
    return [] if found is None else [member.get("id", "") for member in found.findall("primitive")]


def carried_out(root: ET.Element, wanted: resource.Desired) -> list[Any]:
    actions = resource.plan(resource.read(root, wanted.name), wanted, members(root, wanted.group))
    resource.apply(root, wanted, actions, made(wanted.name))
    return actions


@given(st.lists(declarations(), min_size=1, max_size=6))
def test_resources_become_as_declared_one_after_the_other(declared: list[dict[str, Any]]) -> None:
    root = cib.parse(EMPTY)
    for declaration in declared:
        wanted = resource.desired_resource(declaration)
        before = cib.dump(root)
        try:
            carried_out(root, wanted)
        except PcsError as refusal:
            # A contradiction, such as a neighbour that is not in the group. Then nothing has changed.
            assert str(refusal)
            assert cib.dump(root) == before
            continue
        root = cib.parse(cib.dump(root))
        found = resource.read(root, wanted.name)
        assert found is not None
        if wanted.options is not None:
            assert found.options == wanted.options
        if wanted.meta is not None:
            assert {n: v for n, v in found.meta.items() if n not in cib.OPERATOR_META or n in wanted.meta} == wanted.meta
        if wanted.operations is not None:
            assert resource.plan_ops(wanted.name, found.operations, wanted.operations) == []
            assert len(found.operations) == len(wanted.operations)
        if wanted.group is not None:
            assert (found.group or "") == wanted.group
        if wanted.clone is not None:
            assert found.clone == wanted.clone
        assert carried_out(root, wanted) == []
    assert len(cib.ids(root)) == sum(1 for element in root.iter() if element.get("id"))
    assert all(group.find("primitive") is not None for group in root.iter("group"))


# --- constraints -----------------------------------------------------------------------------------------------------

ROLES = st.sampled_from(["Promoted", "Master", "Started"])
SCORES = st.sampled_from(["100", "-5", "INFINITY", "-inf", "1000000", 7])
CONSTRAINTS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("location"), "resource": st.sampled_from(IDS), "node": st.just("server1")},
        optional={"score": SCORES, "role": ROLES},
    ),
    st.fixed_dictionaries(
        {"type": st.just("colocation"), "resource": st.sampled_from(IDS), "with_resource": st.sampled_from(IDS)},
        optional={"score": SCORES, "resource_role": ROLES, "with_role": ROLES},
    ),
    st.fixed_dictionaries(
        {"type": st.just("order"), "first": st.sampled_from(IDS), "then": st.sampled_from(IDS)},
        optional={
            "first_action": st.sampled_from(constraint.ACTIONS),
            "then_action": st.sampled_from(constraint.ACTIONS),
            "kind": st.sampled_from(constraint.KINDS),
            "symmetrical": st.booleans(),
        },
    ),
)


def effective_of(whole: constraint.Constraint, found: dict[str, str]) -> dict[str, str]:
    """What a constraint means of which this is all that was ever given; what depends on others was fixed when it was made."""
    fixed = {name: found[name] for name in ("then-action", "symmetrical") if name in found}
    return constraint.effective(whole.type, {**fixed, **whole.attributes})


@given(st.lists(CONSTRAINTS, min_size=1, max_size=4), st.sampled_from(["pacemaker-3.9", "pacemaker-3.2"]))
def test_a_constraint_becomes_as_declared_in_the_words_of_every_schema(declared: list[dict[str, Any]], schema: str) -> None:
    root = cib.parse(EMPTY.replace("pacemaker-3.9", schema))
    cib.section(root, "resources").extend(made(name) for name in IDS)
    had: dict[str, Any] = {}
    for declaration in declared:
        wanted = constraint.desired({**declaration, "id": "rule"})
        before = cib.dump(root)
        try:
            constraint.ensure(root, wanted)
        except PcsError as refusal:
            # It is of another type, or names one resource twice. Then nothing has changed.
            assert "related to itself" in str(refusal) or had.get("type", declaration["type"]) != declaration["type"]
            assert cib.dump(root) == before
            continue
        # What was not given is as it was.
        had = {**had, **declaration}
        text = cib.dump(root)
        assert schema == "pacemaker-3.9" or "Promoted" not in text, "this schema has other words for it"
        root = cib.parse(text)
        found = constraint.read(root, "rule")
        assert found is not None
        whole = constraint.desired({**had, "id": "rule"})
        assert constraint.effective(found.type, found.attributes) == effective_of(whole, found.attributes)
        assert constraint.ensure(root, wanted) == []
    assert (constraint.ensure_absent(root, "rule") != []) == bool(had)
    assert constraint.ensure_absent(root, "rule") == []


# --- accounts --------------------------------------------------------------------------------------------------------

SOME = ["SELECT", "INSERT", "UPDATE", "UPDATE (`a`)", "UPDATE (`b`)", "GRANT OPTION"]
PRIVILEGES = st.frozensets(st.sampled_from(SOME), min_size=1) | st.sampled_from(
    [frozenset({"ALL PRIVILEGES"}), frozenset({"ALL PRIVILEGES", "GRANT OPTION"})]
)
OTHERS = st.frozensets(st.sampled_from(["`role`", "EXECUTE ON PROCEDURE `a%b`.`p`", "PROXY ON `x`@`%`"]))
LEVELS = st.dictionaries(st.sampled_from(["*.*", "`cdr`.*", "`a%b`.`t`"]), PRIVILEGES, max_size=3)
PASSWORDS = st.text(min_size=1, max_size=8)


@st.composite
def accounts(draw: st.DrawFn, exists: bool) -> tuple[Account, str | None]:
    """An account that exists or is declared, and its password where it has one."""
    password = draw(st.none() | PASSWORDS)
    account = Account(
        "it's %",
        "10.73.0.%",
        "unix_socket" if password is None else "mysql_native_password",
        "" if password is None else native_hash(password),
        draw(st.sampled_from(["none", "ssl", "x509"])),
        draw(LEVELS),
        draw(OTHERS) if exists else frozenset(),
        more_proofs=exists and draw(st.booleans()),
    )
    return account, password


def after_statement(account: Account | None, statement: Statement) -> Account:
    """What a statement makes of an account, as MariaDB's manual says."""
    who = statement.values[:2]
    proofs = "IDENTIFIED BY %s|IDENTIFIED VIA unix_socket"
    if match := re.fullmatch(rf"(CREATE|ALTER) USER %s@%s(?: ({proofs}))?( REQUIRE \w+)?", statement.sql):
        verb, proof, demand = match.groups()
        assert (verb == "CREATE") == (account is None), statement
        account = account or Account(*who, plugin="mysql_native_password")
        if proof == "IDENTIFIED BY %s":
            assert statement.secrets == {2}
            account = replace(account, plugin="mysql_native_password", hash=native_hash(statement.values[2]), more_proofs=False)
        elif proof:
            account = replace(account, plugin="unix_socket", hash="", more_proofs=False)
        return replace(account, tls=demand.split()[-1].lower()) if demand else account
    assert account is not None
    assert account.who == who
    assert account.privileges is not None
    if other := re.fullmatch(r"REVOKE (`.+`|.+ ON PROCEDURE .+|PROXY ON .+) FROM %s@%s", statement.sql):
        name = other[1].replace("%%", "%")
        assert name in account.others
        return replace(account, others=account.others - {name})
    match = re.fullmatch(r"(GRANT|REVOKE) (.+) ON (.+) (?:TO|FROM) %s@%s( WITH GRANT OPTION)?", statement.sql)
    assert match, statement.sql
    verb, text, place, option = match.groups()
    place = place.replace("%%", "%")
    named = {name for name in text.split(", ") if name != "USAGE"} | ({"GRANT OPTION"} if option else set())
    have = set(account.privileges.get(place, ()))
    # The server takes neither a list with both nor a privilege that is not there.
    assert not {"ALL PRIVILEGES", "GRANT OPTION"} <= set(text.split(", "))
    if verb == "GRANT":
        have |= named
        # It shows nothing beside that.
        have &= {"ALL PRIVILEGES", "GRANT OPTION"} if "ALL PRIVILEGES" in have else have
    else:
        [gone] = named
        assert gone in have
        # A privilege on a table takes those on its columns along, ALL PRIVILEGES all but one.
        have = {name for name in have if name != gone and not name.startswith(f"{gone} (")}
    rest = {level: privileges for level, privileges in account.privileges.items() if level != place}
    return replace(account, privileges={**rest, **({place: frozenset(have)} if have else {})})


def may(account: Account | None) -> set[tuple[str, str]]:
    """What an account may do, as (level, privilege)."""
    levels = (account.privileges if account else None) or {}
    return {(place, name) for place, names in levels.items() for name in names}


@given(st.none() | accounts(exists=True), accounts(exists=False), st.sampled_from(["always", "on_create"]))
def test_an_account_becomes_as_wanted(
    before: tuple[Account, str | None] | None, target: tuple[Account, str | None], update: str
) -> None:
    wanted, password = target
    account = before[0] if before else None
    statements = plan_account(account, wanted, password, update)
    had, shall = may(account), may(wanted)
    covers = ("ALL PRIVILEGES", "UPDATE")
    for statement in statements:
        account = after_statement(account, statement)
        # At no moment without what it had and is to have, where the server allows that.
        lost = had & shall - may(account)
        assert not lost or any((place, name) in had - shall for name in covers for place, _name in lost), statement
        # What is shown of it holds no password. A short one may be part of something else that is shown.
        if password is not None and len(password) > 5:
            assert password not in str(statement)
    assert account is not None
    kept = before and update == "on_create" and before[0].plugin == wanted.plugin and wanted.plugin != "unix_socket"
    assert account == (replace(wanted, hash=before[0].hash, more_proofs=before[0].more_proofs) if before and kept else wanted)
    assert plan_account(account, wanted, password, update) == []


# --- replicas --------------------------------------------------------------------------------------------------------

FIELD = {clause: name for name, clause in mariadb_replication.CLAUSES.items()}
BOOLEAN = {"ssl", "ssl_verify"}
SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "host": st.sampled_from(["10.73.0.11", "10.73.0.12"]),
    "port": st.sampled_from([3306, 3307]),
    "user": st.sampled_from(["replication", "o'brien"]),
    "connect_retry": st.integers(1, 60),
    "heartbeat_period": st.sampled_from([0.5, 2.0, 30.0]),
    "use_gtid": st.sampled_from(["slave_pos", "no"]),
    "ssl": st.booleans(),
    "ssl_ca": st.sampled_from(["", "/etc/mysql/ca.pem"]),
    "ssl_cert": st.just(""),
    "ssl_key": st.just(""),
    "ssl_verify": st.booleans(),
}
STATES = st.sampled_from(["started", "stopped", "absent"])


@st.composite
def replicas(draw: st.DrawFn) -> dict[str, Any]:
    """A replica's status, as far as a plan looks at it."""
    status = {name: draw(strategy) for name, strategy in SETTINGS.items()}
    running = draw(st.sampled_from([("Yes", "Yes"), ("No", "No"), ("Connecting", "Yes"), ("No", "Yes"), ("Yes", "No")]))
    status.update(io_running=running[0], sql_running=running[1], healthy=running == ("Yes", "Yes"))
    return status


def replica_after(status: dict[str, Any] | None, step: mariadb_replication.Step) -> dict[str, Any] | None:
    """What a step makes of a replica, as MariaDB's manual says."""
    if step.statement is None:
        return status
    sql, given_values = step.statement.sql, list(step.statement.values)
    if sql.startswith("SET GLOBAL gtid_slave_pos"):
        return status
    if sql.startswith("RESET SLAVE"):
        assert status is None or (status["io_running"], status["sql_running"]) == ("No", "No")
        return None
    if sql.startswith(("START", "STOP")):
        assert status is not None
        word = "Yes" if sql.startswith("START") else "No"
        return {**status, "io_running": word, "sql_running": word, "healthy": word == "Yes"}
    assert sql.startswith("CHANGE MASTER TO "), sql
    if status is not None:
        assert (status["io_running"], status["sql_running"]) == ("No", "No"), "the server refuses this while it runs"
    new = dict(status or {**mariadb_replication.NEW, "use_gtid": "no", "io_running": "No", "sql_running": "No", "healthy": False})
    # Not named, it becomes half of slave_net_timeout.
    new["heartbeat_period"] = 30.0
    for clause in sql.removeprefix("CHANGE MASTER TO ").split(", "):
        name, _equals, value = clause.partition("=")
        if value == "%s":
            value = given_values.pop(0)
        if name in FIELD:
            new[FIELD[name]] = bool(value) if FIELD[name] in BOOLEAN else value
        elif name == "MASTER_USE_GTID":
            new["use_gtid"] = value
    return new


@given(
    st.none() | replicas(),
    st.fixed_dictionaries({name: st.none() | strategy for name, strategy in SETTINGS.items()}),
    STATES,
    st.none() | st.just("a password"),
    st.booleans(),
    st.none() | st.just(("log.000002", 1234)),
)
def test_a_replica_becomes_as_wanted(  # noqa: PLR0917 - the parameters of a plan
    current: dict[str, Any] | None,
    settings: Mapping[str, Any],
    state: str,
    password: str | None,
    password_differs: bool,
    coordinates: tuple[str, int] | None,
) -> None:
    wanted = mariadb_replication.Wanted(**settings, password=password)
    try:
        steps = mariadb_replication.plan_replica(
            current, wanted, state, password_differs and password is not None, coordinates if current is None else None, "1-1-5"
        )
    except MariaDBError as refusal:
        assert str(refusal)
        return
    status = current
    for step in steps:
        status = replica_after(status, step)
        assert "a password" not in step.text + str(step.statement)
    if state == "absent":
        assert status is None
    else:
        assert status is not None
        assert mariadb_replication.differences(status, wanted) == {}
        if state == "stopped":
            assert (status["io_running"], status["sql_running"]) == ("No", "No")
        elif steps:
            assert steps[-1].kind == "run" or status["healthy"]
        # A thread that is connecting is waited for, and nothing else can be done about it.
        status = {**status, "healthy": status["io_running"] == status["sql_running"] == "Yes"}
    if state != "started" or status is None or status["healthy"]:
        assert mariadb_replication.plan_replica(status, wanted, state) == []


# --- DRBD ------------------------------------------------------------------------------------------------------------

DISKS = st.sampled_from(["UpToDate", "Inconsistent", "Outdated", "Diskless", "Failed", "Negotiating"])
DRBD_ROLES = st.sampled_from(["Primary", "Secondary", "Unknown"])
PEERS = st.builds(
    drbd.Peer,
    name=st.just("server2"),
    connection=st.sampled_from(["Connected", "Connecting", "StandAlone"]),
    role=DRBD_ROLES,
    replication=st.sampled_from(["Established", "Off", "SyncSource", "SyncTarget"]),
    disk=DISKS | st.just("DUnknown"),
)
STATUSES = st.builds(
    drbd.Status, role=DRBD_ROLES, disk=DISKS, minor=st.just(0), peers=st.lists(PEERS, max_size=2).map(tuple)
)
METADATA = st.builds(
    drbd.Metadata,
    state=st.sampled_from(["absent", "clean", "unclean", "unknown"]),
    current_uuid=st.sampled_from([None, drbd.UUID_JUST_CREATED, 0x1234567890ABCDEE]),
)
DRBD_STATES = st.builds(
    drbd.State,
    name=st.just("pbx"),
    kernel=st.sampled_from([None, (8, 4, 11), (9, 2, 12)]),
    disk=st.sampled_from([None, "/dev/vdb"]),
    status=st.none() | STATUSES,
    metadata=METADATA,
    signatures=st.sampled_from([None, (), ("drbd",), ("ext4",), ("drbd", "ext4"), ("gpt",), (drbd.REMAINS,)]),
)
#: Two new disks that have just found each other, but for one thing that may be otherwise.
FRESH = drbd.State(
    "pbx",
    (8, 4, 11),
    "/dev/vdb",
    drbd.Status(
        "Secondary", "Inconsistent", 0, (drbd.Peer("server2", "Connected", "Secondary", "Established", "Inconsistent"),)
    ),
    drbd.Metadata("clean", drbd.UUID_JUST_CREATED),
    ("drbd",),
)


@st.composite
def nearly_fresh(draw: st.DrawFn) -> drbd.State:
    """The state in which the first synchronisation may be skipped, or one that differs in one thing."""
    other = draw(DRBD_STATES)
    name = draw(st.sampled_from(["", "status", "metadata", "signatures"]))
    return replace(FRESH, **{name: getattr(other, name)}) if name else FRESH


DESIRED = st.builds(
    drbd.Desired,
    state=st.sampled_from(["present", "formatted", "up", "down", "absent"]),
    fstype=st.sampled_from(["ext4", "xfs", "ntfs"]),
    peer_new=st.booleans(),
    wipe_data=st.booleans(),
)


def drbd_after(state: drbd.State, argv: tuple[str, ...]) -> drbd.State:
    """What a command makes of a node, as the manuals of drbdadm and mkfs say; what would lose data is not carried out."""
    status = state.status
    if argv == ("drbdadm", "create-md", "pbx"):
        assert state.metadata.state == "absent", "metadata would be overwritten"
        assert state.signatures == (), "the disk is not proven blank"
        return replace(state, metadata=drbd.Metadata("clean", drbd.UUID_JUST_CREATED), signatures=("drbd",))
    if argv == ("drbdadm", "up", "pbx"):
        assert status is None
        disk = "Inconsistent" if state.metadata.new else "UpToDate"
        return replace(state, status=drbd.Status("Secondary", disk, 0, (drbd.Peer("server2", "Connecting"),)))
    if argv == ("drbdadm", "wipe-md", "--force", "pbx"):
        assert status is None
        return replace(state, metadata=drbd.Metadata("absent"), signatures=state.contents)
    assert status is not None, f"{argv} on a resource that is down"
    if argv == ("drbdadm", "attach", "pbx"):
        assert status.disk == "Diskless"
        assert state.metadata.new
        assert [peer.disk for peer in status.peers] == ["UpToDate"], "nobody has the data to fill it with"
        return replace(state, status=replace(status, disk="Inconsistent"))
    if argv == ("drbdadm", "down", "pbx"):
        assert status.role != "Primary"
        return replace(state, status=None)
    if argv == ("drbdadm", "new-current-uuid", "--clear-bitmap", "pbx/0"):
        assert state.metadata.new
        peers = tuple(replace(peer, disk="UpToDate") for peer in status.peers)
        metadata = drbd.Metadata("clean", 0x1234567890ABCDEE)
        return replace(state, status=replace(status, disk="UpToDate", peers=peers), metadata=metadata)
    if argv in (("drbdadm", "primary", "pbx"), ("drbdadm", "secondary", "pbx")):
        assert status.disk == "UpToDate"
        return replace(state, status=replace(status, role=argv[1].capitalize()))
    if argv[0].startswith("mkfs."):
        assert argv[1:] in (("-q", "-E", "nodiscard", "/dev/drbd0"), ("-q", "-K", "/dev/drbd0"))
        assert status.role == "Primary"
        assert not state.contents, "a file system would be overwritten"
        return replace(state, signatures=tuple(sorted({*(state.signatures or ()), argv[0].removeprefix("mkfs.")})))
    if argv[:2] == ("udevadm", "settle"):
        return state
    raise AssertionError(f"a command that no plan should have: {argv}")


@given(DRBD_STATES | nearly_fresh(), DESIRED | st.builds(drbd.Desired, state=st.just("formatted"), peer_new=st.booleans()))
def test_a_disk_becomes_as_wanted_or_is_left_alone_with_a_reason(state: drbd.State, desired: drbd.Desired) -> None:
    # Metadata that is absent, or cannot be read, has no UUID.
    assume((state.metadata.current_uuid is None) or state.metadata.state in ("clean", "unclean"))
    try:
        actions = drbd.plan(state, desired)
    except drbd.DrbdError as refusal:
        assert len(str(refusal)) > 20
        return
    before = state
    for action in actions:
        state = drbd_after(state, action.argv)
    if any(action.argv[1] == "wipe-md" for action in actions):
        assert desired.wipe_data
    if any(action.argv[0].startswith("mkfs") for action in actions):
        assert before.metadata.new
        assert desired.peer_new
    shown = drbd.expected(before, actions)
    assert {name: shown[name] for name in ("metadata", "up")} == {
        name: drbd.describe(state)[name] for name in ("metadata", "up")
    }
    assert drbd.plan(state, desired) == []


# --- trees of files --------------------------------------------------------------------------------------------------

PATHS = st.sampled_from(["a.conf", "tenants/one.conf", "tenants/two.conf", "tenants/old/three.conf", "sounds/x.gsm"])
MODES = (0o640, 0o750)


@st.composite
def trees(draw: st.DrawFn) -> dict[str, config_tree.Entry]:
    """A tree of files and directories, with owners and modes that are right or not."""
    tree: dict[str, config_tree.Entry] = {}
    for path, content in draw(st.dictionaries(PATHS, st.sampled_from([b"", b"old", "ñ".encode()]), max_size=4)).items():
        for directory in [".", *config_tree.parents(path)]:
            tree.setdefault(
                directory,
                {"type": "directory", "content": None, "uid": 0, "gid": 0, "mode": draw(st.sampled_from([0o750, 0o755]))},
            )
        tree[path] = {
            "type": "file",
            "content": content,
            "uid": draw(st.sampled_from([0, 7])),
            "gid": 0,
            "mode": draw(st.sampled_from([0o640, 0o644])),
        }
    return tree


@given(
    trees(),
    st.dictionaries(PATHS, st.sampled_from([b"", b"new", "ñ".encode()]), max_size=4),
    st.lists(st.sampled_from(["tenants", "sounds"]), unique=True),
    st.lists(st.sampled_from(["a.conf", "sounds/x.gsm"]), unique=True),
)
def test_a_tree_becomes_as_wanted_and_nothing_else_is_touched(
    current: dict[str, config_tree.Entry], wanted: dict[str, bytes], purge: list[str], absent: list[str]
) -> None:
    absent = [path for path in absent if path not in wanted]
    plan = config_tree.plan(current, wanted, purge, (0, 0), MODES, absent)
    after = dict(current)
    for path in plan["directories"]:
        assert all(parent in after for parent in config_tree.parents(path))
        after[path] = {"type": "directory", "content": None, "uid": 0, "gid": 0, "mode": MODES[1]}
    for path in plan["write"]:
        after[path] = {"type": "file", "content": wanted[path], "uid": 0, "gid": 0, "mode": MODES[0]}
    for path in plan["adjust"]:
        after[path] = {**after[path], "uid": 0, "gid": 0, "mode": MODES[after[path]["type"] == "directory"]}
    for path in plan["remove"]:
        assert not any(other.startswith(path + "/") for other in after), "it is not empty yet"
        del after[path]
    assert config_tree.plan(after, wanted, purge, (0, 0), MODES, absent) == dict.fromkeys(plan, [])
    assert {path: entry["content"] for path, entry in after.items() if path in wanted} == wanted
    for path, entry in current.items():
        if path in wanted or path in plan["adjust"]:
            continue
        gone = path in absent or any(path.startswith(top + "/") for top in purge)
        assert after.get(path) == (None if gone and path in plan["remove"] else entry)
        assert gone or path in after
