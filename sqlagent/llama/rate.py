"""Measure how fast a model file runs here, with or without an adapter at load, in a few seconds.

What is measured is what a question is made of: tokens one at a time, several continuations in one batch, and a prompt.
"""

from __future__ import annotations

import time
from pathlib import Path

from sqlagent.llama.context import Llama

_MIX = ((1, 20, 6), (4, 20, 5), (64, 2, 2))
"""(tokens in a batch, batches of that size that a question usually takes, times each is tried)."""
_BEHIND = 64
"""Tokens that a batch looks back at."""


def question_seconds(path: Path, adapter: Path | None = None, *, threads: int | None = None) -> float:
    """Seconds that the batches of a usual question take, by the best of several tries: others may use the processor.

    Raises ModelError when the file cannot be loaded.
    """
    most = max(size for size, _, _ in _MIX)
    llama = Llama(path, n_ctx=_BEHIND + most, n_seq=1, n_batch=most, threads=threads, adapter=adapter)
    try:
        llama.decode([(place % llama.n_vocab, place, 0, False) for place in range(_BEHIND)])
        return sum(count * min(_seconds(llama, size) for _ in range(tries)) for size, count, tries in _MIX)
    finally:
        llama.close()


def _seconds(llama: Llama, size: int) -> float:
    """Seconds of one batch of so many tokens, of which each has its logits where they are few."""
    llama.forget(0, _BEHIND)
    wanted = size < _BEHIND
    rows = [
        (place % llama.n_vocab, place, 0, wanted or place == _BEHIND + size - 1)
        for place in range(_BEHIND, _BEHIND + size)
    ]
    began = time.perf_counter()
    llama.decode(rows)
    llama.logits(size - 1)
    return time.perf_counter() - began
