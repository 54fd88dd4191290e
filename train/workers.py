"""Look at the rows of a data set in several processes.

Invariant: outcomes come in the order of the rows and are those of one process, so that a data set has the same bytes
whatever the number of processes. Each has a tokenizer, schemas and connections of its own; rows go out in runs, since
neighbours are about one database.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from train.config import Config, Mix
from train.prepared import Row
from train.sources import Pair

RUN = 24
"""Rows that go to a process together."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a pair: its rows, `plain` of them standing in for a copy, or the reason that it has none.

    key: two pairs with the same one are duplicates; None for a pair that is dropped before that is asked.
    """

    key: tuple[str, str] | None
    rows: tuple[Row, ...] = ()
    plain: int = 0
    reason: str = ""


class Looker(Protocol):
    """What looks at a row."""

    def outcome(self, pair: Pair, mix: Mix, number: int, seen: set[tuple[str, str]]) -> Outcome:
        """What became of a pair; of what is in `seen` nothing is looked at."""
        ...


_looker: Looker | None = None
_seen: set[tuple[str, str]] = set()


def count(config: Config) -> int:
    """How many processes a configuration asks for: `workers`, or as many as there are cores."""
    if config.workers:
        return config.workers
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """So many processes, started when they are first needed, until the `with` block ends; each makes its own looker."""

    def __init__(self, config: Config, number: int, make: Callable[[Config], Looker]) -> None:
        self._config, self._number, self._make = config, number, make
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
                initargs=(self._make, dataclasses.replace(self._config, workers=1)),
            )
        runs = [rows[at : at + RUN] for at in range(0, len(rows), RUN)]
        for found in self._pool.map(_look, [(mix, run) for run in runs]):
            yield from found


def _start(make: Callable[[Config], Looker], config: Config) -> None:
    global _looker
    _looker = make(config)


def _look(task: tuple[Mix, Sequence[tuple[int, Pair]]]) -> list[Outcome]:
    """A run of rows. A duplicate that came to another process is found where the outcomes come together."""
    mix, rows = task
    assert _looker is not None, "the process was not started"
    found = []
    for number, pair in rows:
        outcome = _looker.outcome(pair, mix, number, _seen)
        if outcome.key:
            _seen.add(outcome.key)
        found.append(outcome)
    return found
