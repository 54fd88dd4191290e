"""Ask the database small questions about statements: whether one finds a row, what it gives, whether two differ.

Invariant: trouble is an answer ("no", nothing), unless the person has had enough; no probe takes longer than PATIENCE,
and all that look for values no longer than SCANNING together, since each may have to go through a large table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Cell
from sqlagent.agent.attempt import PATIENCE
from sqlagent.agent.selection import outcome
from sqlagent.base.errors import QueryError, QueryTimeout

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Result

SCANNING = 2.0
"""Seconds that the search for values may take for one question."""


class Probes:
    """Those of one question. `execute` runs a statement for so many seconds; `check` raises Cancelled."""

    def __init__(
        self, execute: Callable[[str, float], Result], check: Callable[[], None], scanning: float = SCANNING
    ) -> None:
        self._execute, self._check = execute, check
        self._scanning = scanning

    def has_rows(self, sql: str) -> bool:
        """Whether a statement finds a row, as far as can be seen in a moment."""
        result = self._result(sql, PATIENCE)
        return result is not None and bool(result.rows)

    def values(self, sql: str) -> list[Cell]:
        """The first column of a statement's rows; nothing where it does not come in what is left of SCANNING."""
        if self._scanning <= 0.0:
            return []
        began = time.monotonic()
        result = self._result(sql, min(PATIENCE, self._scanning))
        self._scanning -= time.monotonic() - began
        return [row[0] for row in result.rows] if result is not None else []

    def differ(self, one: str, other: str) -> bool:
        """Whether two statements are seen to give different rows, as far as can be seen in a moment."""
        first = self._result(one, PATIENCE)
        second = self._result(other, PATIENCE) if first is not None else None
        return first is not None and second is not None and outcome(first) != outcome(second)

    def _result(self, sql: str, seconds: float) -> Result | None:
        try:
            return self._execute(sql, seconds)
        except (QueryError, QueryTimeout):
            self._check()
            return None
