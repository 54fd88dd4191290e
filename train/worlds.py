"""Tell a statement that says what the answer is from one that gives it by chance, by other worlds.

A statement that a question's answer came from must be right in other databases, too (Pasupat and Liang 2016, fictitious
worlds): with rows stored in another order, with each row there twice where nothing is counted, and with the cells
changed that it does not read. And it must read the data: where rows are missing or the cells that it reads change, it
gives something else at least once.

    worlds = Worlds(path, schema)
    worlds.judge(sql)         # a Verdict: why it is no good, or "" and what it gives in the worlds that differ

Invariant: worlds follow from the file and the seed alone; the file is only read.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.denotation import Cell, Value, value
from sqlagent.database.schema import Schema, fold
from sqlagent.sandbox.functions import register
from sqlagent.sql.functions import AGGREGATES, EXTREMES
from sqlagent.sql.names import quote
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading, read
from sqlagent.sql.tree import Call, Column, Star

CHANGED = 4
"""Worlds in which the data differ."""
STEPS = 20
"""Calls of the progress handler, 50,000 instructions each, before a statement is given up."""
COUNTING = AGGREGATES - EXTREMES
"""Functions to which it matters how often a row is there."""

Rows = list[tuple[Cell, ...]]
Denotation = frozenset[Value] | None
"""The values that a statement gives; None where it does not run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why` is "" for a statement that may be meant; `elsewhere` is what it gives where the data differ."""

    why: str
    elsewhere: tuple[Denotation, ...] = ()


class Worlds:
    """Changed copies of one database, in memory. `close` frees them."""

    def __init__(self, database: Path, schema: Schema, seed: int = 0) -> None:
        self._schema = schema
        self._here = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)
        self._here.text_factory = lambda raw: raw.decode("utf-8", "replace")
        register(self._here)
        self._seed = f"{database.stem}:{seed}"
        self._changed: list[sqlite3.Connection] | None = None

    def judge(self, sql: str) -> Verdict:
        """Whether a statement, as it runs on the file, says what it gives."""
        try:
            reading = read(sql, self._schema)
        except Unreadable:
            return Verdict("cannot be read")
        here = denotation(self._here, sql)
        if here is None:
            return Verdict("does not run outside of the sandbox")
        for why, world in self._alike(reading):
            with contextlib.closing(world):
                given = denotation(world, sql)
            if given != here:
                return Verdict(why)
        if self._changed is None:
            self._changed = [self._world(number) for number in range(CHANGED)]
        elsewhere = tuple(denotation(world, sql) for world in self._changed)
        return Verdict(
            "" if any(given != here for given in elsewhere) else "gives the same whatever is stored",
            elsewhere,
        )

    def _alike(self, reading: Reading) -> Iterable[tuple[str, sqlite3.Connection]]:
        """Worlds in which it must give what it gives here."""
        rng = random.Random(self._seed)
        why = "depends on the order in which rows are stored"
        yield why, self._copy(lambda rows: rows[::-1])  # what two rows tie for goes to the other one
        yield why, self._copy(lambda rows: rng.sample(rows, len(rows)))
        if not _counts(reading):
            yield "changes when rows are there twice", self._copy(lambda rows: [*rows, *rows])
        used = _columns(reading)
        if used is not None:
            yield "changes with cells that it does not read", self._copy(list, lambda name: name not in used)

    def _world(self, number: int) -> sqlite3.Connection:
        """A world in which rows are missing (first half) or the cells of each column have changed places."""
        rng = random.Random(f"{self._seed}:{number}")
        if number < CHANGED // 2:
            return self._copy(lambda rows: rng.sample(rows, (len(rows) + 1) // 2))
        return self._copy(list, lambda name: True, rng)

    def _copy(
        self,
        rows_of: Callable[[Rows], Rows],
        mixed: Callable[[str], bool] | None = None,
        rng: random.Random | None = None,
    ) -> sqlite3.Connection:
        """The database with its rows changed, and then the cells of the columns that `mixed` says."""
        rng = rng or random.Random(self._seed)
        made = sqlite3.connect(":memory:")
        register(made)
        for table in self._schema.tables:
            if table.kind != "table":
                continue
            names = [column.name for column in table.columns]
            listed = ", ".join(map(quote, names))
            rows = rows_of(self._here.execute(f"SELECT {listed} FROM {quote(table.name)}").fetchall())
            if mixed is not None:
                cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
                for name, column in zip(names, cells, strict=True):
                    if mixed(fold(name)):
                        rng.shuffle(column)
                rows = list(zip(*cells, strict=True))
            types = {fold(column.name): column.type for column in table.columns}
            # Without keys and constraints: a changed copy breaks them.
            columns = ", ".join(f"{quote(name)} {types[fold(name)]}" for name in names)
            made.execute(f"CREATE TABLE {quote(table.name)} ({columns})")
            made.executemany(f"INSERT INTO {quote(table.name)} VALUES ({', '.join('?' * len(names))})", rows)
        return made

    def close(self) -> None:
        for connection in (self._here, *(self._changed or ())):
            connection.close()


def denotation(connection: sqlite3.Connection, sql: str) -> Denotation:
    """The values that a statement gives; None where it does not run, or not in time."""
    left = iter(range(STEPS))
    connection.set_progress_handler(lambda: next(left, None) is None, 50_000)
    try:
        rows: Sequence[Sequence[Cell]] = connection.execute(sql).fetchmany(5000)
    except (sqlite3.Error, sqlite3.Warning):
        return None
    finally:
        connection.set_progress_handler(None, 0)
    return frozenset(value(cell) for row in rows for cell in row)


def _counts(reading: Reading) -> bool:
    """Whether how often a row is there matters: aggregates, and more than the first row."""
    statement = reading.statement
    if any(call.function in COUNTING or call.window is not None for call in statement.find(Call)):
        return True
    query = reading.query
    return query.offset is not None or (query.limit is not None and statement.text(query.limit) != "1")


def _columns(reading: Reading) -> set[str] | None:
    """The folded names of the columns that it reads; None where it reads whole rows."""
    statement = reading.statement
    if any(not isinstance(statement.parent(star), Call) for star in statement.find(Star)):
        return None
    return {fold(column.name.text) for column in statement.find(Column)}
