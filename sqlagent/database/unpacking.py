"""Read back the tables that `packing.py` wrote as lists and plain values."""

from __future__ import annotations

from typing import Any

from sqlagent.database.tables import Column, ForeignKey, Table, Unreadable, Value


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


def unpack_unreadable(plain: list[Any]) -> Unreadable:
    """What `pack_unreadable` wrote."""
    name, kind, cause, reason, column = plain
    return Unreadable(str(name), kind, str(cause), str(reason), None if column is None else str(column))


def _unpacked(value: Any) -> Value:
    return bytes.fromhex(value[0]) if isinstance(value, list) else value
