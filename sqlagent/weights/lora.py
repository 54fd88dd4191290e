"""A peft adapter as a GGUF LoRA, which llama.cpp applies when a model is loaded.

Invariant: applied at scale 1, it changes each matrix exactly as a merge does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights import provenance
from sqlagent.weights.fit import fit
from sqlagent.weights.gguf_read import Rows, Value
from sqlagent.weights.gguf_write import FILE_TYPES, TYPES, Part, real, text, uint, write
from sqlagent.weights.provenance import About


def convert(
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
    """Write an adapter as a GGUF LoRA for a GGUF base. Raises ModelError, UsageError."""
    found = fit(base_path, adapter, out, any_base=any_base, base_sha256=base_sha256)
    if any(delta.magnitude is not None for delta in found.deltas.values()):
        raise ModelError("The adapter is DoRA, which a GGUF LoRA cannot express: merge it instead.")
    if found.adapter.whole:
        raise ModelError(
            f"The adapter replaces {next(iter(found.adapter.whole))} as a whole (modules_to_save or bias), which a "
            "GGUF LoRA cannot hold: merge it instead."
        )
    alpha = float(found.adapter.config.get("lora_alpha") or 1.0)
    parts = []
    for name, delta in sorted(found.deltas.items()):
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
    fields |= provenance.fields(
        about or About(name=adapter.resolve().name), found.adapter, base_sha256=found.base_sha256
    )
    write(out, found.base.arch, fields, parts, progress=progress)


def _slice(values: Rows) -> Callable[[int, int], Rows]:
    return lambda start, stop: values[start:stop]
