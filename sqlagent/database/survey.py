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
import sqlite3
import time

from sqlagent.database import packing
from sqlagent.database.catalogue import MOST_REACHED, catalogue, view_reach, words
from sqlagent.database.definition import ERRORS, Unusable, foreign_key_rows, is_computed, read_table
from sqlagent.database.folding import fold
from sqlagent.database.found import Column, Lost, Table
from sqlagent.database.sample_rows import Limiter, Reading, count_rows, sample_rows
from sqlagent.sandbox import unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any

    from sqlagent.database.tables import Kind

    Tell = Callable[[Any], None]

_PRAGMAS = frozenset({"table_xinfo", "foreign_key_list", "index_list", "index_info"})
_MODULE_PRAGMAS = frozenset({"data_version", "page_size"})
"""Read by the full-text modules when they are opened; refused with a value to set."""
_UNSAFE = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "eval", "shell"})
_VDBE_OP = 5  # sqlite3.SQLITE_LIMIT_VDBE_OP; Python 3.10 has neither the name nor setlimit
_NO_TIME = "not looked at: the time for reading the schema was over"
_CHUNK = 64
"""Tables in one piece of news."""
_MOST_OPCODES = 100_000
"""A statement over one table or view that compiles to more than this is refused."""


def survey(connection: sqlite3.Connection, arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Tell what there is, then each table and view, in the order of the invariant. Raises sqlite3.Error.

    arguments: samples (values a column), seconds (for samples, counts, views), size (bytes of the file), done
    (names not to look at again), exploded (those of them that took too much), stored (tables whose generated
    columns are left out), refused (folded name → [cause, reason] of tables that SQLite loaded in part only).
    """
    limiter = Limiter(connection, time.monotonic() + arguments["seconds"])
    if hasattr(connection, "setlimit"):
        connection.setlimit(_VDBE_OP, _MOST_OPCODES)
    objects, indexed = catalogue(connection)
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
        work.leave(name, Unusable(reason, cause))
    later = work.plain([name for name in todo if objects[name][0] == "table"])
    connection.set_authorizer(functools.partial(_authorize, frozenset(refused)))
    for name in later + [name for name in todo if objects[name][0] != "table"]:
        if limiter.expired and objects[name][0] != "table":
            work.leave(name, Unusable(_NO_TIME, unreadable.TIME))
        elif reach.get(name, 0) > MOST_REACHED:
            text = f"its definition reaches more than {MOST_REACHED} tables"
            work.leave(name, Unusable(text, unreadable.SIZE))
        elif hopeless := work.exploded_in(name):
            work.leave(name, Unusable(f"it reads {hopeless}, which is left out", unreadable.SIZE))
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
            table = Table(name, kind, [Column(column) for column in columns])
            with contextlib.suppress(*ERRORS):
                rows, exact, _ = count_rows(connection, table, limiter, reading)
                if rows is not None:
                    found[name] = [rows, exact]
    return {"counts": found}


def declared(connection: sqlite3.Connection) -> list[tuple[list[Any], list[list[Any]]]]:
    """The tables of a database of ours, packed, with the rows of their foreign keys; without counts and samples."""
    objects, indexed = catalogue(connection)
    found = []
    for name, (kind, text) in objects.items():
        with contextlib.suppress(Unusable):
            table, _ = read_table(connection, name, kind, text, indexed=name in indexed)
            found.append((packing.pack(table), foreign_key_rows(connection, name)))
    return found


class _Work:
    """Reads tables one after the other and tells of them."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        objects: dict[str, tuple[Kind, str]],
        indexed: set[str],
        limiter: Limiter,
        reading: Reading,
        *,
        stored: frozenset[str],
        tell: Tell,
    ) -> None:
        self.connection = connection
        self.objects = objects
        self.indexed = indexed
        self.limiter = limiter
        self.reading = reading
        self.stored = stored
        self.tell = tell
        self.forbidden = False
        """Whether anything was left out for a function that SQLite does not let a schema call."""
        self.exploded: set[str] = set()
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
                if name not in self.stored and " as" in fold(text) and is_computed(self.connection, name):
                    later.append(name)
                    continue
                table, lost = read_table(
                    self.connection,
                    name,
                    kind,
                    text,
                    indexed=name in self.indexed,
                    stored=name in self.stored,
                )
                tables.append(table)
                self._lose(lost)
            except Unusable as error:
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
            table, lost = read_table(self.connection, name, kind, text, indexed=name in self.indexed)
        except Unusable as error:
            self.leave(name, error)
            return
        self._lose(lost)
        table.reach = reach
        self._told([self._with_rows(table)])

    def exploded_in(self, name: str) -> str | None:
        """A view that took too much and that this one reads: it would take as much."""
        if self.objects[name][0] != "view" or not self.exploded:
            return None
        named = words(self.objects[name][1])
        return next((word for word in named if word in self.exploded and word != fold(name)), None)

    def leave(self, name: str, error: Unusable) -> None:
        """Tell that something is left out, and why."""
        if error.cause == unreadable.SIZE:
            self.exploded.add(fold(name))
        self._lose([Lost(name, self.objects[name][0], error.cause, str(error))])

    def _lose(self, lost: Collection[Lost]) -> None:
        if lost:
            self.forbidden |= any(one.cause == unreadable.FORBIDDEN for one in lost)
            self.tell({"left": [packing.pack_unreadable(one) for one in lost]})

    def _told(self, tables: list[Table]) -> None:
        self.tell({"tables": [[packing.pack(table), self._foreign_keys(table)] for table in tables]})

    def _foreign_keys(self, table: Table) -> list[list[Any]]:
        text = self.objects[table.name][1]
        if table.kind != "table" or (text and "references" not in fold(text)):
            return []
        return foreign_key_rows(self.connection, table.name)

    def _with_rows(self, table: Table) -> Table:
        """The table with its row count and samples, as far as the time allows and its pages can be read."""
        count, exact, span = None, False, None
        with contextlib.suppress(*ERRORS):
            count, exact, span = count_rows(self.connection, table, self.limiter, self.reading)
        try:
            found = sample_rows(self.connection, table, span, self.limiter, self.reading)
        except ERRORS:
            found = [() for _ in table.columns]
        for column, values in zip(table.columns, found, strict=True):
            column.samples = values
        table.row_count, table.row_count_exact = count, exact
        return table


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
