"""Describe what a database holds, as the rest of the program sees it: a `Schema` of tables, columns and keys.

Invariant: a `Schema` that `sqlagent.database.schema.read` makes lists only tables that a SELECT can be prepared on and
only columns that `SELECT "table"."column"` resolves to; whatever is left out is in `unreadable` with the reason. Names
are exactly as declared. Name look-up folds ASCII letters only, as SQLite does, so `Ä` and `ä` are two names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from sqlagent.database.folding import fold

Value = str | int | float | bytes
Kind = Literal["table", "view", "virtual"]


@dataclass(frozen=True, slots=True)
class Computed:
    """How a column that the file does not have is worked out: a field of the JSON in another column's cells."""

    column: str
    """The column of the same table that has the JSON."""
    path: str = "$"
    """Where the field is in a cell, in SQLite's JSON path syntax."""
    kind: str = ""
    """The type of what comes out: INTEGER, REAL, TEXT, BOOLEAN (1 and 0), "" for several. It has no affinity."""
    length: bool = False
    """The number of members of the list there, in place of what is there."""
    proved: bool = False
    """Every cell is JSON; where one may not be, the expression asks, since SQLite would fail."""

    def sql(self, column: str) -> str:
        """The expression. column: SQL that names the column with the JSON."""
        function = "json_array_length" if self.length else "json_extract"
        path = "" if self.length and self.path == "$" else f", {self._path}"
        call = f"{function}({column}{path})"
        return call if self.proved else f"CASE WHEN json_valid({column}) THEN {call} END"

    def members(self, column: str) -> str:
        """The arguments of json_each for the members of the list there."""
        cell = column if self.proved else f"CASE WHEN json_valid({column}) THEN {column} END"
        return f"{cell}, {self._path}"

    @property
    def _path(self) -> str:
        return "'" + self.path.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a SELECT can name."""

    name: str
    type: str = ""
    """As declared, may be empty."""
    pk: int = 0
    """0, or the column's 1-based place in the primary key."""
    not_null: bool = False
    generated: bool = False
    samples: tuple[Value, ...] = ()
    """A few distinct stored values; text cut at 200 characters, no blob over 64 bytes."""
    unique: bool = False
    """Sole primary key, or under a unique index of its own."""
    comment: str = ""
    codes: tuple[str, ...] = field(default=(), repr=False)
    """All values there can be, where an application's codes go by these names; its samples are some of them."""
    note: str = field(default="", repr=False)
    """A person's own words about it, which are part of the comment, too."""
    computed: Computed | None = field(default=None, repr=False)
    """What is written in its place: the file itself has no such column."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of the table that holds it refer, one by one, to `ref_columns` of `ref_table`."""

    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table, view or virtual table with at least one column."""

    name: str
    kind: Kind
    columns: tuple[Column, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    row_count: int | None = None
    row_count_exact: bool = False
    comment: str = ""
    reach: int = 1
    """Tables that a view comes to once the views in it are written out; SQLite joins 64 at most."""

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {fold(column.name): column for column in reversed(self.columns)}

    def column(self, name: str) -> Column | None:
        """The column that SQLite would find under `name`, or None."""
        return self._by_name.get(fold(name))

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the key's columns in key order; empty without a key."""
        return tuple(column.name for column in sorted(self.columns, key=lambda c: c.pk) if column.pk)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A table, view or column that cannot be read, and why: "Left out: places (it needs the module vec0, …)"."""

    name: str
    """Of the table or view."""
    kind: Kind | Literal["column"]
    cause: str
    """One of the words in `sqlagent.sandbox.unreadable`: function, module, collation, time, damage, …"""
    reason: str
    """In words, to stand in brackets."""
    column: str | None = None
    """The column that is left out of a table that is listed; None when all of it is left out."""

    @property
    def label(self) -> str:
        """What a user calls it."""
        return self.name if self.column is None else f"{self.name}.{self.column}"


@dataclass(frozen=True)
class Schema:
    """The tables of one database in the order they were created."""

    path: str
    tables: tuple[Table, ...]
    unreadable: tuple[Unreadable, ...] = ()
    """What is left out: tables and views that no SELECT can be prepared on, columns that none can name."""
    notice: str = ""
    """One sentence about how the file is read, for the user; "" when there is nothing to say."""

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(name, why) of what is left out."""
        return tuple((one.label, one.reason) for one in self.unreadable)

    @cached_property
    def _by_name(self) -> dict[str, Table]:
        return {fold(table.name): table for table in reversed(self.tables)}

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) over names, types, keys, comments and samples: what the model may be shown.

        Row counts and the path are left out: a row more or a file moved does not change the model's input.
        """
        import hashlib

        seen = tuple(
            (table.name, table.kind, table.comment, table.columns, table.foreign_keys)
            for table in self.tables
        )
        return hashlib.sha256(repr(seen).encode("utf-8", "surrogatepass")).hexdigest()

    def table(self, name: str) -> Table | None:
        """The table that SQLite would find under `name`, or None."""
        return self._by_name.get(fold(name))

    def subset(self, tables: Mapping[str, Collection[str] | None]) -> Schema:
        """The same schema with only the named tables, each with the named columns (None: all of them).

        Order is kept; unknown names are ignored; a table left without columns goes; a foreign key stays when
        every column on both of its sides stays.
        """
        wanted = {fold(name): columns for name, columns in tables.items()}
        kept: list[Table] = []
        for table in self.tables:
            if fold(table.name) not in wanted:
                continue
            names = wanted[fold(table.name)]
            columns = table.columns
            if names is not None:
                folded = {fold(name) for name in names}
                columns = tuple(column for column in columns if fold(column.name) in folded)
            if columns:
                kept.append(replace(table, columns=columns))
        return replace(self, tables=keep_sound_keys(kept))


def keep_sound_keys(tables: Collection[Table]) -> tuple[Table, ...]:
    """The tables with only those foreign keys whose both ends are among them."""
    columns = {table.name: {column.name for column in table.columns} for table in tables}
    return tuple(
        replace(
            table,
            foreign_keys=tuple(
                key
                for key in table.foreign_keys
                if columns[table.name].issuperset(key.columns)
                and columns.get(key.ref_table, set()).issuperset(key.ref_columns)
            ),
        )
        for table in tables
    )
