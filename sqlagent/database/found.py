"""Hold what the worker process finds of a database, until it is packed for the way to the parent.

The fields are those of `schema.py`, whose dataclasses take too long to import in a process that starts with every
opening.
"""

from __future__ import annotations

from sqlagent.database.folding import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from sqlagent.database.tables import Kind, Value


class Column:
    """A column that a SELECT can name."""

    __slots__ = ("comment", "generated", "name", "not_null", "pk", "samples", "type", "unique")

    def __init__(
        self,
        name: str,
        type: str = "",
        *,
        pk: int = 0,
        not_null: bool = False,
        generated: bool = False,
        unique: bool = False,
        comment: str = "",
    ) -> None:
        self.name = name
        self.type = type
        self.pk = pk
        self.not_null = not_null
        self.generated = generated
        self.unique = unique
        self.comment = comment
        self.samples: tuple[Value, ...] = ()


class Table:
    """A table, view or virtual table; its foreign keys travel beside it, as SQLite lists them."""

    def __init__(self, name: str, kind: Kind, columns: list[Column], comment: str = "") -> None:
        self.name = name
        self.kind = kind
        self.columns = columns
        self.foreign_keys: tuple[()] = ()
        self.row_count: int | None = None
        self.row_count_exact = False
        self.comment = comment
        self.reach = 1

    def has_column(self, name: str) -> bool:
        """Whether SQLite would find a column under `name`."""
        folded = fold(name)
        return any(fold(column.name) == folded for column in self.columns)


class Lost:
    """A table, view or column that cannot be read, and why."""

    def __init__(
        self, name: str, kind: Kind | Literal["column"], cause: str, reason: str, column: str | None = None
    ) -> None:
        self.name = name
        self.kind = kind
        self.cause = cause
        self.reason = reason
        self.column = column
