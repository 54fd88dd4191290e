"""Merges a LoRA adapter into its GGUF base.

Invariant: every matrix of the adapter is applied exactly once, in float32, to the matrix it was trained for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlagent.base.progress import Progress
from sqlagent.weights import provenance
from sqlagent.weights.adapter import Delta
from sqlagent.weights.fit import Fit, fit
from sqlagent.weights.gguf_read import GgufFile, Rows
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
    fields = dict(base.fields)
    for key in [
        key for key in fields if key.startswith(("quantize.", "general.base_model.", "general.size_label"))
    ]:
        del fields[key]
    fields["general.file_type"] = uint(FILE_TYPES[kind])
    fields |= provenance.fields(about or About(), found.adapter, base_sha256=found.base_sha256)
    write(out, base.arch, fields, parts, progress=progress)


def _rows(found: Fit, name: str) -> Callable[[int, int], Rows]:
    return found.whole.get(name) or merged_rows(found.base, name, found.deltas.get(name))


def merged_rows(base: GgufFile, name: str, delta: Delta | None) -> Callable[[int, int], Rows]:
    """A reader of the rows of a base tensor with the adapter's change applied."""

    def read(start: int, stop: int) -> Rows:
        rows = base.rows(name, start, stop)
        return rows if delta is None else delta.apply(rows, start, stop)

    return read
