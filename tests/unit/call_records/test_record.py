# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Records as Asterisk writes them, whole and torn."""

from __future__ import annotations

from types import ModuleType

import pytest

VALUES = {
    "clid": '"Ana ""la jefa"", 2º" <100>', "src": "100", "dst": "101", "dcontext": "demo-internal",
    "channel": "PJSIP/100-demo-00000000", "dstchannel": "",
    "lastapp": "Dial", "lastdata": "PJSIP/101-demo,20", "start": "1764345600", "answer": "0", "end": "1764345620",
    "duration": "20", "billsec": "0", "disposition": "NO ANSWER", "amaflags": "DOCUMENTATION", "accountcode": "demo",
    "peeraccount": "", "userfield": "", "uniqueid": "lab-1764345600.0", "linkedid": "lab-1764345600.0", "sequence": "0",
    "node": "server1",
}  # fmt: skip
WIDTHS = {"clid": 160, "src": 80, "lastdata": 255, "userfield": 255, "extra": 65535, "campaign": 8}


def quoted(value: str) -> str:
    return '"{}"'.format(value.replace('"', '""'))


def line(marker: str, *values: str) -> bytes:
    """What cdr_custom writes: quoting_method=minimal, the marker and the last field in quotes always."""
    middle = [quoted(value) if set(value) & set(',"\r\n') else value for value in values[:-1]]
    return (",".join([quoted(marker), *middle, quoted(values[-1])]) + "\n").encode()


def quoted_line(*values: str) -> bytes:
    """What it wrote before: all in quotes."""
    return (",".join(map(quoted, values)) + "\n").encode()


def cdr(**changed: str) -> bytes:
    return line("cdr1", *{**VALUES, **changed}.values())


def test_a_record_becomes_a_row(record: ModuleType) -> None:
    row = record.parse(record.CDR, cdr(), "cdr-1", WIDTHS).rows[0]
    assert row["clid"] == VALUES["clid"]
    assert (row["start"], row["answer"], row["end"]) == ("2025-11-28 16:00:00", None, "2025-11-28 16:00:20")
    assert (row["duration"], row["sequence"], row["node"]) == (20, 0, "server1")
    assert "spool_file" not in row


def test_an_event_has_its_place_as_its_key_and_microseconds(record: ModuleType) -> None:
    values = ["CHAN_START", "1764345600.123456", *[""] * 11, "3", *[""] * 7]
    data = line("cel1", *values)
    rows = record.parse(record.CEL, data + data, "cel-5", WIDTHS).rows
    assert [(row["spool_file"], row["spool_offset"]) for row in rows] == [("cel-5", 0), ("cel-5", len(data))]
    assert (rows[0]["eventtime"], rows[0]["amaflags"], rows[0]["extra"]) == ("2025-11-28 16:00:00.123456", 3, None)


@pytest.mark.parametrize(
    "value",
    [
        'a","b', "two\nlines", "a\r\nb", '"', '""', "\\", "\\\"", "ñ😀", "\u2028", "\x0b", "\x85", 'x\n"cdr1",', 'x"cdr1', '\n"cdr1',
        "cdr1", '"cdr1"', " x ",
    ],
)
def test_whatever_a_field_holds_arrives(record: ModuleType, value: str) -> None:
    parsed = record.parse(record.CDR, cdr() + cdr(userfield=value) + cdr(), "cdr-1", WIDTHS)
    assert [row["userfield"] for row in parsed.rows] == ["", value, ""]
    assert parsed.rejected == []


def test_bytes_that_are_no_utf8_arrive_readably(record: ModuleType) -> None:
    data = cdr(userfield="X").replace(b",X,", b",\xff,")
    assert record.parse(record.CDR, data, "cdr-1", WIDTHS).rows[0]["userfield"] == "\\xff"


@pytest.mark.parametrize("cut", [1, 5, 7, 30, 99, 100, 101, 102, -30, -3, -2])
def test_a_record_that_lost_its_end_costs_no_other(record: ModuleType, cut: int) -> None:
    """A full disk tore it, and the next one follows in the same line; or a power cut, and it is the last."""
    torn = cdr(userfield="torn")[:cut]
    parsed = record.parse(record.CDR, cdr() + torn + cdr(userfield="next") + torn, "cdr-1", WIDTHS)
    assert [row["userfield"] for row in parsed.rows] == ["", "next"]
    assert b"".join(raw.data for raw, _reason in parsed.rejected).count(torn) == 2


def test_a_record_that_lost_its_line_break_only_is_whole(record: ModuleType) -> None:
    whole = cdr(userfield="whole")[:-1]
    parsed = record.parse(record.CDR, whole + cdr(userfield="next") + whole, "cdr-1", WIDTHS)
    assert [row["userfield"] for row in parsed.rows] == ["whole", "next", "whole"]
    assert parsed.rejected == []


def test_a_file_of_before_an_update_is_read_too(record: ModuleType) -> None:
    old = quoted_line("cdr1", *{**VALUES, "userfield": 'a,"b'}.values())
    parsed = record.parse(record.CDR, old + cdr(userfield="new"), "cdr-1", WIDTHS)
    assert [row["userfield"] for row in parsed.rows] == ['a,"b', "new"]
    assert parsed.rejected == []


@pytest.mark.parametrize("columns", [1, 2, 3, 10, 21])
def test_a_torn_record_is_no_part_of_the_next(record: ModuleType, columns: int) -> None:
    """Cut between two fields, where nothing is in quotes."""
    torn = cdr(clid="x").split(b",", 1 + columns)[:-1]
    parsed = record.parse(record.CDR, b",".join(torn) + cdr(userfield="next"), "cdr-1", WIDTHS)
    assert [row["userfield"] for row in parsed.rows] == ["next"]
    assert [raw.data for raw, _reason in parsed.rejected] == [b",".join(torn)]


def test_a_torn_beginning_costs_no_record_with_a_line_break_before_it(record: ModuleType) -> None:
    for torn in (b'"', b'"cd', b'"cdr1"'):
        parsed = record.parse(record.CDR, cdr(userfield="two\nlines") + torn, "cdr-1", WIDTHS)
        assert [row["userfield"] for row in parsed.rows] == ["two\nlines"]
        assert [raw.data for raw, _reason in parsed.rejected] == [torn]


def test_an_event_torn_in_its_last_field_is_not_taken_for_whole(record: ModuleType) -> None:
    whole = line("cel1", "HANGUP", "1764345600.123456", *[""] * 18, '{"hangupcause":16}')
    for cut in range(len(whole) - 20, len(whole) - 1):
        rows = record.parse(record.CEL, whole[:cut], "cel-5", WIDTHS).rows
        assert [row["extra"] for row in rows] in ([], ['{"hangupcause":16}']), whole[:cut]


def test_every_byte_is_a_row_or_is_rejected(record: ModuleType) -> None:
    data = b"garbage\n" + cdr() + b"\0\0\0" + cdr() + b"more\n" + line("cdr2", "x") + cdr(start="soon")
    parsed = record.parse(record.CDR, data, "cdr-1", WIDTHS)
    assert len(parsed.rows) == 2
    assert sum(len(raw.data) for raw, _reason in parsed.rejected) + 2 * len(cdr()) == len(data)
    assert all(data[raw.offset :].startswith(raw.data) for raw, _reason in parsed.rejected)
    assert any("'soon' is no time" in reason for _raw, reason in parsed.rejected)


def test_texts_are_cut_to_what_fits(record: ModuleType) -> None:
    assert len(record.parse(record.CDR, cdr(lastdata="x" * 1000), "cdr-1", WIDTHS).rows[0]["lastdata"]) == 255


def test_further_variables_go_to_columns_of_their_name(record: ModuleType) -> None:
    data = line("cdr1", *VALUES.values(), "campaign", "springtime", "gone", "x")
    row = record.parse(record.CDR, data, "cdr-1", WIDTHS).rows[0]
    assert row["campaign"] == "springti"
    assert "gone" not in row


def test_the_age_of_the_first_record(record: ModuleType) -> None:
    assert record.first_time(record.CDR, b"torn" + cdr() + cdr(end="1")) == 1764345620.0
    assert record.first_time(record.CDR, b"") is None
