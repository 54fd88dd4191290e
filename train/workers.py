"""Look at the rows of a data set in several processes.

Invariant: outcomes come in the order of the rows and are those of one process, so that a data set has the same bytes
whatever the number of processes. Each has a tokenizer, schemas and connections of its own; rows go out in runs, since
neighbours are about one database.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from train.config import Config, Mix
from train.sources import Pair

if TYPE_CHECKING:
    from train.data import Outcome, Pipeline

RUN = 24
"""Rows that go to a process together."""

_pipeline: Pipeline | None = None
_seen: set[tuple[str, str]] = set()


def count(config: Config) -> int:
    """How many processes a configuration asks for: `workers`, or as many as there are cores."""
    if config.workers:
        return config.workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """So many processes, started when they are first needed, until the `with` block ends."""

    def __init__(self, config: Config, number: int) -> None:
        self._config, self._number = config, number
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def outcomes(self, mix: Mix, rows: Sequence[tuple[int, Pair]]) -> Iterator[Outcome]:
        """What becomes of each row, in their order. Raises UsageError where a row stops everything."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._number,
                mp_context=multiprocessing.get_context(
                    "spawn"
                ),  # a forked tokenizer or connection is not its own
                initializer=_start,
                initargs=(dataclasses.replace(self._config, workers=1),),
            )
        runs = [rows[at : at + RUN] for at in range(0, len(rows), RUN)]
        for found in self._pool.map(_look, [(mix, run) for run in runs]):
            yield from found


def _start(config: Config) -> None:
    global _pipeline
    from train import tokens
    from train.data import Pipeline

    _pipeline = Pipeline(config, tokens.load(config.model_name), quiet=True)


def _look(task: tuple[Mix, Sequence[tuple[int, Pair]]]) -> list[Outcome]:
    """A run of rows. A duplicate that came to another process is found where the outcomes come together."""
    mix, rows = task
    assert _pipeline is not None, "the process was not started"
    found = []
    for number, pair in rows:
        outcome = _pipeline.outcome(pair, mix, number, _seen)
        if outcome.key:
            _seen.add(outcome.key)
        found.append(outcome)
    return found
