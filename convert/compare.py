"""How far other GGUFs are from a reference: KL, top-1 agreement, perplexity on SQL, size and speed.

Invariant: every model sees the same tokens, and only positions that predict a statement's tokens count.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.samples import Sample, bar, total
from sqlagent.errors import ModelError

Matrix = NDArray[np.float32]
GENERATED = 32
"""Tokens generated after each sample's prompt to time generation."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model against the reference. kl in nats, agreement as a share, speeds in tokens a second."""

    name: str
    mb: float
    positions: int
    kl_mean: float
    kl_p99: float
    top1: float
    perplexity: float
    prompt_speed: float
    generation_speed: float


class Runner:
    """A model that gives logits for the statement of a sample, and measures its own speed."""

    def __init__(self, path: Path, samples: Sequence[Sample], threads: int | None) -> None:
        from sqlagent.llama import Llama

        self.path = path
        n_ctx = max(len(sample.ids) for sample in samples) + GENERATED
        self.llama = Llama(path, n_ctx=n_ctx, n_seq=1, threads=threads)
        self.prompt = self.generation = 0.0  # seconds
        self.prompt_tokens = self.generated = 0

    def logits(self, sample: Sample) -> Matrix:
        """(answer tokens, vocabulary) float32: row i predicts `ids[answer + i]`. Raises ModelError."""
        llama, ids = self.llama, sample.ids
        llama.clear()
        found: list[Any] = []
        began = time.perf_counter()
        for start in range(0, len(ids) - 1, llama.n_batch):
            stop = min(start + llama.n_batch, len(ids) - 1)
            wanted = [place >= sample.answer - 1 for place in range(start, stop)]
            rows = [(ids[p], p, 0, want) for p, want in zip(range(start, stop), wanted, strict=True)]
            if not llama.decode(rows):
                raise ModelError(f"{self.path.name} has no room for a prompt of {len(ids)} tokens.")
            found += [llama.logits(i).copy() for i, want in enumerate(wanted) if want]
        self.prompt += time.perf_counter() - began
        self.prompt_tokens += len(ids) - 1
        return np.stack(found)

    def generate(self, sample: Sample) -> None:
        """Continue a sample greedily, to time it. `logits` must have been called on it just before."""
        llama, at = self.llama, len(sample.ids) - 1
        began = time.perf_counter()
        token = sample.ids[-1]
        for place in range(at, min(at + GENERATED, llama.n_ctx)):
            llama.decode([(token, place, 0, True)])
            token = int(llama.logits(0).argmax())
            self.generated += 1
        self.generation += time.perf_counter() - began

    def close(self) -> None:
        """Free the model."""
        self.llama.close()


def compare(
    reference: Path,
    models: Sequence[Path],
    samples: Sequence[Sample],
    *,
    threads: int | None = None,
    quiet: bool = False,
) -> list[Row]:
    """A row for the reference and each model, in that order. Raises ModelError when vocabularies differ."""
    rows: list[Row] = []
    width = 0
    with tempfile.TemporaryFile() as spool:  # the reference's logits; a gigabyte for Qwen and 50 samples
        for number, path in enumerate([reference, *models]):
            runner = Runner(path, samples, threads)
            counter = bar(path.name, total(samples), quiet=quiet)
            tallies = []
            offset = 0
            try:
                width = width or runner.llama.n_vocab
                if runner.llama.n_vocab != width:
                    raise ModelError(f"{path.name} has another vocabulary than {reference.name}.")
                for sample in samples:
                    mine = runner.logits(sample)
                    if number == 0:
                        spool.write(mine.tobytes())
                    spool.seek(offset)
                    wanted = np.frombuffer(spool.read(mine.nbytes), np.float32).reshape(mine.shape)
                    offset += mine.nbytes
                    tallies.append(tally(wanted, mine, sample.ids[sample.answer :]))
                    runner.generate(sample)
                    counter.update(len(sample.ids))
            finally:
                counter.close()
                runner.close()
            rows.append(_row(path, runner, tallies))
    return rows


def _row(path: Path, runner: Runner, tallies: Sequence[tuple[Any, Any, Any]]) -> Row:
    kl, same, loss = (np.concatenate(parts) for parts in zip(*tallies, strict=True))
    return Row(
        name=path.stem,
        mb=path.stat().st_size / 1e6,
        positions=kl.size,
        kl_mean=float(kl.mean()),
        kl_p99=float(np.percentile(kl, 99)),
        top1=float(same.mean()),
        perplexity=float(np.exp(loss.mean())),
        prompt_speed=runner.prompt_tokens / max(runner.prompt, 1e-9),
        generation_speed=runner.generated / max(runner.generation, 1e-9),
    )


def tally(reference: Matrix, other: Matrix, targets: Sequence[int]) -> tuple[Any, Any, Any]:
    """Per position: KL(reference ‖ other) in nats, whether the best token agrees, and the target's loss."""
    p, q = log_softmax(reference), log_softmax(other)
    kl = np.maximum((np.exp(p) * (p - q)).sum(axis=1), 0.0)
    loss = -q[np.arange(len(targets)), list(targets)]
    return kl, p.argmax(axis=1) == q.argmax(axis=1), loss


def log_softmax(logits: Matrix) -> NDArray[np.float64]:
    """Log probabilities along the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # type: ignore[no-any-return]


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table."""
    lines = [
        "| model | MB | KL mean | KL p99 | top-1 | perplexity on SQL | prompt t/s | generation t/s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.name} | {row.mb:.0f} | {row.kl_mean:.2e} | {row.kl_p99:.2e} | {100 * row.top1:.2f} % "
        f"| {row.perplexity:.3f} | {row.prompt_speed:.0f} | {row.generation_speed:.1f} |"
        for row in rows
    ]
    return "\n".join([*lines, "", f"{rows[0].positions} positions." if rows else ""]).rstrip()
