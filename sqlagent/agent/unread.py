"""Say that what a question names cannot be read, so that nobody takes an answer from other tables for one about it."""

from __future__ import annotations

from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.schema import Schema


def unread(schema: Schema, question: str) -> str:
    """A sentence about the tables, views and columns of the question that are left out; "" where it names none.

    A name that a table which can be read has as well is none of these.
    """
    asked = {stem(word) for word in words(question)}
    readable = {frozenset(map(stem, name_words(table.name))) for table in schema.tables}
    readable |= {frozenset(map(stem, name_words(c.name))) for table in schema.tables for c in table.columns}
    named = []
    for one in schema.unreadable:
        said = frozenset(stem(word) for word in name_words(one.column or one.name))
        if said and said <= asked and said not in readable:
            named.append(f"{one.label} cannot be read ({one.reason})")
    if not named:
        return ""
    return f"{' and '.join(named)}: this is answered from what else there is."
