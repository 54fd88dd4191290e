"""Writes a GGUF file as a stream: a few rows of a tensor are made, converted, written, and forgotten.

Invariant: at most CHUNK bytes of float32 rows are asked for at a time, and as many for each thread more, whatever the
model's size; the file appears under its name only when it is complete.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights.files import atomic
from sqlagent.weights.gguf_read import Rows, Value, nbytes

CHUNK = 32 << 20
"""Bytes of float32 rows in memory at a time."""

TYPES = {
    "f32": GGMLQuantizationType.F32,
    "f16": GGMLQuantizationType.F16,
    "bf16": GGMLQuantizationType.BF16,
}
FILE_TYPES = {"f32": 0, "f16": 1, "bf16": 32}
"""general.file_type, llama.cpp's number for what most of a file is held in."""


@dataclass(frozen=True, slots=True)
class Part:
    """A tensor to be written: `rows(start, stop)` gives its rows (items of a 1-D one) as float32.

    packed: gives them as the file holds them, and is then called in place of `rows`.
    """

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    rows: Callable[[int, int], Rows]
    packed: Callable[[int, int], NDArray[np.uint8]] | None = None


class Writer(gguf.GGUFWriter):
    """gguf's writer, which refuses an empty array: GGUF allows one, and a base made by other tools may hold it."""

    def _pack_val(
        self, val: Any, vtype: GGUFValueType, add_vtype: bool, sub_type: GGUFValueType | None = None
    ) -> bytes:
        if vtype == GGUFValueType.ARRAY and sub_type is not None and not len(val):
            head = self._pack("I", vtype) if add_vtype else b""
            return head + self._pack("I", sub_type) + self._pack("Q", 0)
        return super()._pack_val(val, vtype, add_vtype, sub_type)


def write(
    path: Path,
    arch: str,
    fields: Mapping[str, Value],
    parts: Sequence[Part],
    *,
    threads: int = 1,
    progress: Progress,
) -> None:
    """Write `path`. Raises ModelError (disk full, a value that the type cannot hold)."""
    logging.getLogger("gguf").setLevel(logging.ERROR)
    total = sum(nbytes(part.shape, part.type) for part in parts)
    with atomic(path) as draft:
        writer = Writer(str(draft), arch)
        try:
            for key, value in fields.items():
                if key == "general.alignment":  # as a key alone, it would not move the tensors
                    writer.add_custom_alignment(value.value)
                elif key != "general.architecture":
                    writer.add_key_value(key, value.value, value.type, value.sub_type)
            for part in parts:
                size = nbytes(part.shape, part.type)
                writer.add_tensor_info(part.name, part.shape, np.dtype(np.float32), size, raw_dtype=part.type)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
            assert writer.fout is not None
            out = writer.fout[0]
            writer.write_padding(out, out.tell())
            progress.start(path.name, total=total)
            done = 0
            for part, is_last, piece in _pieces(parts, threads):
                piece.tofile(out)
                done += piece.nbytes
                progress.update(done)
                if is_last:
                    writer.write_padding(out, nbytes(part.shape, part.type))
        finally:
            progress.stop()
            writer.close()


def _pieces(parts: Sequence[Part], threads: int) -> Iterator[tuple[Part, bool, Any]]:
    """(part, whether its last one, rows as the file holds them), in order; each thread makes one ahead."""
    spans = ((part, start, stop) for part in parts for start, stop in _spans(part.shape))
    waiting: deque[tuple[Part, bool, Future[Any]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for part, start, stop in spans:
                waiting.append((part, stop == part.shape[0], pool.submit(_encoded, part, start, stop)))
                if len(waiting) >= threads:
                    part, is_last, made = waiting.popleft()
                    yield part, is_last, made.result()
            for part, is_last, made in waiting:
                yield part, is_last, made.result()
        finally:  # who stops reading does not wait for what nobody wants
            for _, _, made in waiting:
                made.cancel()


def _spans(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """The rows of a tensor in pieces of at most CHUNK bytes (one row at least)."""
    step = max(1, CHUNK // (4 * shape[-1])) if len(shape) > 1 else shape[0]
    for start in range(0, shape[0], step):
        yield start, min(start + step, shape[0])


def _encoded(part: Part, start: int, stop: int) -> Any:
    if part.packed is not None:
        return part.packed(start, stop)
    return encode(part.rows(start, stop), part.type, part.name)


def encode(rows: Rows, kind: GGMLQuantizationType, name: str) -> Any:
    """Rows in the file's number format. Raises ModelError for values that float16 cannot hold."""
    if kind == GGMLQuantizationType.F16:
        with np.errstate(over="ignore"):
            halves = rows.astype(np.float16)
        if not np.isfinite(halves).all():
            raise ModelError(f"{name} holds values that float16 cannot hold: use --type bf16 or f32.")
        return halves
    return gguf.quants.quantize(rows, kind)


def storage(shape: tuple[int, ...], kind: str) -> GGMLQuantizationType:
    """What a tensor is held in: matrices as asked for, vectors in float32 as llama.cpp wants them."""
    return TYPES[kind] if len(shape) > 1 else GGMLQuantizationType.F32


def text(value: str) -> Value:
    """A string for the metadata."""
    return Value(value.encode(), GGUFValueType.STRING)


def texts(values: Sequence[str]) -> Value:
    """A list of strings for the metadata."""
    return Value([value.encode() for value in values], GGUFValueType.ARRAY, GGUFValueType.STRING)


def uint(value: int) -> Value:
    """A whole number for the metadata."""
    return Value(int(value), GGUFValueType.UINT32)


def real(value: float) -> Value:
    """A float32 for the metadata."""
    return Value(float(value), GGUFValueType.FLOAT32)


def flag(value: bool) -> Value:
    """A truth value for the metadata."""
    return Value(bool(value), GGUFValueType.BOOL)
