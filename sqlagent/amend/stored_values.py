"""Text that a statement compares with a column, put right where the column spells it otherwise.

Invariant: only a text that is compared with a column changes, each where it stands, and only to a value that is stored
in that column, or `= 'null'` becomes `IS NULL`; so a corrected statement runs where the written one did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlagent.sql.edit import Edits
from sqlagent.sql.names import text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import Binary, Column, Expr, In, Literal
from sqlagent.sql.walk import bare

Nearest = Callable[[str, str, str], "str | None"]
"""(table, column, text) -> the stored value that was meant; None when the text occurs, or nothing is clearly near."""


class Compared(NamedTuple):
    """A text that is compared for equality with a column of a table."""

    table: str
    column: str
    text: str


def compared(reading: Reading) -> list[Compared]:
    """The texts that a statement looks for in columns."""
    return list(dict.fromkeys(found for _, found in reading.once(_pairs)))


def corrected(reading: Reading, nearest: Nearest) -> tuple[str, list[tuple[Compared, str]]]:
    """The statement with misspelt texts replaced where they are compared, and what was replaced by what."""
    pairs = reading.once(_pairs)
    if not pairs:
        return reading.sql, []
    meant = {found: nearest(*found) for found in dict.fromkeys(found for _, found in pairs)}
    by_text: dict[str, set[str | None]] = {}
    for found, value in meant.items():
        by_text.setdefault(found.text, set()).add(value)
    # A text that is right for one column and wrong for another is left alone.
    changes = {found: value for found, value in meant.items() if value and len(by_text[found.text]) == 1}
    edits = Edits(reading.statement)
    for literal, value in {literal: changes[found] for literal, found in pairs if found in changes}.items():
        edits.replace(literal, text_literal(value))
    return edits.sql(), list(changes.items())


def nulls_meant(statement: Statement) -> str:
    """The statement with IS NULL where it looks for the text 'null', which a model may have learnt to write."""
    edits = Edits(statement)
    for node in statement.find(Binary):
        right = node.right
        if node.operator != "=" or not isinstance(right, Literal) or right.kind != "text":
            continue
        if right.value.lower() == "null":
            edits.put(node.at, node.end, "IS NULL")
    return edits.sql()


def _pairs(reading: Reading) -> list[tuple[Literal, Compared]]:
    """The texts that are compared for equality with a column of a table."""
    nodes: list[Binary | In] = [*reading.statement.find(Binary), *reading.statement.find(In)]
    nodes.sort(key=lambda node: (node.start, -node.end))
    found: list[tuple[Literal, Compared]] = []
    for node in nodes:
        if isinstance(node, In):
            for member in node.members:
                found += _pair(node.value, member, reading)
        elif node.operator in ("=", "!="):
            found += _pair(node.left, node.right, reading)
            found += _pair(node.right, node.left, reading)
    return found


def _pair(column: Expr, text: Expr, reading: Reading) -> list[tuple[Literal, Compared]]:
    column, text = bare(column), bare(text)
    if not isinstance(column, Column) or not isinstance(text, Literal) or text.kind != "text":
        return []
    found = reading.scopes.of(column)
    if found.kind != "column" or found.table is None:
        return []
    return [(text, Compared(found.table.name, column.name.text, text.value))]
