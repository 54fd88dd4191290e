"""Which tables the foreign keys of a table lead to, and by which key they refer to it."""

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


def referred_key(table: Table, schema: Schema) -> tuple[str, ...]:
    """The key of a table: its primary key, or where it declares none the one column that other tables refer to."""
    if table.primary_key:
        return table.primary_key
    referred = {
        fold(key.ref_columns[0]): key.ref_columns
        for other in schema.tables
        if other is not table
        for key in other.foreign_keys
        if fold(key.ref_table) == fold(table.name) and len(key.ref_columns) == 1
    }
    return next(iter(referred.values())) if len(referred) == 1 else ()
