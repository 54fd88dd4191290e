"""A training step with fewer passes over memory: the same mathematics.

Invariant: loss and gradients equal the plain model's to rounding (`tests/test_train_fused.py`), and the model
keeps its names and shapes: adapters, checkpoints and DDP do not see the difference. On a CPU with bf16 tiles
(AMX) a matrix product is so quick that casts, masks and an L x vocabulary loss take most of a plain step; on a GPU
peft's LoRA alone is five kernels and two casts a layer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from train import attention, block_attention

if TYPE_CHECKING:
    from train.device import Way

MULTIPLE = 128
"""Tokens: sequences are filled up to a multiple of this."""


class Lora(torch.autograd.Function):
    """x W^T + bias + s (x A^T) B^T in x's own number format, one pass over the result for each product.

    x: [..., k]; W: [n, k], frozen; A: [r, k] and B: [n, r] in float32, whose gradients come in float32."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        """See the class."""
        flat = x.flatten(0, -2)
        small_a, small_b = a.to(x.dtype), (b * scale).to(x.dtype)
        low = flat @ small_a.t()
        y = flat @ weight.t() if bias is None else torch.addmm(bias, flat, weight.t())
        y.addmm_(low, small_b.t())
        ctx.save_for_backward(flat, weight, small_a, small_b, low)
        ctx.scale, ctx.shape = scale, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Gradients for x, A and B."""
        flat, weight, small_a, small_b, low = ctx.saved_tensors
        grad = grads[0].flatten(0, -2)
        down = grad @ small_b
        dx = None
        if ctx.needs_input_grad[0]:
            dx = grad @ weight
            dx.addmm_(down, small_a)
            dx = dx.view(ctx.shape)
        db = (grad.t() @ low).float().mul_(ctx.scale)
        return dx, None, None, (down.t() @ flat).float(), db, None


class Loss(torch.autograd.Function):
    """Summed negative log-likelihood of labels under softmax(h W^T), W frozen, a few rows at a time.

    h: [M, d]; W: [vocabulary, d]; labels: int64 [M]. The gradient is made with the loss, so that no
    M x vocabulary array is ever held (as in Liger, arXiv 2410.10989)."""

    ROWS = 512  # of one product: each reads, and repacks, all of W
    PART = 16  # rows in float32 at a time: they stay in the cache
    ROWS_ON_GPU = 2048  # of both there: few kernels, and 2 GB at a vocabulary of 152,000

    @staticmethod
    def forward(ctx: Any, h: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """See the class."""
        total = torch.zeros((), device=h.device)
        made = torch.empty_like(h)
        gpu = h.device.type == "cuda"
        step, size = (Loss.ROWS_ON_GPU, Loss.ROWS_ON_GPU) if gpu else (Loss.ROWS, Loss.PART)
        for first in range(0, len(h), step):
            rows = slice(first, first + step)
            logits = h[rows] @ weight.t()
            for part, right in zip(logits.split(size), labels[rows, None].split(size), strict=True):
                exact = part.float()
                found = exact.gather(1, right)
                top = exact.amax(1, keepdim=True)
                exact.sub_(top).exp_()
                sums = exact.sum(1, keepdim=True)
                total += (sums.log() + top - found).sum()
                exact.div_(sums).scatter_add_(1, right, torch.full_like(found, -1.0))
                part.copy_(exact)
            made[rows] = logits @ weight
        ctx.save_for_backward(made)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Gradient for h."""
        (made,) = ctx.saved_tensors
        return made * grads[0].to(made.dtype), None, None


class Gate(torch.autograd.Function):
    """silu(g) u, keeping g and u only."""

    @staticmethod
    def forward(ctx: Any, g: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        """See the class."""
        ctx.save_for_backward(g, u)
        return torch.nn.functional.silu(g).mul_(u)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Gradients for g and u."""
        g, u = ctx.saved_tensors
        opened = torch.nn.functional.silu(g).mul_(grads[0])
        return torch.ops.aten.silu_backward(grads[0] * u, g), opened


class Norm(torch.autograd.Function):
    """RMSNorm with a frozen weight: x / sqrt(mean(x^2) + eps) * w, inside in float32."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        """See the class."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        inverse = (length.square_().div_(x.shape[-1]).add_(eps)).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        out: torch.Tensor = (x * inverse).to(x.dtype).mul_(weight)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        """Gradient for x."""
        x, weight, inverse = ctx.saved_tensors
        grad = grads[0] * weight
        shift = (grad * x).sum(-1, keepdim=True, dtype=torch.float32).mul_(inverse.pow(3) / -x.shape[-1])
        return torch.addcmul(grad * inverse, x, shift).to(x.dtype), None, None


KINDS = {attention.NAME: "packed", block_attention.FLASH: "flash", block_attention.FLEX: "flex"}
"""Kinds of attention by their names in transformers' registry; any other is a mask of all pairs."""


def fuse(tuned: Any, way: Way) -> Callable[[], None]:
    """Change a peft model in place; `objective.forward` does the rest. Returns what undoes it (not Liger's part)."""
    from peft.tuners.lora import Linear

    base = tuned.get_base_model()
    changed = []
    module: Any  # its method is replaced
    for module in base.modules():
        kind, is_lora = type(module).__name__, isinstance(module, Linear)
        if is_lora and way.fused:
            module.forward = _lora(module)
        elif kind.endswith("RMSNorm") and way.gates == "ours":
            module.forward = _norm(module)
        elif kind.endswith("MLP") and way.gates == "ours":
            module.forward = _mlp(module)
        else:
            continue
        changed.append(module)
    before, last = base.config._attn_implementation, base.lm_head
    attention.register()
    block_attention.register()
    base.config._attn_implementation = {kind: name for name, kind in KINDS.items()}.get(way.attention, "sdpa")
    if way.fused:
        base.fused_head = (last.weight,)  # in a tuple: not a parameter a second time
        base.lm_head = torch.nn.Identity()
    if way.gates == "liger":
        _liger(base)

    def undo() -> None:
        for module in changed:
            del module.forward
        base.config._attn_implementation = before
        if way.fused:
            base.lm_head = last
            del base.fused_head

    return undo


def compile_layers(tuned: Any, backend: str = "inductor") -> None:
    """Compile every decoder layer in place, for any length."""
    for layer in tuned.get_base_model().model.layers:
        layer.compile(dynamic=True, backend=backend)


def _liger(base: Any) -> None:
    """Liger's kernels for norm, gate and rotation (github.com/linkedin/Liger-Kernel); the loss stays ours."""
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    _apply_liger_kernel_to_instance(base, cross_entropy=False, fused_linear_cross_entropy=False)


def attention_of(model: Any) -> str:
    """The kind of attention of a model, wrapped or not: packed, flash, flex or sdpa."""
    return KINDS.get(_base(model).config._attn_implementation, "sdpa")


def _base(model: Any) -> Any:
    inner = getattr(model, "module", model)
    return inner.get_base_model() if hasattr(inner, "get_base_model") else inner


def head(model: Any) -> torch.Tensor | None:
    """The output head [vocabulary, d] of a fused model, wrapped or not; None for a plain one."""
    kept = getattr(_base(model), "fused_head", None)
    return kept[0] if kept else None


def _lora(layer: Any) -> Any:
    plain = layer.base_layer
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    scale = float(layer.scaling["default"])
    return lambda x: attention.applied(Lora, x, plain.weight, plain.bias, a, b, scale)


def _norm(layer: Any) -> Any:
    return lambda x: attention.applied(Norm, x, layer.weight, layer.variance_epsilon)


def _mlp(layer: Any) -> Any:
    return lambda x: layer.down_proj(attention.applied(Gate, layer.gate_proj(x), layer.up_proj(x)))
