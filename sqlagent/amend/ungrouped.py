"""Group by what is computed for each row and shown beside a count: `STRFTIME('%m', sent)` in a count by mode alone.

    SELECT mode, STRFTIME('%m', sent), COUNT(*) FROM shipment GROUP BY mode

SQLite takes the month of any one row of each group (https://sqlite.org/lang_select.html#bareagg), and nobody means
that. A bare column may be there by oversight, and then dropping it would be as good; a computed one was wanted.

Invariant: only an expression that the database proves to vary within a group joins the groups. What is cut, or keeps
the row of one MIN or MAX, stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Pitfall
from sqlagent.sql.functions import AGGREGATES, EXTREMES
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Expr
from sqlagent.sql.walk import bare

_OF_TIMES = frozenset(("STRFTIME", "DATE", "QUARTER", "WEEK", "DAYNAME", "SUBSTR", "SUBSTRING"))
"""What is computed of one row, and makes groups wherever it is shown beside a count."""


def grouped_by_all(
    reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """The statement grouped by all the parts of times that it shows.

    accepts: whether the grammar accepts a statement. has_rows: whether one finds a row.
    """
    parts = plain(reading)
    if parts is None or not parts.has("group") or parts.has("having") or parts.has("limit"):
        return Amended(reading.sql)
    times = [value for value in _beside_aggregates(parts) if _is_time(value, parts)]
    varying = [value for value in times if has_rows(_several(value, parts))]
    if not varying:
        return Amended(reading.sql)
    edits = parts.edits()
    shown = ", ".join(map(parts.text, varying))
    edits.after(parts.select.group[-1], f", {shown}")
    made = edits.sql()
    return accepted(made, f"Grouped by {shown}, which is shown, too.", reading, accepts)


RULE = Pitfall("ungrouped", lambda now, about: grouped_by_all(now, about.accepts, about.has_rows))


def any_of_several(reading: Reading, has_rows: Callable[[str], bool]) -> str:
    """A sentence about columns that are shown of any one row among several; "" where there are none.

    has_rows: whether a statement finds a row.
    """
    parts = plain(reading)
    if parts is None:
        return ""
    columns = [value for value in _beside_aggregates(parts) if isinstance(value, Column)]
    found = " and ".join(parts.text(value) for value in columns if has_rows(_several(value, parts)))
    if not found:
        return ""
    of = f"Each row has several {found}" if parts.has("group") else f"There are several {found}"
    return f"{of}; one of them is shown."


def _beside_aggregates(parts: PlainSelect) -> list[Expr]:
    """The results that are none of the groups, beside what is computed of a group.

    There are none where MIN or MAX is computed: SQLite shows the others of the row that has it.
    """
    values = [bare(item.value) for item in parts.select.items]
    functions = {call.function for value in values for call in parts.reading.statement.find(Call, value)}
    if not functions & AGGREGATES or functions & EXTREMES:
        return []
    groups = {parts.text(bare(term)) for term in parts.select.group}
    return [value for value in values if parts.text(value) not in groups]


def _is_time(value: Expr, parts: PlainSelect) -> bool:
    """Whether a result is a part of a time of one row."""
    return (
        isinstance(value, Call)
        and value.function in _OF_TIMES
        and bool(parts.columns(value))
        and not any(call.function in AGGREGATES for call in parts.reading.statement.find(Call, value))
    )


def _several(value: Expr, parts: PlainSelect) -> str:
    """A statement that finds a group in which an expression has several values."""
    clauses = " ".join(filter(None, map(parts.clause, ("sources", "where", "group"))))
    return f"SELECT 1 FROM (SELECT COUNT(DISTINCT {parts.text(value)}) AS n {clauses}) WHERE n > 1 LIMIT 1"
