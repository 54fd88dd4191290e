"""Write a result to a file, its format told by the name: csv, tsv, json, jsonl, md, html, xlsx, parquet.

    write(Path("sales.xlsx"), columns, rows)

Invariant: a file appears whole or not at all, and a database is never written over. What a format cannot hold
(bytes in a workbook, two kinds of values in a Parquet column) becomes the text that SQLite writes for it.
"""

from __future__ import annotations

import datetime
import html
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlagent.base import private_files
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.base.paths import expanded
from sqlagent.ui import formats
from sqlagent.ui.formats import Cell, Rows, Style, unique_names

TEXT = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
}
"""Formats that are lines of text, by suffix."""
SUFFIXES = (*TEXT, ".html", ".xlsx", ".parquet")
SHEET_ROWS = 1_048_575
"""Rows of a sheet below its head."""
SHEET_CELL = 32_767
"""Characters of a sheet's cell."""
SHEET_WHOLE = 1 << 53
"""Whole numbers from here on lose digits in a workbook, which holds doubles."""
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_SQLITE = b"SQLite format 3\x00"

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 1rem/1.4 system-ui, sans-serif; margin: 2rem; }}
table {{ border-collapse: collapse; }}
caption {{ text-align: left; padding: 0 0 .5rem; }}
th, td {{ border-bottom: 1px solid #ccc; padding: .25rem .75rem; text-align: left; vertical-align: top; }}
td {{ white-space: pre-wrap; }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
td.null {{ color: #888; }}
</style>
</head>
<body>
<table>
"""


def path_of(text: str, *, database: str = "") -> Path:
    """The file that a person named for an export. Raises UsageError for one that must not be written, or has no format.

    database: the one that is open, which is never written over.
    """
    name = text.strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
        name = name[1:-1]
    path = expanded(name)
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES[:-1]) + f" or {SUFFIXES[-1]}"
        raise UsageError(f"{name} does not say its format: end it in {known}.")
    if path.is_dir():
        raise UsageError(f"{name} is a directory; name a file in it.")
    if path.exists() and (
        _is_sqlite(path) or (database and os.path.exists(database) and path.samefile(database))
    ):
        raise UsageError(f"{name} is a database; choose another name.")
    return path


def write(path: Path, columns: Sequence[str], rows: Rows, *, title: str = "", csv_safe: bool = False) -> None:
    """Put a result into a file in place of what it held. Raises UsageError, SqlagentError where it cannot be written.

    title: what an HTML page is called. csv_safe: disarm formulas in csv and tsv.
    """
    suffix = path.suffix.lower()
    try:
        with private_files.draft(path, mode=private_files.SHARED) as draft:
            if suffix in TEXT:
                style = Style(format=TEXT[suffix], csv_safe=csv_safe)
                _text(draft, formats.lines(columns, rows, style))
            elif suffix == ".html":
                _text(draft, _html(columns, rows, title))
            elif suffix == ".xlsx":
                _xlsx(draft, columns, rows)
            else:
                _parquet(draft, columns, rows)
    except OSError as error:
        raise SqlagentError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from None


def numbered(path: Path, number: int) -> Path:
    """The name of the n-th result that goes to a file: `sales.csv`, `sales-2.csv`, `sales-3.csv`, …"""
    return path if number == 1 else path.with_stem(f"{path.stem}-{number}")


def _is_sqlite(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


def _text(path: Path, chunks: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        file.writelines(chunks)


def _html(columns: Sequence[str], rows: Rows, title: str) -> Iterator[str]:
    title = title or "Result"
    yield _PAGE.format(title=html.escape(title))
    yield f"<caption>{html.escape(title)}</caption>\n"
    yield "<tr>" + "".join(f"<th>{html.escape(name)}</th>" for name in columns) + "</tr>\n"
    for row in rows:
        yield "<tr>" + "".join(map(_html_cell, row)) + "</tr>\n"
    yield "</table>\n</body>\n</html>\n"


def _html_cell(value: Cell) -> str:
    if value is None:
        return '<td class="null">NULL</td>'
    kind = "" if isinstance(value, str | bytes) else ' class="n"'
    text = "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in formats.plain(value)
    )
    return f"<td{kind}>{html.escape(text)}</td>"


def _xlsx(path: Path, columns: Sequence[str], rows: Rows) -> None:
    try:
        import xlsxwriter
    except ImportError:
        raise _missing("a workbook", "XlsxWriter") from None
    if len(rows) > SHEET_ROWS:
        raise UsageError(
            f"A sheet holds {SHEET_ROWS:,} rows, not {len(rows):,}: write a .csv or .parquet file."
        )
    book = xlsxwriter.Workbook(
        str(path), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"created": datetime.datetime(2000, 1, 1)})  # the same result, the same bytes
    head, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(columns):
        sheet.write_string(0, place, name[:SHEET_CELL], head)
    days = [_is_days([row[place] for row in rows]) for place in range(len(columns))]
    for line, row in enumerate(rows, start=1):
        for place, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, int | float) and abs(value) < SHEET_WHOLE:
                sheet.write_number(line, place, value)
            elif days[place]:
                sheet.write_datetime(line, place, datetime.date.fromisoformat(str(value)), day)
            else:
                sheet.write_string(line, place, formats.plain(value)[:SHEET_CELL])
    book.close()


def _is_days(values: Sequence[Cell]) -> bool:
    """Whether a column holds days that a workbook has (from 1900-03-01 on), and nothing else but NULL."""
    held = [value for value in values if value is not None]
    if not held or not all(
        isinstance(value, str) and _DAY.match(value) and value >= "1900-03-01" for value in held
    ):
        return False
    try:
        for value in held:
            datetime.date.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _parquet(path: Path, columns: Sequence[str], rows: Rows) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise _missing("a Parquet file", "pyarrow") from None
    arrays = [_array(pyarrow, [row[place] for row in rows]) for place in range(len(columns))]
    table = pyarrow.Table.from_arrays(arrays, names=unique_names(columns))
    pyarrow.parquet.write_table(table, str(path))


def _array(pyarrow: Any, values: list[Cell]) -> Any:
    """A column with the one type that holds all its values; texts where there is none."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return pyarrow.array(values, pyarrow.int64())
    if kinds and kinds <= {int, float} and all(type(v) is not int or abs(v) < SHEET_WHOLE for v in values):
        return pyarrow.array([None if v is None else float(v) for v in values], pyarrow.float64())
    if kinds == {bytes}:
        return pyarrow.array(values, pyarrow.binary())
    texts = [
        None if v is None else formats.plain(v).encode("utf-8", "backslashreplace").decode() for v in values
    ]
    return pyarrow.array(texts, pyarrow.string())


def _missing(what: str, package: str) -> UsageError:
    return UsageError(f"To write {what}, install {package}: `pip install 'sqlagent[files]'`.")
