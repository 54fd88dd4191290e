"""Frames and rows between the sandbox and its worker, without pickle or marshal.

Invariant: whatever bytes the worker sends, decoding them ends in plain values (None, int, float, str, bytes,
and JSON for headers) or in `WireError`; nothing in a frame is ever executed or trusted for its length.

A frame is `kind: 1 byte, id: u32, length: u32, payload`. A batch of rows travels by column, since that lets
the standard library's C code do the work: `array` for numbers, one text with a list of lengths for strings.
"""

from __future__ import annotations

import json
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat
from typing import Any

Value = None | int | float | str | bytes
"""What a cell of SQLite can hold."""

HEADER = struct.Struct("<BII")
_SECTION = struct.Struct("<IQ")
_BATCH = struct.Struct("<II")

# Requests.
OPEN, RUN, PREPARE, INTERRUPT, ENOUGH = 1, 2, 3, 4, 5
# Replies.
HELLO, COLUMNS, ROWS, RESTART, DONE, ERROR = 16, 17, 18, 19, 20, 21

BATCH_ROWS = 1024
"""Most rows in one batch."""

_NULL, _INT, _FLOAT, _TEXT, _BLOB, _MIXED = range(6)
_KIND: dict[type, int] = {type(None): _NULL, int: _INT, float: _FLOAT, str: _TEXT, bytes: _BLOB}
_SMALL = {int, float, type(None)}
_LENGTHS = "I" if array("I").itemsize == 4 else "L"


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


def pack_columns(columns: Sequence[tuple[Value, ...]]) -> bytes:
    """A batch of rows, given by column (at least one column, at least one row), as bytes."""
    parts = [_BATCH.pack(len(columns[0]), len(columns))]
    for column in columns:
        _pack_column(column, parts)
    return b"".join(parts)


def _pack_column(column: tuple[Value, ...], parts: list[bytes]) -> None:
    """Append one column: its kind, the kind of each cell if they differ, then one section a kind."""
    types = set(map(type, column))
    if len(types) == 1:
        kind = _KIND[types.pop()]
        parts.append(bytes((kind,)))
        _pack_section(kind, column, parts)
        return
    kinds = bytes(map(_KIND.__getitem__, map(type, column)))
    parts.append(bytes((_MIXED,)))
    parts.append(kinds)
    for one in sorted(set(kinds)):
        _pack_section(one, [cell for cell, kind in zip(column, kinds, strict=True) if kind == one], parts)


def _pack_section(kind: int, cells: Sequence[Any], parts: list[bytes]) -> None:
    """Append the cells of one kind: `count: u32, bytes: u64`, lengths of strings, the data."""
    if kind == _NULL:
        data = b""
    elif kind == _INT:
        data = array("q", cells).tobytes()
    elif kind == _FLOAT:
        data = array("d", cells).tobytes()
    elif kind == _TEXT:
        data = "".join(cells).encode("utf-8")
    else:
        data = b"".join(cells)
    parts.append(_SECTION.pack(len(cells), len(data)))
    if kind in (_TEXT, _BLOB):
        parts.append(array(_LENGTHS, map(len, cells)).tobytes())
    parts.append(data)


def unpack_rows(payload: bytes, width: int) -> list[tuple[Value, ...]]:
    """The rows in a batch; raises WireError unless each has `width` cells and every length adds up."""
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
    return list(zip(*table, strict=True))


def _unpack_column(reader: _Reader, count: int) -> Sequence[Value]:
    """`count` cells of the next column."""
    kind = reader.take(1)[0]
    if kind != _MIXED:
        return _unpack_section(reader, kind, count)
    kinds = reader.take(count)
    sources: list[Iterator[Value]] = [iter(())] * 5
    for one in sorted(set(kinds)):
        if one > _BLOB:
            raise WireError("an unknown kind of cell")
        sources[one] = iter(_unpack_section(reader, one, kinds.count(one)))
    return [next(sources[kind]) for kind in kinds]


def _unpack_section(reader: _Reader, kind: int, count: int) -> Sequence[Value]:
    """`count` cells of one kind."""
    claimed, size = _SECTION.unpack(reader.take(_SECTION.size))
    if claimed != count:
        raise WireError(f"{claimed} cells where {count} belong")
    if kind == _NULL:
        return list(repeat(None, count))
    if kind in (_INT, _FLOAT):
        if size != 8 * count:
            raise WireError("numbers of the wrong size")
        numbers: array[Any] = array("q" if kind == _INT else "d")
        numbers.frombytes(reader.take(size))
        return numbers
    if kind not in (_TEXT, _BLOB):
        raise WireError("an unknown kind of column")
    lengths = array(_LENGTHS)
    lengths.frombytes(reader.take(4 * count))
    data: bytes | str = reader.take(size)
    if kind == _TEXT:
        try:
            data = bytes(data).decode("utf-8")  # type: ignore[arg-type]
        except UnicodeDecodeError as error:
            raise WireError(f"text that is not UTF-8: {error.reason}") from None
    if sum(lengths) != len(data):
        raise WireError("lengths that do not add up")
    ends = list(accumulate(lengths))
    return [data[end - length : end] for length, end in zip(lengths, ends, strict=True)]


class _Reader:
    """Takes bytes off the front of a payload and refuses to read past its end."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

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


def memory_of(rows: Sequence[Sequence[Value]]) -> int:
    """About how many bytes of memory the rows take as Python objects."""
    if not rows:
        return 0
    total = len(rows) * (56 + 8 * len(rows[0]))
    for column in zip(*rows, strict=True):
        if set(map(type, column)) <= _SMALL:
            total += 32 * len(column)
        else:
            total += sum(map(sys.getsizeof, column))
    return total
