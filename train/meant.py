"""Databases as the runtime shows and asks them: columns as they are meant, statements lowered to how they are stored.

Invariant: what is shown and how a statement is lowered come from the runtime's own `ColumnMeaning`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import QueryError, QueryTimeout

if TYPE_CHECKING:
    from sqlagent.agent.column_meaning import ColumnMeaning
    from sqlagent.database.schema import Schema
    from sqlagent.sandbox.sandbox import Sandbox

SECONDS = 2.0


class Refused(ValueError):
    """A statement that the sandbox does not run."""


class Meant:
    """Opened databases, a few at a time: each has a process of its own."""

    def __init__(self, keep: int = 4, rows: int = 2000) -> None:
        self._keep, self._rows = keep, rows
        self._open: dict[Path, tuple[Sandbox, ColumnMeaning]] = {}

    def schema(self, database: Path) -> Schema:
        """The schema as the model is shown it. Raises DatabaseError."""
        return self._of(database)[1].meant

    def lowered(self, database: Path, sql: str) -> str:
        """A statement over columns as they are meant, as it runs on the file. Raises DatabaseError."""
        from sqlagent.agent.column_meaning import prepares

        sandbox, meaning = self._of(database)
        return meaning.lower(sql, prepares(sandbox)).sql

    def rows(self, database: Path, sql: str) -> Counter[tuple[Any, ...]] | None:
        """What such a statement gives; None where it takes too long or gives too much.

        Raises Refused, DatabaseError.
        """
        sandbox, _ = self._of(database)
        try:
            result = sandbox.execute(self.lowered(database, sql))
        except QueryTimeout:
            return None
        except QueryError as error:
            raise Refused(str(error)) from error
        return None if result.truncated else Counter(tuple(row) for row in result.rows)

    def _of(self, database: Path) -> tuple[Sandbox, ColumnMeaning]:
        from sqlagent.agent.column_meaning import ColumnMeaning
        from sqlagent.database import schema
        from sqlagent.sandbox.sandbox import Limits, Sandbox

        if database not in self._open:
            if len(self._open) >= self._keep:
                self.close()
            sandbox = Sandbox(database, limits=Limits(timeout=SECONDS, max_rows=self._rows))
            self._open[database] = sandbox, ColumnMeaning(schema.read(database, sandbox=sandbox), sandbox)
        return self._open[database]

    def close(self) -> None:
        """End their processes."""
        for sandbox, _ in self._open.values():
            sandbox.close()
        self._open.clear()
