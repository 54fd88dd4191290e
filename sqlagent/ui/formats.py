"""Turn rows into text, one function a format.

Machine formats are exact: what SQLite held can be read back from them, byte for byte.

    json, jsonl  bytes are {"$blob": "<hex>"}; NULL is null; an infinity is 9.0e+999 as in the sqlite3 shell;
                 column names that occur twice get ":2", ":3" … so that no value is lost
    csv          RFC 4180 with "\\n" line ends; NULL is an empty field, the empty string is ""
    tsv          tab, newline, return and backslash are \\t \\n \\r \\\\; NULL is \\N (PostgreSQL's COPY)
    csv and tsv  bytes are X'<hex>', SQLite's own literal

Tables and markdown are for people: control characters are made visible; a table's long cells end in "…".
On a terminal, csv and tsv make control characters visible too: a cell must not be able to drive the terminal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlagent.base import terminal
from sqlagent.base.terminal import DIM, Painted, paint
from sqlagent.base.visible import UNSAFE, visible
from sqlagent.ui.wrapping import cut

Cell = str | int | float | bytes | None
Rows = Sequence[Sequence[Cell]]

MIN_CELL = 6
"""Narrowest a column is cut to; a table that still does not fit is written one value a line."""

BLOB_PREVIEW = 16
"""Bytes of a blob that a table shows."""


@dataclass(frozen=True, slots=True)
class Style:
    """How rows are written. `width` is the terminal's, None when the output is not one."""

    format: str = "table"
    width: int | None = None
    color: bool = False
    max_cell: int = 0
    csv_safe: bool = False
    turned: bool = False
    """Whether a table is written one value a line, however wide the terminal is."""

    @property
    def terminal(self) -> bool:
        return self.width is not None


def write_rows(
    columns: Sequence[str], rows: Rows, style: Style, *, enough: Callable[[], bool] | None = None
) -> None:
    """Write a result to stdout in `style.format`; `enough` ends it between two rows."""
    terminal.out(lines(columns, rows, style), enough=enough)


def lines(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    """The text of a result, in chunks that each end with a newline."""
    return FORMATS[style.format](columns, rows, style)


# ---- machine formats ---------------------------------------------------------------------------------------


def unique_names(columns: Sequence[str]) -> list[str]:
    """Column names with ":2", ":3" … added to those that occurred before."""
    taken = set(columns)
    seen: set[str] = set()
    names = []
    for column in columns:
        name, turn = column, 1
        while name in seen or (turn > 1 and name in taken):
            turn += 1
            name = f"{column}:{turn}"
        seen.add(name)
        names.append(name)
    return names


def _json_text(text: str) -> str:
    """A JSON string. What a terminal obeys, nobody sees or UTF-8 cannot hold is \\uXXXX, which means the same."""
    written = json.dumps(text, ensure_ascii=False)
    return written if written.isprintable() else UNSAFE.sub(lambda m: json.dumps(m[0])[1:-1], written)


def _json_value(value: Cell) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f'{{"$blob": "{value.hex()}"}}'
    if isinstance(value, float) and not math.isfinite(value):
        return "null" if math.isnan(value) else ("9.0e+999" if value > 0 else "-9.0e+999")
    if isinstance(value, str):
        return _json_text(value)
    return json.dumps(value)


def _objects(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    keys = [_json_text(name) + ": " for name in unique_names(columns)]
    for row in rows:
        yield "{" + ", ".join(key + _json_value(value) for key, value in zip(keys, row, strict=True)) + "}"


def _json(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    before = "[\n  "
    for item in _objects(columns, rows):
        yield before + item
        before = ",\n  "
    yield "\n]\n" if before.startswith(",") else "[]\n"


def _jsonl(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    for item in _objects(columns, rows):
        yield item + "\n"


def plain(value: Cell) -> str:
    """The exact text of a value that is not NULL."""
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'"
    if isinstance(value, float):
        return _json_value(value) if not math.isfinite(value) else repr(value)
    return str(value)


_FORMULA = re.compile("[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]")
"""How a text begins that a spreadsheet takes for a formula; some read full-width signs as the plain ones."""


def _disarmed(text: str, value: Cell, style: Style) -> str:
    """A text with ' before what a spreadsheet would calculate, where that was asked for."""
    return "'" + text if style.csv_safe and isinstance(value, str) and _FORMULA.match(text) else text


def _csv(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    def field(value: Cell) -> str:
        if value is None:
            return ""
        text = plain(value)
        text = _disarmed(text, value, style)
        if style.terminal:
            text = visible(text)
        if not text or any(mark in text for mark in ',"\n\r') or text != text.strip():
            return '"' + text.replace('"', '""') + '"'
        return text

    yield ",".join(map(field, columns)) + "\n"
    for row in rows:
        # One NULL alone would be an empty line, which readers skip.
        yield ",".join(map(field, row)) + "\n" if len(row) > 1 or row[0] is not None else '""\n'


_TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _tsv(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    def field(value: Cell) -> str:
        if value is None:
            return "\\N"
        text = _disarmed(plain(value), value, style).translate(_TSV_ESCAPES)
        return visible(text) if style.terminal else text

    for row in (columns, *rows):
        yield "\t".join(map(field, row)) + "\n"


# ---- formats for people ------------------------------------------------------------------------------------


def _shown(value: Cell) -> str:
    """A value as a person reads it, on one line and without control characters."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        head = value[:BLOB_PREVIEW].hex().upper()
        return f"X'{head}'" if len(value) <= BLOB_PREVIEW else f"X'{head}…' ({len(value)} bytes)"
    if isinstance(value, float) and math.isfinite(value):
        text = format(value, ".15g")  # as the sqlite3 shell: 0.1 + 0.2 is 0.3
        return text if any(mark in text for mark in ".e") else text + ".0"
    return visible(str(value))


def _alignment(rows: Rows, columns: int) -> list[str]:
    """ "right" for each column that holds numbers and nothing else but NULL, "left" for the others."""
    aligned = []
    for place in range(columns):
        values = [row[place] for row in rows if row[place] is not None]
        numbers = bool(values) and all(isinstance(value, int | float) for value in values)
        aligned.append("right" if numbers else "left")
    return aligned


def fit(widths: Sequence[int], total: int) -> list[int] | None:
    """Column widths that add up to at most `total`, cutting the widest first; None when they cannot."""
    if sum(min(width, MIN_CELL) for width in widths) > total:
        return None
    low, high = MIN_CELL, max([*widths, MIN_CELL])
    while low < high:  # the largest common ceiling that fits
        middle = (low + high + 1) // 2
        if sum(min(width, middle) for width in widths) <= total:
            low = middle
        else:
            high = middle - 1
    result = [min(width, low) for width in widths]
    spare = total - sum(result)
    for place, width in enumerate(widths):
        extra = min(spare, width - result[place])
        result[place] += extra
        spare -= extra
    return result


def _dim_null(text: str, value: Cell, style: Style) -> str:
    return paint(text, DIM) if value is None and style.color else text


def _painted(text: str, style: Style) -> str:
    """Text whose cells were made visible, with the colours that are wanted in it."""
    return Painted(text) if style.color else text


def _table(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    from wcwidth import wcswidth

    if not rows:
        return  # the notice "(no rows)" goes to stderr
    limit = style.max_cell
    heads = [cut(visible(column), limit) for column in columns]
    cells = [[cut(_shown(value), limit) for value in row] for row in rows]
    if style.turned:
        yield from _records(heads, cells, rows, style)
        return
    if style.width is not None:
        natural = [max(max(wcswidth(line[i]), 0) for line in (heads, *cells)) for i in range(len(heads))]
        widths = fit(natural, style.width - 3 * len(heads) - 1)
        if widths is None:
            yield from _records(heads, cells, rows, style)
            return
        heads = [cut(text, width) for text, width in zip(heads, widths, strict=True)]
        cells = [[cut(text, width) for text, width in zip(line, widths, strict=True)] for line in cells]
    shown = [
        [_dim_null(text, value, style) for text, value in zip(line, row, strict=True)]
        for line, row in zip(cells, rows, strict=True)
    ]
    yield _painted(_tabulate(heads, shown, _alignment(rows, len(heads)), "psql"), style)


def _tabulate(heads: Sequence[str], cells: Sequence[Sequence[str]], aligned: Sequence[str], look: str) -> str:
    import tabulate

    tabulate.MIN_PADDING = 0  # else a column is two wider than its name, and wider than what `fit` allows
    text = tabulate.tabulate(
        cells,
        headers=heads,
        tablefmt=look,
        colalign=aligned,
        disable_numparse=True,
        preserve_whitespace=True,  # a leading blank is part of the value
    )
    return text + "\n"


def _records(heads: Sequence[str], cells: Sequence[Sequence[str]], rows: Rows, style: Style) -> Iterator[str]:
    """One value a line: asked for, or more columns than the terminal can show side by side."""
    from wcwidth import wcswidth

    room = 0  # no terminal, no limit
    if style.width is not None:
        heads = [cut(head, max(style.width // 3, MIN_CELL)) for head in heads]
        room = max(style.width - max(wcswidth(head) for head in heads) - 3, MIN_CELL)
    widest = max(wcswidth(head) for head in heads)
    for number, (line, row) in enumerate(zip(cells, rows, strict=True), start=1):
        yield f"-[ row {number} ]-\n"
        for head, text, value in zip(heads, line, row, strict=True):
            pad = " " * (widest - wcswidth(head))
            yield _painted(f"{head}{pad} | {_dim_null(cut(text, room), value, style)}\n", style)


_MARKDOWN_MARKS = re.compile(r"[\\|*`\[\]<>&~]|(?<!\w)_|_(?!\w)")


def _markdown(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    def cell(value: Cell) -> str:
        parts = value.splitlines() if isinstance(value, str) else [value]
        return "<br>".join(_MARKDOWN_MARKS.sub(r"\\\g<0>", _shown(part)) for part in parts).strip(" ")

    cells = [[cell(value) for value in row] for row in rows]
    yield _tabulate([cell(column) for column in columns], cells, _alignment(rows, len(columns)), "pipe")


FORMATS: dict[str, Callable[[Sequence[str], Rows, Style], Iterator[str]]] = {
    "table": _table,
    "json": _json,
    "jsonl": _jsonl,
    "csv": _csv,
    "tsv": _tsv,
    "markdown": _markdown,
}
"""Every output format by name; the command line's choices come from here."""


# ---- SQL and reports ---------------------------------------------------------------------------------------


def highlight_sql(sql: str) -> Painted:
    """SQL with terminal colours (the sixteen that themes adapt), its lines kept and all else made visible."""
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers.sql import SqlLexer

    shown = visible(on_lines(sql), keep="\n")
    text: Any = highlight(shown, SqlLexer(stripnl=False), TerminalFormatter(bg="dark"))
    return Painted(str(text).rstrip("\n"))


def on_lines(sql: str) -> str:
    """SQL with its line breaks as a terminal wants them and blanks in place of tabs."""
    return sql.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
