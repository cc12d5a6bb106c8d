"""The certificate that a server shows is the one in its file: also when an earlier run lost that, or when the former one is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.dialtone.ha_pbx.plugins.module_utils import _mariadb_certificate as mariadb_certificate

from .conftest import PASSWORD, RECORDS, Pair
from .servers import Server, expire

SHOWN = "SHOW STATUS LIKE 'Ssl_server_not_%'"


@pytest.fixture
def server(pair: Pair) -> Iterator[Server]:
    """A server that shows what its file holds, and does so again afterwards."""
    certificate = pair.pki["one"]
    good = certificate.read_text()
    pair.modules("mariadb_certificate", pair.one)
    yield pair.one
    certificate.write_text(good)
    pair.one.run("FLUSH LOCAL SSL")
    mariadb_certificate.stamp({"socket": pair.one.socket}).unlink(missing_ok=True)


def test_a_certificate_that_is_loaded_is_left_alone(pair: Pair, server: Server) -> None:
    before = server.rows(SHOWN)
    again = pair.modules("mariadb_certificate", server)
    assert (again["changed"], again["executed_queries"], again["certificate"]["loaded"]) == (False, [], True)
    assert again["certificate"]["path"] == str(pair.pki["one"])
    assert 0 < again["certificate"]["seconds_left"] <= 2 * 86400
    assert server.rows(SHOWN) == before


def test_a_certificate_that_a_run_wrote_and_did_not_load_is_loaded_by_the_next(pair: Pair, server: Server) -> None:
    before = server.rows(SHOWN)
    expire(pair.pki["one"])
    assert not pair.info(server)["certificate"]["loaded"]
    announced = pair.modules("mariadb_certificate", server, check=True)
    assert announced["changed"] and announced["executed_queries"] == []
    assert announced["diff"]["before"] != announced["diff"]["after"]
    assert server.rows(SHOWN) == before
    loaded = pair.modules("mariadb_certificate", server)
    assert loaded["executed_queries"] == ["FLUSH LOCAL SSL"]
    assert server.rows(SHOWN) != before
    assert loaded["certificate"]["seconds_left"] < 0
    assert not pair.modules("mariadb_certificate", server)["changed"]


def test_an_expired_certificate_is_replaced_over_the_socket(pair: Pair, server: Server) -> None:
    certificate = pair.pki["one"]
    good = certificate.read_text()
    expire(certificate)
    pair.modules("mariadb_certificate", server)
    certificate.write_text(good)
    loaded = pair.modules("mariadb_certificate", server)
    assert loaded["changed"]
    assert loaded["certificate"]["seconds_left"] > 0


def test_another_authority_is_read_though_the_dates_are_the_same(pair: Pair, server: Server) -> None:
    authority = pair.pki["ca"]
    authority.write_text(authority.read_text() + "\n")
    assert pair.modules("mariadb_certificate", server)["executed_queries"] == ["FLUSH LOCAL SSL"]
    assert not pair.modules("mariadb_certificate", server)["changed"]


def test_a_dry_run_that_would_write_one_announces_that_it_is_loaded(pair: Pair, server: Server) -> None:
    assert pair.modules("mariadb_certificate", server, check=True, announced=True)["changed"]
    assert not pair.modules("mariadb_certificate", server, announced=True)["changed"]


def test_a_file_that_is_no_certificate_is_a_failure_that_says_so(pair: Pair, server: Server) -> None:
    key = pair.pki["one.key"]
    good = key.read_bytes()
    key.write_text("garbage")
    try:
        assert "MariaDB refused: FLUSH LOCAL SSL" in pair.modules.failing("mariadb_certificate", server)
    finally:
        key.write_bytes(good)


def test_a_dump_goes_on_with_a_certificate_that_is_over(pair: Pair, server: Server, workspace: Path) -> None:
    """A client of 11.4 or later refuses even its own socket then, unless it is told to do without TLS."""
    server.run("CREATE DATABASE records", RECORDS)
    expire(pair.pki["one"])
    server.run("FLUSH LOCAL SSL")
    dump = workspace / "expired.sql.gz"
    pair.modules("mariadb_snapshot", server, databases=["records"], dest=str(dump))
    assert dump.stat().st_size > 0
    dump.unlink()


def test_what_is_noted_is_for_root_alone(pair: Pair, server: Server) -> None:
    pair.pki["ca"].touch()
    pair.modules("mariadb_certificate", server)
    noted = mariadb_certificate.stamp({"socket": server.socket})
    assert noted.stat().st_mode & 0o777 == 0o600
    assert noted.parent.stat().st_mode & 0o777 == 0o700
    assert PASSWORD not in noted.read_text()
