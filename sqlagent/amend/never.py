"""Who never did a thing is not who did another one.

"Which customers have no credit card?" becomes a join with their cards `WHERE type != 'Credit'`, which finds everybody
who has another card, too, and nobody without any. One of 16,599 gold statements (Spider train, BIRD train) is changed;
it makes this very mistake.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sqlagent.amend.amendment import Amended
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import Condition, PlainSelect, plain
from sqlagent.amend.rule import Meaning
from sqlagent.database.schema import Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Expr, Like, Literal

_NEVER = r"\bnever\b"
_NONE = Phrase(
    rf"{_NEVER}|\bwithout\b|\b(?:have|has|had|with) no\b"
    r"|\b(?:do|does|did|have|has|had)(?: not|n['’]t)(?: \w+)? (?:have|has|had|hold|held|own|owned|use|used|take|taken"
    r"|took|got|get|made|make|buy|bought|order|ordered|any)\b"
)


def none_of(question: str, reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """A statement that leaves out whoever did the thing, where it finds whoever did another one.

    accepts: whether the grammar accepts a statement. Left alone: statements of three tables or several such conditions.
    """
    parts = plain(reading) if _NONE.search(question) else None
    made = Amended("") if parts is None else _left_out(question, parts)
    return made if made.sql and accepts(made.sql) else Amended(reading.sql)


RULE = Meaning("never", lambda now, about: none_of(about.question, now, about.accepts))


def _left_out(question: str, parts: PlainSelect) -> Amended:
    """The statement made anew; "" where it is none of these."""
    others = [one for one in parts.conditions if _other(one.node)]
    if len(others) != 1 or not parts.plain or any(parts.has(part) for part in ("group", "having", "limit")):
        return Amended("")
    (condition,) = others
    rest = [one for one in parts.conditions if one.node is not condition.node]
    made = ""
    if len(parts.tables) == 2:
        made = _of_two(parts, rest, condition)
    elif len(parts.tables) == 1 and not rest and re.search(_NEVER, question, re.IGNORECASE):
        made = _of_one(parts, condition)
    assert isinstance(condition.node, (Binary, Like))
    return Amended(made, f"Whoever has {parts.text(condition.node.right)} at all is left out.")


def _other(node: Expr) -> bool:
    """Whether a condition is `!=` a text or a whole number, or NOT LIKE a text."""
    if isinstance(node, Like):
        return node.negated and node.operator == "LIKE" and _is_text(node.right) and node.escape is None
    if not isinstance(node, Binary) or node.operator != "!=":
        return False
    right = node.right
    return _is_text(right) or (
        isinstance(right, Literal) and right.kind == "number" and right.value.isdigit()
    )


def _is_text(value: Expr) -> bool:
    return isinstance(value, Literal) and value.kind == "text"


def _equal(condition: Condition, several: bool) -> str:
    """The condition without its NOT."""
    node = condition.node
    assert isinstance(node, (Binary, Like))
    sign = "=" if isinstance(node, Binary) else "LIKE"
    return f"{condition.of.named(node.left, several)} {sign} {condition.of.text(node.right)}"


def _of_one(parts: PlainSelect, condition: Condition) -> str:
    """Over one table, whose rows are what was done: those who never did."""
    table, select = parts.tables[0], parts.select
    column = parts.column(select.items[0].value) if len(select.items) == 1 else None
    if column is None or _one(*column):
        return ""
    result = parts.text(select.items[0])
    edits = parts.edits()
    inner = f"SELECT {result} FROM {quote(table.name)} WHERE {_equal(condition, False)}"
    edits.replace(condition.node, f"{result} NOT IN ({inner})")
    if not select.distinct:
        edits.before(select.items[0], "DISTINCT ")
    return edits.sql()


def _of_two(parts: PlainSelect, rest: list[Condition], condition: Condition) -> str:
    """Over a table and another whose rows belong to it: its rows to which none of these belongs."""
    on = parts.select.sources[1].on
    done = {table for table, _ in condition.keys}
    if parts.select.sources[1].operator != "JOIN" or len(done) != 1:
        return ""
    if not isinstance(on, Binary) or on.operator != "=":
        return ""
    if not isinstance(on.left, Column) or not isinstance(on.right, Column):
        return ""
    keys = {found[0].name: found[1] for side in (on.left, on.right) if (found := parts.column(side))}
    shown = parts.keys(*parts.select.items, *(one.node for one in rest), *parts.nodes("order"))
    if any(table in done for table, _ in shown) or len(keys) != 2:
        return ""
    child = next(table for table in parts.tables if fold(table.name) in done)
    parent = next(table for table in parts.tables if table is not child)
    key, reference = keys[parent.name], keys[child.name]
    if not _one(parent, key) or _one(child, reference):
        return ""
    listed = f"SELECT {quote(reference)} FROM {quote(child.name)} WHERE {_equal(condition, False)}"
    conditions = [*(parts.named(one.node, False) for one in rest), f"{quote(key)} NOT IN ({listed})"]
    edits = parts.edits()
    edits.put(*parts.reading.statement.clause(parts.select, "sources"), f"FROM {quote(parent.name)}")
    assert parts.select.where is not None
    edits.replace(parts.select.where, " AND ".join(conditions))
    for column in parts.columns(*parts.select.items, *parts.nodes("order")):
        edits.replace(column, parts.name_of(column, False))
    return edits.sql()


def _one(table: Table, name: str) -> bool:
    """Whether a table has one row at most for each value of a column."""
    column = table.column(name)
    return column is not None and column.unique
