"""Merges a LoRA adapter into its base: GGUF into GGUF, or a Hugging Face folder into another.

Invariant: every matrix of the adapter is applied exactly once, in float32, to the matrix it was trained for;
a base with another shape, vocabulary or hash is refused before a byte is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert import adapter as adapters
from convert import families, provenance, weights
from convert.adapter import Adapter, Delta
from convert.files import atomic_folder, refuse_same
from convert.gguf_read import GgufFile, Rows
from convert.gguf_write import CHUNK, FILE_TYPES, Part, storage, uint, write
from convert.provenance import About
from convert.weights import Folder, Slot
from sqlagent.errors import ModelError
from sqlagent.gguf_file import sha256_of, stamped_sha256
from sqlagent.progress import Progress


def into_gguf(
    base_path: Path,
    folder: Path,
    out: Path,
    *,
    kind: str = "f16",
    about: About | None = None,
    any_base: bool = False,
    progress: Progress,
) -> None:
    """Write base + adapter as a GGUF of `kind` (f16, bf16, f32). Raises ModelError, UsageError."""
    refuse_same(base_path, out)
    base, adapter = GgufFile(base_path), adapters.read(folder)
    families.check_arch(base.arch, base_path)
    base_sha256 = check_base(adapter, base_path, any_base=any_base)
    check_vocabulary(adapter, base.tensors["token_embd.weight"].shape[0])
    deltas = by_gguf_name(adapter, base)
    parts = [
        Part(name, tensor.shape, storage(tensor.shape, kind), merged_rows(base, name, deltas.get(name)))
        for name, tensor in base.tensors.items()
    ]
    fields = dict(base.fields)
    for key in [
        key for key in fields if key.startswith(("quantize.", "general.base_model.", "general.size_label"))
    ]:
        del fields[key]
    fields["general.file_type"] = uint(FILE_TYPES[kind])
    fields |= provenance.fields(about or About(), adapter, base_sha256=base_sha256)
    write(out, base.arch, fields, parts, progress=progress)


def merged_rows(base: GgufFile, name: str, delta: Delta | None) -> Callable[[int, int], Rows]:
    """A reader of the rows of a base tensor with the adapter's change applied."""

    def read(start: int, stop: int) -> Rows:
        rows = base.rows(name, start, stop)
        return rows if delta is None else delta.apply(rows, start, stop)

    return read


def by_gguf_name(adapter: Adapter, base: GgufFile) -> dict[str, Delta]:
    """The adapter's changes by GGUF tensor, in the GGUF's row order. Raises ModelError when one is unfit."""
    layers, order = int(base.of_arch("block_count", 0)), families.order_for(base)
    found: dict[str, Delta] = {}
    for module, delta in adapter.deltas.items():
        name = families.gguf_name(base.arch, layers, f"{module}.weight")
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
        found[name] = delta.reordered(order(name))
    return found


def check_shape(module: str, delta: Delta, shape: tuple[int, ...]) -> None:
    """Raise ModelError when a change is not of the matrix's shape."""
    if delta.shape != shape:
        have, want = "×".join(map(str, delta.shape)), "×".join(map(str, shape))
        raise ModelError(
            f"The adapter's {module} is {have} and the base's is {want}: it was trained on another base."
        )


def check_base(adapter: Adapter, base: Path, *, any_base: bool) -> str:
    """The base file's sha256. Raises ModelError when the adapter was trained on other bytes."""
    found = stamped_sha256(base) or sha256_of(base)
    wanted = adapter.base_sha256
    if wanted and wanted != found and not any_base:
        raise ModelError(
            f"The adapter was trained on a base with sha256 {wanted[:12]}…, and {base.name} has "
            f"{found[:12]}…: name that base, or give --any-base if this one is as good."
        )
    return found


def check_vocabulary(adapter: Adapter, rows: int) -> None:
    """Raise ModelError when the adapter came with a tokenizer that the base has no embeddings for."""
    place = adapter.folder / "tokenizer.json"
    if not place.is_file():
        return
    tokenizer = weights.read_json(place)
    added = [token["id"] for token in tokenizer.get("added_tokens") or []]
    size = 1 + max([*tokenizer.get("model", {}).get("vocab", {}).values(), *added], default=-1)
    if size > rows:
        raise ModelError(
            f"The adapter's vocabulary has {size} tokens and the base's {rows}: "
            "it was trained on another base."
        )


def into_folder(base_path: Path, folder: Path, out: Path, *, progress: Progress) -> None:
    """Write base + adapter as a Hugging Face folder, each tensor stored as the base stores it."""
    base, adapter = Folder(base_path), adapters.read(folder)
    families.arch_of(base.architecture)
    deltas = by_tensor(adapter, base.tensors)
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
                            _stored(slot, deltas.get(slot.name), start, stop).tofile(sink)
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


def _stored(slot: Slot, delta: Delta | None, start: int, stop: int) -> NDArray[np.generic]:
    raw = slot.raw(start, stop)
    if delta is None:
        return raw  # type: ignore[no-any-return]
    rows = weights.decode(raw, slot.dtype).reshape(stop - start, -1)
    return weights.encode(delta.apply(rows, start, stop), slot.dtype)  # type: ignore[no-any-return]
