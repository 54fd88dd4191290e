"""`python -m train speed`: questions and tokens a second with and without shared-prefix packing, and with the
fused step where it fits.

    python -m train speed --recipe R --prepared FILE.npz --questions-per-schema 10 --max-minutes 1

The ways take turns in one process over the same questions, so that a machine that is busy slows all alike.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from train import fused, memory, qlora
from train.config import Config
from train.objective import forward
from train.packing import Group, fill, pack, split_group
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
    """Measure both ways for `config.max_minutes` (default half a minute) together; returns the report."""
    import contextlib

    import torch

    if config.threads:
        torch.set_num_threads(config.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    numbers = qlora.numbers(config.precision, device)
    source = qlora.resolve(config.model_name)
    base = qlora.load_base(source, numbers=numbers, quantization=config.quantization, device=device)
    model = qlora.add_adapter(base, config).train()
    mode = torch.autocast(device, numbers.autocast) if numbers.autocast else contextlib.nullcontext()
    fits = fused.fits(model, config, device)
    if fits:
        memory.keep()

    def train_on(sequence: list[Group], pace: Pace, fuse: bool) -> None:
        undo = fused.fuse(model) if fuse else None
        started, cpu = time.monotonic(), time.process_time()
        packed = pack(sequence)
        with mode:
            loss = forward(model, packed, device).nll
        loss.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        pace.seconds += time.monotonic() - started
        pace.cpu += time.process_time() - cpu
        pace.tokens += len(packed)
        pace.questions += packed.questions
        pace.sequences += 1
        if undo is not None:
            undo()

    full = config.questions_per_schema
    groups = [g for g in data.epoch(0, random.Random(config.seed)) if len(g.items) >= full]
    ways: dict[str, tuple[Iterator[list[Group]], Pace]] = {
        name: (_sequences(groups, questions, config), Pace())
        for name, questions in {"unpacked": 1, "packed": full, "fused": full}.items()
        if fits or name != "fused"
    }
    for name, (sequences, _) in ways.items():
        train_on(next(sequences), Pace(), name == "fused")  # warm up
    budget = 60 * (config.max_minutes or 0.5)
    started = time.monotonic()
    while time.monotonic() - started < budget:
        for name, (sequences, pace) in ways.items():
            train_on(next(sequences), pace, name == "fused")
    paces = {name: pace for name, (_, pace) in ways.items()}
    lines = [f"{full} questions a schema, {source.rsplit('/', 1)[-1]}, {numbers.mixed_precision}, {device}"]
    lines += [pace.line(name) for name, pace in paces.items()]
    plain = paces["unpacked"].rate
    lines += [
        f"{pace.rate / plain:.1f} times as many questions a second: {name}"
        for name, pace in paces.items()
        if name != "unpacked"
    ]
    return "\n".join(lines)


def _sequences(groups: list[Group], questions: int, config: Config) -> Iterator[list[Group]]:
    """Sequences without end, every database in turn."""
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
        yield from bins
