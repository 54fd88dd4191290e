"""Read a database's schema, by asking the worker process that alone opens the file.

Invariant: `read` returns or raises one of sqlagent's errors, whatever the bytes, in bounded time and memory:
what a stranger's view or generated column makes SQLite compile happens in a process that is ended when it takes
too long, and what was being compiled then is left out and named (`Schema.unreadable`). Names, types and keys
of plain tables always come.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlagent.base.errors import Cancelled, DatabaseError, QueryError, QueryTimeout
from sqlagent.database import ddl_comments, schema_cache, survey, unpacking
from sqlagent.database.folding import fold
from sqlagent.database.tables import ForeignKey, Kind, Schema, Table, Unreadable, keep_sound_keys
from sqlagent.sandbox import file_state, unreadable
from sqlagent.sandbox.sandbox import Sandbox

TIMEOUT = 10.0
"""Seconds that opening may take, unless told otherwise."""
MEMORY = 160 << 20
"""Bytes that the worker may take for it."""
RISK_SECONDS = 1.0
"""How long compiling and sampling one view or computed table may take before it is left out."""
_SHARE = 0.6
"""The part of the whole time that samples, counts and views may take: names come first."""
_EXPLODED = frozenset({unreadable.TIME, unreadable.SIZE})
_SURVEY = "sqlagent.database.survey:survey"
_RECOUNT = "sqlagent.database.survey:recount"
RECOUNT_SECONDS = 0.1
_ROWIDS = frozenset({"rowid", "_rowid_", "oid"})


class _Changed(Exception):
    """The database has other tables than when it was first looked at."""


def read(
    path: str | os.PathLike[str],
    *,
    samples: int = 3,
    time_budget: float = 2.0,
    timeout: float = TIMEOUT,
    sandbox: Sandbox | None = None,
) -> Schema:
    """Read the schema of the database at `path`.

    samples: sample values per column, at most. time_budget: seconds for samples, row counts and views.
    timeout: seconds for everything, another program's lock included. sandbox: a sandbox on the same file, whose
    process does the reading; without one, a process is started for it. Raises DatabaseError, QueryTimeout when
    not even the names came in time, and Cancelled.
    """
    name = os.path.abspath(path)
    state = file_state.file_state(path)
    if kept := schema_cache.load(name, state, samples):
        return kept
    started = time.monotonic()
    with _borrowed(path, sandbox) as box:
        for _ in range(3):
            reading = _Reading(name, box, samples, min(time_budget, timeout * _SHARE), started + timeout)
            with contextlib.suppress(_Changed):
                schema, whole = reading.run(state.size)
                break
        else:
            raise DatabaseError(f"{path} is being written by another program; try again in a moment.")
    if not schema.notice and file_state.file_state(path) == state:
        schema_cache.save(schema, state, samples, time.monotonic() - started, whole=whole)
    return schema


def read_again(schema: Schema, *, timeout: float, sandbox: Sandbox, same_tables: bool) -> Schema:
    """`schema` as it is after a change of the file.

    Where only rows changed (`same_tables`), names, types and keys are kept, and samples too, so that what a model
    has read of them stays good; rows are counted again, for RECOUNT_SECONDS at most. Raises as `read` does.
    """
    if not same_tables:
        return read(schema.path, timeout=timeout, sandbox=sandbox)
    tables = [
        [table.name, table.kind, [c.name for c in table.columns if fold(c.name) in _ROWIDS]]
        for table in schema.tables
    ]
    arguments = {
        "tables": tables,
        "seconds": RECOUNT_SECONDS,
        "size": file_state.file_state(schema.path).size,
    }
    found = sandbox.task(_RECOUNT, arguments, lambda _: None, timeout=timeout, memory=MEMORY)["counts"]
    counted = []
    for table in schema.tables:
        rows, exact = found.get(table.name, (table.row_count, table.row_count_exact))
        if rows and not table.row_count and not any(column.samples for column in table.columns):
            return read(
                schema.path, timeout=timeout, sandbox=sandbox
            )  # its first rows: there are samples now
        counted.append(replace(table, row_count=rows, row_count_exact=exact))
    return replace(schema, tables=tuple(counted), notice=sandbox.notice)


@contextlib.contextmanager
def _borrowed(path: str | os.PathLike[str], sandbox: Sandbox | None) -> Iterator[Sandbox]:
    """The sandbox given, or one for this moment."""
    if sandbox is not None:
        yield sandbox
        return
    with Sandbox(path) as own:
        yield own


class _Reading:
    """One reading of a schema, over as many worker processes as it takes."""

    def __init__(self, path: str, box: Sandbox, samples: int, budget: float, deadline: float) -> None:
        self._path, self._box, self._samples = path, box, samples
        self._deadline, self._budget_end = deadline, time.monotonic() + budget
        self._objects: list[tuple[str, Kind, int]] | None = None
        self._tables: dict[str, tuple[Table, list[list[Any]]]] = {}
        self._left: list[Unreadable] = []
        self._kept: tuple[dict[str, tuple[Table, list[list[Any]]]], list[Unreadable]] = {}, []
        """What was told by processes before this one."""
        self._at: str | None = None
        self._stored: list[str] = []

    def run(self, size: int) -> tuple[Schema, bool]:
        """The schema, and whether every sample was looked for. Raises as `read`, and _Changed."""
        whole = False
        while True:
            self._kept = dict(self._tables), list(self._left)
            self._at = None
            seconds = max(0.0, self._budget_end - time.monotonic())
            arguments = {
                "samples": self._samples,
                "seconds": seconds,
                "size": size,
                "done": [*self._tables, *(one.name for one in self._left if one.column is None)],
                "exploded": [one.name for one in self._left if one.cause in _EXPLODED and not one.column],
                "stored": self._stored,
            }
            try:
                summary = self._box.task(
                    _SURVEY,
                    arguments,
                    self._take,
                    timeout=max(0.05, self._deadline - time.monotonic()),
                    memory=MEMORY,
                )
                whole = bool(summary.get("whole")) and not self._stored
                break
            except Cancelled:
                raise
            except (QueryTimeout, QueryError) as error:
                if self._at is None and time.monotonic() < self._deadline - 0.1:  # it was no view's doing
                    raise DatabaseError(f"{self._path} cannot be read: {error}") from None
                if self._objects is None:
                    raise QueryTimeout(
                        f"{self._path} could not be opened in time; --timeout SECONDS allows more."
                    ) from None
                if time.monotonic() > self._deadline - 0.1:
                    break
                self._blame(self._at)
        self._name_the_rest()
        return self._schema(), whole

    def _blame(self, name: str | None) -> None:
        """Leave out what a process ended over: of a table first its generated columns only."""
        kind = next((kind for one, kind, _ in self._objects or () if one == name), None)
        if name is None or kind is None:
            return
        if kind == "table" and name not in self._stored:
            self._stored.append(name)
        else:
            why = "compiling it takes too long or too much memory"
            self._left.append(Unreadable(name, kind, unreadable.TIME, why))

    def _name_the_rest(self) -> None:
        """Name what nobody came to look at."""
        known = {*self._tables, *(one.name for one in self._left if one.column is None)}
        for name, kind, _ in self._objects or ():
            if name not in known:
                why = "not looked at: the time for opening was over; --timeout SECONDS allows more"
                self._left.append(Unreadable(name, kind, unreadable.TIME, why))

    def _take(self, news: Any) -> float | None:
        """Take one piece of news; how many seconds the next may take."""
        if news is None:
            self._tables, self._left = dict(self._kept[0]), list(self._kept[1])
            self._at = None
            return None
        if "objects" in news:
            objects = [(str(name), kind, int(reach)) for name, kind, reach in news["objects"]]
            if self._objects is not None and objects != self._objects:
                raise _Changed
            self._objects = objects
        elif "tables" in news:
            for packed, keys in news["tables"]:
                table = unpacking.unpack(packed)
                self._tables[table.name] = table, keys
        elif "left" in news:
            self._left += map(unpacking.unpack_unreadable, news["left"])
        elif "at" in news:
            self._at = str(news["at"])
            return RISK_SECONDS
        return None

    def _schema(self) -> Schema:
        """What was told, in the order of the file."""
        order = {name: place for place, (name, _, _) in enumerate(self._objects or ())}
        names = sorted(self._tables, key=lambda name: order[name])
        tables = _with_foreign_keys([self._tables[name] for name in names])
        left = tuple(sorted(self._left, key=lambda one: order.get(one.name, 0)))
        return Schema(self._path, tables, left, self._box.notice)


def from_ddl(sql: str) -> Schema:
    """The schema that the CREATE TABLE statements in `sql` declare; other statements are ignored.

    Raises DatabaseError when SQLite refuses one of them or when there is none.
    """
    creates = [
        text
        for text in ddl_comments.statements(sql)
        if ddl_comments.leading_words(text, 2) == ["create", "table"]
    ]
    if not creates:
        raise DatabaseError("There is no CREATE TABLE statement in this text.")
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for text in creates:
            try:
                connection.execute(text)
            except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
                raise DatabaseError(f"SQLite refuses a CREATE TABLE statement: {error}.") from error
        found = [(unpacking.unpack(packed), keys) for packed, keys in survey.declared(connection)]
        return Schema("", _with_foreign_keys(found))
    finally:
        connection.close()


def _with_foreign_keys(found: list[tuple[Table, list[list[Any]]]]) -> tuple[Table, ...]:
    """The tables with their foreign keys: names as declared, implicit targets resolved, no broken ones."""
    by_name = {fold(table.name): table for table, _ in found}
    return keep_sound_keys(
        [
            replace(table, foreign_keys=tuple(dict.fromkeys(_foreign_keys(table, rows, by_name))))
            if rows
            else table
            for table, rows in found
        ]
    )


def _foreign_keys(table: Table, rows: list[list[Any]], by_name: dict[str, Table]) -> Iterable[ForeignKey]:
    parts: dict[int, list[tuple[int, str, str, str | None]]] = {}
    for id_, place, ref_table, source, target in rows:
        parts.setdefault(id_, []).append((place, ref_table, source, target))
    for id_ in sorted(parts, reverse=True):  # SQLite numbers them from the last declared
        key = sorted(parts[id_], key=lambda part: part[0])
        target = by_name.get(fold(key[0][1]))
        if target is None:
            continue
        columns = [table.column(part[2]) for part in key]
        names = [part[3] for part in key]
        implicit = target.primary_key if None in names else ()
        refs = [target.column(name) for name in (implicit or [name for name in names if name is not None])]
        sources = tuple(column.name for column in columns if column)
        targets = tuple(column.name for column in refs if column)
        if len(sources) == len(targets) == len(key):
            yield ForeignKey(sources, target.name, targets)
