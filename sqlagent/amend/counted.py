"""What is counted where a question asks how many of one thing there are, and the statement counts the rows of another.

"How many customers have an account?" is not how many accounts there are: a customer may have two. Where the rows are
those of a table that only references the thing asked about, each of these is counted once. Of 13 statements like that
among 4,200 training ones (Spider's and BIRD's) 11 count so, and one of the others comes to the same.

Invariant: only `COUNT(*)` changes, to a count of a column of the table in FROM, so what comes out runs as well.
"""

from __future__ import annotations

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.question_phrases import OTHERS, called
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Star, TableRef

_ASKED = Phrase(r"\b(?:how many|number of|count(?: the| all)*)\s+((?:\w+\s+){0,4}\w+)")


def counted(question: str, reading: Reading) -> Amended:
    """The statement with the thing asked about counted, where it counts rows that reference it."""
    made = _count(reading)
    asked = _ASKED.search(question) if made is not None else None
    if made is None or asked is None:
        return Amended(reading.sql)
    call, table = made
    said = [word for word in map(stem, words(asked[1])) if word not in OTHERS][:2]
    if set(said) & {stem(word) for word in name_words(table.name)}:
        return Amended(reading.sql)
    column = _reference(table, said[:1], reading.schema)
    if column is None:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.replace(call, f"COUNT(DISTINCT {quote(column)})")
    return Amended(edits.sql(), f"Each {said[0]} is counted once, by {table.name}.{column}.")


RULE = Meaning("counted", lambda now, about: counted(about.question, now))


def _count(reading: Reading) -> tuple[Call, Table] | None:
    """The COUNT(*) and the table of `SELECT COUNT(*) FROM table [WHERE …]`."""
    select = reading.select
    if (
        select is None
        or len(select.sources) != 1
        or len(select.items) != 1
        or select.group
        or reading.query.order
    ):
        return None
    source, call = select.sources[0].source, select.items[0].value
    if (
        not isinstance(source, TableRef)
        or source.alias
        or not isinstance(call, Call)
        or call.function != "COUNT"
    ):
        return None
    table = reading.scopes.tables[source]
    rows = (
        len(call.arguments) == 1 and isinstance(call.arguments[0], Star) and not (call.filter or call.window)
    )
    return (call, table) if rows and table is not None and reading.query.limit is None else None


def _reference(table: Table, said: list[str], schema: Schema) -> str | None:
    """The one column by which a table references another that is called so, declared or called like its key."""
    found = {
        fold(key.columns[0]): key.columns[0]
        for key in table.foreign_keys
        if len(key.columns) == 1 and fold(key.ref_table) != fold(table.name) and called(key.ref_table, said)
    }
    for other in schema.tables:
        key = other.primary_key
        if other is not table and len(key) == 1 and len(name_words(key[0])) > 1 and called(other.name, said):
            column = table.column(key[0])
            if column is not None and not column.pk:
                found.setdefault(fold(column.name), column.name)
    return next(iter(found.values())) if len(found) == 1 else None
