"""Choose how a training step is made on a device: `choose(here(), config, shape)`.

Invariant: the choice is a function of a description, so that what a card gets can be tested where there is none. Every
way gives the same loss and gradients to rounding; a way that was asked for by name and cannot be had is a UsageError.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import UsageError

if TYPE_CHECKING:
    from train.config import Config

FLASH = (8, 0)
"""Compute capability from which flash attention has kernels (Ampere)."""
ROOM = 0.6
"""Share of what the weights leave of a card that activations may fill: the estimate is of the plain step."""
MOST = 65_536
"""Tokens in a forward at most: by then a card is busy, and more is only memory."""
LOGGED = 10
"""Steps on a card between two looks at the loss, each of which waits for the card."""
FUSED = ("llama", "mistral", "qwen2", "qwen3")
"""Families whose norm and gate are written as `train.fused` has them."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a step runs on, and what is installed for it."""

    kind: str  # cpu or cuda
    capability: tuple[int, int] = (0, 0)
    memory: int = 0  # bytes of the card
    flash: str = ""  # where flash attention for sequences of unequal length is: torch, flash_attn, or nowhere
    flex: bool = False  # torch's flex_attention
    packed: bool = True  # the CPU's flash kernel, with its backward
    liger: bool = False  # the package liger_kernel


@dataclass(frozen=True, slots=True)
class Shape:
    """What the choice needs to know of a model."""

    family: str
    head: int  # width of an attention head
    bits: int = 16  # of the numbers in products
    weights: int = 0  # bytes in memory before a step
    token: int = 0  # bytes that a token of a plain step keeps for the way back


@dataclass(frozen=True, slots=True)
class Way:
    """How steps are made."""

    attention: str  # packed, flash, flex or sdpa
    fused: bool  # LoRA and loss in one pass each
    gates: str  # who does norms and gates: ours, liger or plain
    forward_tokens: int  # tokens in a forward; 0: one sequence
    log_steps: int  # steps between two looks at the loss
    fused_optimizer: bool

    def told(self) -> str:
        """The way in a few words."""
        several = f"up to {self.forward_tokens:,} tokens" if self.forward_tokens else "one sequence"
        joined = "fused LoRA and loss" if self.fused else "plain LoRA"
        return f"{self.attention} attention, {several} a forward, {joined}, {self.gates} norms and gates"


def here() -> Device:
    """The device that torch would train on."""
    import torch

    packed = hasattr(torch.ops.aten, "_scaled_dot_product_flash_attention_for_cpu_backward")
    flex = find_spec("torch.nn.attention.flex_attention") is not None
    if not torch.cuda.is_available():
        return Device("cpu", flex=flex, packed=packed)
    return Device(
        "cuda",
        capability=torch.cuda.get_device_capability(),
        memory=int(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory),
        flash=flash_source(),
        flex=flex,
        packed=packed,
        liger=find_spec("liger_kernel") is not None,
    )


def flash_source() -> str:
    """Where flash attention for sequences of unequal length is: torch, flash_attn, or nowhere ("")."""
    import inspect

    if find_spec("torch.nn.attention.varlen") is not None:
        from torch.nn.attention import varlen

        if {"window_size", "enable_gqa", "scale"} <= inspect.signature(varlen.varlen_attn).parameters.keys():
            return "torch"
    return "flash_attn" if find_spec("flash_attn") is not None else ""


def choose(device: Device, config: Config, shape: Shape) -> Way:
    """The quickest way that the device and the run allow. Raises UsageError."""
    card = device.kind == "cuda"
    plain = config.quantization == "none" and not (config.lora_dropout or config.use_dora)
    fused = plain and shape.family in FUSED and (card or device.packed)
    lacks = _lacks(device, shape, fused)
    if config.attention != "auto":
        if why := lacks[config.attention]:
            raise UsageError(f"--attention {config.attention} {why}: use --attention auto.")
        attention = config.attention
    else:
        attention = next(name for name, why in lacks.items() if not why)
    if attention in ("sdpa", "flex") and not card:
        fused = False  # the CPU's fused step is written around its own attention
    if config.liger and not (card and device.liger):
        raise UsageError("--liger needs a GPU and the package liger-kernel: pip install liger-kernel.")
    if config.compile and not card:
        raise UsageError("--compile needs a GPU: on a CPU the step is fused by hand. Leave it out.")
    gates = "liger" if config.liger else "ours" if fused and not config.compile else "plain"
    return Way(
        attention=attention,
        fused=fused,
        gates=gates,
        forward_tokens=_forward_tokens(device, config, shape, attention),
        log_steps=config.log_steps or (LOGGED if card else 1),
        fused_optimizer=card,
    )


def _lacks(device: Device, shape: Shape, fused: bool) -> dict[str, str]:
    """Why each kind of attention cannot be had, "" where it can; the best first."""
    card = device.kind == "cuda"
    return {
        "packed": "is for CPUs and what can be fused there" if card or not fused else "",
        "flash": (
            "needs a GPU of compute capability 8.0"
            if not card or device.capability < FLASH
            else "needs 16-bit numbers (--precision bf16)"
            if shape.bits != 16
            else "is not in this torch, nor is flash-attn installed"
            if not device.flash
            else f"has no kernel for heads of {shape.head}"
            if shape.head % 8 or shape.head > 256
            else ""
        ),
        # Uncompiled it holds every pair of tokens, as the mask does: on a CPU it is here for its equality alone.
        "flex": (
            "needs a GPU of compute capability 8.0"
            if not card or device.capability < FLASH
            else "is not in this torch"
            if not device.flex
            else f"has no kernel for heads of {shape.head}"
            if shape.head < 16 or shape.head & (shape.head - 1)
            else ""
        ),
        "sdpa": "",
    }


def _forward_tokens(device: Device, config: Config, shape: Shape, attention: str) -> int:
    """Tokens in a forward; 0 for one sequence, as it is best where a mask of all pairs is made, or in a CPU's cache."""
    if config.forward_tokens:
        return max(config.forward_tokens, config.max_length)
    if device.kind == "cpu" or attention == "sdpa" or not shape.token:
        return 0
    room = int(ROOM * max(0, device.memory - shape.weights) / shape.token)
    return max(config.max_length, min(room, MOST))


def shape_of(held: Any, *, bits: int, weights: int = 0, token: int = 0) -> Shape:
    """The shape of a model with this transformers configuration."""
    head = getattr(held, "head_dim", None) or held.hidden_size // held.num_attention_heads
    return Shape(held.model_type, int(head), bits, weights, token)
