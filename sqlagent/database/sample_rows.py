"""Row counts and sample values, under limits.

Invariant: the work done on one table is bounded by steps of SQLite's virtual machine, not by its rows, so
that the same file gives the same samples; wall-clock limits only stand behind that, for slow disks and
hostile views.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import contextmanager, suppress

from sqlagent.database.ddl_comments import quote
from sqlagent.database.found import Column, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlagent.database.tables import Value

EXACT_ROWS = 10_000
"""Rows of a table that are counted one by one in a file too large to be counted whole."""
SMALL_FILE = 16 << 20
"""Bytes of a file in which every table is counted: walking all of it takes milliseconds."""
TEXT_CHARACTERS = 200
BLOB_BYTES = 64
SHORT_CHARACTERS = 40
"""A sample longer than this is taken only when there is no other."""

_NOT_SAMPLED = frozenset({"printf", "format", "random", "randomblob"})
"""Functions that can work long inside one virtual machine step, and those that never say the same twice."""
_STRICT_OPCODES = 5_000
"""A view that compiles to more than this is not sampled."""

_LARGE_SCHEMA = 2_000
"""Columns from which on fewer rows of each table are read."""
_DEEP_ROWS = 1_000
"""Rows looked at for a column that was NULL in all the others."""
_LIMIT_LENGTH = 0  # sqlite3.SQLITE_LIMIT_LENGTH; Python 3.10 has neither the name nor setlimit
_VALUE_BYTES = 16 << 20
"""A value larger than this is not loaded (Python 3.11 and later)."""
_STRICT_BYTES = 20_000
_TICK = 100  # virtual machine steps between two calls of the progress handler
_STEPS = 2_000_000
_STRICT_STEPS = 500_000
_SECONDS = 0.25
_STRICT_SECONDS = 0.02

Span = tuple[str, int, int]
"""Name of the rowid, smallest and largest one."""


class Reading:
    """How much of each table is read: its first rows and a few more at `spots` spread over the rowids."""

    def __init__(
        self, samples: int, file_bytes: int, *, head: int = 16, spots: int = 4, spot: int = 6
    ) -> None:
        self.samples = samples
        self.file_bytes = file_bytes
        self.head = head
        self.spots = spots
        self.spot = spot

    def for_columns(self, columns: int) -> Reading:
        """The same with fewer rows a table where there are many `columns` in all."""
        if columns <= _LARGE_SCHEMA:
            return self
        return Reading(self.samples, self.file_bytes, head=4, spots=2, spot=3)

    @property
    def rows(self) -> int:
        return self.head + self.spots * self.spot


class Limiter:
    """Bounds what statements on one connection may cost."""

    def __init__(self, connection: sqlite3.Connection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._stop = float("inf")
        self._ticks = 0
        connection.set_progress_handler(self._tick, _TICK)
        self._limit_length(_VALUE_BYTES)

    @property
    def expired(self) -> bool:
        """Whether the time for the whole schema is over."""
        return time.monotonic() > self._deadline

    def _tick(self) -> bool:
        if self._stop == float("inf"):
            return False
        self._ticks -= 1
        return self._ticks < 0 or time.monotonic() > self._stop

    def _limit_length(self, size: int) -> None:
        if hasattr(self._connection, "setlimit"):
            self._connection.setlimit(_LIMIT_LENGTH, size)

    @contextmanager
    def limits(self, *, steps: int = _STEPS, seconds: float = _SECONDS) -> Iterator[None]:
        """For statements over stored columns only."""
        self._ticks, self._stop = steps // _TICK, min(self._deadline, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._stop = float("inf")

    @contextmanager
    def strict_limits(self) -> Iterator[None]:
        """For statements that run a stranger's expressions or a module's code.

        Short values only, so that no single step of SQLite takes long; for those that do nevertheless (counting
        a b-tree is one) the parent process watches. Raises sqlite3.OperationalError on Python 3.10, which
        cannot limit the length of a value: there, views and generated columns go without samples.
        """
        if not hasattr(self._connection, "setlimit"):
            raise sqlite3.OperationalError("this Python's sqlite3 cannot limit what an expression costs")
        self._limit_length(_STRICT_BYTES)
        try:
            with self.limits(steps=_STRICT_STEPS, seconds=_STRICT_SECONDS):
                yield
        finally:
            self._limit_length(_VALUE_BYTES)


def count_rows(
    connection: sqlite3.Connection, table: Table, limiter: Limiter, reading: Reading
) -> tuple[int | None, bool, Span | None]:
    """(rows, whether that is exact, span of rowids) of a table; (None, False, None) of a view.

    Exact in a small file or up to EXACT_ROWS rows; else the smaller of what ANALYZE noted and the span of
    rowids.
    Raises sqlite3.Error.
    """
    if table.kind == "view" or limiter.expired:
        return None, False, None
    name = f"main.{quote(table.name)}"
    if table.kind == "virtual":
        with limiter.strict_limits():
            rows = _one(connection, f"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {EXACT_ROWS + 1})")
        return (rows, True, None) if rows is not None and rows <= EXACT_ROWS else (None, False, None)
    small = reading.file_bytes <= SMALL_FILE
    counted = name if small else f"(SELECT 1 FROM {name} LIMIT {EXACT_ROWS + 1})"
    with limiter.limits():
        rows, span = _count_and_span(connection, table, f"SELECT count(*) FROM {counted}")
        if small or rows is None or rows <= EXACT_ROWS:
            return rows, rows is not None, span
        noted = _analyzed_rows(connection, table.name)
    guesses = [] if noted is None else [noted]
    if span:
        # A row takes six bytes at the least: sparse rowids cannot make more rows than the file has room for.
        guesses.append(min(span[2] - span[1] + 1, reading.file_bytes // 6))
    return max(min(guesses), EXACT_ROWS + 1) if guesses else None, False, span


def _one(connection: sqlite3.Connection, sql: str) -> int | None:
    row = connection.execute(sql).fetchone()
    return row[0] if row and isinstance(row[0], int) else None


def _count_and_span(
    connection: sqlite3.Connection, table: Table, count: str
) -> tuple[int | None, Span | None]:
    """What `count` counts, and the span of rowids: None for an empty table or one without rowids."""
    rowid = next((name for name in ("rowid", "_rowid_", "oid") if not table.has_column(name)), None)
    name = f"main.{quote(table.name)}"
    if rowid is not None:
        bounds = f"(SELECT min({rowid}) FROM {name}), (SELECT max({rowid}) FROM {name})"
        with suppress(sqlite3.OperationalError):  # WITHOUT ROWID
            rows, low, high = connection.execute(f"SELECT ({count}), {bounds}").fetchone()
            return rows, (rowid, low, high) if isinstance(low, int) and isinstance(high, int) else None
    return _one(connection, count), None


def _analyzed_rows(connection: sqlite3.Connection, table: str) -> int | None:
    try:
        rows = connection.execute(
            "SELECT CAST(stat AS TEXT) FROM sqlite_stat1 WHERE tbl = ? COLLATE NOCASE LIMIT 50", (table,)
        ).fetchall()
    except sqlite3.Error:  # ANALYZE was never run, or what it left is damaged
        return None
    words = [str(stat).split(" ", 1)[0] for (stat,) in rows]
    return max(
        (int(word) for word in words if word.isascii() and word.isdigit() and len(word) <= 18), default=None
    )


def sample_rows(
    connection: sqlite3.Connection, table: Table, span: Span | None, limiter: Limiter, reading: Reading
) -> list[tuple[Value, ...]]:
    """Up to `reading.samples` distinct stored values for each column, in the order of the columns."""
    found: list[list[Value]] = [[] for _ in table.columns]
    if reading.samples <= 0 or limiter.expired:
        return [() for _ in found]
    stored = [i for i, column in enumerate(table.columns) if not column.generated and table.kind == "table"]
    computed = [i for i in range(len(found)) if i not in set(stored)]
    if stored:
        with suppress(sqlite3.Error), limiter.limits():
            _collect(connection, table, stored, span, found, reading)
    if computed and _may_run(connection, table, computed, reading):
        with suppress(sqlite3.Error), limiter.strict_limits():
            _collect(connection, table, computed, span if table.kind == "table" else None, found, reading)
    return [choose(values, reading.samples) for values in found]


def _may_run(connection: sqlite3.Connection, table: Table, places: list[int], reading: Reading) -> bool:
    """Whether the program that computes these columns does nothing that strict limits cannot bound.

    The authorizer is not asked about functions in generated columns; the compiled program shows them all.
    """
    name = quote(table.name)
    names = ", ".join(f"{name}.{quote(table.columns[place].name)}" for place in places)
    try:
        program = connection.execute(f"EXPLAIN SELECT {names} FROM {name}").fetchmany(_STRICT_OPCODES)
    except sqlite3.Error:
        return False
    if reading.file_bytes > SMALL_FILE and any(row[1] == "Count" for row in program):
        return False  # counts a b-tree in one step
    calls = {str(row[5]).split("(", 1)[0].lower() for row in program if row[5] is not None}
    return len(program) < _STRICT_OPCODES and not calls & _NOT_SAMPLED


def _collect(
    connection: sqlite3.Connection,
    table: Table,
    places: list[int],
    span: Span | None,
    found: list[list[Value]],
    reading: Reading,
) -> None:
    """Append to `found[place]` the values of column number `place` in a few rows. Raises sqlite3.Error."""
    name = f"main.{quote(table.name)}" if table.kind == "table" else quote(table.name)
    # An index would give its own order, NULLs first.
    source = f"{name} NOT INDEXED" if table.kind == "table" else name
    values = [_value(name, table.columns[place]) for place in places]
    select = f"SELECT {', '.join(values)} FROM {source} LIMIT ?"
    parameters: list[int] = [reading.rows]
    if span and span[2] - span[1] >= reading.rows:
        rowid, low, high = span
        step = (high - low - reading.spot) // reading.spots
        parameters = [low, reading.head]
        for spot in range(1, reading.spots + 1):
            parameters += (low + step * spot, reading.spot)
        # One statement, since compiling the values of all columns is most of what a small table costs.
        at = f"SELECT * FROM (SELECT {rowid} AS sqlagent_at FROM {source} WHERE {rowid} >= ? LIMIT ?)"
        places_of_rows = " UNION ALL ".join([at] * (len(parameters) // 2))
        select = f"SELECT {', '.join(values)} FROM ({places_of_rows}) CROSS JOIN {source}"
        select += f" WHERE {name}.{rowid} = sqlagent_at"
    rows: list[tuple[Value | None, ...]] = []
    failed = False
    try:
        rows.extend(connection.execute(select, parameters))  # those before an error stay
    except sqlite3.DataError:  # a value too large to load: look at one column after the other
        failed = True
    for place, column in zip(places, zip(*rows, strict=True), strict=False):  # no rows, no columns
        found[place] += [value for value in column if value is not None]
    if table.kind == "table" and (len(rows) >= reading.head or failed):
        for place, value in zip(places, values, strict=True):
            if not found[place]:
                deeper = f"SELECT {value} AS v FROM {source} LIMIT {_DEEP_ROWS}"
                with suppress(sqlite3.DataError):
                    rows_ = connection.execute(
                        f"SELECT v FROM ({deeper}) WHERE v IS NOT NULL LIMIT {reading.spot}"
                    )
                    found[place].extend(value for (value,) in rows_)


def _value(table: str, column: Column) -> str:
    """SQL for a column's value without what is too large to show. typeof and length do not load a blob."""
    name = f"{table}.{quote(column.name)}"
    return (
        f"CASE typeof({name}) WHEN 'text' THEN substr({name}, 1, {TEXT_CHARACTERS})"
        f" WHEN 'blob' THEN CASE WHEN length({name}) <= {BLOB_BYTES} THEN {name} END ELSE {name} END"
    )


def choose(values: list[Value], limit: int) -> tuple[Value, ...]:
    """Up to `limit` distinct values: the frequent ones where values repeat, else spread over what was read.

    Empty and long ones only when there is nothing better.
    """
    counts = Counter(zip(map(type, values), values, strict=True))
    good = [
        key for key in counts if not isinstance(key[1], (str, bytes)) or 0 < len(key[1]) <= SHORT_CHARACTERS
    ]
    if len(good) < limit:
        rest = [key for key in counts if key not in set(good) and key[1] != ""]
        good += sorted(rest, key=lambda key: len(key[1]) if isinstance(key[1], (str, bytes)) else 0)
    elif len(counts) * 2 <= len(values):
        good.sort(key=lambda key: -counts[key])
    elif limit > 1:
        good = [good[i * (len(good) - 1) // (limit - 1)] for i in range(limit)]
    return tuple(value for _, value in good[:limit])
