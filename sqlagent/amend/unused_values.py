"""A stored value that the question names and the statement leaves out: "how many runs took more than an hour?".

    SELECT COUNT(*) FROM activity WHERE moving_time > 3600   of a table whose `type` is Run, Ride or Swim
    SELECT COUNT(*) FROM activity WHERE moving_time > 3600 AND type = 'Run'

Invariant: one value alone, of a column with few different ones that the statement does not use, in a table that it
reads; a word that names a table or a column is no such value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.held_rows import Values
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.schema import Table, fold
from sqlagent.linking.prompt import Hint
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, Like, Literal, Query, TableRef

FEW = 12
"""Different values of a column that says of which kind a row is."""


def named_kind(
    question: str, reading: Reading, hints: Sequence[Hint], accepts: Callable[[str], bool], values: Values
) -> Amended:
    """The statement over the rows of the kind that the question names.

    hints: the stored values that the question mentions. accepts: whether the grammar accepts a statement. values: the
    first column of a statement's rows. Left alone: several such values, subqueries, patterns, groups by that column.
    """
    select = reading.select
    if (
        select is None
        or sum(1 for _ in reading.statement.find(Query)) != 1
        or any(reading.statement.find(Like))
    ):
        return Amended(reading.sql)
    texts = [fold(one.value) for one in reading.statement.find(Literal) if one.kind == "text"]
    used = {
        (fold(base[0].name), fold(base[1].name))
        for one in reading.statement.find(Column)
        if (base := reading.scopes.base(one)) is not None
    }
    sources = {
        fold(table.name): (table, place)
        for place, table in reading.scopes.tables.items()
        if table is not None
    }
    called = {
        stem(w)
        for t in reading.schema.tables
        for n in (t.name, *(c.name for c in t.columns))
        for w in name_words(n)
    }
    found = [
        hint
        for hint in hints
        if isinstance(hint.value, str) and not set(map(stem, words(hint.value))) & called
        if not any(fold(hint.value) in text or text in fold(hint.value) for text in texts)
    ]
    if len(found) != 1 or fold(found[0].table) not in sources:
        return Amended(reading.sql)
    hint = found[0]
    table, place = sources[fold(hint.table)]
    if (fold(hint.table), fold(hint.column)) in used or not _is_kind(table, hint.column, values):
        return Amended(reading.sql)
    label = place.alias.text if isinstance(place, TableRef) and place.alias else table.name
    owner = f"{quote(label)}." if len(sources) > 1 or (isinstance(place, TableRef) and place.alias) else ""
    kind = str(hint.value)
    edits = Edits(reading.statement)
    edits.add_condition(select, f"{owner}{quote(hint.column)} = {text_literal(kind)}")
    note = f"Only rows with {kind} in {table.name}.{hint.column} were taken."
    return edited(reading, edits, [note], accepts)


RULE = Supplied(
    "named_kind",
    lambda now, about: named_kind(about.question, now, about.hints, about.accepts, about.values),
    lead=2.0,
)


def _is_kind(table: Table, column: str, values: Values) -> bool:
    """Whether a column has few different values."""
    rows = f"SELECT DISTINCT {quote(column)} FROM {quote(table.name)} LIMIT {FEW + 1}"
    return 1 < len(values(rows)) <= FEW
