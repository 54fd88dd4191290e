"""Choose one of several statements by what their rows agree on, and say how far to believe it.

Statements that give the same rows agree, whatever they look like. Each has the probability that the model gives it; a
group's is weighed by how likely its likeliest member makes the question, and the group with the most of it wins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlagent.decoding.backtrack import SURPRISE

if TYPE_CHECKING:
    from sqlagent.amend.amendment import Amendment
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.lowering.lower import Lowered
    from sqlagent.sandbox.sandbox import Result

COMPARED = 2000
"""Rows of a result that are compared with another's."""
EMPTY_WEIGHT = 0.3
"""What the probability of a statement counts that finds nothing, or says what cannot be meant.

People ask for what is there."""
CHANNEL = 0.7
"""The power to which the question's probability under a statement is taken: its tokens do not come independently."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A statement and what came of it: a result, or what SQLite said against it."""

    candidate: Candidate
    result: Result | None
    error: str = ""
    heard_as: str = ""
    """The statement under which the question's probability is taken, where that is not its own."""
    faults: tuple[str, ...] = ()
    """What it says that cannot be meant, a sentence each: a condition of it that no row fulfils."""

    @property
    def sql(self) -> str:
        return self.candidate.sql

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see: no rows, or NULL alone."""
        return self.result is None or all(cell is None for row in self.result.rows for cell in row)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The statement to answer with, and what speaks for it."""

    best: Tried
    result: Result
    tried: tuple[Tried, ...]
    """All statements that were weighed, the greedy one first."""
    agreement: float
    """The share of their probability behind this result; 1.0 when there is only one."""
    amendments: tuple[Amendment, ...]
    """What was changed in the statement since the model wrote it."""
    written: str
    """The statement as the model wrote it."""
    first_token: float
    """Seconds until the model had read the prompt."""
    lowered: Lowered
    """The statement as it was run."""


def doubts(tried: Tried) -> list[str]:
    """Why a greedy statement is not convincing; empty when it is."""
    candidate = tried.candidate
    found = []
    if tried.result is None:
        found.append("it did not run")
    elif not tried.result.rows:
        found.append("it found nothing")
    elif tried.empty:
        found.append("it found only NULL")
    elif tried.faults:
        found.append("it says what cannot be meant")
    if not candidate.finished:
        found.append("it was cut")
    if candidate.min_token_logprob < SURPRISE:
        found.append("the model wanted to write something else")
    return found


def choose(
    tried: Sequence[Tried],
    question_logprobs: Callable[[Sequence[str]], Sequence[float]] | None = None,
    *,
    channel: float = CHANNEL,
) -> tuple[Tried, float]:
    """The statement to believe, and the share of all probability that agrees with it (0…1).

    The first is the greedy one: it wins ties. Statements that did not run count for nothing.
    question_logprobs: ln p of the question under each of several statements; asked only where results differ.
    """
    ran = [one for one in tried if one.result is not None]
    if not ran:
        return tried[0], 0.0
    groups: dict[Hashable, list[Tried]] = {}
    for one in ran:
        assert one.result is not None
        groups.setdefault(outcome(one.result), []).append(one)
    speak = [max(group, key=lambda one: one.candidate.logprob) for group in groups.values()]
    if len(speak) == 1:
        return speak[0], 1.0
    heard = (
        [0.0] * len(speak)
        if question_logprobs is None
        else question_logprobs([one.heard_as or one.sql for one in speak])
    )
    scores = [
        _logsumexp([one.candidate.logprob for one in group])
        + channel * ln_p
        + (math.log(EMPTY_WEIGHT) if one.empty or one.faults else 0.0)
        for one, group, ln_p in zip(speak, groups.values(), heard, strict=True)
    ]
    best = scores.index(max(scores))
    return speak[best], math.exp(scores[best] - _logsumexp(scores))


def _logsumexp(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))


def outcome(result: Result) -> Hashable:
    """A key that is equal for results that hold the same: the order of rows and columns does not matter."""
    rows = result.rows[:COMPARED]
    columns = sorted(tuple(sorted(map(_cell, column))) for column in zip(*rows, strict=True))
    if len(columns) == 1:
        return len(result.rows), columns[0]
    # Columns that hold the same values in another combination of rows are another result.
    order = sorted(range(len(result.columns)), key=lambda i: sorted(_cell(row[i]) for row in rows))
    return len(result.rows), tuple(sorted(tuple(_cell(row[i]) for i in order) for row in rows))


def _cell(value: object) -> str:
    # Sums differ in their last digits with the order of the rows, and 5.0 is 5.
    return f"{value:.9g}" if isinstance(value, float) else repr(value)
