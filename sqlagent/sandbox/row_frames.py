"""Send the rows of a statement in frames that are neither many nor large.

Invariant: no frame is larger than the request allows; a single row that is ends the request.
"""

from __future__ import annotations

import sqlite3

from sqlagent.sandbox import wire
from sqlagent.sandbox.job import Job, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Send = Callable[[int, int, bytes], None]
    """Write a frame: kind, number of the request, payload."""

FRAME_BYTES = 1 << 18
"""The size that a batch of rows should have."""


def send_rows(send: Send, job: Job, cursor: sqlite3.Cursor, width: int) -> dict[str, Any]:
    """Send rows in batches that start small, since nobody knows yet how large a row is."""
    packer = wire.Packer(job.max_cell)
    sent = 0
    size = 1
    while True:
        wanted = min(size, job.max_rows + 1 - sent) if job.max_rows else size
        try:
            rows = cursor.fetchmany(wanted)
        except sqlite3.OperationalError:
            if job.enough:
                return {"enough": True, "cut": packer.cut}
            raise
        more = bool(job.max_rows) and sent + len(rows) > job.max_rows
        if more:
            rows = rows[: job.max_rows - sent]
        if rows:
            before = packer.dropped
            taken = _send_batch(send, job, packer, list(zip(*rows, strict=True)))
            taken += packer.dropped - before
            sent += len(rows)
            size = min(wire.BATCH_ROWS, 2 * size) if taken < FRAME_BYTES else max(1, size // 4)
        if more or len(rows) < wanted:
            return {"more": more, "cut": packer.cut}
        if job.enough:
            return {"enough": True, "cut": packer.cut}
        if job.over:
            raise sqlite3.OperationalError("interrupted")


def _send_batch(send: Send, job: Job, packer: wire.Packer, columns: list[tuple[wire.Value, ...]]) -> int:
    """Send rows as one frame, or as two halves when that is too large; returns the bytes sent."""
    before = packer.cut, packer.dropped
    payload = packer.pack(columns)
    if len(payload) <= job.max_frame:
        send(wire.ROWS, job.ident, payload)
        return len(payload)
    packer.cut, packer.dropped = before
    count = len(columns[0])
    if count == 1:
        raise Refusal("query", "a row of the result is too large: select fewer or shorter columns")
    half = count // 2
    first = _send_batch(send, job, packer, [column[:half] for column in columns])
    return first + _send_batch(send, job, packer, [column[half:] for column in columns])
