"""Say what one statement may cost, keep its clock, and collect what comes back within its caps.

Invariant: whatever a worker sends, an `Answer` holds no more rows and bytes than were asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlagent.sandbox import wire
from sqlagent.sandbox.wire import Value

Arrived = Callable[[tuple[str, ...], list[tuple[Value, ...]]], None]
"""Is shown the columns and all rows so far, whenever some came; none at all when they are sent anew."""
GRACE = 0.2
"""Seconds past a deadline, or past a request to stop, after which the worker is killed."""
_UNCAPPED_FRAME = 256 << 20


@dataclass(frozen=True)
class Limits:
    """What one statement may cost. Zero lifts a cap; the timeout and the memory cannot be lifted."""

    timeout: float = 10.0
    """Seconds."""
    max_rows: int = 1000
    """Rows of the result; --limit."""
    max_cell: int = 1_000_000
    """Characters of a text or bytes of a blob; --max-cell."""
    max_bytes: int = 16 << 20
    """Memory that the result takes in this process, in bytes; --max-bytes."""
    memory: int = 512 << 20
    """Bytes the worker may use for a query."""


@dataclass(frozen=True)
class Result:
    """Rows of a statement. `truncated` says in one sentence what was left out and which flag lifts that."""

    columns: tuple[str, ...]
    rows: list[tuple[Value, ...]]
    truncated: str | None
    seconds: float


class Query:
    """One request and its clock."""

    def __init__(self, kind: int, body: dict[str, Any], limits: Limits) -> None:
        self.kind = kind
        self.body = body
        self.limits = limits
        self.seconds = limits.timeout
        self.ident = 0
        self.spent = 0.0
        self.tell: Callable[[Any], float | None] | None = None
        """Gets the news of a task."""
        self.arrived: Arrived | None = None
        self.restart_clock()

    def restart_clock(self) -> None:
        """Count the deadline from now."""
        self.hard_deadline = time.monotonic() + self.seconds + GRACE

    def frame(self) -> bytes:
        """The request as the worker reads it."""
        arguments = {
            **self.body,
            "timeout": max(0.0, self.hard_deadline - GRACE - time.monotonic()),
            "max_rows": self.limits.max_rows,
            "max_cell": self.limits.max_cell,
            "max_frame": _largest_frame(self.limits),
        }
        return wire.frame(self.kind, self.ident, wire.pack_json(arguments))


class Answer:
    """Collects the rows of one statement and keeps them within the caps, whatever the worker sends."""

    def __init__(self, query: Query) -> None:
        limits = query.limits
        self.columns: tuple[str, ...] = ()
        self.rows: list[tuple[Value, ...]] = []
        self.summary: dict[str, Any] = {}
        self.full = False
        self.largest_frame = _largest_frame(limits) + (1 << 16)
        self._max_rows = limits.max_rows
        self._max_bytes = limits.max_bytes
        self._memory = 0

    def take(self, kind: int, payload: bytes) -> bool:
        """Take one reply; True when the cap on bytes has just been reached."""
        if kind == wire.COLUMNS:
            self.columns = tuple(map(str, wire.unpack_json(payload, list)))
        elif kind == wire.RESTART:
            self.columns, self.rows, self._memory, self.full = (), [], 0, False
        elif kind == wire.ROWS:
            return not self.full and self._add(*wire.unpack_rows(payload, len(self.columns)))
        else:
            raise wire.WireError("an unknown kind of reply")
        return False

    def _add(self, batch: list[tuple[Value, ...]], size: int) -> bool:
        """Add rows, of about `size` bytes in all, while they fit; True when they no longer do."""
        if self._max_bytes and self._memory + size > self._max_bytes:
            for row in batch:
                self._memory += wire.memory_of(row)
                if self._memory > self._max_bytes:
                    break
                self.rows.append(row)
            self.full = True
            return True
        self._memory += size
        self.rows += batch
        if self._max_rows and len(self.rows) > self._max_rows:
            raise wire.WireError("more rows than asked for")
        return False

    def truncated(self, limits: Limits) -> str | None:
        """What was left out and the flag that lifts it; None when nothing was."""
        notes = []
        count = f"{len(self.rows):,} row{'' if len(self.rows) == 1 else 's'}"
        if self.full:
            notes.append(
                f"only the first {count} fit in {limits.max_bytes:,} bytes (lift with --max-bytes 0)"
            )
        elif self.summary.get("more"):
            notes.append(f"only the first {count} came (lift with --limit 0)")
        cut = self.summary.get("cut")
        if isinstance(cut, int) and cut:
            cells = "1 value was" if cut == 1 else f"{cut:,} values were"
            notes.append(f"{cells} cut at {limits.max_cell:,} characters or bytes (lift with --max-cell 0)")
        return "; ".join(notes) or None


def _largest_frame(limits: Limits) -> int:
    """Bytes of the largest batch of rows that is accepted."""
    return limits.max_bytes + (1 << 20) if limits.max_bytes else _UNCAPPED_FRAME
