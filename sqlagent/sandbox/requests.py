"""Reading requests in the worker.

Invariant: when the parent is gone, whatever the main thread is doing, the process ends within about a second.
"""

from __future__ import annotations

import os

from sqlagent.sandbox import wire

_PARENT = os.getppid() if os.name == "posix" else 0


def _read_exactly(source: int, size: int) -> bytes:
    """`size` bytes; ends the process when the parent has closed the pipe."""
    pieces = bytearray()
    while len(pieces) < size:
        _wait_for_parent(source)
        piece = os.read(source, min(size - len(pieces), 1 << 16))
        if not piece:
            os._exit(0)
        pieces += piece
    return bytes(pieces)


def _wait_for_parent(source: int) -> None:
    """Wait for something to read. A relative can keep the pipe open, so look at the parent too."""
    if os.name != "posix":
        return
    import select

    while not select.select([source], [], [], 1.0)[0]:
        if os.getppid() != _PARENT:
            os._exit(0)


def read_frame(source: int) -> tuple[int, int, bytes]:
    """The next request."""
    kind, ident, size = wire.HEADER.unpack(_read_exactly(source, wire.HEADER.size))
    return kind, ident, _read_exactly(source, size)
