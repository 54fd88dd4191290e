"""Load one sheet of rows into a table of its own, with types that are right, and say what was decided.

    TableLoader(connection, notices).load("sales", sheet, again)  # how many rows it has

The kinds of the columns are told from the first rows. Invariant: where a later cell is not what its column was taken
for, the table starts again with that ruled out, so nothing of a sheet is lost.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlagent.base.errors import DatabaseError
from sqlagent.files import cells
from sqlagent.files.readers import Sheet
from sqlagent.sql.names import quote

BATCH = 500
"""Rows that are converted at once: few enough to stay in a processor's cache."""
TOGETHER, MOST_MARKS = 50, 999
"""Rows that one statement inserts at most, and values: what every SQLite takes."""
SAMPLE = 20_000
"""Rows from which the kinds of the columns are told; a later cell that does not fit starts the table again."""
MOST_COLUMNS = 1_900


class TableLoader:
    """Makes tables and fills them.

    notices: where it says what a person should know. as_text: every cell of a text file stays a text.
    """

    def __init__(self, connection: sqlite3.Connection, notices: list[str], *, as_text: bool = False) -> None:
        self._connection, self._notices, self._as_text = connection, notices, as_text

    def load(self, table: str, sheet: Sheet, again: Callable[[], Iterator[Sequence[Any]]]) -> int:
        """Load one table; how many rows it has. again: the sheet's rows once more. Raises DatabaseError."""
        rows: Iterator[Sequence[Any]] = iter(sheet.rows)
        sample = list(itertools.islice(rows, SAMPLE))
        width = max([len(sheet.heads), *map(len, sample)])
        heads = column_names([*sheet.heads, *[""] * (width - len(sheet.heads))])
        if width > MOST_COLUMNS:
            raise DatabaseError(f"{sheet.name} has {width:,} columns; SQLite takes {MOST_COLUMNS:,} at most.")
        if sheet.lines:
            self._tell_ragged(sheet, sample)
        if sheet.typed or self._as_text:
            self._load_as_it_is(table, heads, sheet, sample, rows)
        else:
            chosen = self._load_recognised(table, heads, sample, rows, again)
            self._tell_kinds(table, heads, chosen, sample)
        (count,) = self._connection.execute(f"SELECT COUNT(*) FROM {quote(table)}").fetchone()
        return int(count)

    def _tell_ragged(self, sheet: Sheet, sample: Sequence[Sequence[Any]]) -> None:
        """Say where lines have another number of fields than the head."""
        ragged = [i for i, row in enumerate(sample) if len(row) not in (0, len(sheet.heads))]
        if ragged:
            more = f", and {len(ragged) - 1:,} lines more" if len(ragged) > 1 else ""
            self._notices.append(
                f"{sheet.name}, about line {ragged[0] + 2}: {len(sample[ragged[0]])} fields where the head has "
                f"{len(sheet.heads)}{more}."
            )

    def _load_as_it_is(
        self,
        table: str,
        heads: Sequence[str],
        sheet: Sheet,
        sample: Sequence[Sequence[Any]],
        rows: Iterator[Sequence[Any]],
    ) -> None:
        """Load cells that have types already, or that are to stay texts."""
        width = len(heads)
        if sheet.typed:
            types = [_type_of(row[i] for row in sample if i < len(row)) for i in range(width)]
        else:
            types = ["TEXT"] * width
        self._create(table, heads, types, [""] * width)
        kinds_of_text = None if sheet.typed else [cells.TEXT] * width
        self._fill(table, width, itertools.chain(sample, rows), kinds_of_text)

    def _load_recognised(
        self,
        table: str,
        heads: Sequence[str],
        sample: Sequence[Sequence[Any]],
        rows: Iterator[Sequence[Any]],
        again: Callable[[], Iterator[Sequence[Any]]],
    ) -> list[cells.Kind]:
        """Load texts as what their columns are recognised for; the kinds that all rows bore out.

        again: all rows once more, for the next try after one did not fit.
        """
        ruled_out: list[set[str]] = [set() for _ in heads]
        columns = _columns(sample, len(heads))
        while True:
            chosen = [
                cells.kind_of_column(column, tuple(out))
                for column, out in zip(columns, ruled_out, strict=True)
            ]
            self._create(table, heads, [kind.type for kind in chosen], [kind.said for kind in chosen])
            try:
                self._fill(table, len(heads), itertools.chain(sample, rows), chosen)
                unsure = [
                    i
                    for i, kind in enumerate(chosen)
                    if kind is cells.DAY_FIRST and self._both(table, heads[i])
                ]
                if not unsure:
                    return chosen
                for i in unsure:
                    ruled_out[i] |= {cells.DAY_FIRST.name, cells.MONTH_FIRST.name}
            except _Misfit as misfit:
                ruled_out[misfit.column].add(chosen[misfit.column].name)
            self._again(table)
            rows = itertools.islice(again(), len(sample), None)

    def _tell_kinds(
        self, table: str, heads: Sequence[str], chosen: Sequence[cells.Kind], sample: Sequence[Sequence[Any]]
    ) -> None:
        """Say what columns were taken for, and which dates were left because they can be read two ways."""
        said = [f"{head}: {kind.said}" for head, kind in zip(heads, chosen, strict=True) if kind.said]
        said += [
            f"{head}: dates whose day and month cannot be told apart, left as they are"
            for head, kind, column in zip(heads, chosen, _columns(sample, len(heads)), strict=True)
            if kind is cells.TEXT and cells.both_days_and_months(column)
        ]
        if said:
            self._notices.append(f"{table}: {'; '.join(said)}.")

    def _both(self, table: str, column: str) -> bool:
        """Whether no day of a column is over 12, so that each might be a month."""
        over = (
            f"SELECT 1 FROM {quote(table)} WHERE CAST(substr({quote(column)}, 9, 2) AS INTEGER) > 12 LIMIT 1"
        )
        return self._connection.execute(over).fetchone() is None

    def _again(self, table: str) -> None:
        """Take back a table that has to be loaded with other kinds of columns."""
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")  # without a journal there is nothing to roll back to
        self._connection.execute(f"DROP TABLE {quote(table)}")

    def _create(self, table: str, heads: Sequence[str], types: Sequence[str], said: Sequence[str]) -> None:
        lines = []
        for i, (head, type_, text) in enumerate(zip(heads, types, said, strict=True)):
            comma = "," if i + 1 < len(heads) else ""
            lines.append(f"    {quote(head)} {type_}{comma}" + (f" -- read from {text}" if text else ""))
        self._connection.execute(f"CREATE TABLE {quote(table)} (\n" + "\n".join(lines) + "\n)")

    def _fill(
        self, table: str, width: int, rows: Iterator[Sequence[Any]], chosen: Sequence[cells.Kind] | None
    ) -> None:
        """Insert rows; raises _Misfit when a cell is not what its column was taken for."""
        insert = partial(self._insert, f"INSERT INTO {quote(table)} VALUES ", width)
        known = [cells.Converter(kind) for kind in chosen or ()]
        self._connection.execute("BEGIN")
        while batch := list(filter(None, itertools.islice(rows, BATCH))):
            if set(map(len, batch)) != {width}:
                longest = max(len(row) for row in batch)
                if longest > width:
                    raise DatabaseError(
                        f"{table}: a row has {longest} fields where those before have {width} at most."
                    )
                batch = [[*row, *[None if chosen is None else ""] * (width - len(row))] for row in batch]
            if chosen is None:
                insert(batch)
                continue
            columns = []
            for i, column in enumerate(zip(*batch, strict=True)):
                try:
                    columns.append(cells.converted(chosen[i], known[i], column))
                except cells.NotThisKind:
                    raise _Misfit(i) from None
            insert(list(zip(*columns, strict=True)))
        self._connection.execute("COMMIT")

    def _insert(self, into: str, width: int, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, many with one statement: seven columns take 0.4 of the time that they take one by one."""
        together = max(1, min(TOGETHER, MOST_MARKS // width))
        marks = f"({', '.join('?' * width)})"
        whole = len(rows) - len(rows) % together
        flat = list(itertools.chain.from_iterable(rows[:whole]))
        step = together * width
        self._connection.executemany(
            into + ", ".join([marks] * together), (flat[i : i + step] for i in range(0, len(flat), step))
        )
        self._connection.executemany(into + marks, rows[whole:])


class _Misfit(Exception):
    def __init__(self, column: int) -> None:
        super().__init__(column)
        self.column = column


def _columns(sample: Sequence[Sequence[Any]], width: int) -> list[list[Any]]:
    """The cells of each column; of a short row those that there are."""
    return [[row[i] for row in sample if i < len(row)] for i in range(width)]


def _type_of(values: Iterator[Any]) -> str:
    """The declared type of a column whose cells have types."""
    seen = {type(value) for value in values if value is not None}
    if seen and seen <= {int, bool}:
        return "INTEGER"
    if seen and seen <= {int, float, bool}:
        return "REAL"
    return "BLOB" if seen == {bytes} else "TEXT" if seen == {str} else ""


def column_names(heads: Sequence[Any]) -> list[str]:
    """Names for columns: the heads, without blanks around them; `column3` for an empty one; no name twice."""
    names: list[str] = []
    taken: set[str] = set()
    for i, head in enumerate(heads, 1):
        name = " ".join(str(head).split()) or f"column{i}"
        base, n = name, 2
        while name.lower() in taken:
            name, n = f"{base}_{n}", n + 1
        taken.add(name.lower())
        names.append(name)
    return names
