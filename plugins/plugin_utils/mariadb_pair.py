# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What state a replicating pair of MariaDB servers is in, and what may be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.dialtone.ha_pbx.plugins.module_utils._mariadb_replication import parse_gtids

# The primary refuses the account or its password, hangs up (which is how it refuses a certificate), or TLS fails: what the
# inventory says is a cure for each.
REFUSALS = (1045, 2013, 2026)


def _discard(name: str) -> str:
    return (
        "ansible-playbook dialtone.ha_pbx.mariadb_discard -i INVENTORY "
        f"-e mariadb_discard_node={name} -e mariadb_discard_confirm={name}"
    )


RESEED = (
    "Find out which node has the right data. What the other one has is saved there and given up, and the pair begun anew, by: "
    + _discard("OTHER")
)


def _own_writes(info: Mapping[str, Any]) -> str:
    """The position of what this server wrote itself; empty when it wrote nothing."""
    written = parse_gtids(info["gtid"]["binlog_pos"]).get(info["gtid_domain_id"])
    return str(written) if written else ""


def _problems_of(name: str, info: Mapping[str, Any], peer: Mapping[str, Any]) -> list[str]:
    """What is wrong with the replicas a node has; none when it has none."""
    problems = []
    for replica in info["replicas"]:
        if replica["connection"] or replica["host"] != peer["address"]:
            called = f" (connection {replica['connection']})" if replica["connection"] else ""
            problems.append(
                f"{name} replicates from {replica['host']}{called}, which is not the address of its peer {peer['name']} "
                f"({peer['address']}). Correct pbx_nodes, or remove that replica (RESET SLAVE ALL)."
            )
        elif not replica["healthy"]:
            problems.append(f"{name}: {replica['problem']}")
    return problems


def _only_disconnected(info: Mapping[str, Any]) -> bool:
    return bool(info["replicas"]) and all(
        replica["sql_running"] == "Yes" and replica["io_running"] in ("Yes", "Connecting", "Preparing")
        for replica in info["replicas"]
    )


def _only_refused(info: Mapping[str, Any], peer: Mapping[str, Any]) -> bool:
    """Whether no more is wrong with a node's replicas of its peer than how they log in there."""
    return all(
        replica["host"] == peer["address"]
        and not replica["connection"]
        and replica["sql_running"] == "Yes"
        and (replica["healthy"] or replica["io_errno"] in REFUSALS)
        for replica in info["replicas"]
    )


def _alone(name: str, info: Mapping[str, Any], peer: Mapping[str, Any]) -> dict[str, Any]:
    problems = _problems_of(name, info, peer)
    if not info["replicas"]:
        problems = [
            f"{name} does not replicate from {peer['name']}, and {peer['name']} is not in this run. Setting up replication "
            "needs both: make it reachable, or leave out --limit."
        ]
    elif not problems:
        return {"state": "healthy", "problems": []}
    elif all(replica["host"] == peer["address"] for replica in info["replicas"]) and _only_disconnected(info):
        return {"state": "peer_away", "problems": problems}
    return {"state": "broken", "problems": problems}


def _without_replica(name: str, info: Mapping[str, Any], databases: Sequence[str]) -> str:
    """What to say of a node without a replica beside one whose replica is unwell."""
    if any(database in info["databases"] for database in databases):
        return f"{name} does not replicate at all."
    return (
        f"{name} does not replicate at all, and has nothing of {', '.join(databases)}. If it was set up anew, let it begin as a copy "
        f"of its peer: {_discard(name)}"
    )


def _tables(database: Mapping[str, Any]) -> str:
    return f"{database['tables']} tables, {'with' if database['has_rows'] else 'without'} rows"


def _foreign(infos: Mapping[str, Any], names: Sequence[str], databases: Sequence[str], both: bool) -> list[str]:
    """Databases that are not shared: everything is replicated, so the first write to one stops replication where it is not.

    :param both: whether those that both nodes have count too: nobody knows that they are equal where none replicates the other.
    """
    found = []
    for name in sorted({key for node in names for key in infos[node]["databases"]} - set(databases)):
        having = {node: infos[node]["databases"][name] for node in names if name in infos[node]["databases"]}
        # A file system's own directory in the data directory; and what an installation brings, which the role removes.
        leftover = name == "test" and not any(database["tables"] for database in having.values())
        if name.startswith("#mysql50#") or leftover or (len(having) == len(names) and not both):
            continue
        where = " and ".join(f"{node} ({_tables(database)})" for node, database in having.items())
        found.append(
            f"The database {name}, on {where}, is not one of those that the pair shares ({', '.join(databases)}). MariaDB replicates "
            "everything, so what is written to it would stop the other node's replication. Add it to "
            "mariadb_mm_replication_databases, and it is copied to the other node and replicated; or save it (`mariadb-dump`) and "
            "drop it there, and keep it on another server."
        )
    return found


def _fresh(infos: Mapping[str, Any], names: Sequence[str], databases: Sequence[str]) -> dict[str, Any]:
    def here(name: str) -> dict[str, Any]:
        return {key: value for key, value in infos[name]["databases"].items() if key in databases}

    filled = [name for name in names if any(database["has_rows"] for database in here(name).values())]
    if len(filled) == 2:
        return {
            "state": "broken",
            "problems": [
                f"neither {names[0]} nor {names[1]} replicates, and both have rows of their own in "
                f"{', '.join(databases)}: setting up replication would mix them or lose one of them. {RESEED}"
            ],
        }
    # Without rows anywhere, whoever has the tables has them right.
    source = (filled or [name for name in names if here(name)] or list(names))[0]
    target = next(name for name in names if name != source)
    return {"state": "fresh", "source": source, "target": target, "seed": sorted(here(source)), "problems": []}


def _lost_past(primary: str, info: Mapping[str, Any], replica: str, position: str, exact: bool) -> list[str]:
    """Whether a replica has transactions of its primary that the primary does not know: it was set up anew.

    Replication runs without an error then, until the primary writes for the first time, and what the primary lacks
    would never come back to it.

    :param exact: whether the primary may be behind by nothing at all. Where it is written to, a replica that receives, and
        was read a moment later, can be ahead.
    """
    domain = info["gtid_domain_id"]
    have = parse_gtids(position).get(domain)
    written = parse_gtids(info["gtid"]["binlog_pos"]).get(domain)
    if have is None or (written is not None and (not exact or written.sequence >= have.sequence)):
        return []
    return [
        f"{replica} has transactions of {primary} up to {have}, and {primary} itself knows "
        f"{written or 'none of its own'}: {primary} was set up anew. {RESEED}"
    ]


def _half(infos: Mapping[str, Any], following: str, missing: str) -> dict[str, Any]:
    """`following` replicates from `missing`, and `missing` does not replicate: a handshake that was interrupted?"""
    lost = _lost_past(missing, infos[missing], following, infos[following]["gtid"]["slave_pos"], exact=True)
    if lost:
        return {"state": "broken", "problems": lost}
    written = _own_writes(infos[following])
    if written:
        return {
            "state": "broken",
            "problems": [
                f"{following} replicates from {missing}, but {missing} not from {following}, which has transactions of its own "
                f"(up to {written}) that {missing} may lack. {RESEED}"
            ],
        }
    return {"state": "half", "source": missing, "target": following, "seed": [], "problems": []}


def mariadb_pair(
    infos: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], databases: Sequence[str]
) -> dict[str, Any]:
    """Judge a pair.

    :param infos: node -> its result of M(dialtone.ha_pbx.mariadb_info), of the nodes that are in the run.
    :param nodes: the two nodes, each with C(name) and C(address).
    :param databases: those that the pair shares.
    :returns: C(state), C(source), C(target), C(seed), C(foreign) and C(problems); the filter mariadb_pair says what each is.
    :raises AnsibleFilterError: that is no pair.
    """
    names = [node["name"] for node in nodes]
    if len(names) != 2 or not infos or not set(infos) <= set(names):
        raise AnsibleFilterError(
            f"mariadb_pair: a pair is two nodes, at least one of them with a mariadb_info; got the nodes {', '.join(names)} and "
            f"infos of {', '.join(infos) or 'none'}"
        )
    peer_of = {names[0]: nodes[1], names[1]: nodes[0]}
    present = [name for name in names if name in infos]
    empty: dict[str, Any] = {"source": None, "target": None, "seed": [], "foreign": []}
    if len(present) == 1:
        return {**empty, **_alone(present[0], infos[present[0]], peer_of[present[0]])}
    problems = [line for name in names for line in _problems_of(name, infos[name], peer_of[name])]
    following = [name for name in names if infos[name]["replicas"]]
    # Setting replication up again copies the shared ones alone, so this counts also where a person is to begin the pair anew.
    foreign = _foreign(infos, names, databases, both=not following)
    empty["foreign"] = _foreign(infos, names, databases, both=True)
    refused = len(following) == 2 and all(_only_refused(infos[name], peer_of[name]) for name in names)
    if problems and not refused:
        missing = [_without_replica(name, infos[name], databases) for name in names if name not in following]
        return {**empty, "state": "broken", "problems": problems + missing}
    if len(following) == 2:
        lost = []
        for name in names:
            peer, receives = peer_of[name]["name"], all(replica["healthy"] for replica in infos[name]["replicas"])
            lost += _lost_past(peer, infos[peer], name, infos[name]["gtid"]["slave_pos"], exact=not receives)
        state = "broken" if lost else "refused" if problems else "healthy"
        return {**empty, "state": state, "problems": problems + lost}
    if len(following) == 1:
        verdict = _half(infos, following[0], next(name for name in names if name not in following))
    else:
        verdict = _fresh(infos, names, databases)
    if foreign and verdict["state"] != "broken":
        verdict = {"state": "broken", "problems": foreign}
    return {**empty, **verdict}
