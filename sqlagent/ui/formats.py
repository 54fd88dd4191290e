"""Rows to text, one function a format; the only module that writes to stdout.

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

import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from sqlagent.base.errors import SqlagentError
from sqlagent.base.visible import visible

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

    @property
    def terminal(self) -> bool:
        return self.width is not None


# ---- writing -----------------------------------------------------------------------------------------------


def write(chunks: Iterable[str], stream: TextIO | None = None) -> None:
    """Write text to stdout as UTF-8 and flush it.

    A closed pipe ends quietly: the reader has had enough. Raises SqlagentError when it cannot be written.
    """
    out = stream or sys.stdout
    if out is None:  # started with stdout closed: nobody is listening
        return
    try:
        if stream is None and hasattr(out, "reconfigure"):
            # The same bytes whatever the locale; lone surrogates, which UTF-8 cannot hold, are spelled out.
            out.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        for chunk in chunks:
            out.write(chunk)
        out.flush()
    except BrokenPipeError:
        _discard(out)
    except OSError as error:
        _discard(out)
        reason = (error.strerror or str(error)).lower()
        raise SqlagentError(f"The output cannot be written: {reason}.") from None


def _discard(out: TextIO) -> None:
    """Point the stream at nothing, so that Python's own flush at exit has nothing to complain about."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, out.fileno())
        os.close(null)


def write_rows(columns: Sequence[str], rows: Rows, style: Style) -> None:
    """Write a result to stdout in `style.format`."""
    write(lines(columns, rows, style))


def write_line(text: str = "") -> None:
    """Write one line of data (a path, a statement) to stdout."""
    write([text + "\n"])


def lines(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    """The text of a result, in chunks that each end with a newline."""
    return FORMATS[style.format](columns, rows, style)


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal behind a stream (stdout unless told), None when it is not a terminal."""
    out = stream or sys.stdout
    try:
        if out is None or not out.isatty():
            return None
        width = os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return None
    return width or 80


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


_JSON_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def _json_text(text: str) -> str:
    """A JSON string. What a terminal obeys or UTF-8 cannot hold is \\uXXXX, which means the same."""
    return _JSON_UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", json.dumps(text, ensure_ascii=False))


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


def _plain(value: Cell) -> str:
    """The exact text of a value that is not NULL."""
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'"
    if isinstance(value, float):
        return _json_value(value) if not math.isfinite(value) else repr(value)
    return str(value)


def _csv(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    def field(value: Cell) -> str:
        if value is None:
            return ""
        text = _plain(value)
        if style.csv_safe and isinstance(value, str) and text[:1] in tuple("=+-@\t\r"):
            text = "'" + text  # a spreadsheet takes what follows as text, not as a formula
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
        text = _plain(value).translate(_TSV_ESCAPES)
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


def _cut(text: str, width: int) -> str:
    """The text in at most `width` terminal cells, ending in "…" when something was left out."""
    from wcwidth import wcswidth, wcwidth

    if width < 1 or len(text) <= width // 2 or wcswidth(text) <= width:
        return text
    used = 0
    for place, character in enumerate(text):
        used += max(wcwidth(character), 0)
        if used > width - 1:
            return text[:place] + "…"
    return text


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
    return f"\x1b[2m{text}\x1b[0m" if value is None and style.color else text


def _table(columns: Sequence[str], rows: Rows, style: Style) -> Iterator[str]:
    from wcwidth import wcswidth

    if not rows:
        return  # the notice "(no rows)" goes to stderr
    limit = style.max_cell
    heads = [_cut(visible(column), limit) for column in columns]
    cells = [[_cut(_shown(value), limit) for value in row] for row in rows]
    if style.width is not None:
        natural = [max(max(wcswidth(line[i]), 0) for line in (heads, *cells)) for i in range(len(heads))]
        widths = fit(natural, style.width - 3 * len(heads) - 1)
        if widths is None:
            yield from _records(heads, cells, rows, style)
            return
        heads = [_cut(text, width) for text, width in zip(heads, widths, strict=True)]
        cells = [[_cut(text, width) for text, width in zip(line, widths, strict=True)] for line in cells]
    shown = [
        [_dim_null(text, value, style) for text, value in zip(line, row, strict=True)]
        for line, row in zip(cells, rows, strict=True)
    ]
    yield _tabulate(heads, shown, _alignment(rows, len(heads)), "psql")


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
    """One value a line, for results with more columns than the terminal can show side by side."""
    from wcwidth import wcswidth

    assert style.width is not None
    heads = [_cut(head, max(style.width // 3, MIN_CELL)) for head in heads]
    widest = max(wcswidth(head) for head in heads)
    room = max(style.width - widest - 3, MIN_CELL)
    for number, (line, row) in enumerate(zip(cells, rows, strict=True), start=1):
        yield f"-[ row {number} ]-\n"
        for head, text, value in zip(heads, line, row, strict=True):
            pad = " " * (widest - wcswidth(head))
            yield f"{head}{pad} | {_dim_null(_cut(text, room), value, style)}\n"


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


def highlight_sql(sql: str) -> str:
    """SQL with terminal colours (the sixteen that themes adapt) and control characters made visible."""
    from pygments import highlight
    from pygments.formatters import TerminalFormatter
    from pygments.lexers.sql import SqlLexer

    text: Any = highlight(visible(sql), SqlLexer(stripnl=False), TerminalFormatter(bg="dark"))
    return str(text).rstrip("\n")
