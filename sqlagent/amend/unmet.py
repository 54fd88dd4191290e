"""Find what a statement says without meaning it: conditions that no row fulfils, and values taken from themselves.

`city = 'Pariss'` where no city is called so, `price > '9'` where prices are numbers: what rests on such a condition is
doubtful whatever it counts. `SUM(price) - SUM(price)` is 0 whatever is stored. Nothing is changed; it counts against a
statement, and in how sure the answer is.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.amend.kinds import mismatched
from sqlagent.database.schema import Table
from sqlagent.sql.edit import spliced
from sqlagent.sql.functions import is_aggregate
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Between, Binary, Call, Column, Expr, In, Like, Literal, Query, Select
from sqlagent.sql.walk import bare

MOST = 6
"""Conditions of a statement that are asked about."""
LARGEST = 300_000
"""Rows of a table that is asked: a scan of a larger one takes too long."""
_SIGNS = frozenset(("=", "<", "<=", ">", ">=", "IS"))


_SAME = {"-": "0", "/": "1"}
"""What a value is by itself under an operator."""


def faults(reading: Reading, has_rows: Callable[[str], bool]) -> tuple[str, ...]:
    """What cannot be meant, in a sentence each. has_rows: whether a statement finds a row."""
    return (
        *(f"No row fulfils {one}." for one in unmet(reading, has_rows)),
        *(f"{whole} is {value} whatever is stored." for whole, value in unvarying(reading)),
    )


def unvarying(reading: Reading) -> tuple[tuple[str, str], ...]:
    """Differences and quotients of a value with itself, as they are written, and what each is."""
    text = reading.statement.text
    found = [
        (text(node), _SAME[node.operator])
        for node in reading.statement.find(Binary)
        if node.operator in _SAME and text(bare(node.left)) == text(bare(node.right))
        if any(reading.statement.find(Column, node)) and not any(reading.statement.find(Query, node))
    ]
    return tuple(dict.fromkeys(found))


def unmet(reading: Reading, has_rows: Callable[[str], bool]) -> tuple[str, ...]:
    """The conditions that no row fulfils, and those that compare a text with a number, as they are written.

    has_rows: whether a statement finds a row. Conditions that stand under OR or NOT are not asked about.
    """
    found = list(mismatched(reading))
    asked = 0
    for select in reading.statement.find(Select):
        for node in reading.statement.conjuncts(select):
            table = asks(node, reading)
            if table is None or asked >= MOST:
                continue
            asked += 1
            rows = f"SELECT 1 FROM {quote(table.name)}"
            if not has_rows(f"{rows} WHERE {by_itself(node, reading)} LIMIT 1") and has_rows(
                f"{rows} LIMIT 1"
            ):
                found.append(reading.statement.text(node))
    return tuple(dict.fromkeys(found))


def asks(node: Expr, reading: Reading) -> Table | None:
    """The table of a condition that holds one of its columns against constants."""
    if not isinstance(node, (Between, Like, In)) and not (
        isinstance(node, Binary) and node.operator in _SIGNS
    ):
        return None
    if isinstance(node, Binary) and isinstance(node.right, Literal) and node.right.value == "NULL":
        return None
    if any(reading.statement.find(Query, node)) or getattr(node, "negated", False):
        return None
    columns = list(reading.statement.find(Column, node))
    references = [reading.scopes.of(column) for column in columns]
    tables = {one.table for one in references if one.column is not None and one.depth == 0}
    sides = {(one.bound, one.key) for one in references}  # of a self join the same column may stand on both
    table = tables.pop() if len(tables) == 1 and len(sides) == 1 else None
    if table is None or table.kind == "view" or (table.row_count or 0) > LARGEST:
        return None
    calls = reading.statement.find(Call, node)
    return None if any(is_aggregate(call) or call.window for call in calls) else table


def by_itself(node: Expr, reading: Reading) -> str:
    """A condition with its column named by itself."""
    edits = [
        (column.start - node.start, column.end - node.start, quote(column.name.text))
        for column in reading.statement.find(Column, node)
    ]
    return spliced(reading.statement.text(node), edits)
