"""Replicas: no failure leaves less than before, and TLS is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .conftest import PASSWORD, RECORDS, Pair
from .servers import wait_for


def settings(pair: Pair) -> dict[str, Any]:
    """What the replica on the second server is like, without what moves by itself."""
    [replica] = pair.info(pair.two)["replicas"]
    names = ("host", "port", "user", "connect_retry", "heartbeat_period", "use_gtid", "ssl", "ssl_ca", "ssl_cert", "ssl_verify")
    return {**{name: replica[name] for name in names}, "running": replica["io_running"] != "No", "applying": replica["sql_running"]}


def still_replicates(pair: Pair) -> None:
    wait_for(lambda: pair.info(pair.two)["replicas"][0]["healthy"], 20, "two replicates")
    pair.one.run("INSERT INTO records.cdr (note) VALUES ('after')")
    pair.wait_equal("records.cdr")


WRONG = [
    ({"user": "nobody"}, "1698"),
    ({"port": 1}, "2003"),
    ({"host": "127.0.0.9"}, ""),
    ({"ssl_ca": "{other}"}, "certificate"),
    ({"ssl": False}, "1045"),
    ({"connect_retry": 7, "user": "nobody"}, "1698"),
]


def filled(pair: Pair, given: dict[str, Any]) -> dict[str, Any]:
    return {name: str(pair.pki["two"]) if value == "{other}" else value for name, value in given.items()}


@pytest.mark.parametrize(("given", "code"), WRONG, ids=str)
def test_what_cannot_log_in_is_found_with_the_stored_password(running_pair: Pair, given: dict[str, Any], code: str) -> None:
    before = settings(running_pair)
    for check in (True, False):
        result = running_pair.modules.attempt("mariadb_replica", running_pair.two, check, **filled(running_pair, given), wait=5)
        assert result["failed"]
        assert code in result["msg"]
        assert "Nothing was changed" in result["msg"]
        assert result["executed_queries"] == []
    assert settings(running_pair) == before
    still_replicates(running_pair)


# May log in, and not replicate.
GUEST = {"name": "guest", "host": "127.0.0.1", "tls": "x509", "privileges": {}}


def hide_password(pair: Pair) -> None:
    """Have the second server's master.info in a form that the module does not know: nobody but the server knows the password."""
    (Path(pair.two.value("SELECT @@datadir")) / "master.info").write_text("not for you\n")


@pytest.mark.parametrize(
    "given",
    [
        {"user": "nobody"},
        {"port": 1},
        {"ssl_ca": "{other}"},
        {"ssl": False},
        {"user": "nobody", "connect_retry": 7, "heartbeat_period": 3},
        {"use_gtid": "no", "user": "nobody"},
        # The server itself refuses the statement.
        {"heartbeat_period": 4294968.0},
    ],
    ids=str,
)
def test_what_does_not_start_is_put_back(running_pair: Pair, given: dict[str, Any]) -> None:
    hide_password(running_pair)
    before = settings(running_pair)
    assert before["running"]
    result = running_pair.modules.attempt("mariadb_replica", running_pair.two, **filled(running_pair, given), wait=3)
    assert result["failed"]
    assert "as it was before" in result["msg"]
    assert any(query.startswith("STOP SLAVE") for query in result["executed_queries"])
    wait_for(lambda: settings(running_pair) == before, 20, "two is as before")
    still_replicates(running_pair)


def test_a_stopped_one_is_stopped_again(running_pair: Pair) -> None:
    running_pair.two.run("STOP SLAVE")
    hide_password(running_pair)
    before = settings(running_pair)
    message = running_pair.modules.failing("mariadb_replica", running_pair.two, user="nobody", wait=3)
    assert "as it was before" in message
    assert settings(running_pair) == before
    running_pair.two.run("START SLAVE")
    still_replicates(running_pair)


def test_a_password_that_was_sent_is_taken_back(running_pair: Pair) -> None:
    """The login goes, and the start does not: the account may log in and not replicate."""
    one, two, other = running_pair.one, running_pair.two, "another one"
    running_pair.modules("mariadb_accounts", one, accounts=[{**GUEST, "password": other}])
    before = settings(running_pair)
    message = running_pair.modules.failing("mariadb_replica", two, user="guest", password=other, wait=3)
    assert "as it was before" in message
    assert other not in message
    assert settings(running_pair) == before
    # The stored password is the former one again.
    assert not running_pair.replicate(two)["changed"]
    still_replicates(running_pair)


def test_coordinates_are_kept_when_gtids_do_not_start(pair: Pair) -> None:
    one, two = pair.one, pair.two
    one.run("CREATE DATABASE records", RECORDS)
    status = pair.modules("mariadb_primary_status", one)
    pair.modules("mariadb_seed", two, **seed_of(pair))
    pair.replicate(two, log_file=status["file"], log_pos=status["position"], use_gtid="no")
    one.run("INSERT INTO records.cdr (note) VALUES ('by coordinates')")
    pair.wait_equal("records.cdr")
    before = settings(pair)
    # An account that may not replicate: the login is refused at the start only.
    pair.modules("mariadb_accounts", one, accounts=[{**GUEST, "password": PASSWORD}])
    message = pair.modules.failing("mariadb_replica", two, use_gtid="slave_pos", user="guest", wait=3)
    assert "as it was before" in message
    assert settings(pair) == before
    still_replicates(pair)


def seed_of(pair: Pair) -> dict[str, Any]:
    dump = pair.two.directory / "seed.sql.gz"
    pair.modules("mariadb_snapshot", pair.one, databases=["records"], dest=str(dump), force=True)
    return {"src": str(dump), "databases": ["records"]}


def test_a_position_is_kept_when_a_new_replica_cannot_be_made(pair: Pair) -> None:
    """It is forgotten before the replica is made, and the server refuses that."""
    pair.two.run("SET GLOBAL gtid_slave_pos = '5-5-5'")
    message = pair.replicate_failing(
        pair.two, log_file="pbx-bin.000001", log_pos=4, until_gtid="", heartbeat_period=4294968.0
    )
    assert "removed again" in message
    assert pair.two.replica() is None
    assert pair.two.value("SELECT @@gtid_slave_pos") == "5-5-5"


# --- TLS -----------------------------------------------------------------------------------------------------------

PLAIN = {"ssl": False, "ssl_ca": None, "ssl_cert": None, "ssl_key": None}


@pytest.fixture
def plain_pair(pair: Pair) -> Pair:
    """The second server replicates the first without TLS."""
    pair.accounts(pair.one, tls="none")
    pair.one.run("CREATE DATABASE records", RECORDS)
    pair.replicate(pair.two, **PLAIN)
    pair.wait_equal("records.cdr")
    assert not settings(pair)["ssl"]
    return pair


def test_tls_that_begins_verifies(plain_pair: Pair) -> None:
    done = plain_pair.replicate(plain_pair.two)
    assert done["changed"]
    assert settings(plain_pair)["ssl_verify"]
    assert not done.get("warnings")
    assert not plain_pair.replicate(plain_pair.two)["changed"]
    still_replicates(plain_pair)


def test_tls_that_begins_with_a_wrong_authority_is_refused(plain_pair: Pair) -> None:
    message = plain_pair.replicate_failing(plain_pair.two, ssl_ca=str(plain_pair.pki["two"]))
    assert "certificate" in message
    assert not settings(plain_pair)["ssl"]
    still_replicates(plain_pair)


def test_who_is_told_otherwise_does_not_verify_and_who_is_not_is_warned(plain_pair: Pair) -> None:
    only = plain_pair.modules("mariadb_replica", plain_pair.two, ssl_ca=str(plain_pair.pki["ca"]))
    assert "does not use TLS" in str(only["warnings"])
    told = plain_pair.replicate(plain_pair.two, ssl_verify=False)
    assert not told.get("warnings")
    assert not settings(plain_pair)["ssl_verify"]
    again = plain_pair.replicate(plain_pair.two)
    assert not again["changed"]
    assert "does not verify" in str(again["warnings"])


@pytest.mark.parametrize("state", ["testable", "started"])
def test_a_login_without_tls_is_tried_without_tls(pair: Pair, state: str) -> None:
    """The account demands TLS. A client library that takes TLS by itself would say that all is well."""
    pair.accounts(pair.one, tls="ssl")
    message = pair.replicate_failing(pair.two, **PLAIN, state=state)
    assert "1045" in message
    assert pair.two.replica() is None


def test_check_mode_tries_the_login(running_pair: Pair) -> None:
    for arguments in ({"password": "wrong"}, {"user": "nobody"}):
        assert "Nothing was changed" in running_pair.replicate_failing(running_pair.two, check=True, **arguments)
    assert running_pair.replicate(running_pair.two, check=True, ssl_verify=False)["changed"]
    # The login would be made by this run: what would change is told all the same.
    assert running_pair.replicate(running_pair.two, check=True, check_login=False, password="another")["changed"]


@pytest.mark.parametrize("sign", ["\n", "\r"])
def test_a_password_of_several_lines_is_refused(pair: Pair, sign: str) -> None:
    assert "line break" in pair.replicate_failing(pair.two, password=f"first{sign}second")
    assert pair.two.replica() is None


# --- seeding ---------------------------------------------------------------------------------------------------------


def test_rows_are_seen_under_the_name_that_the_server_gives_the_database(pair: Pair) -> None:
    one, two = pair.one, pair.two
    one.run("CREATE DATABASE records", RECORDS)
    seed = seed_of(pair)
    two.stop()
    two.settings["lower_case_table_names"] = 1
    two.start()
    try:
        two.run("SET sql_log_bin=0", "CREATE DATABASE records", RECORDS, "INSERT INTO records.cdr (note) VALUES ('mine')")
        message = pair.modules.failing("mariadb_seed", two, **{**seed, "databases": ["Records"]})
        assert "has rows of its own" in message
        assert two.value("SELECT COUNT(*) FROM records.cdr") == 1
    finally:
        two.stop()
        del two.settings["lower_case_table_names"]
        two.start()


def test_a_server_that_still_applies_is_not_seeded(running_pair: Pair) -> None:
    running_pair.two.run("STOP SLAVE IO_THREAD")
    message = running_pair.modules.failing("mariadb_seed", running_pair.two, **seed_of(running_pair), force=True)
    assert "Stop the replica first" in message
