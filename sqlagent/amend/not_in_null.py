"""What is not in a list that holds NULL: nothing is, as SQL has it, and nobody means that.

"Which employees manage nobody?" becomes `id NOT IN (SELECT manager_id FROM employees)`, which is never true once one
employee has no manager: NULL might be anyone.

Invariant: only a condition on the subquery's own column is added, where the database holds such a NULL; so the
statement finds what it found and more.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Pitfall
from sqlagent.database.schema import Table
from sqlagent.sql.edit import spliced
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import In, Query


def without_nulls(
    reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]
) -> Amended:
    """A statement whose NOT IN lists hold no NULL.

    accepts: whether the grammar accepts a statement; has_rows: whether one finds a row. Left alone: lists that are no
    plain SELECT of a column.
    """
    edits: list[tuple[int, int, str]] = []
    names: list[str] = []
    for node in reading.statement.find(In):
        query = node.query
        if (
            not node.negated
            or query is None
            or any(one is not query for one in reading.statement.find(Query, query))
        ):
            continue
        try:
            parts = plain(reading.another(reading.statement.text(query)))
        except Unreadable:
            continue
        column = "" if parts is None else _nullable(parts)
        if parts is None or not column or (parts.has("where") and not parts.conditions):  # an OR
            continue
        conditions = [one.text for one in parts.conditions]
        if has_rows(parts.where([*conditions, f"{column} IS NULL"]).sql):
            edits.append((query.start, query.end, parts.where([*conditions, f"{column} IS NOT NULL"]).sql))
            names.append(column)
    made = spliced(reading.sql, edits)
    note = f"Rows without a {' or a '.join(dict.fromkeys(names))} rule nothing out."
    return accepted(made, note, reading, accepts)


RULE = Pitfall("not_in_null", lambda now, about: without_nulls(now, about.accepts, about.has_rows))


def _nullable(parts: PlainSelect) -> str:
    """The one column that a list selects, as it is written, if it may be NULL; "" else."""
    if parts.has("group") or parts.has("limit"):
        return ""
    found = parts.column(parts.select.items[0].value) if len(parts.select.items) == 1 else None
    return parts.results[0] if found is not None and _may_be_null(*found) else ""


def _may_be_null(table: Table, name: str) -> bool:
    column = table.column(name)
    # An INTEGER PRIMARY KEY is never NULL, other keys may be.
    return column is not None and not column.not_null and not (column.pk and column.type.upper() == "INTEGER")
