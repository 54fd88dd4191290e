"""Reads safetensors, a few rows at a time and without torch.

Invariant: values come out as float32 whatever they are stored as; a file that does not hold what its header
says is refused.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import Rows

_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor lies. `dtype` is safetensors' name."""

    name: str
    file: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _SIZES[self.dtype]

    def raw(self, start: int, stop: int) -> Any:
        """Rows start:stop as stored, flat (bfloat16 as uint16)."""
        row = math.prod(self.shape[1:])
        kind = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16}[self.dtype]
        count = (stop - start) * row
        values = np.fromfile(self.file, kind, count, offset=self.offset + start * row * _SIZES[self.dtype])
        if values.size != count:
            raise ModelError(f"{self.file} is cut short: fetch it again.")
        return values

    def rows(self, start: int, stop: int) -> Rows:
        """Rows start:stop as float32."""
        return decode(self.raw(start, stop), self.dtype).reshape(stop - start, *self.shape[1:])

    def all(self) -> Rows:
        """The whole tensor as float32."""
        return self.rows(0, self.shape[0])


def decode(values: Any, dtype: str) -> Rows:
    """Stored values as float32."""
    if dtype == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)  # type: ignore[no-any-return]
    return values.astype(np.float32, copy=False)  # type: ignore[no-any-return]


def encode(rows: Rows, dtype: str) -> Any:
    """float32 rows as they are stored; bfloat16 rounds to nearest, ties to even."""
    if dtype == "BF16":
        bits = np.ascontiguousarray(rows, np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return rows.astype({"F64": np.float64, "F32": np.float32, "F16": np.float16}[dtype])


def read_header(file: Path) -> dict[str, Slot]:
    """The tensors of a safetensors file, in the order they lie in it. Raises ModelError."""
    try:
        with file.open("rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            if not 2 <= size <= min(100 << 20, file.stat().st_size):
                raise ValueError
            header = json.loads(stream.read(size))
        header.pop("__metadata__", None)
        slots = [
            Slot(name, file, item["dtype"], tuple(item["shape"]), 8 + size + item["data_offsets"][0])
            for name, item in header.items()
        ]
    except FileNotFoundError:
        raise ModelError(f"There is no file {file}: check the path.") from None
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror}).") from None
    except (struct.error, ValueError, KeyError, TypeError, AttributeError):
        raise ModelError(f"{file} is not a safetensors file, or damaged.") from None
    for slot in slots:
        if slot.dtype not in _SIZES:
            raise ModelError(
                f"{slot.name} in {file.name} is held as {slot.dtype}: "
                "save the model in F32, F16 or BF16 first."
            )
        if slot.offset + slot.nbytes > file.stat().st_size:
            raise ModelError(f"{file} is cut short: fetch it again.")
    return {slot.name: slot for slot in sorted(slots, key=lambda slot: slot.offset)}


def read_json(path: Path) -> Any:
    """A JSON file. Raises ModelError."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"There is no file {path}: check the path.") from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({str(error).splitlines()[0]}).") from None
