# Copyright: (c) 2026, The dialtone.ha_pbx developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records that Asterisk writes to the spool, and the rows of the database that they become.

Asterisk's cdr_custom and cel_custom write them (format dsv): fields between commas, those with a comma, a quote or a line break
in double quotes with each quote doubled, a newline at the end; other control characters stand in a field as they are. The first
field of every record is a marker in quotes, with the version of the format, and the last one is in quotes too. By these a record
that a full disk or a power cut tore apart is told: at the beginning of a line no field can have the marker, because its quotes
would be doubled there, and no record is whole without its last quote.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
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

    A record begins with the marker at the beginning of a line; inside a field that is impossible.

    :param data: all of the file.
    :returns: pieces in their order; together they are `data`.
    """
    return _cut(data, 0, rb"(?:^|(?<=\n))" + _beginning(kind))


def _beginning(kind: Kind) -> bytes:
    """How each record of a kind begins, and nothing else does."""
    return b'"%s",' % kind.marker.encode()


def _cut(data: bytes, base: int, pattern: bytes) -> list[Raw]:
    """Cut before each place where the pattern is found; `base` is the offset of `data`."""
    offsets = [found.start() for found in re.finditer(pattern, data) if found.start() < len(data)]
    if data and (not offsets or offsets[0] != 0):
        offsets.insert(0, 0)
    return [Raw(base + begin, data[begin:end]) for begin, end in zip(offsets, [*offsets[1:], len(data)])]


def mend(kind: Kind, raw: Raw) -> list[Raw]:
    """Cut a piece that is no record where another record may begin: at the marker, or else where a record ends, or at a line break.

    A torn record is continued by the next one in the same line. Not for whole records: a field can have a line break in it.

    :returns: smaller pieces, or the same one where there is nothing to cut.
    """
    for pattern in (_beginning(kind), rb"(?<=\"\n)", rb"(?<=\n)"):
        pieces = _cut(raw.data, raw.offset, pattern)
        if len(pieces) > 1:
            return pieces
    return [raw]


def fields(kind: Kind, raw: Raw) -> list[str]:
    """Read the fields of one record after the marker.

    :returns: one text for each column of the kind, then name and value of each further CDR variable.
    :raises RecordError: it is torn, or no record of this kind.
    """
    text = raw.data.decode("utf-8", "backslashreplace")
    if "\0" in text:
        raise RecordError("it contains zero bytes")
    # A field that ends with it has one more quote before it.
    if len(re.findall(b'(?<!")' + _beginning(kind), raw.data)) > 1:
        raise RecordError("another one begins in it")
    if not text.removesuffix("\n").endswith('"'):
        raise RecordError("it has no end")
    try:
        # As one line: a line break is in quotes, and a field without quotes may hold what Python takes for one (U+2028).
        rows = list(csv.reader([text.removesuffix("\n")], strict=True))
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
    if not all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in values[len(kind.columns) :: 2]):
        raise RecordError(f"it has {len(values)} fields, not {len(kind.columns)}")
    if kind is CEL and values[-1] and not text.endswith("\n"):
        # Torn between two doubled quotes it ends with one, too.
        try:
            json.loads(values[-1])
        except ValueError:
            raise RecordError("its last field has no end") from None
    return values


@lru_cache(maxsize=64)
def _second(number: int) -> str:
    """A second since 1970 as MariaDB writes it, in UTC. Most records of a file are of the same few."""
    return datetime.fromtimestamp(number, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


def when(seconds: str) -> str | None:
    """A time in the spool (seconds since 1970, with or without a fraction) as MariaDB writes it, in UTC; None for 0.

    :raises RecordError: it is no such number.
    """
    whole, point, fraction = seconds.partition(".")
    try:
        number = int(whole or 0)
        if point and not fraction.isdigit():
            raise ValueError
        text = _second(number)
    except (ValueError, OverflowError, OSError):
        raise RecordError(f"{seconds!r} is no time") from None
    if number == 0:
        return None
    return text + point + fraction


def row(kind: Kind, values: list[str], spool_file: str, offset: int, widths: Mapping[str, int]) -> Row:
    """Make the row of one record.

    :param values: what `fields` returned.
    :param spool_file: name of the spool file, and `offset` the record's place in it (bytes): the key of a CEL event.
    :param widths: columns of the table with the number of characters that fit; texts are cut at that, as every client of a
        database without strict mode does. A further CDR variable without a column of its name is left out.
    :returns: the row by column, without the columns that the table fills itself.
    :raises RecordError: a value that cannot be in its column.
    """
    result: Row = dict(zip(kind.columns, values))
    if len(values) > len(kind.columns):
        extra = values[len(kind.columns) :]
        result.update((name, value) for name, value in zip(extra[::2], extra[1::2]) if name in widths)
    for column, value in result.items():
        if value and column in widths and len(value) > widths[column] > 0:
            result[column] = value[: widths[column]]
    for column in kind.times:
        result[column] = when(result[column] or "")
    for column in kind.numbers:
        try:
            result[column] = int(result[column] or 0)
        except ValueError:
            raise RecordError(f"{column} is {result[column]!r}, not a number") from None
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


def _records(kind: Kind, data: bytes) -> Iterator[tuple[Raw, list[str] | RecordError]]:
    """Every piece of a spool file, with its fields or with why it has none."""
    pieces = split(kind, data)[::-1]
    while pieces:
        raw = pieces.pop()
        try:
            yield raw, fields(kind, raw)
        except RecordError as error:
            mended = mend(kind, raw)
            if len(mended) > 1:
                pieces += mended[::-1]
            else:
                yield raw, error


def _healthy(kind: Kind, data: bytes) -> list[tuple[int, list[str]]] | None:
    """Offset and fields of every record of a file in which each line is a whole one; None for any other file.

    Four times as fast as piece by piece: at hundreds of calls a second the calls need the processor.
    """
    try:
        lines = data.decode("utf-8").split("\n")
        found = list(csv.reader(lines[:-1], strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    expected = 1 + len(kind.columns)
    if lines[-1] or len(found) != len(lines) - 1 or data.count(b'"\n') != len(found):
        return None
    if any(len(one) != expected or one[0] != kind.marker for one in found):
        return None
    records, offset = [], 0
    for line, one in zip(lines, found):
        records.append((offset, one[1:]))
        offset += (len(line) if line.isascii() else len(line.encode())) + 1
    return records


def parse(kind: Kind, data: bytes, spool_file: str, widths: Mapping[str, int]) -> Parsed:
    """Read a spool file; see `split` and `row` for the parameters."""
    healthy = _healthy(kind, data)
    if healthy is not None:
        with suppress(RecordError):
            return Parsed([row(kind, one, spool_file, offset, widths) for offset, one in healthy], [])
    rows: list[Row] = []
    rejected: list[tuple[Raw, str]] = []
    for raw, found in _records(kind, data):
        try:
            if isinstance(found, RecordError):
                raise found
            rows.append(row(kind, found, spool_file, raw.offset, widths))
        except RecordError as error:
            rejected.append((raw, str(error)))
    return Parsed(rows, rejected)


def first_time(kind: Kind, data: bytes) -> float | None:
    """When the first record in `data` was written, in seconds since 1970; None when there is no whole record."""
    place = kind.columns.index(kind.end)
    for _raw, found in _records(kind, data):
        with suppress(ValueError):
            if not isinstance(found, RecordError):
                return float(found[place] or 0) or None
    return None


def columns(rows: Iterable[Row]) -> list[str]:
    """The columns that occur in any of `rows`, in the order in which they first do."""
    return list(dict.fromkeys(column for item in rows for column in item))
