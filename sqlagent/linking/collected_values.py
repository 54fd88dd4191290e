"""Keep the collected values of one file at hand: opened on first use, read on where time is short, anew after a change.

    values = CollectedValues("shop.sqlite", schema, folder, sandbox=None)
    values.ready().execute("SELECT value FROM val WHERE norm = 'new york'")

Invariant: what is collected is that of the file as it is, but for a file that another program writes all the time:
there collecting takes a small part of the time. Whoever calls holds a lock.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import word_forms
from sqlagent.base.errors import QueryError, QueryTimeout
from sqlagent.database.schema import Schema
from sqlagent.linking.value_scores import StoredColumn
from sqlagent.linking.value_store import ValueStore

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Sandbox

BUILD_SECONDS = 2.0
"""What the first question after a change of the database may wait for its index."""
MORE_SECONDS = 0.3
"""What each later question gives to an index that is not complete."""
CHEAP_SECONDS = 1.0
"""An index that took less is collected anew whenever the file has changed."""
REST = 20.0
"""Any other, when this many times its cost has passed since it was collected last."""
PROBE_SECONDS = 0.25
"""What looking for a literal in a column that is not known in full may take."""


class CollectedValues:
    """The values of a file, kept in `folder`. seconds, sandbox: see `value_index.ValueIndex`."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        schema: Schema,
        folder: Path,
        *,
        seconds: float = BUILD_SECONDS,
        sandbox: Callable[[], Sandbox] | None,
    ) -> None:
        self._path, self._schema, self._folder, self._seconds = path, schema, folder, seconds
        self._lent = sandbox
        self._own: Sandbox | None = None
        self._store: ValueStore | None = None
        self._opened_at = 0.0
        self._times_opened = 0

    @property
    def complete(self) -> bool:
        """Whether every value that will be collected has been."""
        return self._store is not None and self._store.complete

    @property
    def version(self) -> tuple[int, int]:
        """Another one whenever there may be other values, so that what was computed from them is computed anew."""
        return self._times_opened, self._store.grown if self._store is not None else -1

    def build(self, seconds: float | None = None) -> bool:
        """Collect values for up to `seconds`; whether all are there. Raises DatabaseError."""
        return self._opened().build(self._seconds if seconds is None else seconds)

    def ready(self) -> sqlite3.Connection:
        """The collected values, read on a little if they are not all there. Raises DatabaseError."""
        store = self._opened()
        if not store.complete:
            store.build(MORE_SECONDS if store.started else self._seconds)
        return store.data

    def occurs(self, table: str, column: str, literal: str) -> bool | None:
        """Whether the file itself holds a literal; None when that takes too long to find out."""
        from sqlagent.sql.names import quote, text_literal

        sql = f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} = {text_literal(literal)} LIMIT 1"
        try:
            return bool(self._sandbox().execute(sql, timeout=PROBE_SECONDS).rows)
        except (QueryError, QueryTimeout):
            return None

    def close(self) -> None:
        """Let go of them; the next use opens them again."""
        self._forget()
        if self._own is not None:
            self._own.close()
        self._own = None

    def _forget(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store = None

    def _sandbox(self) -> Sandbox:
        """Where the file is read. Raises DatabaseError."""
        from sqlagent.sandbox.sandbox import Sandbox

        if self._lent is not None:
            return self._lent()
        if self._own is None:
            self._own = Sandbox(self._path)
        return self._own

    def _opened(self) -> ValueStore:
        from sqlagent.sandbox.file_state import file_state

        store = self._store
        if store is not None and file_state(self._path) != store.state:
            # While another program writes all the time, collecting anew must not take all the time.
            worth = store.spent < CHEAP_SECONDS or time.monotonic() - self._opened_at > store.spent * REST
            if worth:
                self._forget()
        if self._store is None:
            self._store = ValueStore(self._path, self._schema, self._folder, self._sandbox)
            self._opened_at = time.monotonic()
            self._times_opened += 1
        return self._store


def columns_of(data: sqlite3.Connection) -> dict[int, StoredColumn]:
    """The columns that values were collected from, by the numbers that they go by in the collected values."""
    return {
        id_: StoredColumn(
            table,
            column,
            size,
            bool(whole),
            tuple(map(word_forms.stem, word_forms.name_words(column))),
            tuple(map(word_forms.stem, word_forms.name_words(table))),
        )
        for id_, table, column, size, whole in data.execute("SELECT * FROM col")
    }
