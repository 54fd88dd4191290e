"""Give how far two that a question names lie apart: "the difference in silver medals between china and japan".

Invariant: the two stand in the question with a word between them that compares, both are stored, and what is
subtracted is the one measure that the statement or the question names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.held_rows import Values
from sqlagent.amend.named_rows.measures import measure
from sqlagent.amend.named_rows.mentions import other_conditions, side_by_side
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.linking.prompt import Hint
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading

_ASKED = Phrase(
    r"\bdifferences?\b|\bhow (?:many|much) (?:\w+ ){0,2}?(?:more|less|fewer|longer|larger|taller|higher|older|lower)\b"
)
_WHICH = Phrase(r"\b(?:which|who)\b")
_NUMBER = Phrase(r"\bnumbers? of\b")
_BETWEEN = frozenset(("and", "than", "over", "versus", "vs", "to", "from", "as"))


def apart(
    question: str, reading: Reading, hints: Sequence[Hint], accepts: Callable[[str], bool], values: Values
) -> Amended:
    """A statement that gives the difference of two named ones; see `one_of` for the arguments."""
    alone = _ASKED.search(question) and not _WHICH.search(question)
    named = side_by_side(question, reading, hints, _BETWEEN, values) if alone else None
    if named is None or len(named.values) != 2:
        return Amended(reading.sql)
    by = measure(question, reading, named.table, named.column)
    conditions = [named.condition(values, [one]) for one in named.values]
    if by is None or not all(conditions) or (_NUMBER.search(question) and by.is_time):
        return Amended(reading.sql)
    conditions = [" AND ".join([one, *other_conditions(reading, named)]) for one in conditions]
    table = quote(named.table.name)
    several = any(
        len(values(f"SELECT 1 FROM {table} WHERE {condition} LIMIT 2")) > 1 for condition in conditions
    )
    if several and any(" LIKE " in condition for condition in conditions):
        return Amended(reading.sql)  # nobody knows which of those that hold the text is meant
    value = "COUNT(*)" if by.column is None else quote(by.column.name)
    shown = f"SUM({value})" if several and by.column is not None else value
    one, other = (f"(SELECT {shown} FROM {table} WHERE {condition})" for condition in conditions)
    made = f"SELECT ABS({one} - {other})"
    what = by.column.name if by.column is not None else "the numbers of rows"
    note = f"Shown is the difference in {what} of {_said(named.values[0].value, named.values[1].value)}."
    return accepted(made, note, reading, accepts)


RULE = Supplied(
    "apart", lambda now, about: apart(about.question, now, about.hints, about.accepts, about.values), lead=2.5
)


def _said(one: str, other: str) -> str:
    return f"{one!r} and {other!r}"
