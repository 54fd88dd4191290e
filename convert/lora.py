"""A peft adapter as a GGUF LoRA, which llama.cpp applies when a model is loaded.

Invariant: applied at scale 1, it changes each matrix exactly as a merge does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from convert import adapter as adapters
from convert import families, merge, provenance
from convert.files import refuse_same
from convert.gguf_read import GgufFile, Rows, Value
from convert.gguf_write import FILE_TYPES, TYPES, Part, real, text, uint, write
from convert.provenance import About
from sqlagent.errors import ModelError
from sqlagent.progress import Progress


def convert(
    base_path: Path,
    folder: Path,
    out: Path,
    *,
    kind: str = "f16",
    about: About | None = None,
    any_base: bool = False,
    progress: Progress,
) -> None:
    """Write the adapter in `folder` as a GGUF LoRA for a GGUF base. Raises ModelError, UsageError."""
    refuse_same(base_path, out)
    base, adapter = GgufFile(base_path), adapters.read(folder)
    families.check_arch(base.arch, base_path)
    base_sha256 = merge.check_base(adapter, base_path, any_base=any_base)
    merge.check_vocabulary(adapter, base.tensors["token_embd.weight"].shape[0])
    deltas = merge.by_gguf_name(adapter, base)
    if any(delta.magnitude is not None for delta in deltas.values()):
        raise ModelError("The adapter is DoRA, which a GGUF LoRA cannot express: merge it instead.")
    alpha = float(adapter.config.get("lora_alpha") or 1.0)
    parts = []
    for name, delta in sorted(deltas.items()):
        # llama.cpp scales by alpha / rank, with one alpha for all; what differs from that goes into b.
        b = delta.b * np.float32(delta.scale * delta.a.shape[0] / alpha)
        parts.append(Part(f"{name}.lora_a", delta.a.shape, TYPES[kind], _slice(delta.a)))
        parts.append(Part(f"{name}.lora_b", b.shape, TYPES[kind], _slice(b)))
    fields: dict[str, Value] = {
        "general.type": text("adapter"),
        "adapter.type": text("lora"),
        "adapter.lora.alpha": real(alpha),
        "general.file_type": uint(FILE_TYPES[kind]),
    }
    fields |= provenance.fields(about or About(name=folder.resolve().name), adapter, base_sha256=base_sha256)
    write(out, base.arch, fields, parts, progress=progress)


def _slice(values: Rows) -> Callable[[int, int], Rows]:
    return lambda start, stop: values[start:stop]
