"""Write tables as JSON and read them back: for the schema cache, and for the way from worker to parent."""

from __future__ import annotations

from typing import Any

from sqlagent.database.schema import Column, ForeignKey, Table, Unreadable, Value


def pack(table: Table) -> list[Any]:
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


def unpack(plain: list[Any]) -> Table:
    """The table that `pack` wrote. Raises ValueError, KeyError, TypeError or IndexError for anything else."""
    name, kind, row_count, exact, comment, reach, keys, columns = plain
    return Table(
        name=name,
        kind=kind,
        columns=tuple(
            Column(c[0], c[1], c[2], c[3], c[4], tuple(map(_unpacked, c[7:])), c[5], c[6]) for c in columns
        ),
        foreign_keys=tuple(ForeignKey(tuple(key[0]), key[1], tuple(key[2])) for key in keys),
        row_count=row_count,
        row_count_exact=exact,
        comment=comment,
        reach=reach,
    )


def pack_unreadable(one: Unreadable) -> list[Any]:
    """What cannot be read as a list."""
    return [one.name, one.kind, one.cause, one.reason, one.column]


def unpack_unreadable(plain: list[Any]) -> Unreadable:
    """What `pack_unreadable` wrote."""
    name, kind, cause, reason, column = plain
    return Unreadable(str(name), kind, str(cause), str(reason), None if column is None else str(column))


def _packed(value: Value) -> Any:
    return [value.hex()] if isinstance(value, bytes) else value


def _unpacked(value: Any) -> Value:
    return bytes.fromhex(value[0]) if isinstance(value, list) else value
