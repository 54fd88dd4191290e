"""Months of several years are not one month: "which month had the most runs?" over 2024 to 2026.

    GROUP BY STRFTIME('%m', started)  →  GROUP BY STRFTIME('%Y-%m', started)

Whether years are merged is no guess: the database is asked for a second year among the rows. What was meant is one: a
season may be. So the other reading is proposed, and where months stay merged the answer says so.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Literal, Select
from sqlagent.sql.walk import bare

_MONTH = Phrase(r"\b(?:months?|monthly)\b")
_SEASON = Phrase(
    r"\b(?:usually|typically|generally|normally|on average|average month|season\w*|calendar month|months? of the year"
    r"|(?:each|every|per|by|all) years?|(?:over|across|of) (?:all )?(?:the )?years"
    r"|in (?:january|february|march|april|june|july|august|september|october|november|december))\b"
)
"""Words that ask for the month of any year."""


def with_years(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement grouped by month whose months are those of one year each.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row. Left alone: rows of one year.
    """
    calls = _merged(reading, has_rows) if _MONTH.search(question) and not _SEASON.search(question) else []
    if not calls:
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    for call in calls:
        edits.replace(call.arguments[0], "'%Y-%m'")
    if not accepts(edits.sql()):
        return Amended(reading.sql)
    return Amended(edits.sql(), "Months of different years are told apart.")


RULE = Supplied(
    "months_of_years",
    lambda now, about: with_years(about.question, now, about.accepts, about.has_rows),
    lead=2.0,
)


def merged_years(reading: Reading, has_rows: Callable[[str], bool]) -> str:
    """A sentence about months of several years that a statement counts as one; "" where there are none."""
    return "Months of several years are taken together." if _merged(reading, has_rows) else ""


def _merged(reading: Reading, has_rows: Callable[[str], bool]) -> list[Call]:
    """The calls for the month alone of a time that a statement groups by, where its rows are of several years."""
    select = reading.select
    if select is None or not select.group:
        return []
    grouped = [bare(reading.scopes.stands_for(term)) for term in select.group]
    months = [term for term in grouped if isinstance(term, Call) and _is_month(term)]
    if len(months) != 1:
        return []
    time = reading.statement.text(months[0].arguments[1])
    if any(term is not months[0] and reading.statement.text(term).count(time) for term in grouped):
        return []  # the year is told beside it
    if not has_rows(_second_year(reading, select, time)):
        return []
    return [
        call
        for call in reading.statement.find(Call)
        if _is_month(call)
        and reading.statement.text(call.arguments[1]) == time
        and reading.statement.clause_of(call) in ("items", "group", "order", "having")
    ]


def _is_month(call: Call) -> bool:
    if call.function != "STRFTIME" or len(call.arguments) != 2:
        return False
    form = bare(call.arguments[0])
    return isinstance(form, Literal) and form.value == "%m"


def _second_year(reading: Reading, select: Select, time: str) -> str:
    """A statement that finds a row where the rows of another are of several years."""
    start, _ = reading.statement.clause(select, "sources")
    _, end = reading.statement.clause(select, "where" if select.where is not None else "sources")
    rows = reading.sql[start:end]
    return f"SELECT 1 {rows} GROUP BY NULL HAVING MIN(STRFTIME('%Y', {time})) < MAX(STRFTIME('%Y', {time}))"
