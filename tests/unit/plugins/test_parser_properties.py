"""Whatever a program prints or a file holds, a parser answers, or raises the error of its own kind, which names the cure."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _drbd as drbd,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb_account as mariadb_account,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _mariadb_replication as mariadb_replication,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils import (
    _preflight as preflight,
)
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._drbd import DrbdError
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb import MariaDBError
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs import cib, cluster, constraint, corosync, status
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._pcs.runner import PcsError
from ansible_collections.dialtone.ha_pbx.plugins.module_utils._preflight import PreflightError

RECORDED = Path(__file__).parent / "module_utils/pcs/fixtures"

EVENTS2 = """\
exists resource name:pbx role:Primary suspended:no
exists connection name:pbx peer-node-id:0 conn-name:remote connection:Connected role:Secondary
exists device name:pbx volume:0 minor:0 disk:UpToDate
exists peer-device name:pbx peer-node-id:0 conn-name:remote volume:0 replication:SyncSource peer-disk:Inconsistent done:41.50
exists -
"""
STATUS_JSON = json.dumps(
    [
        {
            "name": "pbx",
            "role": "Primary",
            "suspended": False,
            "devices": [{"volume": 0, "minor": 0, "disk-state": "UpToDate"}],
            "connections": [
                {
                    "name": "server2",
                    "connection-state": "Connected",
                    "peer-role": "Secondary",
                    "peer_devices": [
                        {
                            "volume": 0,
                            "replication-state": "SyncSource",
                            "peer-disk-state": "Inconsistent",
                            "has-sync-details": True,
                            "percent-in-sync": 41.5,
                        }
                    ],
                }
            ],
        }
    ]
)
DUMP_MD = 'version "v08";\nuuid {\n    0x0000000000000004; 0x0;\n}\n'
SIGNATURES = '{"signatures": [{"device": "vdb", "offset": "0x438", "type": "ext4"}]}'
GRANTS = "GRANT SELECT (a, b), INSERT ON `asteriskcdr`.* TO `asterisk`@`localhost` WITH GRANT OPTION"
GLOBAL_PRIV = '{"access": 0, "plugin": "mysql_native_password", "authentication_string": "*AB", "ssl_type": 2}'
MASTER_INFO = "33\nlog.000002\n1234\n10.73.0.12\nreplication\nsecret\n3306\n1\n"
KNOWN_HOSTS = '{"known_hosts": {"server1": {"dest_list": [{"addr": "10.73.0.11", "port": 2224}], "token": "t"}}}'
LSBLK = json.dumps(
    {
        "blockdevices": [
            {"name": "sda", "path": "/dev/sda", "type": "disk", "size": "8589934592", "ro": "0", "fstype": None,
             "mountpoints": [None],
             "children": [{"name": "sda1", "path": "/dev/sda1", "type": "part", "size": 1, "mountpoints": ["/", "[SWAP]"]}]},
            {"name": "sdb", "path": "/dev/sdb", "type": "disk", "size": 8589934592, "ro": False, "mountpoints": []},
        ]
    }
)  # fmt: skip
ROUTE = '[{"dst": "192.0.2.3", "dev": "eth0", "prefsrc": "192.0.2.1", "flags": [], "uid": 0, "cache": []}]'
NEIGHBOUR = '[{"dst": "192.0.2.3", "lladdr": "52:54:00:00:00:03", "state": ["REACHABLE"]}]'


def recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


#: What to parse, the error it may raise, and an example of what it is made for.
PARSERS: dict[str, tuple[Callable[[str], Any], type[Exception], str]] = {
    "corosync.conf": (corosync.config, PcsError, recorded("corosync-pair.conf")),
    "the CIB": (cib.parse, PcsError, recorded("cib-3.0.xml")),
    "crm_mon": (status.parse_mon, PcsError, recorded("crm_mon-3.0.xml")),
    "crm_simulate": (status.parse_simulation, PcsError, recorded("crm_simulate-3.0.xml")),
    "known-hosts of pcsd": (cluster.parse_known_hosts, PcsError, KNOWN_HOSTS),
    "corosync-cmapctl": (cluster.parse_cmap, PcsError, recorded("cmap.txt")),
    "a score": (constraint.normal_score, PcsError, "-INFINITY"),
    "a time": (cib.time_ms, PcsError, "500ms"),
    "/proc/drbd": (drbd.parse_version, DrbdError, "version: 8.4.11 (api:1/proto:86-101)\n"),
    "drbdsetup events2": (lambda text: drbd.parse_events2(text, "pbx"), DrbdError, EVENTS2),
    "drbdsetup status": (lambda text: drbd.parse_status_json(text, "pbx"), DrbdError, STATUS_JSON),
    "drbdadm get-gi": (drbd.parse_gi, DrbdError, "0000000000000004:0000000000000000:1:1:0:0\n"),
    "drbdadm dump-md": (lambda text: drbd.parse_dump_md(drbd.Result(0, text, "")), DrbdError, DUMP_MD),
    "wipefs": (lambda text: drbd.parse_signatures(drbd.Result(0, text, "")), DrbdError, SIGNATURES),
    "lsblk of a device": (lambda text: preflight.parse_lsblk(drbd.Result(0, text, "")), PreflightError, LSBLK),
    "lsblk of a host": (lambda text: preflight.parse_candidates(drbd.Result(0, text, "")), PreflightError, LSBLK),
    "ip route get": (lambda text: preflight.parse_route(drbd.Result(0, text, "")), PreflightError, ROUTE),
    "ip neighbour show": (lambda text: preflight.parse_neighbour(drbd.Result(0, text, "")), PreflightError, NEIGHBOUR),
    "a GTID position": (mariadb_replication.parse_gtids, MariaDBError, "1-1-5,2-2-7"),
    "a version of MariaDB": (mariadb_replication.parse_version, MariaDBError, "10.11.19-MariaDB-0+deb12u1-log"),
    "master.info": (
        lambda text: mariadb_replication.replication_password(text, "10.73.0.12", "replication"),
        MariaDBError,
        MASTER_INFO,
    ),
    "a privilege level": (mariadb_account.level, MariaDBError, "`asterisk``cdr`.*"),
    "SHOW GRANTS": (lambda text: mariadb_account.parse_grants([text]), MariaDBError, GRANTS),
    "mysql.global_priv": (lambda text: mariadb_account.account_from("a", "%", text, []), MariaDBError, GLOBAL_PRIV),
}

#: Pieces at which parsers stumble.
PIECES = st.sampled_from(
    [*"{}:=,- \n<>/\"`\0", "[]", "null", "0", "-1", "1e9", "\N{ARABIC-INDIC DIGIT THREE}", "9" * 5000, "ring_addr: x\n"]
)


@st.composite
def mangled(draw: st.DrawFn, sample: str) -> str:
    """A text of the right kind in which some places were removed, doubled, or overwritten."""
    text = sample
    for _edit in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        text = text[:at] + draw(PIECES | st.text(max_size=6)) + text[at + length :]
    return text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["known_hosts", "dest_list", "token", "addr", "port", "name", "devices", "connections", "peer_devices", "volume"]
            + ["minor", "signatures", "type", "plugin", "ssl_type", "authentication_string", "role", "percent-in-sync"]
            + ["blockdevices", "children", "mountpoints", "size", "ro", "dev", "state", "lladdr", "fstype"]
        ),
        inner | st.just("pbx") | st.just(0),
        max_size=4,
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("what", PARSERS)
@given(data=st.data())
def test_any_text_is_read_or_refused(what: str, data: st.DataObject) -> None:
    parse, error, sample = PARSERS[what]
    text = data.draw(mangled(sample) | st.text(max_size=60))
    try:
        parse(text)
    except error as refusal:
        assert str(refusal)


@pytest.mark.parametrize(
    "what",
    ["known-hosts of pcsd", "drbdsetup status", "wipefs", "mysql.global_priv", "lsblk of a device", "lsblk of a host"]
    + ["ip route get", "ip neighbour show"],
)
@given(data=st.data())
def test_json_of_any_shape_is_read_or_refused(what: str, data: st.DataObject) -> None:
    parse, error, _sample = PARSERS[what]
    text = json.dumps(data.draw(JSON))
    try:
        parse(text)
    except error as refusal:
        assert str(refusal)


@pytest.mark.parametrize("what", PARSERS)
def test_the_examples_themselves_are_read(what: str) -> None:
    parse, _error, sample = PARSERS[what]
    assert parse(sample) not in (None, "", {}, [])


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.tuples(st.integers(1, 2**32 - 1), st.integers(1, 2**64 - 1)), max_size=5))
def test_a_gtid_position_is_read_as_it_was_written(position: dict[int, tuple[int, int]]) -> None:
    gtids = {domain: mariadb_replication.Gtid(domain, *rest) for domain, rest in position.items()}
    text = ",".join(str(gtid) for gtid in gtids.values())
    assert mariadb_replication.parse_gtids(text) == gtids
    assert mariadb_replication.covers(text, text)


@given(st.text(min_size=1).filter(lambda name: name not in ("*",)), st.text(min_size=1) | st.just("*"))
def test_one_privilege_level_has_one_spelling(database: str, table: str) -> None:
    def quoted(name: str) -> str:
        return "*" if name == "*" else "`" + name.replace("`", "``") + "`"

    spelling = mariadb_account.level(f"{quoted(database)}.{quoted(table)}")
    assert mariadb_account.level(spelling) == spelling


@given(st.integers(-(10**8), 10**8))
def test_a_score_is_read_as_it_was_written_and_infinite_from_a_million(score: int) -> None:
    once = constraint.normal_score(str(score))
    assert constraint.normal_score(once) == once
    if abs(score) < 1_000_000:
        assert int(once) == score
    else:
        assert once == ("INFINITY" if score > 0 else "-INFINITY")
