"""Write tables as lists and plain values, for the way from worker to parent and for the schema cache.

`unpacking.py` reads them back. What is packed may be a `tables.Table` or, in the worker, a `found.Table`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlagent.database import found, tables


def pack(table: tables.Table | found.Table) -> list[Any]:
    """A table as lists and plain values."""
    columns = [
        [c.name, c.type, c.pk, c.not_null, c.generated, c.unique, c.comment, *map(_packed, c.samples)]
        for c in table.columns
    ]
    keys = [[key.columns, key.ref_table, key.ref_columns] for key in table.foreign_keys]
    return [
        table.name,
        table.kind,
        table.row_count,
        table.row_count_exact,
        table.comment,
        table.reach,
        keys,
        columns,
    ]


def pack_unreadable(one: tables.Unreadable | found.Lost) -> list[Any]:
    """What cannot be read as a list."""
    return [one.name, one.kind, one.cause, one.reason, one.column]


def _packed(value: tables.Value) -> Any:
    return [value.hex()] if isinstance(value, bytes) else value
