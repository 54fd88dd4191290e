"""By how much something grew from one year to another: "how much did revenue grow in 2025 against the year before?".

A small model takes one year alone, or a sum from itself. What it adds up or counts is taken of both years, and the
earlier one from the later, in percent of the earlier where that is asked.

Invariant: the rows are those of the statement without its conditions on the one column of dates, and the number is its
own, of each year.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.analysis import some_rows
from sqlagent.amend.periods import time_conditions
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.database.column_kinds import holds_dates
from sqlagent.sql.functions import NUMBERS
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call

_GREW = Phrase(
    r"\b(?:grow|grows|grew|grown|growth|increased?|decreased?|rise|rose|risen|fall|fell|fallen|drop|dropped|declined?"
    r"|changed?)\b|\bhow (?:much|many) (?:\w+ ){0,2}(?:more|less|fewer)\b"
)
_EACH = Phrase(
    r"\b(?:each|every|month|monthly|months|quarter|quarters|week|weeks|daily|by year|per year|year over year)\b"
)
"""What wants more than one number, or another period than a year."""
_YEAR = Phrase(r"(?<![-/.\d])(?:19|20)\d\d\b(?![-/.]\d)")
_BEFORE = Phrase(r"\b(?:the|a) year before\b|\b(?:the )?(?:previous|prior|preceding) year\b")
_LAST = Phrase(r"\b(?:than|against|over|from|to|with|versus|vs\.?|on) (?:the )?last year\b")
_PERCENT = Phrase(r"\bpercent\w*|\bper cent\b|%|\bgrowth rate\b|\brate of growth\b")


def grown(question: str, reading: Reading, today: date, accepts: Callable[[str], bool]) -> Amended:
    """A statement that takes a year's number from a later one's.

    today: the day on which it is asked. accepts: whether the grammar accepts a statement. Left alone: what computes
    with both years, several numbers, several columns of dates, and questions for other periods.
    """
    years = None if not _GREW.search(question) or _EACH.search(question) else _years(question, today)
    parts = plain(reading) if years else None
    if years is None or parts is None or parts.has("having") or parts.has("limit") or parts.select.distinct:
        return Amended(reading.sql)
    later, earlier = years
    differs = any(
        node.operator == "-" for item in parts.select.items for node in reading.statement.find(Binary, item)
    )
    if differs and later in reading.sql and earlier in reading.sql:
        return Amended(reading.sql)
    call, column = _number(parts), _time(parts)
    if call is None or column is None or (parts.has("where") and not parts.conditions):
        return Amended(reading.sql)
    times = {node for _, node in time_conditions(reading) or ()}
    groups = [parts.text(term) for term in parts.select.group if column not in parts.text(term)]
    now, then = (some_rows.where(f"STRFTIME('%Y', {column}) = '{year}'", call, parts) for year in years)
    number = f"({now} - {then}) * 100.0 / {then}" if _PERCENT.search(question) else f"{now} - {then}"
    where = " AND ".join(one.text for one in parts.conditions if one.node not in times)
    made = f"SELECT {', '.join([*groups, number])} {parts.clause('sources')}"
    made += f" WHERE {where}" if where else ""
    made += f" GROUP BY {', '.join(groups)}" if groups else ""
    note = f"{parts.text(call)} of {earlier} was taken from that of {later}, by {column}."
    return accepted(made, note, reading, accepts)


RULE = Supplied("growth", lambda now, about: grown(about.question, now, about.today, about.accepts), lead=3.0)


def _years(question: str, today: date) -> tuple[str, str] | None:
    """The later year and the earlier one; None where the question has no two."""
    said = sorted({found[0] for found in _YEAR.matches(question)})
    if len(said) == 2:
        return said[1], said[0]
    if len(said) == 1 and _BEFORE.search(question):
        return said[0], str(int(said[0]) - 1)
    return (str(today.year), str(today.year - 1)) if not said and _LAST.search(question) else None


def _number(parts: PlainSelect) -> Call | None:
    """The one count, sum or mean among the results, however often it stands there."""
    calls = {
        parts.text(call): call
        for item in parts.select.items
        for call in parts.reading.statement.find(Call, item)
        if call.function in NUMBERS and some_rows.takes_each_row(call)
    }
    return next(iter(calls.values())) if len(calls) == 1 else None


def _time(parts: PlainSelect) -> str | None:
    """The one column of dates that a statement names, as it writes it."""
    found = set()
    for column in parts.columns(parts.reading.query):
        base = parts.reading.scopes.base(column)
        if base is not None and holds_dates(base[1]):
            found.add(parts.text(column))
    return found.pop() if len(found) == 1 else None
