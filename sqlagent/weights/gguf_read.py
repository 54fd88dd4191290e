"""Reads a GGUF file: its metadata once, its tensors a few rows at a time.

Invariant: never more of a tensor is in memory than the rows that were asked for. The header is parsed here
because the `gguf` package's reader builds several arrays for every token of the vocabulary: 6 s and half a
gigabyte for Qwen, against a fraction of a second. Dequantising is the package's.
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType, GGUFValueType
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_header import check_header

Rows = NDArray[np.float32]

STRING, ARRAY = GGUFValueType.STRING, GGUFValueType.ARRAY
_SCALARS = {
    GGUFValueType.UINT8: "<B",
    GGUFValueType.INT8: "<b",
    GGUFValueType.UINT16: "<H",
    GGUFValueType.INT16: "<h",
    GGUFValueType.UINT32: "<I",
    GGUFValueType.INT32: "<i",
    GGUFValueType.FLOAT32: "<f",
    GGUFValueType.BOOL: "<?",
    GGUFValueType.UINT64: "<Q",
    GGUFValueType.INT64: "<q",
    GGUFValueType.FLOAT64: "<d",
}


@dataclass(frozen=True, slots=True)
class Value:
    """A metadata value; strings are bytes as stored, an array is a list of them or of numbers."""

    value: Any
    type: GGUFValueType
    sub_type: GGUFValueType | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies. `shape` is numpy's: (rows, columns), or (n,)."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    offset: int
    row_bytes: int

    @property
    def items(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


class GgufFile:
    """An opened GGUF file. Raises ModelError when it is none, or damaged."""

    def __init__(self, path: Path) -> None:
        check_header(path)
        self.path = path
        self.fields: dict[str, Value] = {}
        self.tensors: dict[str, Tensor] = {}
        try:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                self._parse(data)
        except (struct.error, ValueError, KeyError, IndexError, UnicodeDecodeError, OverflowError):
            raise ModelError(f"The model file {path} is damaged or cut short: fetch it again.") from None
        if int(self.get("split.count", 1)) > 1:
            raise ModelError(
                f"{path} is one part of a split GGUF: join the parts first with llama-gguf-split."
            )

    def get(self, key: str, default: Any = None) -> Any:
        """A metadata value (strings decoded), or `default`."""
        found = self.fields.get(key)
        if found is None:
            return default
        return found.value.decode("utf-8", "replace") if isinstance(found.value, bytes) else found.value

    @property
    def arch(self) -> str:
        """llama, qwen2, …"""
        return str(self.get("general.architecture", ""))

    def of_arch(self, key: str, default: Any = None) -> Any:
        """The value of `<arch>.<key>`."""
        return self.get(f"{self.arch}.{key}", default)

    def rows(self, name: str, start: int, stop: int) -> Rows:
        """Rows start:stop of a tensor (items of a 1-D one) as float32."""
        tensor = self.tensors[name]
        if len(tensor.shape) == 1:
            return self._read(tensor, 0, 1).reshape(-1)[start:stop]
        return self._read(tensor, start, stop)

    def packed(self, name: str, start: int, stop: int) -> NDArray[np.uint8]:
        """Rows start:stop of a tensor (a 1-D one is a single row) as the file holds them, (rows, bytes of a row)."""
        tensor = self.tensors[name]
        count = (stop - start) * tensor.row_bytes
        raw = np.fromfile(self.path, np.uint8, count, offset=tensor.offset + start * tensor.row_bytes)
        if raw.size != count:
            raise ModelError(f"The model file {self.path} is cut short: fetch it again.")
        return raw.reshape(stop - start, tensor.row_bytes)

    def _read(self, tensor: Tensor, start: int, stop: int) -> Rows:
        raw = self.packed(tensor.name, start, stop)
        try:
            rows = gguf.quants.dequantize(raw, tensor.type)
        except NotImplementedError:
            raise ModelError(
                f"{self.path.name} is quantised as {tensor.type.name}, which cannot be undone here: "
                "take another file."
            ) from None
        return np.ascontiguousarray(rows, np.float32)

    def _parse(self, data: mmap.mmap) -> None:
        _, _, n_tensors, n_fields = struct.unpack_from("<4sIQQ", data, 0)
        at = 24
        for _ in range(n_fields):
            key, at = _string(data, at)
            kind = GGUFValueType(struct.unpack_from("<I", data, at)[0])
            self.fields[key.decode()], at = _value(data, at + 4, kind)
        found = []
        for _ in range(n_tensors):
            name, at = _string(data, at)
            (dims,) = struct.unpack_from("<I", data, at)
            shape = struct.unpack_from(f"<{dims}Q", data, at + 4)[::-1]
            kind_number, offset = struct.unpack_from("<IQ", data, at + 4 + 8 * dims)
            at += 16 + 8 * dims
            found.append((name.decode(), shape, self._type(kind_number), offset))
        alignment = int(self.get("general.alignment", 32))
        base = (at + alignment - 1) // alignment * alignment
        for label, shape, kind_of, offset in found:
            row = nbytes(shape[-1:], kind_of)
            self.tensors[label] = Tensor(label, shape, kind_of, base + offset, row)
            if base + offset + row * math.prod(shape[:-1]) > len(data):
                raise ValueError("a tensor ends after the file")

    def _type(self, number: int) -> GGMLQuantizationType:
        try:
            return GGMLQuantizationType(number)
        except ValueError:
            raise ModelError(
                f"{self.path} has weights of a type that is not known here (number {number}): "
                "update sqlagent, or take another file."
            ) from None


def nbytes(shape: tuple[int, ...], kind: GGMLQuantizationType) -> int:
    """Bytes that a tensor of this shape takes."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    if shape[-1] % block:
        raise ValueError(f"{shape[-1]} is no multiple of {block}")
    return math.prod(shape) // block * size


def _string(data: mmap.mmap, at: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from("<Q", data, at)
    end = at + 8 + size
    if end > len(data):
        raise ValueError("a string ends after the file")
    return data[at + 8 : end], end


def _value(data: mmap.mmap, at: int, kind: GGUFValueType) -> tuple[Value, int]:
    if kind == STRING:
        text, at = _string(data, at)
        return Value(text, kind), at
    if kind != ARRAY:
        form = _SCALARS[kind]
        return Value(struct.unpack_from(form, data, at)[0], kind), at + struct.calcsize(form)
    inner, count = struct.unpack_from("<IQ", data, at)
    sub, at = GGUFValueType(inner), at + 12
    if sub == STRING:
        texts = []
        for _ in range(count):
            text, at = _string(data, at)
            texts.append(text)
        return Value(texts, kind, sub), at
    form = f"<{count}{_SCALARS[sub][1:]}"
    return Value(list(struct.unpack_from(form, data, at)), kind, sub), at + struct.calcsize(form)
