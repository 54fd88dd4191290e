"""Make optimiser steps on the device there is: load, choose a way, go forward and back, update.

Invariant: between two looks at the loss nothing waits for the device, and whatever way was chosen gives the plain
step's loss and gradients to rounding (`tests/test_train_card.py`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import UsageError
from train import block_attention, checkpoint, device, estimate, fused, memory, origin, qlora
from train.config import Config
from train.device import Device, Shape, Way
from train.errors import OutOfMemory
from train.objective import forward
from train.packing import Group, Packed, pack
from train.plan import Plan, Step, forwards

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Made:
    """What a step came to, still on the device: reading it waits for all that was asked of the device before."""

    loss: torch.Tensor  # summed over the targets of all processes, float32
    norm: torch.Tensor  # of the gradient before clipping
    targets: int


class Engine:
    """The model with its adapter and its optimiser, spread over the processes there are."""

    def __init__(self, config: Config, plan: Plan) -> None:
        import torch
        from accelerate import Accelerator
        from accelerate.utils import DistributedType, set_seed

        if config.threads:
            torch.set_num_threads(config.threads)
        self.config = config
        found = device.here()
        self.numbers = qlora.numbers(config.precision, found.kind)
        self.accelerator = Accelerator(cpu=found.kind == "cpu", mixed_precision=self.numbers.mixed_precision)
        self.first = self.accelerator.is_main_process
        # Under FSDP every process holds a part of the optimiser's state: checkpoints leave it out, and a
        # resumed run starts it afresh. Everything else resumes exactly.
        self.sharded = self.accelerator.distributed_type == DistributedType.FSDP
        source = qlora.resolve(config.model_name)
        self.base_name = origin.of(source).called(source)
        set_seed(config.seed)
        base = qlora.load_base(
            source, numbers=self.numbers, quantization=config.quantization, device=found.kind
        )
        self.way = settled(base, config, plan, self.numbers.weights, found, self._say)
        self.tuned = qlora.add_adapter(base, config)
        if self.sharded:
            self.way = dataclasses.replace(
                self.way,
                fused=False,
                gates="plain",
                attention="sdpa",
                fused_optimizer=False,
                forward_tokens=0,
            )
        self._undo: Callable[[], None] | None = None
        self.fuse()
        if self.way.attention == "packed":
            memory.keep()
        if config.compile:
            fused.compile_layers(self.tuned)
        if found.kind == "cuda":
            self._say(self.way.told())
        optimizer = torch.optim.AdamW(
            [p for p in self.tuned.parameters() if p.requires_grad],
            lr=config.lr,
            betas=(0.9, config.beta2),
            weight_decay=config.weight_decay,
            # A scaler (fp16) must see the step skipped, which a fused optimiser does within itself.
            **{"fused" if self.way.fused_optimizer and self.accelerator.scaler is None else "foreach": True},
        )
        self.model, self.optimizer = self.accelerator.prepare(self.tuned, optimizer)
        self._trainable = [p for p in self.model.parameters() if p.requires_grad]
        # Dropout differs between processes on purpose; the data order does not.
        torch.manual_seed(config.seed * 1000 + self.accelerator.process_index)

    def _say(self, text: str) -> None:
        if self.first:
            print(text, file=sys.stderr)

    # -- the model's two forms ----------------------------------------------------------------------

    def fuse(self) -> None:
        """Let the model make steps in the chosen way."""
        if self._undo is None:
            self._undo = fused.fuse(self.tuned, self.way)

    @contextlib.contextmanager
    def plain(self) -> Iterator[Any]:
        """The model as transformers has it, for generation, in evaluation mode; afterwards as it was."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()
        self.tuned.eval()
        try:
            yield self.tuned
        finally:
            self.fuse()

    # -- one step -----------------------------------------------------------------------------------

    def forwards(self, sequences: Step) -> Step:
        """The sequences as they go forward: several side by side, but some for each process."""
        tokens, world = self.way.forward_tokens, self.accelerator.num_processes
        if tokens and world > 1:
            total = sum(len(group) for sequence in sequences for group in sequence)
            tokens = min(tokens, max(self.config.max_length, math.ceil(total / world)))
        return forwards(sequences, tokens)

    def share(self, sequences: Step) -> Iterator[tuple[list[Group], float, bool]]:
        """This process's sequences of a step: (sequence, weight, is the last). Weight 0 keeps processes in
        step.
        """
        world, rank = self.accelerator.num_processes, self.accelerator.process_index
        rounds = math.ceil(len(sequences) / world)
        for number in range(rounds):
            index = number * world + rank
            real = index < len(sequences)
            yield sequences[index if real else 0], float(real), number == rounds - 1

    def gradients(self, sequences: Step, stop: Callable[[], bool]) -> Made | None:
        """Gradients of a step, clipped; None where `stop` says so meanwhile, and then there are none.

        On a CPU a step takes minutes, and a scheduler kills after half of one. The step is given up as though it had
        not begun, so that a resumed run makes it again.
        """
        import torch

        targets = sum(len(item.target) for seq in sequences for group in seq for item in group.items)
        total = torch.zeros((), device=self.accelerator.device)
        alone = self.accelerator.num_processes == 1
        drawn = checkpoint.rng_state() if alone else {}
        self.model.train()
        for sequence, weight, last in self.share(self.forwards(sequences)):
            sync = contextlib.nullcontext() if last else self.accelerator.no_sync(self.model)
            with sync:
                nll = forward(self.model, pack(sequence), self.accelerator.device).nll * weight
                # DDP averages gradients over processes; the step's loss is a sum over all of them.
                self.accelerator.backward(nll * (self.accelerator.num_processes / targets))
            total += nll.detach()
            if alone and not last and stop():
                self.optimizer.zero_grad(set_to_none=True)
                checkpoint.set_rng_state(drawn)
                return None
        norm = self.accelerator.clip_grad_norm_(self._trainable, self.config.max_grad_norm)
        return Made(self.accelerator.reduce(total, "sum"), torch.as_tensor(norm), targets)

    def update(self, lr: float) -> None:
        """Take the step that the gradients say."""
        for setting in self.optimizer.param_groups:
            setting["lr"] = lr
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.way.attention == "packed":
            memory.trim()

    @property
    def skipped(self) -> bool:
        """Whether fp16 left the last step out, because a gradient overflowed."""
        return self.accelerator.scaler is not None and bool(self.optimizer.step_was_skipped)

    def agree(self, *flags: bool) -> tuple[bool, ...]:
        """The first process's clock decides for all."""
        if self.accelerator.num_processes == 1:
            return flags
        import torch
        from accelerate.utils import broadcast

        return tuple(bool(x) for x in broadcast(torch.tensor(flags, device=self.accelerator.device).int()))

    # -- what is kept -------------------------------------------------------------------------------

    def adapter_state(self) -> dict[str, Any]:
        """The adapter's tensors; all processes ask together."""
        return qlora.adapter_state(self.tuned)

    def optimizer_state(self) -> dict[str, Any] | None:
        """What the optimiser remembers; None where it is spread over the processes."""
        return None if self.sharded else self.optimizer.state_dict()


def _shape(base: Any, config: Config, plan: Plan, dtype: Any, found: Device) -> Shape:
    """The shape of a model, with what a token of this run costs where that decides something."""
    bits = 8 * dtype.itemsize
    if found.kind == "cpu" or config.forward_tokens:
        return device.shape_of(base.config, bits=bits)
    packed = pack(estimate.worst(plan))
    sizes = estimate.counted(base.config, config, packed, dtype)
    return estimate.shape(base.config, config, sizes, packed, width=dtype.itemsize)


def _probe(base: Any, dtype: Any) -> Callable[[str], str]:
    """Whether a kind of attention gives on this device what dense attention gives: see `block_attention.agrees`."""
    held = base.config
    width = getattr(held, "head_dim", None) or held.hidden_size // held.num_attention_heads
    heads = (held.num_attention_heads, held.num_key_value_heads, int(width))
    return lambda kind: block_attention.agrees(kind, small(), base.device, dtype, heads)


def small() -> Packed:
    """A sequence with all that a layout can hold: shared prefixes, a lone question, one without a prefix."""
    import numpy as np

    from train.packing import Item

    def some(count: int) -> Any:
        return np.ones(count, np.int32)

    def group(prefix: int, *lengths: int) -> Group:
        return Group(some(prefix), tuple(Item(some(n - n // 2), some(n // 2)) for n in lengths))

    return pack([group(150, 9, 70, 31), group(40, 25), group(0, 12, 18)])


def settled(
    base: Any, config: Config, plan: Plan, dtype: Any, found: Device, say: Callable[[str], None]
) -> Way:
    """The way of a base model's steps on a device. Raises UsageError."""
    shape = _shape(base, config, plan, dtype, found)
    return tried(found, config, shape, _probe(base, dtype), say)


def tried(
    found: Device, config: Config, shape: Shape, probe: Callable[[str], str], say: Callable[[str], None]
) -> Way:
    """The way of a device whose kernels are tried before they are believed. Raises UsageError."""
    while True:
        way = device.choose(found, config, shape)
        if way.attention not in ("flash", "flex") or not (why := probe(way.attention)):
            return way
        if config.attention != "auto":
            raise UsageError(f"--attention {way.attention} {why}: use --attention auto.")
        say(f"{way.attention} attention {why}: going on without it")
        flash = way.attention == "flash"
        found = dataclasses.replace(found, flash="") if flash else dataclasses.replace(found, flex=False)


@contextlib.contextmanager
def memory_hint(config: Config, forward_tokens: int = 0) -> Iterator[None]:
    """Turn running out of memory into a sentence: what to lower."""
    import torch

    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        if (
            isinstance(error, RuntimeError)
            and "out of memory" not in text
            and "can't allocate memory" not in text
        ):
            raise
        first = f"--forward-tokens (now {forward_tokens})" if forward_tokens else ""
        lower: Sequence[str] = [
            *filter(None, (first,)),
            f"--max-length (now {config.max_length})",
            f"--lora-r (now {config.lora_r})",
        ]
        extra = "" if config.gradient_checkpointing else " or use --gradient-checkpointing"
        raise OutOfMemory(f"Out of memory: lower {', '.join(lower[:-1])} or {lower[-1]}{extra}.") from error
