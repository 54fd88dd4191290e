"""Frames and rows between the sandbox and its worker, without pickle or marshal.

Invariant: whatever bytes the worker sends, decoding them ends in plain values (None, int, float, str, bytes,
and JSON for headers) or in `WireError`; nothing in a frame is ever executed or trusted for its length.

A frame is `kind: 1 byte, id: u32, length: u32, payload`. A batch of rows travels by column, since that lets
the standard library's C code do the work: `struct` for numbers, one text with a list of lengths for strings.
"""

from __future__ import annotations

import json
import struct
import sys
from itertools import accumulate, compress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

Value = None | int | float | str | bytes
"""What a cell of SQLite can hold."""

HEADER = struct.Struct("<BII")
_SECTION = struct.Struct("<IQ")
_BATCH = struct.Struct("<II")

# Requests.
OPEN, RUN, PREPARE, INTERRUPT, ENOUGH, TASK, STATE = 1, 2, 3, 4, 5, 6, 7
# Replies.
HELLO, COLUMNS, ROWS, RESTART, DONE, ERROR, NEWS = 16, 17, 18, 19, 20, 21, 22

BATCH_ROWS = 1024
"""Most rows in one batch."""

_NULL, _INT, _FLOAT, _TEXT, _BLOB, _MIXED = range(6)
_KIND: dict[type, int] = {type(None): _NULL, int: _INT, float: _FLOAT, str: _TEXT, bytes: _BLOB}


class WireError(Exception):
    """A frame does not say what its header promises."""


def frame(kind: int, ident: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return HEADER.pack(kind, ident & 0xFFFFFFFF, len(payload)) + payload


def pack_json(value: Any) -> bytes:
    """JSON as ASCII bytes, so that lone surrogates survive the trip."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def unpack_json(payload: bytes, wanted: type) -> Any:
    """The JSON value in `payload`; raises WireError when it is not a `wanted`."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from None
    if not isinstance(value, wanted):
        raise WireError(f"a {type(value).__name__} where a {wanted.__name__} belongs")
    return value


class Packer:
    """Writes batches of rows, given by column, and cuts strings and blobs at `limit` (0: never) on the way.

    `cut` counts the cells that were cut, `dropped` the characters and bytes that went.
    """

    def __init__(self, limit: int = 0) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self.cut = 0
        self.dropped = 0

    def pack(self, columns: Sequence[tuple[Value, ...]]) -> bytes:
        """A batch as bytes: at least one column, at least one row."""
        self._parts = [_BATCH.pack(len(columns[0]), len(columns))]
        for column in columns:
            if not self._uniform(column):
                self._mixed(column)
        return b"".join(self._parts)

    def _uniform(self, column: tuple[Value, ...]) -> bool:
        """Append a column of one kind; False, and nothing appended, when there are several.

        Packing and joining refuse a cell of another type, which is cheaper than asking each for its type; but
        for floats, since an integer would pass for one.
        """
        kind = _KIND[type(column[0])]
        if kind in (_NULL, _FLOAT) and len(set(map(type, column))) > 1:
            return False
        before = self.cut, self.dropped
        try:
            section = self._section(kind, column)
        except (struct.error, TypeError):
            self.cut, self.dropped = before
            return False
        self._parts += (bytes((kind,)), *section)
        return True

    def _mixed(self, column: tuple[Value, ...]) -> None:
        """Append a column of several kinds: the kind of each cell, then a section for each kind but NULL."""
        kinds = bytes(map(_KIND.__getitem__, map(type, column)))
        self._parts += (bytes((_MIXED,)), kinds)
        for one in sorted(set(kinds)):
            if one != _NULL:
                self._parts += self._section(one, tuple(compress(column, map(one.__eq__, kinds))))

    def _section(self, kind: int, cells: tuple[Any, ...]) -> tuple[bytes, ...]:
        """The cells of one kind: `count: u32, bytes: u64`, the lengths of strings, the data."""
        lengths = b""
        if kind == _NULL:
            data = b""
        elif kind == _INT:
            data = struct.pack(f"<{len(cells)}q", *cells)
        elif kind == _FLOAT:
            data = struct.pack(f"<{len(cells)}d", *cells)
        else:
            sizes = list(map(len, cells))
            if self._limit and max(sizes) > self._limit:
                self.cut += sum(1 for size in sizes if size > self._limit)
                self.dropped += sum(size - self._limit for size in sizes if size > self._limit)
                cells = tuple(cell[: self._limit] for cell in cells)
                sizes = list(map(len, cells))
            lengths = struct.pack(f"<{len(sizes)}I", *sizes)
            data = "".join(cells).encode("utf-8") if kind == _TEXT else b"".join(cells)
        return _SECTION.pack(len(cells), len(data)), lengths, data


def unpack_rows(payload: bytes, width: int) -> tuple[list[tuple[Value, ...]], int]:
    """The rows in a batch, and about how many bytes of memory they take.

    Raises WireError unless each row has `width` cells and every length adds up.
    """
    reader = _Reader(payload)
    count, columns = _BATCH.unpack(reader.take(_BATCH.size))
    if columns != width or width < 1:
        raise WireError(f"{columns} columns where {width} belong")
    # A NULL costs no bytes on the wire, so nothing else bounds the rows a header can claim.
    if count > BATCH_ROWS:
        raise WireError("more rows than a batch holds")
    table = [_unpack_column(reader, count) for _ in range(columns)]
    if not reader.at_end:
        raise WireError("bytes after the last column")
    return list(zip(*table, strict=True)), reader.memory + count * (56 + 8 * width)


def _unpack_column(reader: _Reader, count: int) -> Sequence[Value]:
    """`count` cells of the next column."""
    kind = reader.take(1)[0]
    if kind != _MIXED:
        return _unpack_section(reader, kind, count)
    kinds = reader.take(count)
    cells: list[Value] = [None] * count
    for one in sorted(set(kinds)):
        if one != _NULL:
            found = _unpack_section(reader, one, kinds.count(one))
            for place, cell in zip(compress(range(count), map(one.__eq__, kinds)), found, strict=True):
                cells[place] = cell
    return cells


def _unpack_section(reader: _Reader, kind: int, count: int) -> Sequence[Value]:
    """`count` cells of one kind."""
    claimed, size = _SECTION.unpack(reader.take(_SECTION.size))
    if claimed != count:
        raise WireError(f"{claimed} cells where {count} belong")
    if kind == _NULL:
        return [None] * count
    if kind in (_INT, _FLOAT):
        if size != 8 * count:
            raise WireError("numbers of the wrong size")
        reader.memory += 32 * count
        return struct.unpack(f"<{count}{'q' if kind == _INT else 'd'}", reader.take(size))
    if kind not in (_TEXT, _BLOB):
        raise WireError("an unknown kind of column")
    lengths = struct.unpack(f"<{count}I", reader.take(4 * count))
    data: bytes | str = reader.take(size)
    if kind == _TEXT:
        try:
            data = bytes(data).decode("utf-8")  # type: ignore[arg-type]
        except UnicodeDecodeError as error:
            raise WireError(f"text that is not UTF-8: {error.reason}") from None
    if sum(lengths) != len(data):
        raise WireError("lengths that do not add up")
    ends = list(accumulate(lengths))
    cells = [data[end - length : end] for length, end in zip(lengths, ends, strict=True)]
    reader.memory += 76 * count + sys.getsizeof(data)
    return cells


class _Reader:
    """Takes bytes off the front of a payload and refuses to read past its end."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0
        self.memory = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._payload):
            raise WireError("a frame that ends too early")
        piece = self._payload[self._at : end]
        self._at = end
        return piece

    @property
    def at_end(self) -> bool:
        """Whether every byte was taken."""
        return self._at == len(self._payload)


def memory_of(row: Sequence[Value]) -> int:
    """About how many bytes of memory one row takes as Python objects."""
    return 56 + 8 * len(row) + sum(map(sys.getsizeof, row))
