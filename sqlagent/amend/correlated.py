"""Subqueries that compare a row with itself where they mean the row outside.

"Who earns more than the average of their department?" becomes `salary > (SELECT AVG(salary) FROM employees WHERE
department_id = employees.department_id)`: inside, `employees` is the inner one, and the condition holds of every row;
`id = manager_id`, for a person's manager, of none. The inner table needs a name of its own.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlagent.amend.amendment import Amended
from sqlagent.amend.plain_select import free_alias
from sqlagent.amend.rule import Meaning, Pitfall
from sqlagent.database.schema import Table, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Query, Select, TableRef
from sqlagent.sql.walk import flat, single


def tied(reading: Reading, accepts: Callable[[str], bool], *, one_column: bool = False) -> Amended:
    """A statement whose subquery compares its rows with the one outside, and no longer with themselves.

    accepts: whether the grammar accepts a statement. one_column: only where a column is compared with itself, which
    holds of every row and is never meant; `boss_id = id` may be. Left alone: subqueries of several tables or several
    such conditions.
    """
    for select, source, table in _inners(reading):
        if not _outside(reading, select, table):
            continue
        own = list(reading.statement.find(Column, reading.statement.parent(select)))
        pairs = [pair for pair in _pairs(select) if _itself(pair, table, one_column)]
        if len(pairs) != 1 or any(reading.scopes.of(column).table is not table for column in own):
            continue
        left, right = pairs[0]
        # Of the pair the column that has a qualifier is the outer one's, else the second.
        qualified = [column for column in pairs[0] if column.qualifier is not None]
        outer = qualified[0] if len(qualified) == 1 else right
        edits, alias = Edits(reading.statement), free_alias(reading)
        edits.add_alias(source, alias)
        for column in own:
            edits.replace(
                column, f"{quote(table.name) if column is outer else alias}.{quote(column.name.text)}"
            )
        if accepts(edits.sql()):
            return Amended(edits.sql(), f"The inner query is asked for each row, with its {right.name.text}.")
    return Amended(reading.sql)


CORRELATED = Pitfall("correlated", lambda now, about: tied(now, about.accepts, one_column=True), proved=True)

OUTER_ROW = Meaning("outer_row", lambda now, about: tied(now, about.accepts))


def _inners(reading: Reading) -> Iterator[tuple[Select, TableRef, Table]]:
    """The subqueries over one table without a name of its own, and without a subquery of their own."""
    for query in reading.statement.find(Query):
        select = single(query)
        if query is reading.query or select is None or select.where is None or len(select.sources) != 1:
            continue
        source = select.sources[0].source
        if not isinstance(source, TableRef) or source.alias is not None:
            continue
        table = reading.scopes.tables[source]
        if table is not None and all(inner is query for inner in reading.statement.find(Query, query)):
            yield select, source, table


def _outside(reading: Reading, select: Select, table: Table) -> bool:
    """Whether the table of a subquery stands under its own name outside of it, too."""
    return any(
        found is table and node.alias is None and not select.start <= node.start < select.end
        for node, found in reading.scopes.tables.items()
    )


def _pairs(select: Select) -> Iterator[tuple[Column, Column]]:
    """The columns that the conditions of a WHERE equate."""
    assert select.where is not None
    for either in flat(select.where, "OR"):
        for node in flat(either, "AND"):
            if not isinstance(node, Binary) or node.operator != "=":
                continue
            if isinstance(node.left, Column) and isinstance(node.right, Column):
                yield node.left, node.right


def _itself(pair: tuple[Column, Column], table: Table, one_column: bool) -> bool:
    """Whether two columns are equated that are one, or of which one references the other."""
    names = {fold(column.name.text) for column in pair}
    if len(names) == 1 or one_column:
        return len(names) == 1
    return any(
        fold(key.ref_table) == fold(table.name)
        and len(key.columns) == 1
        and names == {fold(key.columns[0]), fold(key.ref_columns[0])}
        for key in table.foreign_keys
    )
