"""The verdict on a pair: what may be done without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.dialtone.ha_pbx.plugins.plugin_utils.mariadb_pair import mariadb_pair

NODES = [{"name": "server1", "address": "192.0.2.11"}, {"name": "server2", "address": "192.0.2.12"}]
EMPTY = {"tables": 0, "has_rows": False}
TABLES = {"tables": 2, "has_rows": False}
ROWS = {"tables": 2, "has_rows": True}


def replica(host: str, **more: Any) -> dict[str, Any]:
    return {
        "connection": "", "host": host, "healthy": True, "io_running": "Yes", "io_errno": 0, "sql_running": "Yes",
        "problem": None, **more,
    }  # fmt: skip


def broken(host: str, io: str = "Yes", sql: str = "Yes", errno: int = 0, **more: Any) -> dict[str, Any]:
    return replica(
        host, healthy=False, io_running=io, io_errno=errno, sql_running=sql, problem=f"the replica of {host} is unwell.", **more
    )


def node(
    number: int, replicas: list[dict[str, Any]], binlog: str = "", slave: str = "", **databases: dict[str, Any]
) -> dict[str, Any]:
    return {
        "gtid_domain_id": number, "gtid": {"binlog_pos": binlog, "slave_pos": slave}, "replicas": replicas,
        "databases": databases,
    }  # fmt: skip


def judge(one: dict[str, Any] | None, two: dict[str, Any] | None) -> dict[str, Any]:
    infos = {name: info for name, info in (("server1", one), ("server2", two)) if info is not None}
    return mariadb_pair(infos, NODES, ["asteriskcdr"])


FOLLOWS_TWO, FOLLOWS_ONE = [replica("192.0.2.12")], [replica("192.0.2.11")]


def test_healthy() -> None:
    found = judge(
        node(1, FOLLOWS_TWO, "1-1-9", "2-2-4", asteriskcdr=ROWS), node(2, FOLLOWS_ONE, "2-2-4", "1-1-9", asteriskcdr=ROWS)
    )
    assert found == {"state": "healthy", "problems": [], "source": None, "target": None, "seed": [], "foreign": []}


def test_healthy_while_it_is_written_to() -> None:
    # The replica was read a moment after its primary.
    assert judge(node(1, FOLLOWS_TWO, "1-1-9"), node(2, FOLLOWS_ONE, slave="1-1-12"))["state"] == "healthy"


@pytest.mark.parametrize(
    ("one", "two", "source", "seed"),
    [
        ({}, {}, "server1", []),
        ({"test": EMPTY, "#mysql50#lost+found": EMPTY}, {"test": EMPTY}, "server1", []),
        ({"asteriskcdr": ROWS}, {}, "server1", ["asteriskcdr"]),
        ({}, {"asteriskcdr": ROWS}, "server2", ["asteriskcdr"]),
        ({"asteriskcdr": TABLES}, {"asteriskcdr": ROWS}, "server2", ["asteriskcdr"]),
        ({}, {"asteriskcdr": TABLES}, "server2", ["asteriskcdr"]),
        ({"asteriskcdr": TABLES}, {"asteriskcdr": TABLES}, "server1", ["asteriskcdr"]),
        ({"asteriskcdr": EMPTY}, {}, "server1", ["asteriskcdr"]),
    ],
)
def test_fresh(one: dict[str, Any], two: dict[str, Any], source: str, seed: list[str]) -> None:
    found = judge(node(1, [], **one), node(2, [], **two))
    assert (found["state"], found["source"], found["seed"]) == ("fresh", source, seed)
    assert {found["source"], found["target"]} == {"server1", "server2"}


@pytest.mark.parametrize(
    ("one", "two", "where"),
    [
        ({"crm": ROWS}, {}, "on server1 (2 tables, with rows), is"),
        ({}, {"crm": EMPTY}, "on server2 (0 tables, without rows), is"),
        ({"crm": ROWS}, {"crm": TABLES}, "on server1 (2 tables, with rows) and server2 (2 tables, without rows), is"),
        ({"asteriskcdr": ROWS, "crm": TABLES}, {"asteriskcdr": TABLES}, "on server1 (2 tables, without rows), is"),
    ],
)
def test_a_database_that_is_not_shared_is_named_before_anything_is_replicated(
    one: dict[str, Any], two: dict[str, Any], where: str
) -> None:
    found = judge(node(1, [], **one), node(2, [], **two))
    assert (found["state"], found["source"], found["seed"]) == ("broken", None, [])
    (problem,) = found["problems"]
    assert problem.startswith("The database crm, " + where)
    assert "(asteriskcdr)" in problem and "Add it to mariadb_mm_replication_databases" in problem and "drop it there" in problem
    assert found["foreign"] == [problem]


def test_a_table_in_test_is_somebodys() -> None:
    assert judge(node(1, [], test=TABLES), node(2, []))["state"] == "broken"


def test_listed_it_is_shared() -> None:
    infos = {"server1": node(1, [], crm=ROWS), "server2": node(2, [])}
    found = mariadb_pair(infos, NODES, ["asteriskcdr", "crm"])
    assert (found["state"], found["source"], found["seed"]) == ("fresh", "server1", ["crm"])


def test_half_way_only_what_one_of_them_has_is_in_the_way() -> None:
    follower = node(2, FOLLOWS_ONE, crm=ROWS)
    assert judge(node(1, [], crm=ROWS), follower)["state"] == "half"
    found = judge(node(1, []), follower)
    assert found["state"] == "broken" and "The database crm, on server2" in found["problems"][0]


def test_a_pair_that_replicates_may_have_what_it_likes_until_it_is_begun_anew() -> None:
    found = judge(node(1, FOLLOWS_TWO, crm=ROWS), node(2, FOLLOWS_ONE, crm=ROWS))
    assert (found["state"], found["problems"]) == ("healthy", [])
    assert "The database crm, on server1" in found["foreign"][0]


def test_both_have_rows() -> None:
    found = judge(node(1, [], asteriskcdr=ROWS), node(2, [], asteriskcdr=ROWS))
    assert found["state"] == "broken"
    assert found["source"] is None
    assert "both have rows" in found["problems"][0]
    assert "mariadb_discard_node=OTHER" in found["problems"][0]


def test_an_interrupted_handshake_goes_on() -> None:
    found = judge(node(1, [], "1-1-5", asteriskcdr=ROWS), node(2, FOLLOWS_ONE, slave="1-1-5", asteriskcdr=ROWS))
    assert (found["state"], found["source"], found["target"], found["seed"]) == ("half", "server1", "server2", [])


def test_one_direction_is_gone_and_the_other_node_wrote() -> None:
    found = judge(node(1, [], "1-1-5"), node(2, FOLLOWS_ONE, "2-2-3", "1-1-5"))
    assert found["state"] == "broken"
    assert "2-2-3" in found["problems"][0]


@pytest.mark.parametrize("binlog", ["", "1-1-2"])
def test_a_node_that_was_set_up_anew(binlog: str) -> None:
    # Its replica is healthy, and would pass over what it writes until it has counted up to 5.
    found = judge(node(1, [], binlog), node(2, FOLLOWS_ONE, slave="1-1-5"))
    assert found["state"] == "broken"
    assert "server1 was set up anew" in found["problems"][0]


def test_a_node_whose_log_was_reset() -> None:
    found = judge(node(1, FOLLOWS_TWO), node(2, FOLLOWS_ONE, slave="1-1-5"))
    assert found["state"] == "broken"
    assert "1-1-5" in found["problems"][0]


def test_a_broken_thread() -> None:
    found = judge(node(1, FOLLOWS_TWO), node(2, [broken("192.0.2.11", sql="No")]))
    assert found["state"] == "broken"
    assert found["problems"] == ["server2: the replica of 192.0.2.11 is unwell."]
    found = judge(node(1, [], asteriskcdr=ROWS), node(2, [broken("192.0.2.11", sql="No")]))
    assert found["problems"][1] == "server1 does not replicate at all."


def test_a_machine_that_was_replaced() -> None:
    # Its server has not been given its settings yet, and lets nobody in.
    found = judge(node(1, [broken("192.0.2.12", io="Connecting")], "1-1-9", "2-2-4", asteriskcdr=ROWS), node(0, [], test=EMPTY))
    assert found["state"] == "broken"
    assert "server2 does not replicate at all, and has nothing of asteriskcdr" in found["problems"][1]
    assert "mariadb_discard_node=server2 -e mariadb_discard_confirm=server2" in found["problems"][1]


REFUSED = broken("192.0.2.11", io="Connecting", errno=1045)


@pytest.mark.parametrize("errno", [1045, 2013, 2026])
@pytest.mark.parametrize("io", ["Connecting", "No"])
def test_a_login_that_is_refused_is_no_question_of_data(errno: int, io: str) -> None:
    one, two = node(1, FOLLOWS_TWO, "1-1-9", "2-2-4"), [broken("192.0.2.11", io=io, errno=errno)]
    found = judge(one, node(2, two, "2-2-4", "1-1-7"))
    assert (found["state"], found["problems"]) == ("refused", ["server2: the replica of 192.0.2.11 is unwell."])
    both = judge(node(1, [broken("192.0.2.12", io=io, errno=errno)]), node(2, two))
    assert (both["state"], len(both["problems"])) == ("refused", 2)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        # Something else is wrong besides, or with the other.
        (node(1, FOLLOWS_TWO), node(2, [broken("192.0.2.11", io="Connecting", sql="No", errno=1045)])),
        (node(1, FOLLOWS_TWO), node(2, [broken("192.0.2.11", io="Connecting", errno=2003)])),
        (node(1, [broken("192.0.2.12", io="No", errno=1236)]), node(2, [REFUSED])),
        (node(1, FOLLOWS_TWO), node(2, [broken("192.0.2.11", io="Connecting", errno=1045, connection="other")])),
        (node(1, FOLLOWS_TWO), node(2, [broken("198.51.100.1", io="Connecting", errno=1045)])),
        # It may be a new machine that does not know the account.
        (node(1, []), node(2, [REFUSED])),
        # What has received nothing since cannot be ahead.
        (node(1, FOLLOWS_TWO, "1-1-6"), node(2, [REFUSED], slave="1-1-7")),
        (node(1, FOLLOWS_TWO), node(2, [REFUSED], slave="1-1-7")),
    ],
)
def test_a_login_that_is_refused_beside_something_else_is_broken(one: dict[str, Any], two: dict[str, Any]) -> None:
    assert judge(one, two)["state"] == "broken"


@pytest.mark.parametrize("strange", [replica("198.51.100.1"), replica("192.0.2.11", connection="other")])
def test_a_replica_of_somebody_else(strange: dict[str, Any]) -> None:
    found = judge(node(1, FOLLOWS_TWO), node(2, [strange]))
    assert found["state"] == "broken"
    assert "192.0.2.11" in found["problems"][0]


def test_alone() -> None:
    assert judge(node(1, FOLLOWS_TWO), None)["state"] == "healthy"
    away = judge(node(1, [broken("192.0.2.12", io="Connecting")]), None)
    assert away["state"] == "peer_away"
    assert away["problems"] == ["server1: the replica of 192.0.2.12 is unwell."]
    assert judge(None, node(2, [broken("192.0.2.11", io="No")]))["state"] == "broken"
    assert judge(None, node(2, [broken("192.0.2.11", io="Connecting", sql="No")]))["state"] == "broken"
    assert judge(None, node(2, [replica("198.51.100.1")]))["state"] == "broken"
    unset = judge(None, node(2, []))
    assert unset["state"] == "broken"
    assert "not in this run" in unset["problems"][0]


@pytest.mark.parametrize("infos", [{}, {"somebody": node(1, [])}])
def test_other_hosts_are_refused(infos: dict[str, Any]) -> None:
    with pytest.raises(AnsibleFilterError):
        mariadb_pair(infos, NODES, [])
