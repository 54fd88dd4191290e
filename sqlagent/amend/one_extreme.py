"""The one row that has the greatest value, where the question asks for that value and which row it is of.

    "highest concentration measured, and in which sample"
    SELECT MAX(conc), sample FROM results GROUP BY sample
    SELECT conc, sample FROM results ORDER BY conc DESC LIMIT 1

Invariant: what is shown stays; only questions that speak of no group ("in each", "by region") are read so.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.amend.rule import Supplied
from sqlagent.sql.functions import EXTREMES, is_aggregate
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call
from sqlagent.sql.walk import bare

_END = r"(?:(?:most|least) \w+|\w{3,}est|max(?:imum)?|min(?:imum)?|best|worst|record|top)"
_WHOSE = (
    r"(?:who|whom|whose|when|where|(?:(?:in|at|on|of|for|from|by|with|during|under|to) )?(?:which|what|whom|whose)\b"
    r"(?: \w+)?)"
)
_ASKED = Phrase(rf"\b{_END}\b.*(?:\band\b|,)\s*{_WHOSE}\b")
"""A value at one end, and then what it is of: "the fastest time and by whom"."""
_GROUPS = Phrase(r"\b(?:each|every|per|all|respective(?:ly)?|by (?!whom|which|what|who))\b")


def one_row(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement for the one row of the greatest or least value, where it shows that of every group.

    accepts: whether the grammar accepts a statement.
    """
    asked = _ASKED.search(question) and not _GROUPS.search(question)
    parts = plain(reading) if asked else None
    if parts is None or not parts.has("group") or any(map(parts.has, ("having", "order", "limit"))):
        return Amended(reading.sql)
    values = [bare(item.value) for item in parts.select.items]
    ends = [one for one in values if isinstance(one, Call) and one.function in EXTREMES and is_aggregate(one)]
    rest = [one for one in values if one not in ends]
    grouped = {parts.text(bare(term)) for term in parts.select.group}
    if len(ends) != 1 or ends[0].distinct or not rest or parts.select.distinct:
        return Amended(reading.sql)
    if any(isinstance(one, Call) for one in rest) or not grouped & {parts.text(one) for one in rest}:
        return Amended(reading.sql)
    end = ends[0]
    value = parts.text(end.arguments[0])
    edits = parts.edits()
    edits.replace(end, value)
    edits.drop(parts.select, "group")
    if end.function == "MIN":
        edits.add_condition(parts.select, f"{value} IS NOT NULL")
    direction = " DESC" if end.function == "MAX" else ""
    made = f"{edits.sql()} ORDER BY {value}{direction} LIMIT 1"
    return accepted(made, f"One row, which has the {end.function} of {value}.", reading, accepts)


RULE = Supplied("one_extreme", lambda now, about: one_row(about.question, now, about.accepts), lead=2.0)
