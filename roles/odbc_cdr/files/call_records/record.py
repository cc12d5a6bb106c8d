# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records that Asterisk writes to the spool, and the rows of the database that they become.

Asterisk's cdr_custom and cel_custom write them (format dsv): fields in double quotes between commas, a quote in a field doubled,
a newline at the end; other control characters and line breaks stand in a field as they are. The first field of every record
is a marker with the version of the format. A record that a full disk or a power cut tore apart is told by it: no field can
contain the marker, because its quotes would be doubled there.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Optional

#: A row of the database by column; None is NULL.
Row = dict[str, Optional[Any]]


class RecordError(Exception):
    """A record that cannot be read; the message says why."""


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    :param name: of its files in the spool, and of its table.
    :param marker: first field of each record: kind and version of the format.
    :param columns: of the table, in the order of the fields in the spool.
    :param key: columns of the table's primary key.
    :param times: columns that come as seconds since 1970 (0: never) and are DATETIME in UTC.
    :param numbers: columns that are whole numbers.
    :param end: the column that says when the record was written.
    """

    name: str
    marker: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    times: frozenset[str]
    numbers: frozenset[str]
    end: str


CDR = Kind(
    name="cdr",
    marker="cdr1",
    columns=(
        "clid", "src", "dst", "dcontext", "channel", "dstchannel", "lastapp", "lastdata", "start", "answer", "end", "duration",
        "billsec", "disposition", "amaflags", "accountcode", "peeraccount", "userfield", "uniqueid", "linkedid", "sequence", "node",
    ),
    key=("uniqueid", "linkedid", "sequence"),
    times=frozenset({"start", "answer", "end"}),
    numbers=frozenset({"duration", "billsec", "sequence"}),
    end="end",
)  # fmt: skip
CEL = Kind(
    name="cel",
    marker="cel1",
    columns=(
        "eventtype", "eventtime", "userdeftype", "cid_name", "cid_num", "cid_ani", "cid_rdnis", "cid_dnid", "exten", "context",
        "channame", "appname", "appdata", "amaflags", "accountcode", "peeraccount", "uniqueid", "linkedid", "userfield", "peer",
        "extra",
    ),
    key=("spool_file", "spool_offset"),
    times=frozenset({"eventtime"}),
    numbers=frozenset({"amaflags"}),
    end="eventtime",
)  # fmt: skip
KINDS = {kind.name: kind for kind in (CDR, CEL)}


@dataclass(frozen=True)
class Raw:
    """A piece of a spool file: where it begins (bytes), and its bytes."""

    offset: int
    data: bytes


def split(kind: Kind, data: bytes) -> list[Raw]:
    """Cut the content of a spool file into records, and into what is none.

    A record begins with the marker at the beginning of a line. Where a torn record was continued by the next one without a
    line break, the marker stands in the middle of a line, and no quote before it.

    :param data: all of the file.
    :returns: pieces in their order; together they are `data`.
    """
    start = rb'(?<!")"%s",' % kind.marker.encode()
    offsets = [found.start() for found in re.finditer(start, data)]
    if data and (not offsets or offsets[0] != 0):
        offsets.insert(0, 0)
    return [Raw(begin, data[begin:end]) for begin, end in zip(offsets, [*offsets[1:], len(data)])]


def fields(kind: Kind, raw: Raw) -> list[str]:
    """Read the fields of one record after the marker.

    :returns: one text for each column of the kind, then name and value of each further CDR variable.
    :raises RecordError: it is torn, or no record of this kind.
    """
    text = raw.data.decode("utf-8", "backslashreplace")
    if not text.endswith("\n"):
        raise RecordError("its end is missing")
    if "\0" in text:
        raise RecordError("it contains zero bytes")
    try:
        # newline='': line breaks in a field stay as they are.
        rows = list(csv.reader(text[:-1].splitlines(keepends=True), strict=True))
    except csv.Error as error:
        raise RecordError(str(error)) from None
    if len(rows) != 1:
        raise RecordError(f"it is {len(rows)} lines")
    found = rows[0]
    if not found or found[0] != kind.marker:
        raise RecordError(f"it does not begin with {kind.marker}")
    values = found[1:]
    if len(values) < len(kind.columns) or (len(values) - len(kind.columns)) % 2:
        raise RecordError(f"it has {len(values)} fields, not {len(kind.columns)}")
    return values


def when(seconds: str) -> str | None:
    """A time in the spool (seconds since 1970, with or without a fraction) as MariaDB writes it, in UTC; None for 0.

    :raises RecordError: it is no such number.
    """
    try:
        number = float(seconds or 0)
        if number == 0:
            return None
        text = datetime.fromtimestamp(number, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f")
    except (ValueError, OverflowError, OSError):
        raise RecordError(f"{seconds!r} is no time") from None
    return text if "." in seconds else text.partition(".")[0]


def row(kind: Kind, values: list[str], spool_file: str, offset: int, widths: Mapping[str, int]) -> Row:
    """Make the row of one record.

    :param values: what `fields` returned.
    :param spool_file: name of the spool file, and `offset` the record's place in it (bytes): the key of a CEL event.
    :param widths: columns of the table with the number of characters that fit; texts are cut at that, as every client of a
        database without strict mode does. A further CDR variable without a column of its name is left out.
    :returns: the row by column, without the columns that the table fills itself.
    :raises RecordError: a value that cannot be in its column.
    """
    result: Row = {}
    extra = values[len(kind.columns) :]
    further = {name: value for name, value in zip(extra[::2], extra[1::2]) if name in widths}
    for column, value in [*zip(kind.columns, values), *further.items()]:
        if column in kind.times:
            result[column] = when(value)
        elif column in kind.numbers:
            try:
                result[column] = int(value or 0)
            except ValueError:
                raise RecordError(f"{column} is {value!r}, not a number") from None
        else:
            result[column] = value[: widths[column]] if column in widths else value
    if kind is CEL:
        # JSON, and NULL where an event has none.
        result["extra"] = result["extra"] or None
        result.update(spool_file=spool_file, spool_offset=offset)
    return result


@dataclass(frozen=True)
class Parsed:
    """A spool file: its rows, and the pieces that are no records, each with the reason."""

    rows: list[Row]
    rejected: list[tuple[Raw, str]]


def parse(kind: Kind, data: bytes, spool_file: str, widths: Mapping[str, int]) -> Parsed:
    """Read a spool file; see `split` and `row` for the parameters."""
    rows: list[Row] = []
    rejected: list[tuple[Raw, str]] = []
    for raw in split(kind, data):
        try:
            rows.append(row(kind, fields(kind, raw), spool_file, raw.offset, widths))
        except RecordError as error:
            rejected.append((raw, str(error)))
    return Parsed(rows, rejected)


def first_time(kind: Kind, data: bytes) -> float | None:
    """When the first record in `data` was written, in seconds since 1970; None when there is no whole record."""
    place = kind.columns.index(kind.end)
    for raw in split(kind, data):
        try:
            return float(fields(kind, raw)[place] or 0) or None
        except (RecordError, ValueError):
            continue
    return None


def columns(rows: Iterable[Row]) -> list[str]:
    """The columns that occur in any of `rows`, in the order in which they first do."""
    return list(dict.fromkeys(column for item in rows for column in item))
