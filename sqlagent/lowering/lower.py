"""Lower one statement: read it, collect the edits, keep them only where the result prepares.

lower("SELECT COUNT(*) FROM v WHERE at LIKE '2024%'", schema, facts, prepares=sandbox_says)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.schema import Schema
from sqlagent.lowering.clock import by_the_clock
from sqlagent.lowering.columns import Options, Unlowerable, facts_by_name, words_of
from sqlagent.lowering.rewrite import Rewriter
from sqlagent.sql.cursor import Unreadable
from sqlagent.sql.reading import read

_NOW = re.compile(r"'now'|\bcurrent_(?:date|time|timestamp)\b", re.IGNORECASE)
Facts = Mapping[tuple[str, str], ColumnFact]


@dataclass(frozen=True, slots=True)
class Lowered:
    """A statement for the stored values, and a sentence for each column that was treated so."""

    sql: str
    notes: tuple[str, ...] = ()
    results: tuple[ColumnFact | None, ...] = ()
    """For each result column the fact of the column whose values it shows, where that changes statements."""


def lower(
    sql: str,
    schema: Schema,
    facts: Facts,
    *,
    options: Options = Options(),  # noqa: B008
    prepares: Callable[[str], bool] | None = None,
) -> Lowered:
    """The statement for how the columns are stored; itself where nothing is to do or nothing can be done.

    facts: (table, column) → fact. prepares: whether the database takes a statement.
    """
    known = facts_by_name(facts)
    if not known:
        return Lowered(sql)
    try:
        rewriter, written = _written(sql, schema, known, options)
        if rewriter.used and _NOW.search(sql):
            timed = by_the_clock(sql, local=options.local, now=options.now)
            rewriter, written = _written(timed, schema, known, options)
    except (Unreadable, Unlowerable):
        return Lowered(sql)
    if written == sql:
        shown = rewriter.results()
        return Lowered(sql, results=shown if any(shown) else ())
    if prepares is not None and not prepares(written):
        return Lowered(sql)
    return Lowered(
        written, tuple(words_of(list(facts), rewriter.used, local=options.local)), rewriter.results()
    )


def _written(
    sql: str, schema: Schema, known: Mapping[tuple[str, str], ColumnFact], options: Options
) -> tuple[Rewriter, str]:
    """A statement that was walked, and its new text. Raises Unreadable, Unlowerable."""
    rewriter = Rewriter(read(sql, schema), known, options)
    rewriter.run()
    return rewriter, rewriter.edits.sql()
