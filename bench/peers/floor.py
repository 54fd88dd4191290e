"""Measure what no program can go below: the weights read once a sampled token, the prompt at llama.cpp's best rate.

A token that is sampled needs every weight once, so its least time is the model's bytes over the memory's bandwidth. A
prompt is read in large batches, bound by arithmetic: its rate is what `llama_decode` reaches on a full batch here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sqlagent.base.cpu_threads import physical_cores
from sqlagent.store.adapters import Files

SIZE = 256 << 20
"""Bytes of the block that each thread reads: larger than any cache."""
ROUNDS = 4
BATCH = 512
"""Tokens of a full batch, where the context takes as many."""


@dataclass(frozen=True)
class Floor:
    """`token`: seconds of a sampled token at the least; `prompt`: seconds of a prompt's token at the least."""

    token: float
    prompt: float

    def of(self, read: int, written: int) -> float:
        """Seconds at the least of so many tokens read and so many sampled."""
        return read * self.prompt + written * self.token


def measured(files: Files, threads: int | None = None) -> Floor:
    """The floor of this machine for these files; takes some seconds."""
    cores = threads or physical_cores()
    size = files.model.stat().st_size + (files.adapter.stat().st_size if files.adapter else 0)
    return Floor(size / bandwidth(cores), prompt_seconds(files, cores))


def bandwidth(threads: int) -> float:
    """Bytes a second that so many threads read from memory together, the best of some rounds."""
    blocks = [np.ones(SIZE // 8) for _ in range(threads)]
    return max(_read(blocks) for _ in range(ROUNDS))


def _read(blocks: list[np.ndarray]) -> float:
    def total(block: np.ndarray) -> Callable[[], object]:
        return lambda: np.add.reduce(block)  # numpy lets other threads run meanwhile

    runs = [threading.Thread(target=total(block)) for block in blocks]
    began = time.perf_counter()
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    return sum(block.nbytes for block in blocks) / (time.perf_counter() - began)


def prompt_seconds(files: Files, threads: int) -> float:
    """Seconds a token of a full batch, the best of some; without an adapter, which costs extra."""
    from sqlagent.llama.context import Llama

    llama = Llama(files.model, n_ctx=2 * BATCH, n_seq=1, threads=threads)
    try:
        best, batch = float("inf"), min(BATCH, llama.n_batch)
        for _ in range(ROUNDS):
            llama.clear()
            began = time.perf_counter()
            llama.decode([(token, token, 0, token == batch - 1) for token in range(batch)])
            best = min(best, time.perf_counter() - began)
        return best / batch
    finally:
        llama.close()
