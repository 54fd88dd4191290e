"""Reading a database's schema from its file.

Invariant: `read` returns or raises DatabaseError, whatever the bytes; what it costs grows with the number of
tables and columns, not with the number of rows; nothing a stranger's view or generated column computes runs
without limits.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import time
from collections.abc import Iterable
from dataclasses import replace

from sqlagent.base.errors import DatabaseError
from sqlagent.database import ddl_comments, open_readonly, schema_cache
from sqlagent.database.sample_rows import Limiter, Reading, count_rows, sample_rows
from sqlagent.database.schema import Column, ForeignKey, Kind, Schema, Table, fold, keep_sound_keys

BUSY_SECONDS = 5.0
"""How long to wait for another program's lock."""

_PRAGMAS = frozenset({"table_xinfo", "foreign_key_list", "index_list", "index_info"})
_ATTEMPTS = 3
"""Readings of a file that is written meanwhile."""
_MODULE_PRAGMAS = frozenset({"data_version", "page_size"})
"""Read by the full-text modules when they are opened; refused with a value to set."""
_UNSAFE = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "eval", "shell"})
_ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError, OverflowError, MemoryError)
"""What sqlite3 raises on damaged files and on names that are no text."""

_SHADOWS: dict[str, tuple[str, ...]] = {
    "fts3": ("content", "segments", "segdir", "docsize", "stat"),
    "fts4": ("content", "segments", "segdir", "docsize", "stat"),
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "rtree": ("node", "rowid", "parent"),
    "rtree_i32": ("node", "rowid", "parent"),
    "geopoly": ("node", "rowid", "parent"),
}
"""Tables that a module keeps its data in, by suffix; PRAGMA table_list knows them but compiles every view."""


_WORD = re.compile(r"\w+")
MOST_REACHED = 200
"""Tables behind one view: a statement has room for some hundred sources, and SQLite for 65,535 references."""
_MOST_COLUMNS = 1_000
"""Result columns of one statement; SQLite's own limit is 2,000 unless it was compiled with another."""


class _Unusable(Exception):
    """No SELECT can be prepared on this table or view."""


def read(path: str | os.PathLike[str], *, samples: int = 3, time_budget: float = 2.0) -> Schema:
    """Read the schema of the database at `path`.

    `samples`: sample values per column, at most. `time_budget`: seconds for samples, row counts and views;
    names, types and keys of tables always come. Raises DatabaseError.
    """
    name = os.path.abspath(path)
    for _ in range(_ATTEMPTS):
        state = open_readonly.file_state(path)
        if kept := schema_cache.load(name, state, samples):
            return kept
        started = time.monotonic()
        connection = open_readonly.connect_readonly(path, timeout=BUSY_SECONDS)
        try:
            limiter = Limiter(connection, started + time_budget)
            schema = _read(connection, name, limiter, Reading(samples, state.size))
        except _ERRORS as error:
            raise open_readonly.explained(path, error) from error
        finally:
            connection.close()
        # Without a lock (see opening.py) a write in between may have mixed two states.
        if open_readonly.file_state(path) == state:
            schema_cache.save(schema, state, samples, time.monotonic() - started, whole=not limiter.expired)
            return schema
    return schema  # it is being written all the time: what was seen last is as good as any


def from_ddl(sql: str) -> Schema:
    """The schema that the CREATE TABLE statements in `sql` declare; other statements are ignored.

    Raises DatabaseError when SQLite refuses one of them or when there is none.
    """
    creates = [
        text
        for text in ddl_comments.statements(sql)
        if ddl_comments.leading_words(text, 2) == ["create", "table"]
    ]
    if not creates:
        raise DatabaseError("There is no CREATE TABLE statement in this text.")
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for text in creates:
            try:
                connection.execute(text)
            except _ERRORS as error:
                raise DatabaseError(f"SQLite refuses a CREATE TABLE statement: {error}.") from error
        return _read(connection, "", Limiter(connection, float("inf")), None)
    finally:
        connection.close()


def _read(connection: sqlite3.Connection, path: str, limiter: Limiter, reading: Reading | None) -> Schema:
    """The schema behind a fresh connection, without row counts and samples when `reading` is None.

    Plain tables come first: reading stored columns runs no code of a stranger, so it goes without an
    authorizer, which costs a third of the time. Sets one before the rest. Raises sqlite3.Error.
    """
    objects, indexed = _catalogue(connection)
    tables: dict[str, Table] = {}
    skipped: list[tuple[str, str]] = []
    plain = [name for name, (kind, _) in objects.items() if kind == "table"]
    for name in plain:
        try:
            tables[name] = _table(connection, name, *objects[name], indexed=name in indexed)
        except _Unusable as error:
            skipped.append((name, str(error)))
    if reading:
        reading = reading.for_columns(sum(len(table.columns) for table in tables.values()))
        tables = {name: _with_rows(connection, table, reading, limiter) for name, table in tables.items()}
    connection.set_authorizer(_authorize)
    reach = view_reach(objects)
    for name in [name for name in objects if objects[name][0] != "table"]:
        if limiter.expired:
            skipped.append((name, "not looked at: the time for reading the schema was over"))
            continue
        if reach.get(name, 0) > MOST_REACHED:
            skipped.append((name, f"its definition reaches more than {MOST_REACHED} tables"))
            continue
        try:
            found = _table(connection, name, *objects[name], indexed=False)
            tables[name] = replace(found, reach=reach.get(name, 1))
        except _Unusable as error:
            skipped.append((name, str(error)))
            continue
        if reading:
            tables[name] = _with_rows(connection, tables[name], reading, limiter)
    ordered = [tables[name] for name in objects if name in tables]
    referring = {name for name, (_, text) in objects.items() if not text or "references" in fold(text)}
    return Schema(path, _with_foreign_keys(connection, ordered, referring), tuple(skipped))


def view_reach(objects: dict[str, tuple[Kind, str]]) -> dict[str, int]:
    """How many tables each view comes to once the views in it are written out, at most and about.

    objects: name → (kind, CREATE text). Views on views may double with every step, and SQLite copies them all into
    each statement: sixteen steps pass its limit of 65,535 references, and gigabytes go before that.
    """
    names = {fold(name): name for name in objects}
    inner = {
        name: [names[word] for word in map(fold, _WORD.findall(text)) if word in names and word != fold(name)]
        for name, (kind, text) in objects.items()
        if kind == "view"
    }
    reach = dict.fromkeys(inner, 1)
    for _ in range(MOST_REACHED):  # each pass looks one view deeper; what grows fast is over the limit soon
        following = {
            name: min(MOST_REACHED + 1, max(1, sum(reach.get(part, 1) for part in parts)))
            for name, parts in inner.items()
        }
        if following == reach:
            break
        reach = following
    return reach


def _catalogue(connection: sqlite3.Connection) -> tuple[dict[str, tuple[Kind, str]], set[str]]:
    """Name → (kind, CREATE text) of what may be listed, as created; and the names of tables with an index."""
    found: dict[str, tuple[Kind, str]] = {}
    indexed: set[str] = set()
    seen: set[str] = set()
    rows = connection.execute(
        "SELECT type, name, tbl_name, CASE WHEN typeof(sql) = 'text' THEN sql ELSE '' END FROM sqlite_master"
        " WHERE type IN ('table', 'view', 'index') ORDER BY rowid"
    )
    for type_, name, table, text in rows:
        if type_ == "index":
            indexed.add(table)
        elif isinstance(name, str) and fold(name) not in seen and not fold(name).startswith("sqlite_"):
            seen.add(fold(name))
            found[name] = (_kind(type_, text), text)
    shadows = _shadow_names((name, kind, text) for name, (kind, text) in found.items())
    return {name: what for name, what in found.items() if fold(name) not in shadows}, indexed


def _kind(type_: str, text: str) -> Kind:
    if type_ == "view":
        return "view"
    return "virtual" if ddl_comments.leading_words(text, 2) == ["create", "virtual"] else "table"


def _shadow_names(objects: Iterable[tuple[str, Kind, str]]) -> set[str]:
    names: set[str] = set()
    for name, kind, text in objects:
        if kind == "virtual":
            for suffix in _SHADOWS.get(ddl_comments.module(text), ()):
                names.add(fold(f"{name}_{suffix}"))
    return names


def _authorize(
    action: int, first: str | None, second: str | None, database: str | None, by: str | None
) -> int:
    """Allow what reading a schema takes; everything else is refused."""
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if fold(second or "") in _UNSAFE else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA:
        pragma = fold(first or "")
        allowed = pragma in _PRAGMAS or (pragma in _MODULE_PRAGMAS and second is None)
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY
    if action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
        # An R-tree compiles its write statements when it is opened. None can run: the file is read-only.
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def _table(connection: sqlite3.Connection, name: str, kind: Kind, text: str, *, indexed: bool) -> Table:
    """One table without foreign keys and rows. Raises _Unusable with the reason."""
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({ddl_comments.quote(name)})").fetchall()
    except _ERRORS as error:
        raise _Unusable(str(error)) from error
    columns: dict[str, Column] = {}
    table_comment, comments = ddl_comments.comments(text) if kind == "table" else ("", {})
    keys = sum(1 for row in rows if row[5])
    for _, column, type_, not_null, _, pk, hidden in rows:
        if hidden == 1 or fold(column) in columns:
            continue
        columns[fold(column)] = Column(
            name=column,
            type=type_ or "",
            pk=pk,
            not_null=bool(not_null),
            generated=hidden in (2, 3),
            unique=bool(pk) and keys == 1,
            comment=comments.get(fold(column), ""),
        )
    usable = _resolvable(connection, name, list(columns.values()))
    unique = _unique_columns(connection, name) if indexed else set()
    return Table(
        name=name,
        kind=kind,
        columns=tuple(replace(c, unique=True) if fold(c.name) in unique else c for c in usable),
        comment=table_comment,
    )


def _resolvable(connection: sqlite3.Connection, table: str, columns: list[Column]) -> list[Column]:
    """Those of `columns` that a SELECT can name. Raises _Unusable when there are none, or `SELECT *` fails.

    The names are qualified, so SQLite cannot take a quoted one that does not resolve for a string.
    """
    quoted = ddl_comments.quote(table)
    names = [f"{quoted}.{ddl_comments.quote(column.name)}" for column in columns]
    try:
        if len(names) > _MOST_COLUMNS // 2:
            _compile(connection, f"SELECT {', '.join(names)} FROM {quoted}")
            names = []
        _compile(connection, f"SELECT {', '.join(['*', *names])} FROM {quoted}")
    except _Unusable:
        _compile(connection, f"SELECT * FROM {quoted}")
        usable = []
        for column, name in zip(columns, names, strict=True):
            try:
                _compile(connection, f"SELECT {name} FROM {quoted}")
                usable.append(column)
            except _Unusable as error:
                if "\ufffd" in column.name:  # sqlite3 cannot even say what `SELECT *` would return
                    raise _Unusable("a name in it is not valid UTF-8") from error
        columns = usable
    if not columns:
        raise _Unusable("it has no column that a SELECT can name")
    return columns


def _compile(connection: sqlite3.Connection, sql: str) -> None:
    # EXPLAIN compiles the statement without running it; sqlite3 has no other way to prepare one.
    try:
        connection.execute(f"EXPLAIN {sql}").close()
    except UnicodeError as error:
        raise _Unusable("a name in it is not valid UTF-8") from error
    except _ERRORS as error:
        raise _Unusable(str(error)) from error


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
    except _ERRORS:
        return found
    return found


def _with_foreign_keys(
    connection: sqlite3.Connection, tables: list[Table], referring: set[str]
) -> tuple[Table, ...]:
    """The tables with their foreign keys: names as declared, implicit targets resolved, no broken ones."""
    by_name = {fold(table.name): table for table in tables}
    result = []
    for table in tables:
        if table.kind == "table" and table.name in referring:
            keys = tuple(dict.fromkeys(_foreign_keys(connection, table, by_name)))
            table = replace(table, foreign_keys=keys)
        result.append(table)
    return keep_sound_keys(result)


def _foreign_keys(
    connection: sqlite3.Connection, table: Table, by_name: dict[str, Table]
) -> Iterable[ForeignKey]:
    try:
        rows = connection.execute(
            f"PRAGMA main.foreign_key_list({ddl_comments.quote(table.name)})"
        ).fetchall()
    except _ERRORS:
        return
    parts: dict[int, list[tuple[int, str, str, str | None]]] = {}
    for id_, place, ref_table, source, target, *_ in rows:
        parts.setdefault(id_, []).append((place, ref_table, source, target))
    for id_ in sorted(parts, reverse=True):  # SQLite numbers them from the last declared
        key = sorted(parts[id_], key=lambda part: part[0])
        target = by_name.get(fold(key[0][1]))
        if target is None:
            continue
        columns = [table.column(part[2]) for part in key]
        names = [part[3] for part in key]
        implicit = target.primary_key if None in names else ()
        refs = [target.column(name) for name in (implicit or [name for name in names if name is not None])]
        sources = tuple(column.name for column in columns if column)
        targets = tuple(column.name for column in refs if column)
        if len(sources) == len(targets) == len(key):
            yield ForeignKey(sources, target.name, targets)


def _with_rows(connection: sqlite3.Connection, table: Table, reading: Reading, limiter: Limiter) -> Table:
    """The table with its row count and samples, as far as the time allows and its pages can be read."""
    count, exact, span = None, False, None
    with contextlib.suppress(*_ERRORS):
        count, exact, span = count_rows(connection, table, limiter, reading)
    try:
        found = sample_rows(connection, table, span, limiter, reading)
    except _ERRORS:
        found = [() for _ in table.columns]
    columns = tuple(
        replace(column, samples=values) for column, values in zip(table.columns, found, strict=True)
    )
    return replace(table, columns=columns, row_count=count, row_count_exact=exact)
