"""Say what memory a run will need before anything is loaded: `python -m train --recipe R --prepared FILE --dry-run`.

The model is built without its weights (torch's meta device) with one and with two layers, the longest sequence of the
run goes forward through both, and what autograd keeps for the way back is counted: it grows by a layer. Invariant: no
weight is read and no GPU is needed. Sizes are bytes; what the allocator and CUDA take for themselves is a flat sum.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import ModelError
from train import device, qlora
from train.config import Config
from train.device import Device, Shape
from train.packing import Group, Packed, pack

if TYPE_CHECKING:
    from train.plan import Plan
    from train.prepared import Prepared

NF4_BITS = 4 + 8 / 64 + 32 / (64 * 256)
"""Bits of a weight: its own, a byte for each 64 of them, and four bytes for each 256 of those (double quantisation)."""
CUDA = 700e6
"""What CUDA's context, cuBLAS' workspaces and the allocator's gaps take, about."""
OPTIMISER = 8
"""Bytes a trained value: AdamW's two moments in float32."""
ANSWER = 192
"""Tokens that `train evaluate` generates at most."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What lies in memory at the worst moment of a step, in bytes."""

    weights: float
    adapter: float  # its values and their gradients, in float32
    optimiser: float
    activations: float
    logits: float
    buffers: float  # a layer's weights as they are multiplied, where they are kept smaller
    other: float

    @property
    def total(self) -> float:
        return float(sum(getattr(self, field.name) for field in dataclasses.fields(self)))


@dataclass(frozen=True, slots=True)
class Sizes:
    """A model's numbers, counted without its weights."""

    linear: int  # weights of linear layers but the head
    other: int  # embeddings, head, norms
    largest: int  # weights of the largest linear layer
    trained: int
    vocabulary: int
    width: int
    layers: int
    kept: float  # bytes for the way back through one layer, for `longest`
    around: float  # the same outside of the layers, without logits
    key_values: int  # of one token, over all layers


def worst(plan: Plan) -> list[Group]:
    """The sequence of the plan with the most tokens, and of those the most to learn."""
    sequences = (sequence for step in plan.steps for sequence in step)
    return max(sequences, key=lambda groups: (sum(map(len, groups)), sum(_targets(groups))))


def _targets(groups: Sequence[Group]) -> list[int]:
    return [len(item.target) for group in groups for item in group.items]


def training(config: Config, sizes: Sizes, packed: Packed, *, width: int, gpu: bool) -> Memory:
    """Memory of a training step on the longest sequence. width: bytes of a number in products."""
    nf4 = config.quantization == "nf4"
    if config.gradient_checkpointing:
        through = sizes.layers * len(packed) * sizes.width * width + sizes.kept
    else:
        through = sizes.layers * sizes.kept
    return Memory(
        weights=_weights(sizes, width, nf4=nf4),
        adapter=8.0 * sizes.trained,
        optimiser=float(OPTIMISER * sizes.trained),
        activations=through + sizes.around,
        logits=len(packed.labels)
        * sizes.vocabulary
        * (2.0 * width + 8),  # with their gradient; softmax in float32
        buffers=float(sizes.largest * width) if nf4 else 0.0,
        other=CUDA if gpu else 0.0,
    )


def evaluation(sizes: Sizes, longest: int, *, batch: int, width: int, nf4: bool, gpu: bool) -> Memory:
    """Memory of `train evaluate` on a batch of the longest prompts: keys and values in place of what goes back."""
    cached = batch * (longest + ANSWER) * sizes.key_values * width
    passing = batch * longest * sizes.width * width * 8.0  # a layer's hidden states while it is computed
    return Memory(
        _weights(sizes, width, nf4=nf4), 4.0 * sizes.trained, 0.0, cached + passing,
        float(batch * sizes.vocabulary * (width + 4)), float(sizes.largest * width) if nf4 else 0.0,
        CUDA if gpu else 0.0,
    )  # fmt: skip


def _weights(sizes: Sizes, width: int, *, nf4: bool) -> float:
    return sizes.linear * (NF4_BITS / 8 if nf4 else width) + sizes.other * width


def measure(source: str, config: Config, packed: Packed, dtype: Any) -> Sizes:
    """Count a model's numbers, and what a layer keeps of a sequence. Raises ModelError."""
    return counted(_configuration(source), config, packed, dtype)


def counted(whole: Any, config: Config, packed: Packed, dtype: Any) -> Sizes:
    """The same of a transformers configuration."""
    import torch

    one, two = (_kept(whole, config, packed, dtype, layers) for layers in (1, 2))
    with torch.device("meta"):
        tuned = _tuned(whole, config, dtype, whole.num_hidden_layers)
    linear = {
        id(module.weight): module.weight.numel()
        for name, module in tuned.named_modules()
        if isinstance(module, torch.nn.Linear) and "lora" not in name and not name.endswith("lm_head")
    }
    frozen = sum(p.numel() for p in tuned.parameters() if not p.requires_grad)
    head = getattr(whole, "head_dim", None) or whole.hidden_size // whole.num_attention_heads
    return Sizes(
        linear=sum(linear.values()),
        other=frozen - sum(linear.values()),
        largest=max(linear.values()),
        trained=sum(p.numel() for p in tuned.parameters() if p.requires_grad),
        vocabulary=whole.vocab_size,
        width=whole.hidden_size,
        layers=whole.num_hidden_layers,
        kept=two - one,
        around=max(0.0, 2 * one - two),
        key_values=2 * whole.num_hidden_layers * whole.num_key_value_heads * head,
    )


def shape(whole: Any, config: Config, sizes: Sizes, packed: Packed, *, width: int) -> Shape:
    """What the choice of a card's way needs to know of a model, from a step on one sequence."""
    step = training(config, sizes, packed, width=width, gpu=True)
    passing = step.activations + step.logits
    return device.shape_of(
        whole, bits=8 * width, weights=int(step.total - passing), token=int(passing / len(packed))
    )


def _configuration(source: str) -> Any:
    from transformers import AutoConfig

    path = Path(source)
    try:
        if source.endswith(".gguf"):
            return AutoConfig.from_pretrained(str(path.parent), gguf_file=path.name)
        return AutoConfig.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"Cannot read the configuration of {source}: {str(error).splitlines()[0]}"
        ) from error


def _tuned(whole: Any, config: Config, dtype: Any, layers: int) -> Any:
    """The model with its adapter, without weights."""
    import copy

    from transformers import AutoModelForCausalLM

    part = copy.deepcopy(whole)
    part.num_hidden_layers = layers
    if getattr(part, "layer_types", None):
        part.layer_types = part.layer_types[:layers]
    for name in ("quantization_config",):
        if hasattr(part, name):
            delattr(part, name)
    model = AutoModelForCausalLM.from_config(part, dtype=dtype, attn_implementation="sdpa")
    model.requires_grad_(False)
    plain = dataclasses.replace(config, init_adapter="", gradient_checkpointing=False)
    return qlora.add_adapter(model, plain)


def _kept(whole: Any, config: Config, packed: Packed, dtype: Any, layers: int) -> float:
    """Bytes that autograd keeps of a sequence through so many layers, without logits."""
    import torch

    with torch.device("meta"):
        tuned = _tuned(whole, config, dtype, layers).train()
        for parameter in tuned.parameters():
            parameter.data = parameter.data.to(dtype)  # products are in it, whatever an adapter is kept in
        own = {parameter.untyped_storage()._cdata for parameter in tuned.parameters()}
        seen: dict[int, torch.UntypedStorage] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                seen[storage._cdata] = storage
            return tensor

        ids = torch.zeros((1, len(packed)), dtype=torch.long)
        mask = torch.ones((1, 1, len(packed), len(packed)), dtype=torch.bool)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), _fused_attention():
            tuned.base_model.model.model(ids, position_ids=ids, attention_mask=mask, use_cache=False)
    return float(sum(storage.nbytes() for storage in seen.values()))


def _fused_attention() -> Any:
    """Attention that keeps what the fused kernels keep: its inputs, its result, a number a query."""
    from unittest import mock

    import torch

    class Kept(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(q)
            ctx.save_for_backward(q, k, v, out, torch.empty(q.shape[:-1], dtype=torch.float32))
            return out

        @staticmethod
        def backward(ctx: Any, *grads: torch.Tensor) -> Any:
            raise NotImplementedError("nothing goes back through an estimate")

    def attend(query: Any, key: Any, value: Any, **_: Any) -> torch.Tensor:
        result: torch.Tensor = Kept.apply(query, key, value)  # type: ignore[no-untyped-call]
        return result

    return mock.patch("torch.nn.functional.scaled_dot_product_attention", attend)


def describe(config: Config, data: Prepared, plan: Plan) -> str:
    """What a run is going to do and the memory that its steps need, as text. Raises ModelError and UsageError."""
    import torch

    gpu = torch.cuda.is_available()
    precision = config.precision
    if gpu or precision != "fp16":  # an estimate for a T4 may be made where there is none
        numbers = qlora.numbers(precision, "cuda" if gpu else "cpu")
        dtype = numbers.weights
    else:
        dtype = torch.float16
    width = dtype.itemsize
    packed = pack(worst(plan))
    sizes = measure(qlora.resolve(config.model_name), config, packed, dtype)
    on_gpu = gpu or precision == "fp16" or config.quantization == "nf4"
    step = training(config, sizes, packed, width=width, gpu=on_gpu)
    prompts = [
        len(data.prefixes[data.prefix_of[row]]) + len(item.request) for row, item in enumerate(data.items)
    ]
    judged = evaluation(
        sizes, max(prompts), batch=16, width=width, nf4=config.quantization == "nf4", gpu=on_gpu
    )
    questions = sum(len(group.items) for steps in plan.steps for sequence in steps for group in sequence)
    lines = [
        f"{len(data) - int(data.held_out.sum()):,} training rows, {int(data.held_out.sum()):,} held out; "
        f"{len(plan.steps):,} steps, {questions:,} questions; longest sequence {len(packed):,} tokens, "
        f"{len(packed.labels):,} of them learnt",
        f"{sizes.linear + sizes.other:,} weights, {sizes.trained:,} trained, in {str(dtype).removeprefix('torch.')}"
        + (", weights in NF4" if config.quantization == "nf4" else ""),
        "",
        "| GB                  | training step | train evaluate |",
        "|---------------------|--------------:|---------------:|",
    ]
    for field in dataclasses.fields(Memory):
        a, b = getattr(step, field.name), getattr(judged, field.name)
        lines.append(f"| {field.name:<19} | {a / 1e9:13.2f} | {b / 1e9:14.2f} |")
    lines.append(f"| {'together':<19} | {step.total / 1e9:13.2f} | {judged.total / 1e9:14.2f} |")
    if gpu:
        free = torch.cuda.get_device_properties(0).total_memory
        lines += ["", f"{torch.cuda.get_device_name()} has {free / 1e9:.1f} GB."]
        lines.append(in_way(device.here(), config, sizes, packed, width))
        if step.total > 0.95 * free:
            lines.append(
                "That is not enough: lower --max-length, or add --gradient-checkpointing or --quantization nf4."
            )
    return "\n".join(lines)


def in_way(found: Device, config: Config, sizes: Sizes, packed: Packed, width: int) -> str:
    """How a run would make its steps on a card, where the table is of one sequence. Raises UsageError, ModelError."""
    whole = _configuration(qlora.resolve(config.model_name))
    way = device.choose(found, config, shape(whole, config, sizes, packed, width=width))
    return f"A run takes {way.told()}; its activations fill {device.ROOM:.0%} of the rest at most."
