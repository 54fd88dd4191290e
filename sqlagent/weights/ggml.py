"""Convert weights between float32 and a file's types with ggml's own code, which other threads need not wait for.

The library is the one that llama-cpp-python brings. numpy, in which the `gguf` package does the same, takes three
times as long to undo a type, and knows nothing of importance.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from gguf import GGMLQuantizationType
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import Rows, nbytes

Packed = NDArray[np.uint8]
"""Rows as a file holds them: (rows, bytes of a row)."""


class _Traits(ctypes.Structure):
    """ggml.h's ggml_type_traits, as far as it is read."""

    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("block", ctypes.c_int64),
        ("interleaved", ctypes.c_int64),
        ("block_bytes", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
    )


@functools.cache
def _library() -> Any:
    """ggml, with the signatures that are called here. Raises ModelError."""
    try:
        import llama_cpp
        from llama_cpp._ctypes_extensions import load_shared_library
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(f"llama-cpp-python cannot be loaded ({error}): install it again.") from None
    try:
        lib = load_shared_library("ggml-base", Path(llama_cpp.__file__).parent / "lib")
    except (FileNotFoundError, OSError, RuntimeError):
        lib = llama_cpp.llama_cpp._lib  # one library of all parts
    try:
        lib.ggml_quantize_chunk.restype = ctypes.c_size_t
        lib.ggml_quantize_chunk.argtypes = [
            ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
            ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p,
        ]  # fmt: skip
        lib.ggml_get_type_traits.restype = ctypes.POINTER(_Traits)
        lib.ggml_get_type_traits.argtypes = [ctypes.c_int]
    except AttributeError as error:
        raise ModelError(
            f"This llama-cpp-python lacks a function ({error}): install another version."
        ) from None
    return lib


def quantize(rows: Rows, kind: GGMLQuantizationType, importance: Rows | None = None) -> Packed:
    """Rows of a matrix in type `kind`.

    importance: how much the error in each column matters, one number a column; all the same without it.
    Raises ModelError.
    """
    rows = np.ascontiguousarray(rows, np.float32)
    count, columns = rows.shape
    packed = np.empty((count, nbytes((columns,), kind)), np.uint8)
    weights = None if importance is None else np.ascontiguousarray(importance, np.float32)
    if weights is not None and weights.shape != (columns,):
        raise ModelError(
            f"The importance matrix is for {weights.size} columns where the model has {columns}."
        )
    pointer = None if weights is None else weights.ctypes.data
    written = _library().ggml_quantize_chunk(
        int(kind), rows.ctypes.data, packed.ctypes.data, 0, count, columns, pointer
    )
    if written != packed.nbytes:
        raise ModelError(f"ggml wrote {written} bytes of {kind.name} where {packed.nbytes} were expected.")
    return packed


def dequantize(packed: Packed, kind: GGMLQuantizationType, columns: int) -> Rows | None:
    """Rows as float32; None for a type that this ggml does not undo, or describes otherwise than `gguf` does."""
    traits = _library().ggml_get_type_traits(int(kind)).contents
    if not traits.to_float or (traits.block, traits.block_bytes) != gguf.GGML_QUANT_SIZES[kind]:
        return None
    packed = np.ascontiguousarray(packed)
    rows = np.empty((packed.shape[0], columns), np.float32)
    traits.to_float(packed.ctypes.data, rows.ctypes.data, rows.size)
    return rows
