"""Give the first or the last row of a table as it is listed: "what is the last title on the chart?".

A small model sorts by the title itself. Nobody who asks for the last one listed means the last of the alphabet.

Invariant: only the order changes, to that in which the rows were entered, and only where the rows came sorted by words
or unsorted; a table whose rows have no number is left alone.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.named_rows.mentions import only_table
from sqlagent.amend.named_rows.next_row import holds_words, row_number
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.sql.functions import AGGREGATES
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Literal, Query
from sqlagent.sql.walk import bare

_LAST = Phrase(r"\b(?:last|final|bottom)\b")
_FIRST = Phrase(r"\b(?:first|top)\b")
_LISTED = Phrase(
    r"\b(?:listed|(?:on|in|of) (?:the|this|that) (?:list|table|chart|column|row)|at the (?:top|bottom)|shown)\b"
)
_OTHERWISE = Phrase(
    r"\balphabet|\b(?:before|after|next|previous|first|last) (?:names?|two|three|four|five|\d+)\b"
)


def first_listed(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that gives the row that is entered first or last of those that it finds.

    accepts: whether the grammar accepts a statement. Left alone: groups, aggregates, and orders by numbers or dates.
    """
    last, first = bool(_LAST.search(question)), bool(_FIRST.search(question))
    select, query, table = reading.select, reading.query, only_table(reading)
    if last == first or not _LISTED.search(question) or _OTHERWISE.search(question):
        return Amended(reading.sql)
    key = row_number(table) if table is not None else ""
    if select is None or not key or select.group or query.offset is not None or len(select.sources) != 1:
        return Amended(reading.sql)
    if any(one is not query for one in reading.statement.find(Query)):
        return Amended(reading.sql)
    if any(call.function in AGGREGATES for call in reading.statement.find(Call)) or query.order[1:]:
        return Amended(reading.sql)
    if query.limit is not None and not (isinstance(query.limit, Literal) and query.limit.value == "1"):
        return Amended(reading.sql)
    for term in query.order:
        by = bare(term.value)
        if not isinstance(by, Column) or not holds_words(reading, by):
            return Amended(reading.sql)
    end = reading.statement.clause(select, "where")[1] if select.where is not None else select.end
    made = f"{reading.sql[:end].rstrip()} ORDER BY {quote(key)}{' DESC' if last else ''} LIMIT 1"
    note = f"Shown is the {'last' if last else 'first'} one in the order of {quote(key)}."
    return accepted(made, note, reading, accepts)


RULE = Supplied("first_listed", lambda now, about: first_listed(about.question, now, about.accepts), lead=2.0)
