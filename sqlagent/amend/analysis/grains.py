"""The grain of time by which a question groups: "which weekday sells most?" is not answered by a day.

A small model groups by the column of dates itself, whatever was asked: by each second that something happened in, or
by each day where weekdays, hours or months are meant.

Invariant: only a bare column of times that a statement groups by changes, or a call for its days where weekdays or
hours are meant, in all places where it stands.
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
from sqlagent.sql.tree import Call, Column, Literal
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


_FINER = {"DATE": "day", "%Y-%m-%d": "day", "%d": "day", "%Y-%m-%d %H": "hour", "%H": "hour"}
"""The grain of a call, by its name or by its format."""
_REPEATED = ("weekday", "hour")
"""Grains that come again and again: no day is one of them."""


def _other_grain(grain: str, reading: Reading) -> Call | None:
    """The call for days or hours that a statement groups by, where weekdays or other hours of the day are asked for."""
    if grain not in _REPEATED or reading.select is None:
        return None
    calls = [bare(reading.scopes.stands_for(term)) for term in reading.select.group]
    found = [
        call
        for call in calls
        if isinstance(call, Call) and (known := _grain(call)) is not None and known != grain
    ]
    return found[0] if len(found) == len(calls) == 1 else None


def _grain(call: Call) -> str | None:
    form = bare(call.arguments[0]) if call.arguments else None
    if call.function == "STRFTIME" and len(call.arguments) == 2 and isinstance(form, Literal):
        return _FINER.get(form.value)
    return _FINER.get(call.function) if len(call.arguments) == 1 else None


def _regrouped(grain: str, call: Call, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The statement with another grain of the same time in all places where a call stands."""
    time = reading.statement.text(call.arguments[-1])
    written = reading.statement.text(call)
    edits = Edits(reading.statement)
    for one in reading.statement.find(Call):
        clause = reading.statement.clause_of(one)
        if reading.statement.text(one) == written and clause in ("items", "group", "order"):
            edits.replace(one, FORMS[grain].format(time))
    made = edits.sql()
    return Amended(made, f"Grouped by the {grain} of {time}.") if accepts(made) else Amended(reading.sql)


def by_grain(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement grouped by the grain of time that the question names.

    accepts: whether the grammar accepts a statement. Left alone: what is grouped by something made of a time already.
    """
    asked = {grain_of(found["grain"]) for found in _ASKED.matches(question)}
    select = reading.select
    if len(asked) != 1 or select is None or not select.group:
        return Amended(reading.sql)
    grain = asked.pop()
    if (other := _other_grain(grain, reading)) is not None:
        return _regrouped(grain, other, reading, accepts)
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
