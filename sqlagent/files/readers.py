"""Read tables out of files: each reader yields sheets, a name, heads and rows, without holding a file in memory.

CSV and its kind come as texts; JSON, Excel and Parquet come with types of their own.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.files.spans import with_spans

SNIFFED = 64 * 1024
"""Bytes of a text file from which its encoding, delimiter and head are told."""
DELIMITERS = ",;\t|"
LONGEST_FIELD = 16 * 1024 * 1024
_NEEDS = "needs the Python package {}: install sqlagent with the extra `files`"


@dataclass
class Sheet:
    """One table of a file. `typed`: its cells have types of their own; else they are texts."""

    name: str
    heads: Sequence[str]
    rows: Iterable[Sequence[Any]]
    typed: bool
    lines: bool = False
    """Whether row n stands about line n + 2 of the file, for messages."""


def text_encoding(head: bytes) -> str:
    """The encoding of a text that begins with `head`: by its byte order mark, else UTF-8, else Windows-1252."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if head.startswith(mark):
            return name
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4 or len(head) < SNIFFED:  # else a character is cut
            return "cp1252"
    return "utf-8"


def delimiter_of(text: str, suffix: str) -> str:
    """The mark between fields: the one that cuts the first lines into the same number of fields, at least two."""
    if suffix in (".tsv", ".tab"):
        return "\t"
    best, most = ",", (0.0, 0)
    for mark in DELIMITERS:
        rows = [
            row
            for row in itertools.islice(csv.reader(text.splitlines(keepends=True), delimiter=mark), 50)
            if row
        ]
        rows = rows[:-1] or rows
        counts = [len(row) for row in rows]
        usual = max(set(counts), key=counts.count, default=0)
        if usual > 1 and (share := counts.count(usual) / len(counts), usual) > most:
            best, most = mark, (share, usual)
    return best


def csv_sheets(name: str, file: IO[bytes], *, suffix: str = ".csv") -> Iterator[Sheet]:
    """The one table of a CSV file. Raises DatabaseError, at the line, for what is no text."""
    head = file.read(SNIFFED)
    encoding = text_encoding(head)
    if b"\x00" in head and encoding != "utf-16":
        raise DatabaseError(f"{name} is no text file: it holds zero bytes.")
    file.seek(0)
    csv.field_size_limit(LONGEST_FIELD)
    sample = head.decode(encoding, "replace")
    mark = delimiter_of(sample, suffix)
    rows = csv.reader(_lines(file, encoding, name), delimiter=mark)
    first: list[str] = []
    try:
        for first in rows:
            if any(cell.strip() for cell in first):
                break
        else:
            raise DatabaseError(f"{name} holds no rows.")
    except csv.Error as error:
        raise DatabaseError(f"{name}, line {rows.line_num}: {error}.") from None
    second = next(iter(itertools.islice(csv.reader(sample.splitlines(True)[1:], delimiter=mark), 1)), [])
    if is_head(first, second):
        yield Sheet(name, first, _counted(rows, name), typed=False, lines=True)
    else:
        heads = [f"column{i}" for i in range(1, len(first) + 1)]
        yield Sheet(name, heads, itertools.chain([first], _counted(rows, name)), typed=False, lines=True)


def _counted(rows: Any, name: str) -> Iterator[Sequence[str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise DatabaseError(f"{name}, line {rows.line_num}: {error}.") from None


def _lines(file: IO[bytes], encoding: str, name: str) -> Iterator[str]:
    number = 0
    try:
        for line in io.TextIOWrapper(file, encoding, newline=""):
            number += 1
            yield line.replace("\x00", "") if "\x00" in line else line
    except UnicodeDecodeError:
        raise DatabaseError(
            f"{name}, line {number + 1}: this is no {encoding.upper()} text; save the file as UTF-8."
        ) from None


def is_head(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a first row names the columns: no number or blank in it, no name twice, or else nothing is named."""
    names = [cell.strip() for cell in first]
    if any(_is_number(name) for name in names if name) or not any(names):
        return False
    if len({name.lower() for name in names if name}) < sum(bool(name) for name in names):
        return len(first) != len(second) or list(first) != list(second)
    return True


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def json_sheets(name: str, file: IO[bytes]) -> Iterator[Sheet]:
    """The tables of a JSON document: a list of objects, or an object whose values are such lists."""
    try:
        content = json.loads(file.read())
    except (ValueError, RecursionError) as error:
        raise DatabaseError(f"{name} is no JSON: {error}.") from None
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        content = [
            {**(one.get("properties") or {}), "geometry": one.get("geometry")}
            for one in content.get("features", [])
        ]
    if isinstance(content, dict):
        lists = {key: value for key, value in content.items() if isinstance(value, list) and value}
        if lists and all(isinstance(row, dict) for value in lists.values() for row in value):
            for key, value in lists.items():
                yield _of_objects(str(key), value)
            return
        content = [content]
    if not isinstance(content, list) or not content:
        raise DatabaseError(f"{name} holds no list of objects, so there are no rows in it.")
    yield _of_objects(name, content)


def jsonl_sheets(name: str, file: IO[bytes]) -> Iterator[Sheet]:
    """The one table of a file with a JSON object a line."""
    rows = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise DatabaseError(f"{name}, line {number}: no JSON: {error}.") from None
    if not rows:
        raise DatabaseError(f"{name} holds no rows.")
    yield _of_objects(name, rows)


def _of_objects(name: str, rows: Sequence[Any]) -> Sheet:
    if not all(isinstance(row, dict) for row in rows):
        if all(isinstance(row, list) for row in rows):
            width = max(len(row) for row in rows)
            heads = [f"column{i}" for i in range(1, width + 1)]
            return Sheet(name, heads, ([_json_cell(cell) for cell in row] for row in rows), typed=True)
        return Sheet(name, ["value"], ([_json_cell(row)] for row in rows), typed=True)
    heads = list(dict.fromkeys(key for row in rows for key in row))
    return Sheet(name, heads, ([_json_cell(row.get(key)) for key in heads] for row in rows), typed=True)


def _json_cell(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return json.dumps(_json_value(value), ensure_ascii=False)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value)
    return int(value) if isinstance(value, bool) else value


def _json_value(value: Any) -> Any:
    """What stands inside a list or a struct, in JSON's types: SQLite's JSON functions read no NaN and no Infinity."""
    if isinstance(value, dict):
        return {str(key): _json_value(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json_value(one) for one in value]
    if isinstance(value, bytes):
        return {"$blob": value.hex()}
    if isinstance(value, Decimal):
        value = _decimal(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return when(value)


def workbook_sheets(path: Path, name: str) -> Iterator[Sheet]:
    """The sheets of an Excel or OpenDocument workbook that hold a table."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise UsageError(f"{name} {_NEEDS.format('python-calamine')}.") from None
    try:
        book = CalamineWorkbook.from_path(str(path))
        for title in book.sheet_names:
            rows = book.get_sheet_by_name(title).to_python(skip_empty_area=True)
            rows = [row for row in rows if any(cell not in ("", None) for cell in row)]
            if rows:
                first, second = (
                    [_as_text(cell) for cell in row] for row in (rows[0], rows[min(1, len(rows) - 1)])
                )
                head = is_head(first, second) and len(rows) > 1
                heads = first if head else [f"column{i}" for i in range(1, len(first) + 1)]
                body = rows[1:] if head else rows
                body = with_spans(body) if path.suffix.lower() == ".ods" else body
                yield Sheet(
                    str(title), heads, ([_sheet_cell(cell) for cell in row] for row in body), typed=True
                )
    except CalamineError as error:
        raise DatabaseError(f"{name} cannot be read as a workbook: {error}.") from None


def _as_text(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _sheet_cell(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell if cell else None
    if isinstance(cell, bool):
        return int(cell)
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    return when(cell)


def when(cell: Any) -> Any:
    """A date, time or span as ISO text; anything else as it is."""
    if isinstance(cell, datetime):
        midnight = cell.time() == time() and cell.tzinfo is None
        return cell.date().isoformat() if midnight else cell.isoformat(" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return cell.total_seconds() if isinstance(cell, timedelta) else cell


def parquet_sheets(path: Path, name: str) -> Iterator[Sheet]:
    """The one table of a Parquet file."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise UsageError(f"{name} {_NEEDS.format('pyarrow')}.") from None
    try:
        file = parquet.ParquetFile(str(path))
    except (pyarrow.ArrowException, OSError) as error:
        raise DatabaseError(f"{name} cannot be read as Parquet: {str(error).splitlines()[0]}.") from None
    heads = list(file.schema_arrow.names)

    def rows() -> Iterator[Sequence[Any]]:
        for batch in file.iter_batches(batch_size=8192):
            columns = [
                _arrow_cells(column, f"{name}, column {head}")
                for head, column in zip(heads, batch.columns, strict=True)
            ]
            yield from zip(*columns, strict=True)

    yield Sheet(name, heads, rows(), typed=True)


def _arrow_cells(column: Any, where: str) -> list[Any]:
    """The cells of an Arrow column. A date or time that Python's types cannot hold is the text that Arrow makes of it.

    Those are nanoseconds and years beyond 9999. With pandas installed, Arrow gives nanoseconds in types of pandas,
    without it raises: neither is asked, so that a file reads alike on every machine. Raises DatabaseError.
    """
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    try:
        if types.is_timestamp(kind) and kind.unit == "ns":
            column = compute.cast(column, pyarrow.timestamp("us", kind.tz))
        elif types.is_time64(kind) and kind.unit == "ns":
            column = compute.cast(column, pyarrow.time64("us"))
        elif types.is_duration(kind):
            per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[kind.unit]
            spans = compute.cast(column, pyarrow.int64()).to_pylist()
            return [None if span is None else span / per_second for span in spans]
        return [_arrow_cell(cell) for cell in column.to_pylist()]
    except (pyarrow.ArrowInvalid, ValueError, OverflowError) as error:
        if not types.is_temporal(kind):
            raise DatabaseError(f"{where}: {error}.") from None
    return [_arrow_time(text) for text in compute.cast(column, pyarrow.string()).to_pylist()]


def _arrow_time(text: str | None) -> str | None:
    """Arrow's text of a date or time as `when` writes one: no fraction of zeros, no midnight, +01:00 for +0100."""
    if text is None:
        return None
    text = re.sub(r"\.0+(?=$|[Z+-])", "", text)
    return re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text).removesuffix(" 00:00:00")


def _arrow_cell(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        cell = _decimal(cell)
    return _json_cell(when(cell)) if not isinstance(cell, bytes) else cell


def _decimal(number: Decimal) -> int | float:
    """A decimal without places as the integer that it is: warehouses write keys as DECIMAL(38, 0)."""
    exponent = number.as_tuple().exponent
    return int(number) if isinstance(exponent, int) and exponent >= 0 else float(number)
