"""Who reports to somebody has that person's key as a boss, and not that person's boss.

"How many people report to Andrew?" becomes `ReportsTo = (SELECT ReportsTo FROM Employees WHERE FirstName = 'Andrew')`:
those who have the same boss as Andrew. That is meant where a question says so.

Invariant: only the column that such a subquery selects changes, to the one that the outer column references.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.amend.rule import Meaning
from sqlagent.database.schema import fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, In, Node, Query, Subquery, TableRef
from sqlagent.sql.walk import single

_SAME = re.compile(
    r"\b(?:same|shar\w+|common|colleagues?|peers?|siblings?|also|other|another)\b|['’]s?\b", re.IGNORECASE
)


def reporting(question: str, reading: Reading) -> Amended:
    """The statement with those under somebody, in place of those beside him."""
    if not any(query is not reading.query for query in reading.statement.find(Query)) or _SAME.search(
        question
    ):
        return Amended(reading.sql)
    for node in (*reading.statement.find(Binary), *reading.statement.find(In)):
        outer, query = _compared(node)
        select = single(query) if query else None
        if outer is None or select is None or select.where is None or select.distinct:
            continue
        if (
            len(select.items) != 1
            or len(select.sources) != 1
            or not isinstance(select.sources[0].source, TableRef)
        ):
            continue
        if select.sources[0].source.alias is not None:
            continue
        inner, table = select.items[0].value, reading.scopes.tables[select.sources[0].source]
        if not isinstance(inner, Column) or table is None or fold(outer.name.text) != fold(inner.name.text):
            continue
        for key in table.foreign_keys:
            if [*map(fold, key.columns)] == [fold(inner.name.text)] and fold(key.ref_table) == fold(
                table.name
            ):
                edits = Edits(reading.statement)
                edits.replace(inner.name, quote(key.ref_columns[0]))
                return Amended(
                    edits.sql(),
                    f"Those are found whose {key.columns[0]} is the {key.ref_columns[0]} asked for.",
                )
    return Amended(reading.sql)


RULE = Meaning("hierarchy", lambda now, about: reporting(about.question, now))


def _compared(node: Node) -> tuple[Column | None, Query | None]:
    """The column and the query of `column = (query)` and `column IN (query)`."""
    if isinstance(node, Binary) and node.operator == "=" and isinstance(node.right, Subquery):
        return (node.left if isinstance(node.left, Column) else None), node.right.query
    if isinstance(node, In) and not node.negated:
        return (node.value if isinstance(node.value, Column) else None), node.query
    return None, None
