"""The one value that a question wants where a statement lists all: "how much did Frank spend?", "when was it last on?".

Invariant: only the one result column changes, to the sum, the last or the first of what it lists.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Supplied
from sqlagent.database.column_kinds import amounts, holds_dates
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Query
from sqlagent.sql.walk import bare

_HOW_MUCH = Phrase(
    r"^\W*(?:and )?how much (?:money |time |revenue )?(?:did|does|do|has|have|was|were|is)\b"
    r"(?! (?:it|each|one|an?|the price)\b)"
    r"|\b(?:in total|altogether|total (?:amount|spend|spending|revenue|sales|spent|paid|earned))\b"
)
_COSTS = Phrase(r"\b(?:cost|costs|each|per|every|price|weigh|list)\b")
_LAST = Phrase(r"^\W*when\b.*\b(?:last|latest|most recent(?:ly)?)\b")
_FIRST = Phrase(r"^\W*when\b.*\b(?:first|earliest)\b")
_LAST_NAME = Phrase(r"\b(?:last|first) names?\b")


def one_value(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that gives the one value asked for, where it lists several.

    accepts: whether the grammar accepts a statement. Left alone: several result columns, groups, limits, DISTINCT.
    """
    select, query = reading.select, reading.query
    if select is None or len(select.items) != 1 or select.group or select.distinct or query.limit is not None:
        return Amended(reading.sql)
    value = bare(select.items[0].value)
    base = reading.scopes.base(value) if isinstance(value, Column) else None
    if base is None or any(one is not query for one in reading.statement.find(Query)):
        return Amended(reading.sql)
    table, column = base
    amount = column in amounts(table) and not holds_dates(column)
    function = ""
    if amount and _HOW_MUCH.search(question) and not _COSTS.search(question):
        function = "SUM"
    elif holds_dates(column) and not _LAST_NAME.search(question):
        last, first = _LAST.search(question), _FIRST.search(question)
        function = "MAX" if last and not first else "MIN" if first and not last else ""
    if not function or any(reading.statement.find(Call, select.items[0])):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.replace(select.items[0], f"{function}({reading.statement.text(value)})")
    if query.order:
        edits.drop(select, "order")
    made = edits.sql()
    what = {"SUM": "added up", "MAX": "shown for the last time", "MIN": "shown for the first time"}[function]
    return accepted(made, f"{column.name} is {what}.", reading, accepts)


RULE = Supplied("one_value", lambda now, about: one_value(about.question, now, about.accepts), lead=2.0)
