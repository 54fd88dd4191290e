"""Keep apart what UNION merges: the numbers for Bristol and for Bath, of which nobody can tell whose is whose.

    SELECT COUNT(*) FROM t WHERE town = 'Bristol' UNION SELECT COUNT(*) FROM t WHERE town = 'Bath'

A set of numbers has no order and no names, and two that are equal are one. INTERSECT of them is empty, or one number.

Invariant: only SELECTs of numbers alone are changed, and each number stays what it was: those that differ in one
constant become one SELECT with a row for each of the constants, others stand side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.rule import Pitfall
from sqlagent.sql.functions import MEASURES
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Expr, Item, Literal, Query, Select
from sqlagent.sql.walk import bare

MOST = 6
"""SELECTs that are put together."""


def told_apart(reading: Reading, accepts: Callable[[str], bool], has_rows: Callable[[str], bool]) -> Amended:
    """The statement with a row for each value that its SELECTs compare with, and that value in it.

    accepts: whether the grammar accepts a statement. has_rows: whether one finds a row. Left alone: values of which
    there is no row, whose number would be lost.
    """
    arms = _arms(reading)
    made, note = _in_rows(arms, reading, has_rows) or _side_by_side(arms, reading) or (reading.sql, "")
    return accepted(made, note, reading, accepts)


RULE = Pitfall("merged_counts", lambda now, about: told_apart(now, about.accepts, about.has_rows))


def _arms(reading: Reading) -> list[Select]:
    """The SELECTs of numbers alone of which a statement makes a set; none of any other statement."""
    query = reading.query
    if set(query.operators) not in ({"UNION"}, {"INTERSECT"}) or query.order or query.limit or query.ctes:
        return []
    arms = [arm for arm in query.arms if isinstance(arm, Select)]
    plain = all(arm.sources and not (arm.group or arm.having or arm.distinct) for arm in arms)
    numbers = all(_is_number(item) for arm in arms for item in arm.items)
    return arms if plain and numbers and len(query.arms) == len(arms) <= MOST else []


def _in_rows(
    arms: Sequence[Select], reading: Reading, has_rows: Callable[[str], bool]
) -> tuple[str, str] | None:
    """A row for each constant in which the SELECTs differ."""
    text = reading.statement.text
    if not arms or len({_shape(reading, arm) for arm in arms}) > 1:
        return None
    conditions = [reading.statement.conjuncts(arm) for arm in arms]
    if len({len(one) for one in conditions}) > 1:
        return None
    differing = [nodes for nodes in zip(*conditions, strict=True) if len({*map(text, nodes)}) > 1]
    compared = [_compared(node) for node in differing[0]] if len(differing) == 1 else []
    columns = {text(one[0]) for one in compared if one is not None}
    if None in compared or len(columns) != 1:
        return None
    values = dict.fromkeys(text(one[1]) for one in compared if one is not None)
    column, first = columns.pop(), arms[0]
    kept = [reading.statement.conjunct(node) for node in conditions[0] if node not in differing[0]]
    sources = reading.sql[slice(*reading.statement.clause(first, "sources"))]
    if not all(
        has_rows(f"SELECT 1 {sources} WHERE {' AND '.join([*kept, f'{column} = {value}'])} LIMIT 1")
        for value in values
    ):
        return None
    where = " AND ".join([*kept, f"{column} IN ({', '.join(values)})"])
    made = f"SELECT {column}, {', '.join(map(text, first.items))} {sources} WHERE {where} GROUP BY {column}"
    return made, f"A row for each {column}, so that its numbers can be told apart."


def _side_by_side(arms: Sequence[Select], reading: Reading) -> tuple[str, str] | None:
    """Numbers of different things, each in a column of its own."""
    if not arms or reading.query.operators[0] != "UNION" or any(len(arm.items) != 1 for arm in arms):
        return None
    numbers = ", ".join(f"({reading.statement.text(arm)})" for arm in arms)
    return f"SELECT {numbers}", "Each number stands in a column of its own, so that they can be told apart."


def _is_number(item: Item) -> bool:
    value = bare(item.value)
    return isinstance(value, Call) and value.function in MEASURES and not value.window


def _shape(reading: Reading, arm: Select) -> str:
    """What a SELECT shows and where from, and that there is no query within it, as text."""
    inside = any(reading.statement.find(Query, arm))
    sources = reading.statement.clause(arm, "sources")
    items = ", ".join(map(reading.statement.text, arm.items))
    return f"{arm.start if inside else ''} {items} {reading.sql[slice(*sources)]}"


def _compared(node: Expr) -> tuple[Column, Literal] | None:
    """The column and the constant of `column = constant`."""
    if not isinstance(node, Binary) or node.operator != "=":
        return None
    column, literal = bare(node.left), bare(node.right)
    return (column, literal) if isinstance(column, Column) and isinstance(literal, Literal) else None
