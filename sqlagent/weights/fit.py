"""A base and an adapter that belong together, checked before a byte is written.

Invariant: every matrix of the adapter is matched with exactly one matrix of the base, of the same shape and in
the base's row order; a base with another shape, vocabulary or hash is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import ModelError
from sqlagent.weights import adapter as adapters
from sqlagent.weights import families, safetensors
from sqlagent.weights.adapter import Adapter, Delta
from sqlagent.weights.files import refuse_same
from sqlagent.weights.gguf_header import sha256_of, stamped_sha256
from sqlagent.weights.gguf_read import GgufFile, Rows
from sqlagent.weights.safetensors import Slot

EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
Reader = Callable[[int, int], Rows]
"""Rows start:stop of a tensor, in a GGUF's row order."""


@dataclass(frozen=True, slots=True)
class Fit:
    """An opened base, its sha256, an adapter, and by GGUF tensor its changes and what takes a tensor's place."""

    base: GgufFile
    base_sha256: str
    adapter: Adapter
    deltas: Mapping[str, Delta]
    whole: Mapping[str, Reader]


def fit(
    base_path: Path, adapter_path: Path, out: Path, *, any_base: bool = False, base_sha256: str = ""
) -> Fit:
    """Open a GGUF base and an adapter (a peft folder or a GGUF LoRA) that are to become `out`.

    base_sha256: the base's hash where it is known already. any_base: take a base with another hash than the
    adapter was trained on. Raises ModelError, UsageError.
    """
    refuse_same(base_path, out)
    refuse_same(adapter_path, out)
    base = GgufFile(base_path)
    families.check_arch(base.arch, base_path)
    adapter = adapters.read(adapter_path)
    if adapter.arch not in ("", base.arch):
        raise ModelError(_other_arch(adapter, base_path, base.arch))
    found = base_sha256 or stamped_sha256(base_path) or sha256_of(base_path)
    if not any_base:
        check_base(adapter, base_path, found)
    check_vocabulary(adapter, base.tensors["token_embd.weight"].shape[0])
    return Fit(base, found, adapter, by_gguf_name(adapter, base), whole_by_gguf_name(adapter, base))


def check_lora(adapter_path: Path, base_path: Path, base_sha256: str) -> None:
    """Raise ModelError when a GGUF LoRA says it is none, or for another base; llama.cpp checks its shapes."""
    adapter = adapters.read_head(adapter_path)
    arch = GgufFile(base_path).arch
    if adapter.arch != arch:
        raise ModelError(_other_arch(adapter, base_path, arch))
    check_base(adapter, base_path, base_sha256)


def _other_arch(adapter: Adapter, base: Path, arch: str) -> str:
    return (
        f"The adapter {adapter.path.name} is for a {adapter.arch} model and {base.name} is a "
        f"{arch}: name the base it was trained on."
    )


def by_gguf_name(adapter: Adapter, base: GgufFile) -> dict[str, Delta]:
    """The adapter's changes by GGUF tensor, in the GGUF's row order. Raises ModelError when one is unfit."""
    layers, order = int(base.of_arch("block_count", 0)), families.order_for(base)
    found: dict[str, Delta] = {}
    for module, delta in adapter.deltas.items():
        # A GGUF LoRA has the base's own names and row order already.
        name = module if adapter.arch else families.gguf_name(base.arch, layers, f"{module}.weight")
        if name == "output.weight" and name not in base.tensors:
            raise ModelError(
                "The adapter changes the output head, which this base shares with its embedding: "
                "train without lm_head."
            )
        if name is None or name not in base.tensors:
            raise ModelError(
                f"The adapter changes {module}, which {base.path.name} does not have: it is for another base."
            )
        check_shape(module, delta, base.tensors[name].shape)
        found[name] = delta if adapter.arch else delta.reordered(order(name))
    return found


def whole_by_gguf_name(adapter: Adapter, base: GgufFile) -> dict[str, Reader]:
    """What takes the place of whole tensors. Raises ModelError when one is unfit.

    An embedding and a head that the base shares and the adapter does not are two from here on.
    """
    layers, order = int(base.of_arch("block_count", 0)), families.order_for(base)
    found: dict[str, Reader] = {}
    for tensor, slot in adapter.whole.items():
        name = families.gguf_name(base.arch, layers, tensor)
        shared = "token_embd.weight" if name == "output.weight" and name not in base.tensors else name
        if name is None or shared not in base.tensors:
            raise ModelError(
                f"The adapter replaces {tensor}, which {base.path.name} does not have: it is for another base."
            )
        check_replaced(tensor, slot, base.tensors[shared].shape)
        found[name] = reader(slot, order(name) if name in base.tensors else None)
    if "output.weight" not in base.tensors and not same_embeddings(adapter):
        found.setdefault("output.weight", lambda start, stop: base.rows("token_embd.weight", start, stop))
    elif "output.weight" not in base.tensors:
        found.pop("output.weight", None)
    return found


def same_embeddings(adapter: Adapter) -> bool:
    """Whether embedding and head of a base that shares them are still one under an adapter."""
    embedding, head = (adapter.whole.get(name) for name in (EMBEDDING, HEAD))
    if embedding is None or head is None:
        return embedding is head
    if (embedding.dtype, embedding.shape) != (head.dtype, head.shape):
        return False
    step = 4096
    return all(
        np.array_equal(embedding.raw(at, stop := min(at + step, head.shape[0])), head.raw(at, stop))
        for at in range(0, head.shape[0], step)
    )


def reader(slot: Slot, order: NDArray[np.intp] | None) -> Reader:
    """Rows of a tensor of the adapter, where row i is its row order[i]."""
    if order is None:
        return slot.rows
    return lambda start, stop: slot.all()[order[start:stop]]


def check_replaced(tensor: str, slot: Slot, shape: tuple[int, ...]) -> None:
    """Raise ModelError when what replaces a tensor is not of its shape."""
    if slot.shape != shape:
        have, want = ("×".join(map(str, one)) for one in (slot.shape, shape))
        raise ModelError(
            f"The adapter's {tensor} is {have} and the base's is {want}: it was trained on another base, or with "
            "tokens added to its vocabulary, which have to be added to the base first."
        )


def check_shape(module: str, delta: Delta, shape: tuple[int, ...]) -> None:
    """Raise ModelError when a change is not of the matrix's shape."""
    if delta.shape != shape:
        have, want = "×".join(map(str, delta.shape)), "×".join(map(str, shape))
        raise ModelError(
            f"The adapter's {module} is {have} and the base's is {want}: it was trained on another base."
        )


def check_base(adapter: Adapter, base: Path, found: str) -> None:
    """Raise ModelError when the adapter was trained on other bytes than those with the sha256 `found`."""
    wanted = adapter.base_sha256
    if wanted and wanted != found:
        raise ModelError(
            f"The adapter was trained on a base with sha256 {wanted[:12]}…, and {base.name} has "
            f"{found[:12]}…: name that base, or let `python -m convert … --any-base` make a model of the two."
        )


def check_vocabulary(adapter: Adapter, rows: int) -> None:
    """Raise ModelError when the adapter came with a tokenizer that the base has no embeddings for."""
    place = adapter.path / "tokenizer.json"
    if not place.is_file():
        return
    tokenizer = safetensors.read_json(place)
    added = [token["id"] for token in tokenizer.get("added_tokens") or []]
    size = 1 + max([*tokenizer.get("model", {}).get("vocab", {}).values(), *added], default=-1)
    if size > rows:
        raise ModelError(
            f"The adapter's vocabulary has {size} tokens and the base's {rows}: "
            "it was trained on another base."
        )
