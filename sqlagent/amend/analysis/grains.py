"""The grain of time by which a question groups: "which weekday sells most?" is not answered by a day.

A small model groups by the column of dates itself, whatever was asked: by each second that something happened in, or
by each day where weekdays, hours or months are meant.

Invariant: only a bare column of times that a statement groups by changes, in all places where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.database.column_kinds import holds_dates
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import bare

_ASKED = Phrase(
    r"\b(?:(?:which|what|per|by|each|every|for each|at what|at which|in which|on which|in what|on what|busiest|best"
    r"|worst|of the)(?: (?:calendar|single))?) "
    r"(?P<grain>weekday|day of (?:the )?week|week ?day|hour(?: of (?:the )?day)?|date|day(?! of the month)|week"
    r"|month|quarter|year)\b"
)
FORMS = {
    "weekday": "DAYNAME({0})",
    "hour": "STRFTIME('%H', {0})",
    "day": "DATE({0})",
    "week": "STRFTIME('%Y-%W', {0})",
    "month": "STRFTIME('%Y-%m', {0})",
    "quarter": "STRFTIME('%Y', {0}) || '-Q' || QUARTER({0})",
    "year": "STRFTIME('%Y', {0})",
}
"""How each grain of a time is written."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")


def grain_of(words: str) -> str:
    """The grain that some words name."""
    said = words.lower()
    if "week" in said and "day" in said:
        return "weekday"
    return "hour" if said.startswith("hour") else "day" if said == "date" else said


def by_grain(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement grouped by the grain of time that the question names.

    accepts: whether the grammar accepts a statement. Left alone: what is grouped by something made of a time already.
    """
    asked = {grain_of(found["grain"]) for found in _ASKED.matches(question)}
    select = reading.select
    if len(asked) != 1 or select is None or not select.group:
        return Amended(reading.sql)
    grain = asked.pop()
    bases = {}
    for term in select.group:
        column = bare(reading.scopes.stands_for(term))
        base = reading.scopes.base(column) if isinstance(column, Column) else None
        if isinstance(column, Column) and base is not None and holds_dates(base[1]):
            bases[base[1].name] = base
    if len(bases) != 1:
        return Amended(reading.sql)
    table, column_of = bases.popitem()[1]
    if grain == "day" and not any(isinstance(v, str) and _TIME.match(v) for v in column_of.samples):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    for column in reading.statement.find(Column):
        clause = reading.statement.clause_of(column)
        inside = reading.statement.around(column, Call)
        if clause not in ("items", "group", "order") or inside is not None:
            continue
        if reading.scopes.base(column) == (table, column_of):
            edits.replace(column, FORMS[grain].format(reading.statement.text(column)))
    made = edits.sql()
    return accepted(made, f"Grouped by the {grain} of {table.name}.{column_of.name}.", reading, accepts)


RULE = Supplied("grain", lambda now, about: by_grain(about.question, now, about.accepts), lead=3.0)
