"""Merge a LoRA adapter into a quantised GGUF base and quantise what comes out, without a float copy on the disk.

    into_gguf(base, adapter, out, "Q4_0", importance=adapter / "imatrix.gguf", progress=progress)

Each piece of a matrix is unpacked, changed in float32, and packed again, a thread a piece. Only the matrices of the
blocks take the new type; embedding and head, which no adapter of ours changes, stay byte for byte as the base has
them, as llama.cpp leaves the head in a finer type than the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from gguf import GGMLQuantizationType

from sqlagent.base.cpu_threads import physical_cores
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights import ggml
from sqlagent.weights.fit import Fit, Reader, fit
from sqlagent.weights.ggml import Packed
from sqlagent.weights.gguf_read import GgufFile, Rows, Tensor
from sqlagent.weights.gguf_write import Part, write
from sqlagent.weights.importance import read
from sqlagent.weights.merge import merged_rows, metadata
from sqlagent.weights.provenance import About
from sqlagent.weights.quantize import TYPES as FILE_TYPES

TYPES = {name: GGMLQuantizationType[name] for name in ("Q4_0", "IQ4_NL", "Q8_0")}
"""Types that all matrices of the blocks can take alike: blocks of 32 weights fit any model's columns."""


def into_gguf(
    base_path: Path,
    adapter: Path,
    out: Path,
    kind: str,
    *,
    importance: Path | None = None,
    base_sha256: str = "",
    threads: int | None = None,
    progress: Progress,
) -> None:
    """Write base + adapter with the matrices of the blocks in a type of `TYPES`.

    importance: an importance matrix by which rounding is weighed. Raises ModelError (also for an adapter that
    replaces whole tensors), UsageError.
    """
    found = fit(base_path, adapter, out, base_sha256=base_sha256)
    if found.whole:
        raise ModelError(
            f"The adapter {adapter.name} replaces whole tensors: merge it with `python -m convert merge` first."
        )
    weights = {} if importance is None else read(importance)
    parts = []
    for name, tensor in found.base.tensors.items():
        taken = TYPES[kind] if _is_packed(tensor) or name in found.deltas else tensor.type
        rows = merged_rows(partial(_unpacked, found.base, name), found.deltas.get(name))
        packed = _packer(found, name, rows, taken, weights.get(name))
        parts.append(Part(name, tensor.shape, taken, rows, packed))
    fields = metadata(found, FILE_TYPES[kind], About())
    write(out, found.base.arch, fields, parts, threads=threads or physical_cores(), progress=progress)


def _is_packed(tensor: Tensor) -> bool:
    """Whether a tensor is a matrix of a block."""
    return len(tensor.shape) > 1 and tensor.name.startswith("blk.")


def _packer(
    found: Fit, name: str, rows: Reader, kind: GGMLQuantizationType, weights: Rows | None
) -> Callable[[int, int], Packed] | None:
    """What gives a tensor's rows in type `kind`; None for a vector, which is written as it is read."""
    tensor = found.base.tensors[name]
    if len(tensor.shape) == 1:
        return None
    if tensor.type == kind and name not in found.deltas:
        return partial(found.base.packed, name)
    return lambda start, stop: ggml.quantize(rows(start, stop), kind, weights)


def _unpacked(base: GgufFile, name: str, start: int, stop: int) -> Rows:
    """Rows start:stop of a tensor as float32, by ggml where it undoes the type."""
    tensor = base.tensors[name]
    rows = None
    if len(tensor.shape) > 1:
        rows = ggml.dequantize(base.packed(name, start, stop), tensor.type, tensor.shape[-1])
    return base.rows(name, start, stop) if rows is None else rows
