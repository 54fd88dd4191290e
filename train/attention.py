"""Attention over a packed sequence, without the pairs of tokens that may not see each other.

Invariant: the result and its gradients are those of dense attention under `Packed.seen()`, to rounding
(`tests/test_train_fused.py`). A group's prefix attends to itself; its questions attend to the prefix, all of
them in one product, and each to itself, padded side by side. The two parts of a question's softmax are joined
by their log-sum-exp, as ring attention does (Liu et al. 2023, arXiv 2310.01889); the backward kernel takes the
joined output and log-sum-exp, which makes each part's gradient exact. A sequence of L tokens with p of them
prefix costs p^2/2 + (L - p) p instead of L^2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from train.packing import Packed

NAME = "sqlagent_packed"
"""The attention's name in transformers' registry."""


@dataclass(frozen=True)
class Block:
    """One group of a packed sequence: tokens `start` to `end`, the first `prefix` of them shared."""

    start: int
    prefix: int
    end: int
    at: torch.Tensor | None
    """int64 [n, T]: the tokens of each question, short ones padded by their last; None for one causal
    block.
    """
    real: torch.Tensor | None
    """bool [n, T]: what is not padding."""


def blocks(packed: Packed) -> tuple[Block, ...]:
    """The groups of a packed sequence, in order."""
    made = []
    group = torch.from_numpy(packed.group)
    segment = torch.from_numpy(packed.segment)
    start = 0
    for length in torch.unique_consecutive(group, return_counts=True)[1].tolist():
        inside = segment[start : start + length]
        names, counts = torch.unique_consecutive(inside, return_counts=True)
        shared = int(counts[0]) if int(names[0]) == 0 else 0
        lengths = counts[1:] if shared else counts
        if len(lengths) == 1:
            made.append(Block(start, length, start + length, None, None))
        else:
            first = start + shared + lengths.cumsum(0) - lengths
            step = torch.arange(int(lengths.max()))
            real = step[None] < lengths[:, None]
            at = first[:, None] + torch.minimum(step[None], lengths[:, None] - 1)
            made.append(Block(start, shared, start + length, at, real))
        start += length
    return tuple(made)


def _forward(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool, scale: float) -> Any:
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, scale=scale)


def _backward(
    grad: torch.Tensor,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor,
    causal: bool,
    scale: float,
) -> Any:
    return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
        grad, q, k, v, out, lse, 0.0, causal, scale=scale
    )


def _each(x: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """[K, g, L, d] or [K, g, L] at [n, T] -> [n * K, g, T, d] or [n * K, g, T].

    In float32: products this small are four times slower in bf16, whose kernels pack their operands anew.
    """
    taken = x.float()[:, :, at]  # [K, g, n, T, ...]
    return taken.movedim(2, 0).flatten(0, 1).contiguous()


def _back(x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """The opposite, without the padding: [n * K, g, T, ...] -> [K, g, m, ...]."""
    whole = x.unflatten(0, (len(real), -1)).movedim(0, 2)  # [K, g, n, T, ...]
    back: torch.Tensor = whole[:, :, real]
    return back


def applied(function: Any, *given: Any) -> torch.Tensor:
    """The result of an autograd function, whose `apply` torch leaves without types."""
    result: torch.Tensor = function.apply(*given)
    return result


class PackedAttention(torch.autograd.Function):
    """softmax(q k^T scale) v over the visible pairs.

    q: [1, H, L, d]; k, v: [1, K, L, d], K dividing H; the result: [1, H, L, d]. The kernel runs with the K
    key heads as its batch, so that keys are never repeated."""

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: tuple[Block, ...], scale: float
    ) -> torch.Tensor:
        """See the class."""
        heads, keys = q.shape[1], k.shape[1]
        share = heads // keys
        q4 = q[0].unflatten(0, (keys, share))  # [K, g, L, d]
        k4, v4 = k[0][:, None], v[0][:, None]  # [K, 1, L, d]
        out = torch.zeros(q4.shape, dtype=q.dtype)  # tokens behind the last block see nothing
        lse = torch.zeros(q4.shape[:-1], dtype=torch.float32)
        for block in layout:
            shared = slice(block.start, block.start + block.prefix)
            if block.prefix:
                out[:, :, shared], lse[:, :, shared] = _forward(
                    q4[:, :, shared],
                    _shared(k4[:, :, shared], share),
                    _shared(v4[:, :, shared], share),
                    True,
                    scale,
                )
            if block.at is None or block.real is None:
                continue
            rest = slice(block.start + block.prefix, block.end)
            own, own_lse = _forward(
                _each(q4, block.at),
                _shared(_each(k4, block.at), share),
                _shared(_each(v4, block.at), share),
                True,
                scale,
            )
            own, own_lse = _back(own, block.real), _back(own_lse, block.real)
            if block.prefix:
                far, far_lse = _forward(
                    q4[:, :, rest].flatten(1, 2)[:, None], k4[:, :, shared], v4[:, :, shared], False, scale
                )
                far, far_lse = far.view(own.shape), far_lse.reshape(own_lse.shape)
                joint = torch.logaddexp(own_lse, far_lse)
                own = own * (own_lse - joint).exp()[..., None] + far * (far_lse - joint).exp()[..., None]
                own_lse = joint
            out[:, :, rest], lse[:, :, rest] = own.to(out.dtype), own_lse
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.layout, ctx.scale = layout, scale
        return out.flatten(0, 1)[None]

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Gradients for q, k and v."""
        q, k, v, out, lse = ctx.saved_tensors
        scale = ctx.scale
        keys = k.shape[1]
        share = q.shape[1] // keys
        q4, g4 = q[0].unflatten(0, (keys, share)), grads[0][0].unflatten(0, (keys, share))
        k4, v4 = k[0][:, None], v[0][:, None]
        dq, dk, dv = torch.zeros_like(q4), torch.zeros_like(k4), torch.zeros_like(v4)
        for block in ctx.layout:
            shared = slice(block.start, block.start + block.prefix)
            if block.prefix:
                dq[:, :, shared], a, b = _backward(
                    g4[:, :, shared],
                    q4[:, :, shared],
                    _shared(k4[:, :, shared], share),
                    _shared(v4[:, :, shared], share),
                    out[:, :, shared],
                    lse[:, :, shared],
                    True,
                    scale,
                )
                dk[:, :, shared] = a.sum(1, keepdim=True)
                dv[:, :, shared] = b.sum(1, keepdim=True)
            if block.at is None or block.real is None:
                continue
            rest = slice(block.start + block.prefix, block.end)
            # A padded query repeats the last one: its gradient must not count.
            grad = _each(g4, block.at) * block.real.repeat_interleave(keys, 0)[:, None, :, None]
            a, b, c = _backward(
                grad,
                _each(q4, block.at),
                _shared(_each(k4, block.at), share),
                _shared(_each(v4, block.at), share),
                _each(out, block.at),
                _each(lse, block.at),
                True,
                scale,
            )
            own_q = _back(a, block.real)
            dk[:, :, rest] = _back(b.sum(1, keepdim=True), block.real).to(dk.dtype)
            dv[:, :, rest] = _back(c.sum(1, keepdim=True), block.real).to(dv.dtype)
            if block.prefix:
                flat = [x[:, :, rest].flatten(1, 2)[:, None] for x in (g4, q4, out, lse)]
                a, b, c = _backward(
                    flat[0], flat[1], k4[:, :, shared], v4[:, :, shared], flat[2], flat[3], False, scale
                )
                own_q = own_q + a.view(own_q.shape)
                dk[:, :, shared] += b
                dv[:, :, shared] += c
            dq[:, :, rest] = own_q.to(dq.dtype)
        return dq.flatten(0, 1)[None], dk[:, 0][None], dv[:, 0][None], None, None


def _shared(x: torch.Tensor, share: int) -> torch.Tensor:
    """Show each of the K key heads to its `share` query heads: a view."""
    return x.expand(-1, share, -1, -1)


def attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    layout: tuple[Block, ...] = (),
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The signature that transformers calls; `layout` comes through the model's keyword arguments."""
    out = applied(PackedAttention, query, key, value, layout, scaling)
    return out.transpose(1, 2).contiguous(), None


def register() -> str:
    """Make the attention known to transformers; returns its name."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attention)
    return NAME
