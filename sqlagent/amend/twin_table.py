"""Ask the table that holds the rows asked for, where another one of the same columns does not: loans, loans_history.

    "how many loans in 2023", and `loan` begins in 2025
    SELECT COUNT(*) FROM loan WHERE out LIKE '2023%'
    SELECT COUNT(*) FROM loan_hist WHERE out LIKE '2023%'

Invariant: only where no row of the one table fulfils a condition, some row of the other does, and no third table has
such columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.rule import Supplied
from sqlagent.amend.unmet import asks, by_itself
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading

_LEAST = 3
"""Columns that two tables must have, all of the same names, to hold the same kind of rows."""
MOST = 4
"""Conditions that are asked about."""


def other_table(reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]) -> Amended:
    """The statement over the twin of a table.

    accepts: whether the grammar accepts a statement. has_rows: whether one finds a row.
    """
    select = reading.select
    if select is None:
        return Amended(reading.sql)
    for node in reading.statement.conjuncts(select)[:MOST]:
        table = asks(node, reading)
        twins = list(_twins(table, reading.schema)) if table is not None else []
        refs = [ref for ref, one in reading.scopes.tables.items() if one is table]
        if table is None or len(twins) != 1 or len(refs) != 1 or twins[0] in reading.scopes.tables.values():
            continue
        condition, twin = by_itself(node, reading), twins[0]
        rows = [f"SELECT 1 FROM {quote(one.name)} WHERE {condition} LIMIT 1" for one in (table, twin)]
        if has_rows(rows[0]) or not has_rows(rows[1]):
            continue
        note = f"{twin.name} has rows with {reading.statement.text(node)}, and {table.name} has none."
        edits = Edits(reading.statement)
        edits.put_table(refs[0], quote(twin.name))
        return edited(reading, edits, [note], accepts)
    return Amended(reading.sql)


RULE = Supplied("twin_table", lambda now, about: other_table(now, about.accepts, about.has_rows), lead=3.0)


def _twins(table: Table, schema: Schema) -> Iterator[Table]:
    """The other tables with columns of the very same names."""
    names = {fold(column.name) for column in table.columns}
    if len(names) < _LEAST or table.kind != "table":
        return
    for other in schema.tables:
        alike = other.kind == "table" and {fold(column.name) for column in other.columns} == names
        if alike and other is not table:
            yield other
