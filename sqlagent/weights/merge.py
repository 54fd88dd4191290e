"""Merges a LoRA adapter into its GGUF base.

Invariant: every matrix of the adapter is applied exactly once, in float32, to the matrix it was trained for.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlagent.base.progress import Progress
from sqlagent.weights import provenance
from sqlagent.weights.adapter import Delta
from sqlagent.weights.fit import Fit, Reader, fit
from sqlagent.weights.gguf_read import Value
from sqlagent.weights.gguf_write import FILE_TYPES, Part, storage, uint, write
from sqlagent.weights.provenance import About


def into_gguf(
    base_path: Path,
    adapter: Path,
    out: Path,
    *,
    kind: str = "f16",
    about: About | None = None,
    any_base: bool = False,
    base_sha256: str = "",
    progress: Progress,
) -> None:
    """Write base + adapter as a GGUF of `kind` (f16, bf16, f32). Raises ModelError, UsageError."""
    found = fit(base_path, adapter, out, any_base=any_base, base_sha256=base_sha256)
    base = found.base
    parts = [
        Part(name, tensor.shape, storage(tensor.shape, kind), _rows(found, name))
        for name, tensor in base.tensors.items()
    ]
    for name in found.whole.keys() - base.tensors.keys():  # a head that was the embedding
        shape = base.tensors["token_embd.weight"].shape
        parts.append(Part(name, shape, storage(shape, kind), found.whole[name]))
    fields = metadata(found, FILE_TYPES[kind], about or About())
    write(out, base.arch, fields, parts, progress=progress)


def metadata(found: Fit, file_type: int, about: About) -> dict[str, Value]:
    """What a merged file says about itself. `file_type`: llama.cpp's number for its weights."""
    apart = ("quantize.", "general.base_model.", "general.size_label")
    fields = {key: value for key, value in found.base.fields.items() if not key.startswith(apart)}
    fields["general.file_type"] = uint(file_type)
    return fields | provenance.fields(about, found.adapter, base_sha256=found.base_sha256)


def _rows(found: Fit, name: str) -> Reader:
    return found.whole.get(name) or merged_rows(partial(found.base.rows, name), found.deltas.get(name))


def merged_rows(read: Reader, delta: Delta | None) -> Reader:
    """A reader of the rows of a base tensor, which `read` gives, with the adapter's change applied."""
    if delta is None:
        return read
    return lambda start, stop: delta.apply(read(start, stop), start, stop)
