"""Which tables the foreign keys of a table lead to."""

from __future__ import annotations

from collections.abc import Iterable

from sqlagent.database.schema import Schema, Table, fold


def above(table: Table, schema: Schema) -> set[str]:
    """The folded names of all tables that a table references, and of those that these do."""
    found: set[str] = set()
    todo = [table]
    while todo:
        for key in todo.pop().foreign_keys:
            referenced = schema.table(key.ref_table)
            if referenced is not None and fold(referenced.name) not in found:
                found.add(fold(referenced.name))
                todo.append(referenced)
    return found


def once(table: Table, tables: Iterable[Table], schema: Schema) -> bool:
    """Whether tables joined by their keys have each row of one of them once at most."""
    return {fold(other.name) for other in tables} <= above(table, schema) | {fold(table.name)}
