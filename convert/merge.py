"""Merges a LoRA adapter into a Hugging Face folder, giving another one.

Invariant: every tensor is stored as the base stores it; one that the adapter does not change keeps its bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.files import atomic_folder
from convert.folder import Folder
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights import adapter as adapters
from sqlagent.weights import families, safetensors
from sqlagent.weights.adapter import Adapter, Delta
from sqlagent.weights.fit import (
    EMBEDDING,
    HEAD,
    check_replaced,
    check_shape,
    check_vocabulary,
    same_embeddings,
)
from sqlagent.weights.gguf_write import CHUNK
from sqlagent.weights.safetensors import Slot


def into_folder(base_path: Path, folder: Path, out: Path, *, progress: Progress) -> None:
    """Write base + adapter as a Hugging Face folder, each tensor stored as the base stores it."""
    base, adapter = Folder(base_path), adapters.read(folder)
    families.arch_of(base.architecture)
    deltas, whole = by_tensor(adapter, base.tensors), replaced(adapter, base)
    if base.config.get("tie_word_embeddings") and not same_embeddings(adapter):
        raise ModelError(
            "The adapter parts an embedding and a head that the base shares, which a folder like the base's cannot "
            "hold: end --out with .gguf."
        )
    check_vocabulary(adapter, embedding(base).shape[0])
    with atomic_folder(out) as draft:
        for file in sorted(base_path.iterdir()):
            if (
                file.is_file()
                and file.suffix != ".safetensors"
                and file.suffix not in (".bin", ".gguf", ".pth")
            ):
                shutil.copyfile(file, draft / file.name)
        slots = list(base.tensors.values())
        progress.start(out.name, total=sum(slot.nbytes for slot in slots))
        done = 0
        try:
            for shard in base.shards:
                with (draft / shard.name).open("wb") as sink, shard.open("rb") as source:
                    mine = [slot for slot in slots if slot.file == shard]
                    sink.write(source.read(min(slot.offset for slot in mine)))
                    for slot in mine:
                        sink.seek(slot.offset)
                        for start, stop in pieces(slot):
                            rows = _stored(slot, deltas.get(slot.name), whole.get(slot.name), start, stop)
                            rows.tofile(sink)
                            progress.update(done + slot.nbytes * stop // slot.shape[0])
                        done += slot.nbytes
        finally:
            progress.stop()


def by_tensor(adapter: Adapter, tensors: Mapping[str, Slot]) -> dict[str, Delta]:
    """The adapter's changes by Hugging Face tensor name. Raises ModelError when one does not fit."""
    found = {}
    for module, delta in adapter.deltas.items():
        slot = tensors.get(f"{module}.weight")
        if slot is None:
            raise ModelError(
                f"The adapter changes {module}, which the base does not have: it is for another base."
            )
        check_shape(module, delta, slot.shape)
        found[slot.name] = delta
    return found


def replaced(adapter: Adapter, base: Folder) -> dict[str, Slot]:
    """What takes the place of whole tensors, by Hugging Face name. Raises ModelError when one does not fit."""
    for name, slot in adapter.whole.items():
        shared = EMBEDDING if name == HEAD and base.config.get("tie_word_embeddings") else name
        if shared not in base.tensors:
            raise ModelError(
                f"The adapter replaces {name}, which the base does not have: it is for another base."
            )
        check_replaced(name, slot, base.tensors[shared].shape)
    return dict(adapter.whole)


def embedding(base: Folder) -> Slot:
    """The token embedding. Raises ModelError when there is none."""
    slot = base.tensors.get("model.embed_tokens.weight")
    if slot is None:
        raise ModelError(f"{base.path} has no token embedding: it is not a whole model.")
    return slot


def pieces(slot: Slot) -> list[tuple[int, int]]:
    """Row ranges of a tensor that are at most CHUNK bytes as float32."""
    rows = max(1, slot.shape[0])
    step = max(1, CHUNK * rows // max(1, 4 * int(np.prod(slot.shape))))
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def _stored(
    slot: Slot, delta: Delta | None, whole: Slot | None, start: int, stop: int
) -> NDArray[np.generic]:
    if whole is not None:
        return safetensors.encode(whole.rows(start, stop), slot.dtype)  # type: ignore[no-any-return]
    raw = slot.raw(start, stop)
    if delta is None:
        return raw  # type: ignore[no-any-return]
    rows = safetensors.decode(raw, slot.dtype).reshape(stop - start, -1)
    return safetensors.encode(delta.apply(rows, start, stop), slot.dtype)  # type: ignore[no-any-return]
