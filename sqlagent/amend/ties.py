"""Say where a limit cuts rows that tie: three players have the most goals, and `LIMIT 1` shows one of them.

Whether it does is no guess: the database is asked for the value behind the last row shown. What was meant is not known,
so nothing is changed; the person is told.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Literal
from sqlagent.sql.walk import bare

_MOST = 100
"""Rows of a limit that is looked at."""
LARGEST = 300_000
"""Rows of all tables together that are looked through again."""


def tied(reading: Reading, has_rows: Callable[[str], bool]) -> str:
    """A sentence about the rows that tie with the last one shown; "" where there are none.

    has_rows: whether a statement finds any row. Only one SELECT with an order is looked at.
    """
    query, select = reading.query, reading.select
    limit = query.limit
    if select is None or len(query.order) != 1 or select.distinct or not select.sources:
        return ""
    if not isinstance(limit, Literal) or not limit.value.isdigit() or query.offset is not None:
        return ""
    if sum(table.row_count or 0 for table in reading.scopes.tables.values() if table) > LARGEST:
        return ""
    shown = int(limit.value)
    by = reading.statement.text(bare(reading.scopes.stands_for(query.order[0].value)))
    if not 0 < shown <= _MOST or any(reading.statement.text(bare(item.value)) == by for item in select.items):
        return ""
    last, behind = (_value(reading, by, place) for place in (shown - 1, shown))
    if not has_rows(f"SELECT 1 WHERE ({last}) = ({behind})"):
        return ""
    one = "one of them is" if shown == 1 else f"{shown} rows are"
    return f"Several rows have the same {by}; {one} shown."


def _value(reading: Reading, by: str, place: int) -> str:
    """A statement for what the rows are ordered by, of the row at a place."""
    select, query = reading.select, reading.query
    assert select is not None and query.limit is not None
    edits = Edits(reading.statement)
    edits.put(select.items[0].start, select.items[-1].end, by)
    edits.put(query.order[0].value.start, query.order[0].value.end, by)
    edits.replace(query.limit, f"1 OFFSET {place}")
    return edits.sql()
