"""Read one table's columns, keys and indexes from SQLite, and find out which of them a SELECT can name.

Invariant: a column that is returned resolves; one that does not is returned as lost, with the reason.
"""

from __future__ import annotations

import sqlite3

from sqlagent.database import ddl_comments
from sqlagent.database.folding import fold
from sqlagent.database.found import Column, Lost, Table
from sqlagent.sandbox import sqlite_codes, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from sqlagent.database.tables import Kind

ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError, OverflowError, MemoryError)
"""What sqlite3 raises on damaged files and on names that are no text."""
_TOO_MUCH = "compiling what computes it takes too long or too much memory"
_MOST_COLUMNS = 1_000
"""Result columns of one statement; SQLite's own limit is 2,000 unless it was compiled with another."""


class Unusable(Exception):
    """No SELECT can be prepared on this table, view or column."""

    def __init__(self, text: str, cause: str | None = None) -> None:
        found, words = unreadable.why(text)
        super().__init__(words if cause is None else text)
        self.cause = found if cause is None else cause


def _unusable(error: BaseException) -> Unusable:
    """The reason that an error gives; raises it again when it says nothing about the table."""
    if isinstance(error, sqlite3.Error) and (sqlite_codes.busy(error) or sqlite_codes.unfinished(error)):
        raise error
    if isinstance(error, UnicodeError):
        return Unusable("a name in it is not valid UTF-8", unreadable.NAME)
    return Unusable("out of memory" if isinstance(error, MemoryError) else str(error))


def is_computed(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a table has generated columns."""
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({ddl_comments.quote(name)})").fetchall()
    except ERRORS as error:
        raise _unusable(error) from error
    return any(row[6] in (2, 3) for row in rows)


def read_table(
    connection: sqlite3.Connection, name: str, kind: Kind, text: str, *, indexed: bool, stored: bool = False
) -> tuple[Table, list[Lost]]:
    """One table without foreign keys and rows, and its columns that no SELECT can name.

    stored: leave generated columns out, unseen. Raises Unusable with the reason.
    """
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({ddl_comments.quote(name)})").fetchall()
    except ERRORS as error:
        raise _unusable(error) from error
    columns: dict[str, Column] = {}
    lost: list[Lost] = []
    table_comment, comments = ddl_comments.comments(text) if kind == "table" else ("", {})
    keys = sum(1 for row in rows if row[5])
    for _, column, type_, not_null, _, pk, hidden in rows:
        if hidden == 1 or fold(column) in columns:
            continue
        if stored and hidden in (2, 3):
            lost.append(Lost(name, "column", unreadable.SIZE, _TOO_MUCH, column))
            continue
        columns[fold(column)] = Column(
            column,
            type_ or "",
            pk=pk,
            not_null=bool(not_null),
            generated=hidden in (2, 3),
            unique=bool(pk) and keys == 1,
            comment=comments.get(fold(column), ""),
        )
    usable = list(columns.values())
    if not stored and not _surely_resolves(kind, text, name, usable):
        usable, failed = _resolvable(connection, name, usable)
        lost += failed
    unique = _unique_columns(connection, name) if indexed else set()
    for one in usable:
        one.unique = one.unique or fold(one.name) in unique
    return Table(name, kind, usable, table_comment), lost


def _surely_resolves(kind: Kind, text: str, name: str, columns: list[Column]) -> bool:
    """Whether SQLite need not be asked: a table of stored columns with plain names, under collations of its own.

    Asking is half of what reading a large schema costs.
    """
    if kind != "table" or len(columns) > _MOST_COLUMNS // 2 or "collate" in fold(text):
        return False
    return all(
        one.isascii() and one.isidentifier() for one in (name, *(column.name for column in columns))
    ) and not any(column.generated for column in columns)


def _resolvable(
    connection: sqlite3.Connection, table: str, columns: list[Column]
) -> tuple[list[Column], list[Lost]]:
    """Those of `columns` that a SELECT can name, and why not the others. Raises Unusable when there are none.

    The names are qualified, so SQLite cannot take a quoted one that does not resolve for a string.
    """
    quoted = ddl_comments.quote(table)
    names = [f"{quoted}.{ddl_comments.quote(column.name)}" for column in columns]
    lost: list[Lost] = []
    try:
        if len(names) > _MOST_COLUMNS // 2:
            _compile(connection, f"SELECT {', '.join(names)} FROM {quoted}")
            names = []
        _compile(connection, f"SELECT {', '.join(['*', *names])} FROM {quoted}")
    except Unusable as whole:
        usable = []
        for column, name in zip(columns, names, strict=False):
            try:
                _compile(connection, f"SELECT {name} FROM {quoted}")
                usable.append(column)
            except Unusable as error:
                if "\ufffd" in column.name:  # sqlite3 cannot even say what `SELECT *` would return
                    raise Unusable("a name in it is not valid UTF-8", unreadable.NAME) from error
                lost.append(Lost(table, "column", error.cause, str(error), column.name))
        if not usable or all(not column.generated for column in columns if column not in usable):
            # What fails is not a column that can be left alone: `SELECT *` has to work then.
            _compile(connection, f"SELECT * FROM {quoted}")
        if not usable:
            raise whole
        columns = usable
    if not columns:
        raise Unusable("it has no column that a SELECT can name", unreadable.OTHER)
    return columns, lost


def _compile(connection: sqlite3.Connection, sql: str) -> None:
    # EXPLAIN compiles the statement without running it; sqlite3 has no other way to prepare one.
    try:
        connection.execute(f"EXPLAIN {sql}").close()
    except ERRORS as error:
        raise _unusable(error) from error


def _unique_columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """Folded names of the columns that a unique index of their own covers."""
    found: set[str] = set()
    try:
        for _, index, unique, _, partial in connection.execute(
            f"PRAGMA main.index_list({ddl_comments.quote(table)})"
        ).fetchall():
            if unique and not partial:
                parts = connection.execute(f"PRAGMA main.index_info({ddl_comments.quote(index)})").fetchall()
                if len(parts) == 1 and parts[0][2] is not None:
                    found.add(fold(parts[0][2]))
    except ERRORS:
        return found
    return found


def foreign_key_rows(connection: sqlite3.Connection, name: str) -> list[list[Any]]:
    """[number, place, table referred to, column, its column or None] of a table's foreign keys, as declared."""
    try:
        rows = connection.execute(f"PRAGMA main.foreign_key_list({ddl_comments.quote(name)})").fetchall()
    except ERRORS:
        return []
    return [list(row[:5]) for row in rows]
