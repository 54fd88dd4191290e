"""Leave rows without a value out of the first ones: SQLite sorts NULL before every number, date and text.

    SELECT time, member FROM races ORDER BY time LIMIT 1

shows who did not finish, and not the fastest. The others are below, so nothing is lost but what has no place in such
an order.

Invariant: only a limited list in ascending order of a column that has NULL among the statement's rows and a value in
others; what the question asks to see of those without a value stays.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.rule import Pitfall
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import is_aggregate
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column
from sqlagent.sql.walk import walk

_MISSING = Phrase(r"\b(?:null|missing|unknown|empty|blank|without|no|not|never|n['’]t|nothing|none)\b")
"""Words of those who may want the rows without a value first."""


def with_values(
    question: str, reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """The statement without the rows that have nothing to be ordered by.

    accepts: whether the grammar accepts a statement. has_rows: whether one finds a row.
    """
    select, query = reading.select, reading.query
    if select is None or query.limit is None or not query.order or not select.sources or select.group:
        return Amended(reading.sql)
    term = query.order[0]
    value = reading.scopes.stands_for(term.value)
    calls = [node for node in walk(value) if isinstance(node, Call)]
    results = [node for item in select.items for node in walk(item.value) if isinstance(node, Call)]
    aggregated = any(is_aggregate(call) or call.window for call in (*calls, *results))
    if term.descending or term.nulls or aggregated or not any(reading.statement.find(Column, value)):
        return Amended(reading.sql)
    if any(
        reference.kind != "column" or reference.table is None for _, reference in reading.scopes.within(value)
    ):
        return Amended(reading.sql)
    if _MISSING.search(question):
        return Amended(reading.sql)
    text = reading.statement.text
    sources = reading.sql[slice(*reading.statement.clause(select, "sources"))]
    where = f"({text(select.where)}) AND " if select.where is not None else ""
    found = [
        f"SELECT 1 {sources} WHERE {where}{text(value)} IS {form} LIMIT 1" for form in ("NULL", "NOT NULL")
    ]
    if not all(map(has_rows, found)):
        return Amended(reading.sql)
    edits = Edits(reading.statement)
    edits.add_condition(select, f"{text(value)} IS NOT NULL")
    return accepted(edits.sql(), f"Rows without {text(value)} are left out.", reading, accepts)


RULE = Pitfall(
    "nulls_first",
    lambda now, about: with_values(about.asked, now, about.accepts, about.has_rows),
    proved=True,
)
