"""Writes a GGUF file as a stream: a few rows of a tensor are made, converted, written, and forgotten.

Invariant: at most CHUNK bytes of float32 rows are asked for at a time, whatever the model's size; the file
appears under its name only when it is complete.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType

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
    """A tensor to be written: `rows(start, stop)` gives its rows (items of a 1-D one) as float32."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    rows: Callable[[int, int], Rows]


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
    path: Path, arch: str, fields: Mapping[str, Value], parts: Sequence[Part], *, progress: Progress
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
            for part in parts:
                for piece in chunks(part):
                    encode(piece, part.type, part.name).tofile(out)
                    done += piece.size * nbytes((part.shape[-1],), part.type) // part.shape[-1]
                    progress.update(done)
                writer.write_padding(out, nbytes(part.shape, part.type))
        finally:
            progress.stop()
            writer.close()


def chunks(part: Part) -> Any:
    """The rows of a part in pieces of at most CHUNK bytes (one row at least)."""
    step = max(1, CHUNK // (4 * part.shape[-1])) if len(part.shape) > 1 else part.shape[0]
    for start in range(0, part.shape[0], step):
        yield part.rows(start, min(start + step, part.shape[0]))


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
