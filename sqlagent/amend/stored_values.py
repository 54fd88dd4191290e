"""Text that a statement compares with a column, put right where the column spells it otherwise.

Invariant: only the content of quoted texts changes, and only to a value that is stored in the column it is compared
with, or `= 'null'` becomes `IS NULL`; so a repaired statement runs where the written one did.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql import old_parser as parser
from sqlagent.sql import old_tree as tree

Nearest = Callable[[str, str, str], "str | None"]
"""(table, column, text) -> the stored value that was meant; None when the text occurs, or nothing is clearly near."""

_TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
"""A quoted text; quoted names too, so that a quote inside one starts nothing."""
_NULL_TEXT = re.compile(r"(?<![<>!=])==?\s*'null'(?!')", re.IGNORECASE)
_EQUAL = frozenset({"=", "==", "!=", "<>"})


class Compared(NamedTuple):
    """A text that is compared for equality with a column of a table."""

    table: str
    column: str
    text: str


def compared(sql: str, schema: Schema) -> list[Compared]:
    """The texts that a statement looks for in columns; [] when the statement cannot be read."""
    try:
        query = parser.parse(sql)
    except (parser.Unreadable, RecursionError):
        return []
    tables = {fold(table.name): table for table in schema.tables}
    return list(dict.fromkeys(_of_query(query, tables, [])))


def corrected(sql: str, schema: Schema, nearest: Nearest) -> tuple[str, list[tuple[Compared, str]]]:
    """The statement with misspelt texts replaced, and what was replaced by what."""
    meant: dict[str, set[str | None]] = {}
    changes: list[tuple[Compared, str]] = []
    for found in compared(sql, schema):
        value = nearest(found.table, found.column, found.text)
        meant.setdefault(found.text, set()).add(value)
        if value is not None:
            changes.append((found, value))
    # A text that is right for one column and wrong for another is left alone.
    changes = [(found, value) for found, value in changes if len(meant[found.text]) == 1]
    new = {_quoted(found.text): _quoted(value) for found, value in changes}
    return _TEXT.sub(lambda match: new.get(match[0], match[0]), sql), changes


def nulls_meant(sql: str) -> str:
    """The statement with IS NULL where it looks for the text 'null', which a model may have learnt to write."""
    return _NULL_TEXT.sub("IS NULL", sql)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


Scope = list[dict[str, "Table | None"]]
"""Qualifier → table for each SELECT, the innermost last; None for a subquery's name."""


def _of_query(query: tree.Query, tables: dict[str, Table], outer: Scope) -> Iterator[Compared]:
    named = {fold(name) for name, _ in query.named}
    for _, inner in query.named:
        yield from _of_query(inner, tables, outer)
    for _, select in query.arms:
        own: dict[str, Table | None] = {}
        for source in select.sources:
            if isinstance(source.table, str):
                key = fold(source.table)
                own[fold(source.alias or source.table)] = None if key in named else tables.get(key)
            else:
                yield from _of_query(source.table, tables, outer)
                own[fold(source.alias or "")] = None
        scope = [*outer, own]
        parts = [part for part in tree.children(select) if not isinstance(part, tree.Source)]
        parts += [source.on for source in select.sources if source.on is not None]
        for part in (*parts, *query.order):
            yield from _of_part(part, tables, scope)


def _of_part(part: Any, tables: dict[str, Table], scope: Scope) -> Iterator[Compared]:
    """The same of a part of a statement."""
    if isinstance(part, tree.Query):
        yield from _of_query(part, tables, scope)
        return
    if isinstance(part, tree.Binary) and part.operator in _EQUAL:
        for one, other in ((part.left, part.right), (part.right, part.left)):
            yield from _pair(one, other, scope)
    elif isinstance(part, tree.In) and not isinstance(part.members, tree.Query):
        for member in part.members:
            yield from _pair(part.value, member, scope)
    for child in tree.children(part):
        yield from _of_part(child, tables, scope)


def _pair(column: tree.Expr, text: tree.Expr, scope: Scope) -> Iterator[Compared]:
    if not isinstance(column, tree.Col) or not isinstance(text, tree.Literal) or text.kind != "text":
        return
    for own in reversed(scope):
        if column.qualifier is None:
            holders = [t for t in own.values() if t is not None and _has(t, column.name)]
            found = holders[0] if len(holders) == 1 and None not in own.values() else None
        else:
            found = own.get(fold(column.qualifier))
        if found is not None and _has(found, column.name):
            yield Compared(found.name, column.name, text.text)
            return
        if column.qualifier is not None and fold(column.qualifier) in own:
            return


def _has(table: Table, column: str) -> bool:
    return any(fold(c.name) == fold(column) for c in table.columns)
