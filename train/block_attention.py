"""Attention on a GPU over a packed sequence, of the visible pairs alone: flash attention for sequences of unequal
length, or torch's flex_attention with the block mask.

Flash: each question asks the keys of its prefix and its own, which are laid out for it (keys are few: Qwen2.5 1.5B has
two key heads). One call for the whole sequence; masks are causal from the right below, as in flash-attn since 2.1:

    queries   prefix | q1      | q2         keys   prefix | prefix q1 | prefix q2

Flex: tiles of 128 x 128 tokens that hold a visible pair, found on the CPU from the lengths; within one, a rule.
Invariant: both are the dense attention under `Packed.seen()`, to rounding (`tests/test_train_card.py` runs the layouts
on the CPU); `agrees` proves it on the device itself before a run takes a kernel's word for it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from train.packing import Packed

FLASH, FLEX = "sqlagent_flash", "sqlagent_flex"
"""Their names in transformers' registry."""
TILE = 128
"""Tokens of a side of flex_attention's tiles."""
Kernel = Callable[..., torch.Tensor]
"""(q [T, H, d], k [U, K, d], v [U, K, d], query ends int32 [n + 1], key ends, longest query, longest key, scale)."""


@dataclass(frozen=True)
class Runs:
    """A packed sequence as runs of queries, each with the keys it sees."""

    keys: torch.Tensor  # int64 [U]: the token of each key, in the order of the runs
    query_ends: torch.Tensor  # int32 [n + 1]
    key_ends: torch.Tensor  # int32 [n + 1]
    longest_query: int
    longest_key: int


def _parts(packed: Packed, padding: int) -> list[tuple[int, int, int, int]]:
    """(prefix start, prefix end, start, end) of each run of queries; one that sees itself alone has an empty prefix."""
    length = len(packed)
    change = np.flatnonzero((np.diff(packed.group) != 0) | (np.diff(packed.segment) != 0)) + 1
    starts = [0, *change.tolist()] if length else []
    ends = [*change.tolist(), length] if length else []
    found: list[tuple[int, int, int, int]] = []
    prefix = (0, 0)
    group = -1
    for start, end in zip(starts, ends, strict=True):
        if packed.group[start] != group:
            group = int(packed.group[start])
            prefix = (start, start)
        if packed.segment[start] == 0:
            prefix = (start, end)
            found.append((start, start, start, end))
        else:
            found.append((*prefix, start, end))
    if padding:
        found.append((length, length, length, length + padding))
    return found


def runs(packed: Packed, padding: int = 0) -> Runs:
    """The runs of a packed sequence with `padding` tokens behind it, which see themselves alone; on the CPU."""
    parts = _parts(packed, padding)
    keys = [np.r_[first:last, start:end] for first, last, start, end in parts]
    queries = [end - start for _, _, start, end in parts]
    lengths = [len(one) for one in keys]
    return Runs(
        torch.from_numpy(np.concatenate(keys)),
        torch.from_numpy(np.cumsum([0, *queries], dtype=np.int32)),
        torch.from_numpy(np.cumsum([0, *lengths], dtype=np.int32)),
        max(queries),
        max(lengths),
    )


def tiles(packed: Packed, padding: int = 0) -> np.ndarray:
    """Which tiles of the L x L pairs, L a multiple of TILE, hold a visible one: bool [L / TILE, L / TILE]."""
    count = (len(packed) + padding) // TILE
    held = np.zeros((count, count), bool)
    for first, last, start, end in _parts(packed, padding):
        queries = slice(start // TILE, (end - 1) // TILE + 1)
        if last > first:
            held[queries, first // TILE : (last - 1) // TILE + 1] = True
        held[queries, queries] = True  # its own: causal, below
    lower: np.ndarray = held & np.tri(count, dtype=bool)
    return lower


def block_mask(packed: Packed, padding: int, device: Any) -> Any:
    """flex_attention's mask of a packed sequence with `padding` tokens behind it."""
    from torch.nn.attention.flex_attention import BlockMask

    held = tiles(packed, padding)
    order = np.argsort(~held, axis=1, kind="stable").astype(np.int32)  # those that are held, first
    numbers = there(torch.from_numpy(held.sum(1).astype(np.int32))[None, None], device)
    indices = there(torch.from_numpy(order)[None, None], device)
    group = there(torch.nn.functional.pad(torch.from_numpy(packed.group), (0, padding), value=-1), device)
    segment = there(torch.nn.functional.pad(torch.from_numpy(packed.segment), (0, padding)), device)

    def sees(batch: Any, head: Any, query: Any, key: Any) -> Any:
        same = (segment[key] == 0) | (segment[query] == segment[key])
        return (group[query] == group[key]) & same & (key <= query)

    return BlockMask.from_kv_blocks(numbers, indices, BLOCK_SIZE=TILE, mask_mod=sees)


def flash(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    layout: Runs,
    kernel: Kernel | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The signature that transformers calls: q [1, H, L, d], k and v [1, K, L, d] -> [1, L, H, d]."""
    q, k, v = (one[0].transpose(0, 1) for one in (query, key, value))
    run = kernel or flash_kernel()
    out = run(
        q.contiguous(),
        k.index_select(0, layout.keys),
        v.index_select(0, layout.keys),
        layout.query_ends,
        layout.key_ends,
        layout.longest_query,
        layout.longest_key,
        scaling,
    )
    return out[None], None


@functools.cache
def flash_kernel() -> Kernel:
    """torch's own flash attention for unequal lengths, or the package flash-attn's."""
    from train.device import flash_source

    if flash_source() == "torch":
        from torch.nn.attention.varlen import varlen_attn

        def ours(q: Any, k: Any, v: Any, qs: Any, ks: Any, q_most: int, k_most: int, scale: float) -> Any:
            return varlen_attn(
                q, k, v, qs, ks, q_most, k_most, scale=scale, window_size=(-1, 0), enable_gqa=True
            )

        return ours
    from flash_attn import flash_attn_varlen_func

    def theirs(q: Any, k: Any, v: Any, qs: Any, ks: Any, q_most: int, k_most: int, scale: float) -> Any:
        return flash_attn_varlen_func(q, k, v, qs, ks, q_most, k_most, softmax_scale=scale, causal=True)

    return theirs


def flex(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    layout: Any,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The same through flex_attention; compiled on a GPU, where it is quick only so."""
    out = flex_kernel(query.device.type == "cuda")(
        query, key, value, block_mask=layout, scale=scaling, enable_gqa=query.shape[1] != key.shape[1]
    )
    return out.transpose(1, 2).contiguous(), None


@functools.cache
def flex_kernel(compiled: bool) -> Any:
    """torch's flex_attention, compiled for any length or as it is."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True) if compiled else flex_attention


def register() -> None:
    """Make both known to transformers."""
    from transformers import AttentionInterface

    AttentionInterface.register(FLASH, flash)
    AttentionInterface.register(FLEX, flex)


def agrees(kind: str, packed: Packed, device: Any, dtype: torch.dtype, heads: tuple[int, int, int]) -> str:
    """Why a kernel is not to be trusted on this device, "" where it gives what dense attention gives.

    heads: query heads, key heads, width. Forward and all three gradients are compared, on random numbers.
    """
    count, keys, width = heads
    padding = -len(packed) % TILE
    length = len(packed) + padding
    random = torch.Generator().manual_seed(0)
    given = [torch.randn((1, n, length, width), generator=random) for n in (count, keys, keys, count)]
    *qkv, grad = (one.to(device, dtype) for one in given)
    mask = torch.zeros((length, length), dtype=torch.bool)
    mask[: len(packed), : len(packed)] = torch.from_numpy(packed.seen())
    mask.fill_diagonal_(True)

    def gradients(attend: Callable[..., torch.Tensor]) -> list[torch.Tensor]:
        inputs = [one.clone().requires_grad_() for one in qkv]
        out = attend(*inputs)
        # What padding gives is nobody's, and differs.
        (out[:, : len(packed)] * grad.transpose(1, 2)[:, : len(packed)]).sum().backward()
        return [out.detach()[:, : len(packed)], *(one.grad for one in inputs if one.grad is not None)]

    def dense(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        k, v = (one.repeat_interleave(count // keys, 1) for one in (k, v))
        out = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask.to(device), scale=width**-0.5)
        return out.transpose(1, 2)

    def ours(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        if kind == "flash":
            return flash(
                None, q, k, v, None, scaling=width**-0.5, layout=moved(runs(packed, padding), device)
            )[0]
        layout = block_mask(packed, padding, device)
        return flex(None, q, k, v, None, scaling=width**-0.5, layout=layout)[0]

    try:
        found = gradients(ours)
    except (
        RuntimeError,
        NotImplementedError,
        ImportError,
        TypeError,
    ) as error:  # what kernels raise of a device
        return f"does not run here ({str(error).splitlines()[0]})"
    for wanted, got in zip(gradients(dense), found, strict=True):
        off = float((wanted.float() - got.float()).norm() / wanted.float().norm())
        if not off < (2e-2 if dtype.itemsize == 2 else 1e-3):
            return f"differs from dense attention by {off:.1%}"
    return ""


def moved(layout: Runs, device: Any) -> Runs:
    """The same on a device, sent without waiting for it."""
    keys, query_ends, key_ends = (
        there(one, device) for one in (layout.keys, layout.query_ends, layout.key_ends)
    )
    return Runs(keys, query_ends, key_ends, layout.longest_query, layout.longest_key)


def there(tensor: torch.Tensor, device: Any) -> torch.Tensor:
    """A tensor of the CPU on a device; on a GPU from pinned memory, so that nobody waits."""
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)
