"""What a batch of several tokens takes beside one of a single token: what drafts are weighed with.

    python -m bench batch

The default model with its adapter, one process: batches of 1 to 16 tokens behind a context of 500, several times over;
medians, and their ratios to the batch of one. `sqlagent.decoding.drafting.cost` is the table that decoding goes by.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from bench.stats import percentile
from sqlagent.base.errors import OK
from sqlagent.decoding.drafting import cost
from sqlagent.decoding.model import Model

SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
CONTEXT = 500
TEXT = b"CREATE TABLE x (a TEXT, b INTEGER, c REAL); " * 40


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench batch", description="What a batch of tokens takes."
    )
    parser.add_argument("--model", help="a name from the registry (the default model)")
    parser.add_argument("--threads", type=int, help="threads of the model (its own choice)")
    parser.add_argument("--rounds", type=int, default=9, help="times that each size is run (9)")
    options = parser.parse_args(list(argv))
    from sqlagent.store import models

    files = models.ready(options.model)
    with Model.of(files, n_ctx=2 * CONTEXT, threads=options.threads) as model:
        print("\n".join(report(files.name, times(model, options.rounds))))
    return OK


def times(model: Model, rounds: int) -> dict[int, list[float]]:
    """Seconds of each size of batch."""
    llama = model._llama
    tokens = model._vocab.tokenize(TEXT)[: CONTEXT + max(SIZES)]
    llama.decode([(token, i, 0, False) for i, token in enumerate(tokens[: CONTEXT // 2])])
    llama.decode(
        [(token, i, 0, False) for i, token in enumerate(tokens[CONTEXT // 2 : CONTEXT], CONTEXT // 2)]
    )
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(rounds):
        for size in SIZES:
            llama.forget(0, CONTEXT)
            began = time.perf_counter()
            llama.decode([(tokens[i], i, 0, True) for i in range(CONTEXT, CONTEXT + size)])
            llama.logits(size - 1)
            found[size].append(time.perf_counter() - began)
    return found


def report(name: str, found: dict[int, list[float]]) -> list[str]:
    """A table in Markdown."""
    one = percentile(found[1], 0.5)
    lines = [f"# Batches: {name}", "", "| tokens | ms | times one | reckoned with |", "|---:|---:|---:|---:|"]
    for size, seconds in found.items():
        middle = percentile(seconds, 0.5)
        lines.append(f"| {size} | {middle * 1e3:.1f} | {middle / one:.2f} | {cost(size):.2f} |")
    return lines
