"""The highest rate of something: of each one's rows the share that has it, and not only those that have it.

"Which courier has the highest rate of late deliveries?" becomes the late deliveries, ordered by anything.
The condition is what is shared out.

Invariant: one condition moves from WHERE into the mean by which groups are ordered; the rest stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.plain_select import plain
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Column, bare

_ASKED = re.compile(
    r"\b(?P<end>highest|greatest|largest|best|biggest|lowest|smallest|worst|least) "
    r"(?:rate|share|percentage|proportion|ratio|fraction|percent) of\b",
    re.IGNORECASE,
)
_LOW = frozenset(("lowest", "smallest", "least"))


def by_rate(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that orders groups by the share of their rows that fulfil its condition.

    accepts: whether the grammar accepts a statement. Left alone: several conditions, and means.
    """
    asked = _ASKED.search(question)
    parts = plain(reading) if asked else None
    if (
        asked is None
        or parts is None
        or not parts.has("limit")
        or "AVG(" in reading.sql
        or "/" in reading.sql
    ):
        return Amended(reading.sql)
    conditions = parts.conditions
    items = [bare(item.value) for item in parts.select.items]
    column = items[0] if items and isinstance(items[0], Column) else None
    if len(conditions) != 1 or column is None or len(items) != 1:
        return Amended(reading.sql)
    table = parts.owner(column)
    if table is None:
        return Amended(reading.sql)
    key = table.primary_key[0] if len(table.primary_key) == 1 and parts.several else column.name.text
    by = f"{quote(table.name)}.{quote(key)}" if parts.several else quote(key)
    limit = parts.clause("limit")
    order = "" if asked["end"].lower() in _LOW else " DESC"
    made = (
        f"SELECT {parts.text(column)} {parts.clause('sources')} GROUP BY {by}"
        f" ORDER BY AVG({conditions[0].text}){order} {limit}"
    )
    if not accepts(made):
        return Amended(reading.sql)
    return Amended(made, f"The rate is the share of rows with {conditions[0].text}.")
