"""Read what a database holds, beside it, in the worker process; `introspect.py` asks for it.

    survey(connection, {"samples": 3, "seconds": 2.0, "size": 8192, "done": [], "stored": []}, tell)

Invariant: what is told stands, whatever happens later. Plain tables come first; before SQLite compiles anything
that a stranger can make explode (a view, a generated column, a module's table) its name is told, so that the
parent, which ends this process when it takes too long, knows what to leave out next time. What it costs grows
with the number of tables and columns, not with the number of rows.
"""

from __future__ import annotations

import contextlib
import functools
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from sqlagent.database import ddl_comments, schema_json
from sqlagent.database.sample_rows import Limiter, Reading, count_rows, sample_rows
from sqlagent.database.schema import Column, Kind, Table, Unreadable, fold
from sqlagent.sandbox import sqlite_codes, unreadable

_PRAGMAS = frozenset({"table_xinfo", "foreign_key_list", "index_list", "index_info"})
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
    "spellfix1": ("vocab",),
    "vec0": ("chunks", "rowids", "info", "auxiliary", r"(?:vector_chunks|metadatachunks|metadatatext)\d\d"),
}
"""Tables that a module keeps its data in, by suffix; PRAGMA table_list knows them but compiles every view."""
_ANY_SHADOW = tuple(sorted({suffix for suffixes in _SHADOWS.values() for suffix in suffixes}))
"""What an unknown module may call them."""

_WORD = re.compile(r"\w+")
MOST_REACHED = 200
"""Tables behind one view: a statement has room for some hundred sources, and SQLite for 65,535 references."""
_VDBE_OP = 5  # sqlite3.SQLITE_LIMIT_VDBE_OP; Python 3.10 has neither the name nor setlimit
_NO_TIME = "not looked at: the time for reading the schema was over"
_TOO_MUCH = "compiling what computes it takes too long or too much memory"
_MOST_COLUMNS = 1_000
"""Result columns of one statement; SQLite's own limit is 2,000 unless it was compiled with another."""


_CHUNK = 64
"""Tables in one piece of news."""
_MOST_OPCODES = 100_000
"""A statement over one table or view that compiles to more than this is refused."""
Tell = Callable[[Any], None]


class _Unusable(Exception):
    """No SELECT can be prepared on this table, view or column."""

    def __init__(self, text: str, cause: str | None = None) -> None:
        found, words = unreadable.why(text)
        super().__init__(words if cause is None else text)
        self.cause = found if cause is None else cause


def _unusable(error: BaseException) -> _Unusable:
    """The reason that an error gives; raises it again when it says nothing about the table."""
    if isinstance(error, sqlite3.Error) and (sqlite_codes.busy(error) or sqlite_codes.unfinished(error)):
        raise error
    if isinstance(error, UnicodeError):
        return _Unusable("a name in it is not valid UTF-8", unreadable.NAME)
    return _Unusable("out of memory" if isinstance(error, MemoryError) else str(error))


def survey(connection: sqlite3.Connection, arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Tell what there is, then each table and view, in the order of the invariant. Raises sqlite3.Error.

    arguments: samples (values a column), seconds (for samples, counts, views), size (bytes of the file), done
    (names not to look at again), exploded (those of them that took too much), stored (tables whose generated
    columns are left out), refused (folded name → [cause, reason] of tables that SQLite loaded in part only).
    """
    limiter = Limiter(connection, time.monotonic() + arguments["seconds"])
    if hasattr(connection, "setlimit"):
        connection.setlimit(_VDBE_OP, _MOST_OPCODES)
    objects, indexed = _catalogue(connection)
    reach = view_reach(objects)
    tell({"objects": [[name, kind, reach.get(name, 1)] for name, (kind, _) in objects.items()]})
    work = _Work(
        connection,
        objects,
        indexed,
        limiter,
        Reading(arguments["samples"], arguments["size"]),
        stored=frozenset(arguments["stored"]),
        tell=tell,
    )
    done = set(arguments["done"])
    work.exploded.update(fold(name) for name in arguments["exploded"])
    todo = [name for name in objects if name not in done]
    refused = arguments["refused"]
    for name in [name for name in todo if fold(name) in refused]:
        todo.remove(name)
        cause, reason = refused[fold(name)]
        work.leave(name, _Unusable(reason, cause))
    later = work.plain([name for name in todo if objects[name][0] == "table"])
    connection.set_authorizer(functools.partial(_authorize, frozenset(refused)))
    for name in later + [name for name in todo if objects[name][0] != "table"]:
        if limiter.expired and objects[name][0] != "table":
            work.leave(name, _Unusable(_NO_TIME, unreadable.TIME))
        elif reach.get(name, 0) > MOST_REACHED:
            text = f"its definition reaches more than {MOST_REACHED} tables"
            work.leave(name, _Unusable(text, unreadable.SIZE))
        elif hopeless := work.exploded_in(name):
            work.leave(name, _Unusable(f"it reads {hopeless}, which is left out", unreadable.SIZE))
        else:
            work.risky(name, reach.get(name, 1))
    return {"whole": not limiter.expired, "forbidden": work.forbidden}


def recount(connection: sqlite3.Connection, arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Count the rows of known tables again: {"counts": {name: [rows, whether that is exact]}}.

    arguments: tables ([name, kind, its columns that are named as row numbers are]), seconds, size.
    """
    limiter = Limiter(connection, time.monotonic() + arguments["seconds"])
    connection.set_authorizer(functools.partial(_authorize, frozenset()))
    reading = Reading(0, arguments["size"])
    found = {}
    for name, kind, columns in arguments["tables"]:
        if kind == "table" and not limiter.expired:
            table = Table(name, kind, tuple(Column(column) for column in columns))
            with contextlib.suppress(*_ERRORS):
                rows, exact, _ = count_rows(connection, table, limiter, reading)
                if rows is not None:
                    found[name] = [rows, exact]
    return {"counts": found}


def declared(connection: sqlite3.Connection) -> list[tuple[Table, list[list[Any]]]]:
    """The tables of a database of ours, with the rows of their foreign keys; without counts and samples."""
    objects, indexed = _catalogue(connection)
    found = []
    for name, (kind, text) in objects.items():
        with contextlib.suppress(_Unusable):
            table, _ = _table(connection, name, kind, text, indexed=name in indexed)
            found.append((table, foreign_key_rows(connection, name)))
    return found


@dataclass
class _Work:
    """Reads tables one after the other and tells of them."""

    connection: sqlite3.Connection
    objects: dict[str, tuple[Kind, str]]
    indexed: set[str]
    limiter: Limiter
    reading: Reading
    stored: frozenset[str]
    tell: Tell
    forbidden: bool = False
    """Whether anything was left out for a function that SQLite does not let a schema call."""
    exploded: set[str] = field(default_factory=set)
    """Folded names of what took too much to be compiled."""

    def plain(self, names: list[str]) -> list[str]:
        """Tell of the tables that hold stored columns only; returns the others.

        Reading stored columns runs no code of a stranger, so it goes without an authorizer, which costs a third
        of the time.
        """
        later: list[str] = []
        tables: list[Table] = []
        for name in names:
            kind, text = self.objects[name]
            try:
                if name not in self.stored and " as" in fold(text) and _is_computed(self.connection, name):
                    later.append(name)
                    continue
                table, lost = _table(
                    self.connection,
                    name,
                    kind,
                    text,
                    indexed=name in self.indexed,
                    stored=name in self.stored,
                )
                tables.append(table)
                self._lose(lost)
            except _Unusable as error:
                self.leave(name, error)
        self.reading = self.reading.for_columns(sum(len(table.columns) for table in tables))
        for start in range(0, len(tables), _CHUNK):
            self._told([self._with_rows(table) for table in tables[start : start + _CHUNK]])
        return later

    def risky(self, name: str, reach: int) -> None:
        """Tell of a table or view that SQLite must compile a stranger's expressions for."""
        self.tell({"at": name})
        kind, text = self.objects[name]
        try:
            table, lost = _table(self.connection, name, kind, text, indexed=name in self.indexed)
        except _Unusable as error:
            self.leave(name, error)
            return
        self._lose(lost)
        self._told([self._with_rows(replace(table, reach=reach))])

    def exploded_in(self, name: str) -> str | None:
        """A view that took too much and that this one reads: it would take as much."""
        if self.objects[name][0] != "view" or not self.exploded:
            return None
        words = map(fold, _WORD.findall(self.objects[name][1]))
        return next((word for word in words if word in self.exploded and word != fold(name)), None)

    def leave(self, name: str, error: _Unusable) -> None:
        """Tell that something is left out, and why."""
        if error.cause == unreadable.SIZE:
            self.exploded.add(fold(name))
        self._lose([Unreadable(name, self.objects[name][0], error.cause, str(error))])

    def _lose(self, lost: Collection[Unreadable]) -> None:
        if lost:
            self.forbidden |= any(one.cause == unreadable.FORBIDDEN for one in lost)
            self.tell({"left": [schema_json.pack_unreadable(one) for one in lost]})

    def _told(self, tables: list[Table]) -> None:
        self.tell({"tables": [[schema_json.pack(table), self._foreign_keys(table)] for table in tables]})

    def _foreign_keys(self, table: Table) -> list[list[Any]]:
        text = self.objects[table.name][1]
        if table.kind != "table" or (text and "references" not in fold(text)):
            return []
        return foreign_key_rows(self.connection, table.name)

    def _with_rows(self, table: Table) -> Table:
        """The table with its row count and samples, as far as the time allows and its pages can be read."""
        count, exact, span = None, False, None
        with contextlib.suppress(*_ERRORS):
            count, exact, span = count_rows(self.connection, table, self.limiter, self.reading)
        try:
            found = sample_rows(self.connection, table, span, self.limiter, self.reading)
        except _ERRORS:
            found = [() for _ in table.columns]
        columns = tuple(
            Column(c.name, c.type, c.pk, c.not_null, c.generated, values, c.unique, c.comment)
            for c, values in zip(table.columns, found, strict=True)
        )
        return replace(table, columns=columns, row_count=count, row_count_exact=exact)


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
    """Folded names of the tables in which virtual tables keep what they show."""
    known = list(objects)
    names = {fold(name) for name, kind, _ in known if kind == "table"}
    found: set[str] = set()
    for name, kind, text in known:
        if kind == "virtual":
            suffixes = "|".join(_SHADOWS.get(ddl_comments.module(text), _ANY_SHADOW))
            pattern = re.compile(f"{re.escape(fold(name))}_(?:{suffixes})")
            found.update(one for one in names if pattern.fullmatch(one))
    return found


def _authorize(
    refused: Collection[str],
    action: int,
    first: str | None,
    second: str | None,
    database: str | None,
    by: str | None,
) -> int:
    """Allow what reading a schema takes; everything else is refused. refused: tables that may not be read."""
    if action == sqlite3.SQLITE_READ and fold(first or "") in refused:
        return sqlite3.SQLITE_DENY
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


def _is_computed(connection: sqlite3.Connection, name: str) -> bool:
    """Whether a table has generated columns."""
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({ddl_comments.quote(name)})").fetchall()
    except _ERRORS as error:
        raise _unusable(error) from error
    return any(row[6] in (2, 3) for row in rows)


def _table(
    connection: sqlite3.Connection, name: str, kind: Kind, text: str, *, indexed: bool, stored: bool = False
) -> tuple[Table, list[Unreadable]]:
    """One table without foreign keys and rows, and its columns that no SELECT can name.

    stored: leave generated columns out, unseen. Raises _Unusable with the reason.
    """
    try:
        rows = connection.execute(f"PRAGMA main.table_xinfo({ddl_comments.quote(name)})").fetchall()
    except _ERRORS as error:
        raise _unusable(error) from error
    columns: dict[str, Column] = {}
    lost: list[Unreadable] = []
    table_comment, comments = ddl_comments.comments(text) if kind == "table" else ("", {})
    keys = sum(1 for row in rows if row[5])
    for _, column, type_, not_null, _, pk, hidden in rows:
        if hidden == 1 or fold(column) in columns:
            continue
        if stored and hidden in (2, 3):
            lost.append(Unreadable(name, "column", unreadable.SIZE, _TOO_MUCH, column))
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
    usable = list(columns.values())
    if not stored and not _surely_resolves(kind, text, name, usable):
        usable, failed = _resolvable(connection, name, usable)
        lost += failed
    unique = _unique_columns(connection, name) if indexed else set()
    found = Table(
        name=name,
        kind=kind,
        columns=tuple(replace(c, unique=True) if fold(c.name) in unique else c for c in usable),
        comment=table_comment,
    )
    return found, lost


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
) -> tuple[list[Column], list[Unreadable]]:
    """Those of `columns` that a SELECT can name, and why not the others. Raises _Unusable when there are none.

    The names are qualified, so SQLite cannot take a quoted one that does not resolve for a string.
    """
    quoted = ddl_comments.quote(table)
    names = [f"{quoted}.{ddl_comments.quote(column.name)}" for column in columns]
    lost: list[Unreadable] = []
    try:
        if len(names) > _MOST_COLUMNS // 2:
            _compile(connection, f"SELECT {', '.join(names)} FROM {quoted}")
            names = []
        _compile(connection, f"SELECT {', '.join(['*', *names])} FROM {quoted}")
    except _Unusable as whole:
        usable = []
        for column, name in zip(columns, names, strict=False):
            try:
                _compile(connection, f"SELECT {name} FROM {quoted}")
                usable.append(column)
            except _Unusable as error:
                if "\ufffd" in column.name:  # sqlite3 cannot even say what `SELECT *` would return
                    raise _Unusable("a name in it is not valid UTF-8", unreadable.NAME) from error
                lost.append(Unreadable(table, "column", error.cause, str(error), column.name))
        if not usable or all(not column.generated for column in columns if column not in usable):
            # What fails is not a column that can be left alone: `SELECT *` has to work then.
            _compile(connection, f"SELECT * FROM {quoted}")
        if not usable:
            raise whole
        columns = usable
    if not columns:
        raise _Unusable("it has no column that a SELECT can name", unreadable.OTHER)
    return columns, lost


def _compile(connection: sqlite3.Connection, sql: str) -> None:
    # EXPLAIN compiles the statement without running it; sqlite3 has no other way to prepare one.
    try:
        connection.execute(f"EXPLAIN {sql}").close()
    except _ERRORS as error:
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
    except _ERRORS:
        return found
    return found


def foreign_key_rows(connection: sqlite3.Connection, name: str) -> list[list[Any]]:
    """[number, place, table referred to, column, its column or None] of a table's foreign keys, as declared."""
    try:
        rows = connection.execute(f"PRAGMA main.foreign_key_list({ddl_comments.quote(name)})").fetchall()
    except _ERRORS:
        return []
    return [list(row[:5]) for row in rows]
