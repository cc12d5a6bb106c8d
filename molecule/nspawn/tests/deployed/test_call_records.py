"""No call record is lost, whatever the database does; what keeps records from arriving is named."""

from __future__ import annotations

import random
import time

from lab import exchange
from lab.benchmarks.records import (
    ARRIVAL_LIMIT,
    Audit,
    Fault,
    Numbers,
    frozen,
    numbers_taken,
    started_without,
    stopped,
    with_fault,
)
from lab.config import HOSTS
from lab.sipp import Load
from lab.testing import playbook, verify

CDR_CONF = "/etc/asterisk/cdr.conf"
CUT = 10
#: Longer than between two signs of life of Asterisk on the disk.
TALKED_SECONDS = 8


def audited(fault: Fault, seconds: float, *, before_calls: bool = False) -> Audit:
    result = with_fault(fault, seconds, before_calls, random.Random(1), Numbers())  # noqa: S311
    assert result.problems(calls_may_fail=False) == [], result
    return result


def test_records_wait_for_a_database_that_is_stopped() -> None:
    audited(stopped, 6)


def test_calls_do_not_wait_for_a_database_that_hangs() -> None:
    audited(frozen, 6)


def test_an_asterisk_that_started_without_its_database_records_every_call() -> None:
    audited(started_without, 3, before_calls=True)


def test_calls_that_ended_with_asterisk_have_a_record_made_from_their_events() -> None:
    node = exchange.active_node()
    dialled = Numbers().take(CUT)
    with numbers_taken(), Load(CUT, CUT, talk_seconds=60, numbers=dialled) as load:
        exchange.wait_until("every call to be answered", load.answered, lambda events: len(events) == CUT, 15)
        answered = min(event.at for event in load.answered())
        exchange.wait_until("the calls to have lasted", time.time, lambda now: now - answered > TALKED_SECONDS, 30)
        exchange.run(node, ["systemctl", "kill", "--signal=SIGKILL", "asterisk"])

    def rows() -> dict[str, list[exchange.Row]]:
        statement = f"SELECT * FROM cdr WHERE dst BETWEEN '{dialled[0]}' AND '{dialled[-1]}' ORDER BY dst"  # noqa: S608
        return {host: exchange.sql(host, statement) for host in HOSTS}

    found = exchange.wait_until(
        "a record of each call in both databases", rows,
        lambda found: all(len(of_host) == CUT for of_host in found.values()), ARRIVAL_LIMIT,
    )  # fmt: skip
    assert found["server1"] == found["server2"]
    for row in found["server1"]:
        assert (row["rebuilt"], row["disposition"], row["src"], row["accountcode"]) == ("1", "ANSWERED", "100", "demo")
        assert 1 <= int(row["billsec"]) <= TALKED_SECONDS + 3
    exchange.acknowledge_failures()
    exchange.wait_healthy(60)


def test_the_acceptance_names_what_keeps_records_from_arriving() -> None:
    node = exchange.active_node()
    # cdr_custom itself is not unloaded: Asterisk does not forget it as it should, and calls what is not there any more.
    # The file itself is not touched: one that was written after Asterisk had started is rightly taken for one to be loaded.
    off = f"sed 's/^enable = yes/enable = no/' {CDR_CONF} > /run/cdr.conf && mount --bind /run/cdr.conf {CDR_CONF}"
    exchange.run(node, ["sh", "-c", f"{off} && asterisk -rx 'module reload cdr'"])
    exchange.run(node, ["asterisk", "-rx", "module unload cel_custom.so"])
    exchange.run(node, ["pcs", "resource", "disable", "--wait=30", "pbx-records"])
    try:
        code, said = verify()
    finally:
        exchange.run(node, ["sh", "-c", f"umount {CDR_CONF} && asterisk -rx 'module reload cdr'"])
        exchange.run(node, ["asterisk", "-rx", "module load cel_custom.so"])
        exchange.run(node, ["pcs", "resource", "enable", "--wait=30", "pbx-records"])
    assert code != 0
    for expected in (
        "Asterisk writes no call records", "Asterisk writes no channel events",
        "the service that brings call records to the database does not run",
    ):  # fmt: skip
        assert expected in said, said
    exchange.wait_healthy(60)
    again = playbook("containers", "verify.yml", "--extra-vars", "verify_wait=30")
    assert again.returncode == 0, again.stdout + again.stderr
