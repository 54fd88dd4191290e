"""Show what a database holds: how much, since when, the largest tables, odd columns, and questions that have answers.

    for part in tour(agent): output.part(part)

Every number was read from the file, and every question was run and gave rows; no model is needed. Invariant: what
takes too long is left out, and a table is looked at by its first rows where it has very many.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Cell
from sqlagent.base.errors import QueryError, QueryTimeout
from sqlagent.database.column_kinds import shows_dates
from sqlagent.database.schema import Column, Schema, Table
from sqlagent.sql.names import quote
from sqlagent.ui import starter_questions
from sqlagent.ui.readable import rounded
from sqlagent.ui.wrapping import cut

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent

LARGEST = 8
QUESTIONS = 10
SECONDS = 20.0
"""All of the tour may take so long; what is not reached is left out."""
LOOKED_AT = 50_000
"""Rows of a table that are looked at for odd columns."""
MOSTLY_EMPTY = 0.95
MOST_ODD = 12
CELL = 40
"""Characters of a value that are told."""
FEW_ROWS = 20
"""Rows under which a column with one value is nothing odd."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a tour: what it shows, as a table."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]


def summary(agent: Agent) -> str:
    """What is in here, in two sentences."""
    schema = agent.schema()
    meaning = agent.meaning()
    profile = meaning.profile if meaning is not None else None
    kinds = [table.kind for table in schema.tables]
    views = kinds.count("view")
    rows = sum(table.row_count or 0 for table in schema.tables if table.kind != "view")
    exact = all(table.row_count_exact for table in schema.tables if table.kind != "view")
    said = f"{_many(len(kinds) - views, 'table')}" + (f" and {_many(views, 'view')}" if views else "")
    size = _size(Path(schema.path).stat().st_size)
    known = f" These are the tables of {profile.name}." if profile is not None else ""
    left = (
        f" {_many(len(schema.unreadable), 'thing')} cannot be read: \\d says which."
        if schema.unreadable
        else ""
    )
    return f"{Path(schema.path).name}: {said}, {'' if exact else 'about '}{rows:,} rows, {size}.{known}{left}"


def tour(agent: Agent, *, questions: int = QUESTIONS) -> Iterator[Part]:
    """The parts that have something to show, as they are found. Raises DatabaseError, Cancelled."""
    deadline = time.monotonic() + SECONDS
    schema = agent.meant_schema()
    stored = [table for table in schema.tables if table.kind != "view"]
    # A known application's tables may all be shown by queries, whose rows have yet to be counted.
    tables = sorted(stored or schema.tables, key=lambda table: -(table.row_count or 0))
    largest: list[tuple[Cell, ...]] = [
        (t.name, _rows(agent, t), len(t.columns), _known_by(t)) for t in tables[:LARGEST]
    ]
    parts = (
        Part("tables", "The largest tables", ("table", "rows", "columns", "among them"), largest),
        Part("since", "Since when", ("column", "from", "to"), _since(agent, tables, deadline)),
        Part("odd", "Odd columns", ("column", "what"), _odd(agent, tables, deadline)),
    )
    yield from (part for part in parts if part.rows)
    found = list(_questions(agent, schema, questions, deadline))
    if found:
        columns = ("no", "question", "answer", "statement")
        rows: list[tuple[Cell, ...]] = [(number, *one) for number, one in enumerate(found, start=1)]
        yield Part("questions", "Questions that have answers", columns, rows)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1_000_000 else f"{size / 1e3:,.0f} KB"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _known_by(table: Table) -> str:
    return ", ".join(column.name for column in table.columns[:6]) + (", …" if len(table.columns) > 6 else "")


def _run(agent: Agent, sql: str) -> list[tuple[Cell, ...]]:
    try:
        return agent.run_meant(sql).rows
    except (QueryError, QueryTimeout):
        return []


def _rows(agent: Agent, table: Table) -> Cell:
    """How many rows a table has; None where that takes too long to count."""
    if table.row_count is not None:
        return table.row_count
    counted = _run(agent, f"SELECT COUNT(*) FROM {quote(table.name)}")
    return counted[0][0] if counted else None


def _since(agent: Agent, tables: list[Table], deadline: float) -> list[tuple[Cell, ...]]:
    """The first and the last date of columns that hold dates, of the largest tables first."""
    found: list[tuple[Cell, ...]] = []
    for table in tables:
        for column in table.columns:
            if not shows_dates(column):
                continue
            if time.monotonic() > deadline or len(found) == LARGEST:
                return found
            name = quote(column.name)
            for first, last in _run(agent, f"SELECT MIN({name}), MAX({name}) FROM {quote(table.name)}"):
                if first is not None:
                    found.append((f"{table.name}.{column.name}", str(first)[:19], str(last)[:19]))
    return found


def _odd(agent: Agent, tables: list[Table], deadline: float) -> list[tuple[Cell, ...]]:
    """Columns that hold nothing, next to nothing, one value, or numbers among texts."""
    found: list[tuple[Cell, ...]] = []
    for table in tables:
        if time.monotonic() > deadline or len(found) >= MOST_ODD:
            break
        columns = [column for column in table.columns if not column.pk][:40]
        if not columns or not table.row_count:
            continue
        counts = ", ".join(
            f"COUNT({n}), COUNT(DISTINCT {n}), SUM({n} = ''), SUM(typeof({n}) IN ('integer', 'real')), "
            f"SUM(typeof({n}) = 'text')"
            for n in (quote(column.name) for column in columns)
        )
        some = (
            f"SELECT {', '.join(quote(c.name) for c in columns)} FROM {quote(table.name)} LIMIT {LOOKED_AT}"
        )
        try:
            rows = agent.run_sql(f"SELECT COUNT(*), {counts} FROM ({some})").rows
        except (QueryError, QueryTimeout):
            continue
        total, *numbers = [int(value or 0) for value in rows[0]]
        where = f" of the first {total:,}" if total == LOOKED_AT else ""
        for column, at in zip(columns, range(0, len(numbers), 5), strict=True):
            if said := _oddity(column, total, *numbers[at : at + 5]):
                found.append((f"{table.name}.{column.name}", said + where))
    return found[:MOST_ODD]


def _oddity(
    column: Column, total: int, held: int, different: int, blank: int, numbers: int, texts: int
) -> str:
    """What is odd about a column, in a few words; "" where nothing is."""
    if total == 0:
        return ""
    if held == 0:
        return "NULL in every row"
    if blank == held == total:
        return "empty in every row"
    if numbers and texts:
        return f"{numbers:,} numbers among {texts:,} texts"
    if (held - blank) / total <= 1 - MOSTLY_EMPTY:
        return f"empty in {1 - (held - blank) / total:.0%} of the rows"
    if different == 1 and held >= FEW_ROWS:
        return "the same value in every row" if held == total else "one value, or NULL"
    return ""


def _questions(agent: Agent, schema: Schema, most: int, deadline: float) -> Iterator[tuple[str, str, str]]:
    """Questions with the first row of their answer and their statement; an application's own come first."""
    meaning = agent.meaning()
    known = meaning.profile.questions if meaning is not None and meaning.profile is not None else ()
    found = 0
    for question, sql in (*known, *starter_questions.proposed(schema)):
        if found == most or time.monotonic() > deadline:
            return
        rows = _run(agent, sql)
        if not rows or all(value is None for row in rows for value in row):
            continue
        if "DISTINCT" in sql and rows[0][0] in (0, 1):
            continue
        found += 1
        yield question, _told(rows), sql


def _told(rows: list[tuple[Cell, ...]]) -> str:
    """The first row, and how many follow."""
    first = ", ".join("NULL" if value is None else _short(value) for value in rows[0])
    return first + (f" … ({len(rows)} rows)" if len(rows) > 1 else "")


def _short(value: Cell) -> str:
    if isinstance(value, float):
        return f"{rounded(value):,g}" if math.isfinite(value) else str(value)
    return "…" if isinstance(value, bytes) else cut(str(value), CELL)
