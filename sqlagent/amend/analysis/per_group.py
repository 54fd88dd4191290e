"""A row for each group that a question ends with: "how many days does a repair take, per job?" is no one mean.

Invariant: only a statement that computes without groups gets one, by a column that the question names whole or a part
of its one column of dates; what it computes, and of which rows, stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.analysis.grains import FORMS
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.row_names import own_words
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import likeness, name_words, stem, words
from sqlagent.database.column_kinds import holds_dates
from sqlagent.database.schema import fold
from sqlagent.sql.functions import MEASURES
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Node
from sqlagent.sql.walk import walk

_PERIOD = r"(?: (?:last|this|in|since|from|during|between|until|so far)\b.*)?"
_ASKED = Phrase(
    rf"(?:\bper|\b(?:for|in|of) (?:each|every)|\bby(?: each)?) (?P<last>\w+(?: \w+)?){_PERIOD}\W*$"
    r"|^\W*(?:for|in) (?:each|every) (?P<first>\w+)\b"
)
_MEAN = Phrase(r"\b(?:average|mean) (?:number|count|amount)\b")
"""A rate, "the average number of goals per game", has no row for each."""
_RATE = Phrase(r"\b(?:average|mean)\b[^,]*\bper\b")


def grouped(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement with a row for each value of the column that the question groups by.

    accepts: whether the grammar accepts a statement. Left alone: groups, limits, columns that a condition is on.
    """
    noun = asked_group(question)
    parts = plain(reading) if noun else None
    if parts is None or any(map(parts.has, ("group", "having", "order", "limit"))):
        return Amended(reading.sql)
    if parts.select.distinct or not all(_computes(item.value) for item in parts.select.items):
        return Amended(reading.sql)
    rate = bool(_RATE.search(question))
    column = _column(noun, parts, rate=rate) or ("" if rate else _grain(noun, parts))
    if not column:
        return Amended(reading.sql)
    edits = parts.edits()
    edits.add_item(parts.select, column, first=True)
    edits.after(parts.select.where or parts.select.sources[-1], f" GROUP BY {column}")
    made = edits.sql()
    return accepted(made, f"A row for each {column}.", reading, accepts)


RULE = Supplied("per_group", lambda now, about: grouped(about.question, now, about.accepts), lead=2.5)


def asked_group(question: str) -> str:
    """The words for what a question wants a row each of: "average price by region"; "" where it says none."""
    asked = None if _MEAN.search(question) else _ASKED.search(question)
    return next(filter(None, asked.groups())) if asked else ""


def _computes(value: Node) -> bool:
    """Whether a result is computed over all rows, and not a value of each."""
    calls = [node for node in walk(value) if isinstance(node, Call)]
    return any(call.function in MEASURES for call in calls) and not any(call.window for call in calls)


def _grain(noun: str, parts: PlainSelect) -> str:
    """The part of the one column of dates that a noun such as "month" is; "" where there are several, or none."""
    form = FORMS.get(words(noun)[0])
    found = [(t, column) for t in parts.tables for column in t.columns if holds_dates(column)]
    if form is None or len(found) != 1:
        return ""
    table, column = found[0]
    name = f"{quote(table.name)}.{quote(column.name)}" if parts.several else quote(column.name)
    return form.format(name)


def _column(noun: str, parts: PlainSelect, *, rate: bool) -> str:
    """The one column that is called so, as the statement would write it; "" where it is used, or there are several.

    Where none is, the one reference to a table that is called so, in the singular: "enrolled in by students" says who.
    rate: "the average quantity per order" is one mean.
    """
    said = [stem(word) for word in words(noun)]
    found = [
        (table, column)
        for table in parts.tables
        for column in table.columns
        if [stem(word) for word in name_words(column.name)] in (said, said[:1])
    ]
    found = found or [
        (table, column)
        for table in ([] if rate or words(noun)[0] != said[0] else parts.tables)
        for key in table.foreign_keys
        if len(key.columns) == 1 and (column := table.column(key.columns[0])) is not None
        if own_words(key.ref_table) and likeness(stem(own_words(key.ref_table)[-1]), said[0]) >= 0.6
    ]
    if len(found) != 1:
        return ""
    table, column = found[0]
    if said[:1] == [stem(word) for word in name_words(table.name)]:
        return ""  # what its rows are, of which all are computed together
    if (fold(table.name), fold(column.name)) in parts.keys(parts.reading.query):
        return ""
    return f"{quote(table.name)}.{quote(column.name)}" if parts.several else quote(column.name)
