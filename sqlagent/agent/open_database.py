"""Keep one database open for an agent: its schema, what its columns mean, its values, and its sandbox.

    opened = OpenDatabase("shop.sqlite", limits=None, lowering=True, check=stop_if_cancelled)
    opened.meant()                                # the schema that a model is shown
    opened.sandbox().execute("SELECT 1")

Each part is opened when it is first asked for, and read again where the file has changed since. Invariant: whoever
calls holds the agent's lock (but for `interrupt`); nothing here waits for another thread.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base.errors import DatabaseError
from sqlagent.database.notes import Notes

if TYPE_CHECKING:
    from sqlagent.agent.column_meaning import ColumnMeaning
    from sqlagent.database.schema import Schema
    from sqlagent.database.spoken_names import SpokenNames
    from sqlagent.grammar import Acceptor
    from sqlagent.linking.focus import Focus
    from sqlagent.lowering.lower import Lowered
    from sqlagent.sandbox.file_state import FileState
    from sqlagent.sandbox.sandbox import Limits, Result, Sandbox


class OpenDatabase:
    """One SQLite file. `check` raises what ends a question that was given up."""

    def __init__(
        self, path: str | Path, *, limits: Limits | None, lowering: bool, check: Callable[[], None]
    ) -> None:
        self.path = str(path)
        self.notes = Notes(path)
        """A person's own words about the columns."""
        self._limits = limits
        self._lowering = lowering
        self._check = check
        self._schema: Schema | None = None
        self._seen: tuple[FileState, tuple[int, ...]] | None = None
        self._meaning: ColumnMeaning | None = None
        self._sandbox: Sandbox | None = None
        self._focus: Focus | None = None
        self._acceptors: dict[str, Acceptor] = {}

    # ---- what it holds ----

    def schema(self) -> Schema:
        """What the database holds now; of what changed since, only that is read again. Raises DatabaseError."""
        from sqlagent.database import schema
        from sqlagent.sandbox.file_state import file_state

        state = file_state(self.path)
        if self._schema is None or self._seen is None:
            self._schema = schema.read(self.path, timeout=self.limits.timeout, sandbox=self._box())
            self._meaning = None
            self._seen = state, self._box().versions() if self._box().ready else ()
            return self._schema
        before, versions = self._seen
        now = self._box().versions()
        if state != before or (versions and now != versions):
            same = now[-1:] == versions[-1:] and state.inode == before.inode
            self._schema = schema.read_again(
                self._schema, timeout=self.limits.timeout, sandbox=self._box(), same_tables=same
            )
            self._meaning = None
        self._seen = state, now
        return self._schema

    def tables(self) -> Schema:
        """The schema of a database that can be asked about. Raises DatabaseError."""
        schema = self.schema()
        if not schema.tables:
            raise DatabaseError(f"{self.path} holds no tables, so there is nothing to ask about.")
        return schema

    def meaning(self) -> ColumnMeaning | None:
        """What the columns mean, told from their values on first use; None where lowering is off."""
        from sqlagent.agent.column_meaning import ColumnMeaning

        schema = self.tables()
        if self._lowering and self._meaning is None:
            state = self._seen[0] if self._seen is not None else None
            self._meaning = ColumnMeaning(schema, self.sandbox(), state=state)
        return self._meaning

    def meant(self) -> Schema:
        """The schema that the model is shown: as the columns are meant, with what a person noted on them."""
        meaning = self.meaning()
        return self.notes.applied(meaning.meant if meaning is not None else self.tables())

    def lowered(self, sql: str, *, shown: bool = True) -> Lowered:
        """A statement as it is to be run. shown: its results are to be as they are meant, else as stored."""
        from sqlagent.agent.column_meaning import prepares
        from sqlagent.lowering.lower import Lowered

        if self._meaning is None:
            return Lowered(sql)
        return self._meaning.lower(sql, prepares(self.sandbox()), shown=shown)

    def acceptor(self, schema: Schema) -> Acceptor:
        """The grammar of a part of the schema; that of the part before is let go."""
        from sqlagent.grammar import Acceptor

        if schema.fingerprint not in self._acceptors:
            self._acceptors = {schema.fingerprint: Acceptor(schema)}
        return self._acceptors[schema.fingerprint]

    # ---- its values ----

    def focus(self) -> Focus:
        """The index of the stored values, and what questions were shown."""
        from sqlagent.linking.focus import Focus

        if self._focus is None:
            self._focus = Focus(self.path, sandbox=self.sandbox, names=self._names)
        return self._focus

    def nearest(self, schema: Schema, table: str, column: str, literal: str) -> str | None:
        """The stored value that a text means; None where the column does not hold such texts as they are."""
        if self._meaning is not None and not self._meaning.is_stored_text(table, column, literal):
            return None
        return self.focus().nearest(schema, table, column, literal)

    def mentioned(self, schema: Schema, text: str) -> list[str]:
        """The stored values that a text mentions."""
        return [str(hint.value) for hint in self.focus().hints(schema, schema, text)]

    def _names(self) -> SpokenNames | None:
        """The names that tables go by; None where it is their own."""
        return self._meaning.names if self._meaning is not None else None

    # ---- the process that runs statements ----

    @property
    def limits(self) -> Limits:
        """What a statement may take; setting it ends the process, and the next statement starts another."""
        from sqlagent.sandbox.sandbox import Limits

        return self._limits or Limits()

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self._end()

    def sandbox(self) -> Sandbox:
        """The sandbox, started where it is not. Raises what `check` raises."""
        box = self._box()
        self._check()
        return box

    def run_meant(self, sql: str, timeout: float | None = None) -> Result:
        """Run a statement that is written for columns as they are meant, for so many seconds at the most."""
        return self.sandbox().execute(self.lowered(sql).sql, timeout=timeout)

    def interrupt(self) -> None:
        """End the statement that runs, from any thread or a signal handler."""
        sandbox = self._sandbox
        if sandbox is not None:
            sandbox.interrupt()

    def close(self) -> None:
        """Let go of all of it."""
        self._end()
        if self._focus is not None:
            self._focus.close()
            self._focus = None

    def _box(self) -> Sandbox:
        from sqlagent.sandbox.sandbox import Sandbox

        if self._sandbox is None:
            self._sandbox = Sandbox(self.path, self.limits)
        return self._sandbox

    def _end(self) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
