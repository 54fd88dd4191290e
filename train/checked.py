"""Bring one question/SQL pair into the form that training uses, and prove it: `check(pair, databases, view)`.

Invariant: an Example has a statement in canonical form that prepares, returns what the original returns (where there
are rows to compare), and that the grammar accepts under the schema its prompt shows.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import DatabaseError
from sqlagent.sandbox.functions import register
from train.meant import Meant, Refused
from train.sources import Pair
from train.view import View

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema
    from sqlagent.linking.prompt import Hint, Prompt

SECONDS = 2.0
"""Longest time a training query may run."""
COMPARED = 2000
"""Rows of a result that are compared with the original's."""
SCHEMAS = 4096
"""Schemas of CREATE TABLE text kept in memory."""
CONNECTIONS = 64
"""Databases that are open at once."""
NULL_TEXT = re.compile(r"(?i)(?<!')'null'(?!')")
"""Public sets write `= 'null'` for IS NULL, and a model that learns it finds nothing."""


class Dropped(Exception):
    """A row cannot be used; the text is the reason it is counted under."""


@dataclass(frozen=True)
class Example:
    """A row that passed every check."""

    question: str
    sql: str  # canonical
    schema: Schema  # the part that the runtime would show
    source: str
    hints: tuple[Hint, ...] = ()


class Databases:
    """Schemas and read-only connections, each opened once. `close` ends them."""

    def __init__(self) -> None:
        self._schemas: dict[str, Schema] = {}
        self._connections: dict[str, sqlite3.Connection] = {}
        self.meant = Meant()

    def schema(self, pair: Pair) -> Schema:
        """The schema a pair is about. Raises Dropped when there is none."""
        from sqlagent.database import schema

        if pair.meant and pair.database:
            try:
                return self.meant.schema(pair.database)
            except DatabaseError as error:
                raise Dropped("the database cannot be read") from error
        key = str(pair.database) if pair.database else pair.ddl
        if key not in self._schemas:
            if len(self._schemas) >= SCHEMAS:
                self._schemas.clear()
            try:
                self._schemas[key] = (
                    schema.read(pair.database) if pair.database else schema.from_ddl(pair.ddl)
                )
            except DatabaseError as error:
                raise Dropped("the database cannot be read") from error
        return self._schemas[key]

    def connection(self, pair: Pair) -> sqlite3.Connection:
        """A connection to run a pair's statements on: read-only, or in memory for CREATE TABLE text."""
        key = str(pair.database) if pair.database else pair.ddl
        if key not in self._connections:
            if len(self._connections) >= CONNECTIONS:
                self._disconnect()
            if pair.database:
                made = sqlite3.connect(f"{pair.database.resolve().as_uri()}?mode=ro", uri=True)
                made.execute("PRAGMA query_only = 1")
            else:
                made = sqlite3.connect(":memory:")
                with contextlib.suppress(sqlite3.Error):
                    made.executescript(pair.ddl)
            made.text_factory = lambda raw: raw.decode("utf-8", "replace")
            register(made)  # what the sandbox brings, the grammar offers
            self._connections[key] = made
        return self._connections[key]

    def close(self) -> None:
        self._disconnect()
        self.meant.close()

    def _disconnect(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()


def check(pair: Pair, databases: Databases, view: View, *, style: str) -> Example:
    """Bring a pair's statement into canonical form and prove it. Raises Dropped."""
    from bench.gold.canonical import CanonicalError, canonicalise

    schema = databases.schema(pair)
    try:
        sql = canonicalise(pair.sql, schema, style=style)  # type: ignore[arg-type]
    except CanonicalError as error:
        raise Dropped(f"no canonical form: {error.reason}") from error
    if NULL_TEXT.search(sql):
        raise Dropped("compares with the text 'null'")

    def run(statement: str, reason: str) -> Counter[tuple[Any, ...]] | None:
        if not (pair.meant and pair.database):
            return _run(databases.connection(pair), statement, reason)
        try:
            return databases.meant.rows(pair.database, statement)
        except (Refused, DatabaseError) as error:
            raise Dropped(reason) from error

    ours = run(sql, "the canonical form does not run")
    if pair.database:
        theirs = run(pair.sql, "does not run")
        if ours is not None and theirs is not None and ours != theirs:
            raise Dropped("the canonical form returns other rows")
    accept(sql, schema, style)
    part, hints = view.show(pair, schema)
    if part is not schema:
        accept(sql, part, style, "the linker leaves out what it needs")
    return Example(pair.question, sql, part, pair.source, hints)


def accept(sql: str, schema: Schema, style: str, reason: str = "not accepted by the grammar") -> None:
    """Raise Dropped, with a reason, where the grammar does not take a statement."""
    from sqlagent.grammar import Acceptor, Options

    state = Acceptor(schema, Options(style=style)).start().step(sql.encode())
    if state is None or not state.accepting:
        raise Dropped(reason)


def _run(connection: sqlite3.Connection, sql: str, reason: str) -> Counter[tuple[Any, ...]] | None:
    """A statement's rows as a multiset; None when it takes too long or returns too much to compare."""
    deadline = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 20_000)
    try:
        rows = connection.execute(sql.rstrip().rstrip(";")).fetchmany(COMPARED + 1)
    except sqlite3.OperationalError as error:
        if "interrupted" in str(error):
            return None
        raise Dropped(reason) from error
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise Dropped(reason) from error
    finally:
        connection.set_progress_handler(None, 0)
    return Counter(rows) if len(rows) <= COMPARED else None


def runtime_prompt(example: Example) -> Prompt:
    """What the runtime would show the model for a row."""
    from sqlagent.linking import prompt

    return prompt.build(example.schema, example.question, hints=example.hints)
