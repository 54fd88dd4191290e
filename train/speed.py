"""`python -m train speed`: questions and tokens a second with and without shared-prefix packing, and in the way that
runs on this device take: fused, on a GPU many sequences side by side.

    python -m train speed --recipe R --prepared FILE.npz --questions-per-schema 10 --max-minutes 1

The ways take turns in one process over the same questions, so that a machine that is busy slows all alike.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from train import device, fused, memory, qlora
from train.config import Config
from train.device import Way
from train.engine import settled
from train.objective import forward
from train.packing import Group, fill, pack, split_group
from train.plan import forwards, make_plan
from train.prepared import Prepared


@dataclass(slots=True)
class Pace:
    """What was done in how much time."""

    seconds: float = 0.0
    cpu: float = 0.0
    tokens: int = 0
    questions: int = 0
    sequences: int = 0

    @property
    def rate(self) -> float:
        """Questions a second."""
        return self.questions / self.seconds

    def line(self, name: str) -> str:
        """One row of the report."""
        return (
            f"{name:10} {self.tokens / self.seconds:8.0f} tokens/s {self.rate:8.2f} questions/s "
            f"{self.questions / self.cpu:8.2f} questions a CPU second "
            f"({self.questions} questions in {self.seconds:.0f} s)"
        )


def run(config: Config, data: Prepared) -> str:
    """Measure the ways for `config.max_minutes` (default half a minute) together; returns the report."""
    import contextlib

    import torch

    if config.threads:
        torch.set_num_threads(config.threads)
    found = device.here()
    numbers = qlora.numbers(config.precision, found.kind)
    source = qlora.resolve(config.model_name)
    base = qlora.load_base(source, numbers=numbers, quantization=config.quantization, device=found.kind)
    plan = make_plan(config, data)
    best = settled(base, config, plan, numbers.weights, found, print)
    model = qlora.add_adapter(base, config).train()
    mode = torch.autocast(found.kind, numbers.autocast) if numbers.autocast else contextlib.nullcontext()
    plain = dataclasses.replace(best, attention="sdpa", fused=False, gates="plain", forward_tokens=0)
    if best.attention == "packed":
        memory.keep()

    def train_on(sequence: list[Group], pace: Pace, way: Way) -> None:
        undo = fused.fuse(model, way)
        started, cpu = time.monotonic(), time.process_time()
        packed = pack(sequence)
        with mode:
            loss = forward(model, packed, found.kind).nll
        loss.backward()
        if found.kind == "cuda":
            torch.cuda.synchronize()
        pace.seconds += time.monotonic() - started
        pace.cpu += time.process_time() - cpu
        pace.tokens += len(packed)
        pace.questions += packed.questions
        pace.sequences += 1
        undo()

    full = config.questions_per_schema
    groups = [g for g in data.epoch(0, random.Random(config.seed)) if len(g.items) >= full]
    kinds = {"unpacked": (1, plain), "packed": (full, plain)}
    if best != dataclasses.replace(plain, log_steps=best.log_steps):
        kinds["fused"] = (full, best)
    ways = {
        name: (_sequences(groups, questions, config, way.forward_tokens), Pace(), way)
        for name, (questions, way) in kinds.items()
    }
    for sequences, _, way in ways.values():
        train_on(next(sequences), Pace(), way)  # warm up
    budget = 60 * (config.max_minutes or 0.5)
    started = time.monotonic()
    while time.monotonic() - started < budget:
        for sequences, pace, way in ways.values():
            train_on(next(sequences), pace, way)
    paces = {name: pace for name, (_, pace, _) in ways.items()}
    named = source.rsplit("/", 1)[-1]
    lines = [
        f"{full} questions a schema, {named}, {numbers.mixed_precision}, {found.kind}; fused: {best.told()}"
    ]
    lines += [pace.line(name) for name, pace in paces.items()]
    slowest = paces["unpacked"].rate
    lines += [
        f"{pace.rate / slowest:.1f} times as many questions a second: {name}"
        for name, pace in paces.items()
        if name != "unpacked"
    ]
    return "\n".join(lines)


def _sequences(groups: list[Group], questions: int, config: Config, tokens: int) -> Iterator[list[Group]]:
    """Sequences without end, every database in turn; `tokens` of them in a forward (0: one)."""
    rng: Any = random.Random(config.seed)
    while True:
        pieces: list[Group] = []
        for group in groups:
            # Only full pieces: the figure is for exactly this many questions a schema.
            made, _ = split_group(group, questions=questions, max_length=config.max_length)
            pieces += [piece for piece in made if len(piece.items) == questions]
        rng.shuffle(pieces)
        # Filled with several pieces where they fit: the unpacked way gets sequences of the same length.
        bins = fill(pieces, config.max_length)
        rng.shuffle(bins)
        yield from forwards(bins, tokens)
