"""A Hugging Face folder of a family that we know becomes a GGUF, with an adapter merged in on the way.

Invariant: every tensor of the folder is in the GGUF, or its absence is what llama.cpp expects (rotary tables,
a head that is the embedding); a tensor nobody knows is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from convert import merge, tokenizer
from convert.folder import Folder
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights import adapter as adapters
from sqlagent.weights import families, fit, provenance
from sqlagent.weights.adapter import Adapter, Delta
from sqlagent.weights.files import refuse_same
from sqlagent.weights.fit import check_vocabulary
from sqlagent.weights.gguf_read import Rows, Value
from sqlagent.weights.gguf_write import FILE_TYPES, TYPES, Part, storage, text, uint, write
from sqlagent.weights.provenance import About
from sqlagent.weights.safetensors import Slot

_TABLES = (".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias")
"""Tensors that a checkpoint may hold and nobody needs."""


def convert(
    model: Path,
    out: Path,
    *,
    kind: str = "f16",
    adapter: Path | None = None,
    about: About | None = None,
    progress: Progress,
) -> None:
    """Write `model` (and `adapter`) as a GGUF of `kind` (f16, bf16, f32). Raises ModelError, UsageError."""
    refuse_same(model, out)
    base = Folder(model)
    arch = families.arch_of(base.architecture)
    fields: dict[str, Value] = {"general.type": text("model"), "general.name": text(model.name)}
    fields |= families.config_fields(arch, base.config)
    rows = merge.embedding(base).shape[0]
    fields[f"{arch}.vocab_size"] = uint(rows)
    fields["general.file_type"] = uint(FILE_TYPES[kind])
    fields["general.quantization_version"] = uint(2)
    fields |= tokenizer.fields(model, rows)
    found = adapters.read(adapter) if adapter else None
    deltas = merge.by_tensor(found, base.tensors) if found else {}
    made = parts(base, arch, kind, deltas)
    if found:
        check_vocabulary(found, rows)
        made = with_replaced(made, base, arch, kind, found)
    fields |= provenance.fields(about or About(), found)
    write(out, arch, fields, made, progress=progress)


def with_replaced(made: list[Part], base: Folder, arch: str, kind: str, adapter: Adapter) -> list[Part]:
    """The parts with those in their place that an adapter replaces as a whole. Raises ModelError."""
    whole = merge.replaced(adapter, base)
    order = _orders(base, arch)
    tied = bool(base.config.get("tie_word_embeddings", False))
    layers = int(base.config["num_hidden_layers"])
    readers = {
        name: fit.reader(slot, order(name, slot.shape[0]))
        for tensor, slot in whole.items()
        if (name := families.gguf_name(arch, layers, tensor)) is not None
    }
    found = [Part(part.name, part.shape, part.type, readers.get(part.name, part.rows)) for part in made]
    if tied and not fit.same_embeddings(adapter):  # two from here on
        embedding = merge.embedding(base)
        rows = readers.get("output.weight", embedding.rows)
        found.append(Part("output.weight", embedding.shape, storage(embedding.shape, kind), rows))
    return found


def _orders(base: Folder, arch: str) -> Callable[[str, int], np.ndarray | None]:
    heads = int(base.config["num_attention_heads"])
    kv_heads = int(base.config.get("num_key_value_heads") or heads)
    return lambda name, rows: families.row_order(arch, name, heads, kv_heads, rows)


def parts(base: Folder, arch: str, kind: str, deltas: dict[str, Delta]) -> list[Part]:
    """The tensors to be written, in the order llama.cpp's own converter writes them. Raises ModelError."""
    config = base.config
    layers, order_of = int(config["num_hidden_layers"]), _orders(base, arch)
    tied = bool(config.get("tie_word_embeddings", False))
    found: list[Part] = []
    if (factors := families.rope_factors(config)) is not None:
        # a 1-D tensor in float32, whatever `kind` is
        found.append(
            Part("rope_freqs.weight", factors.shape, TYPES["f32"], lambda start, stop: factors[start:stop])
        )
    for name, slot in base.tensors.items():
        if name.endswith(_TABLES):
            continue
        if name == "lm_head.weight" and tied:
            if name in deltas:
                raise ModelError(
                    "The adapter changes an output head that is the embedding: train without lm_head."
                )
            continue
        target = families.gguf_name(arch, layers, name)
        if target is None:
            raise ModelError(f"The model has a tensor {name}, which {arch} does not: it cannot be converted.")
        order = order_of(target, slot.shape[0])
        found.append(
            Part(target, slot.shape, storage(slot.shape, kind), _reader(slot, deltas.get(name), order))
        )
    names = {part.name for part in found}
    expected = {"token_embd.weight", "output_norm.weight"} | (set() if tied else {"output.weight"})
    expected |= {f"blk.{i}.{part}.weight" for i in range(layers) for part in families.block(arch)}
    if missing := sorted(expected - names):
        raise ModelError(f"The model lacks {missing[0]}: its weights are not complete.")
    return found


def _reader(slot: Slot, delta: Delta | None, order: np.ndarray | None) -> Callable[[int, int], Rows]:
    def read(start: int, stop: int) -> Rows:
        rows = slot.rows(start, stop)
        return rows if delta is None else delta.apply(rows, start, stop)

    if order is None:
        return read
    # Query and key matrices are small beside an embedding: read whole, then picked from.
    return lambda start, stop: read(0, slot.shape[0])[order[start:stop]]
