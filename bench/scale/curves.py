"""Measure each curve, and say where one rises that should be flat."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.scale.counting import Counting
from bench.scale.worlds import Shape, asked, make
from bench.stats import percentile

FURTHER = 6
"""Further questions of a point, each about another table where there are others."""


@dataclass(frozen=True)
class Point:
    """What one database, or one length, costs."""

    size: int
    opened: float
    """Processor seconds from opening the file to the first answer, without the model."""
    further: float
    """Processor seconds of a further question, the mean."""
    first_tokens: int
    further_tokens: float
    """Tokens read for a further question, the median."""


@dataclass(frozen=True)
class Bound:
    """`what` of a curve's largest size may be `times` what it is at size `since` (the smallest), and `slack` more."""

    curve: str
    what: str
    times: float
    slack: float = 0.0
    since: int = 0

    def broken(self, points: Sequence[Point]) -> str | None:
        """A sentence where the curve rises more."""
        counted = [point for point in points if point.size >= self.since]
        if not counted:
            return None
        first, last = (float(getattr(point, self.what)) for point in (counted[0], counted[-1]))
        if last <= self.times * first + self.slack:
            return None
        return (
            f"{self.curve}: {self.what} is {last:.3g} at {counted[-1].size}, more than {self.times:g} times the "
            f"{first:.3g} at {counted[0].size} and {self.slack:g}"
        )


BOUNDS = (
    # Stored texts are collected once, for seconds that are bounded; here the first questions pay for it.
    Bound("rows", "opened", 1.5, 1.5),
    Bound("rows", "further", 1.5, 0.8),
    Bound("rows", "first_tokens", 1.0, 16),
    Bound("rows", "further_tokens", 1.0, 16),
    # Ten tables are shown whole; from thirty on a question is shown what it needs.
    Bound("tables", "first_tokens", 1.3, since=30),
    Bound("tables", "further_tokens", 1.3, since=30),
    # Of a wide table 350 tokens are shown, and a question may need some tables.
    Bound("columns", "first_tokens", 0.0, 1100),
    Bound("columns", "further_tokens", 0.0, 900),
    Bound("words", "further", 2.0, 0.2),
    Bound("turns", "further_tokens", 0.0, 160),
)
"""What is promised: rows change nothing, nor do tables that a question is not about; earlier turns are a few."""

SIZES = {
    "rows": (100, 1_000, 10_000, 100_000),
    "tables": (10, 30, 100, 300, 1000),
    "columns": (8, 24, 80, 240),
    "words": (10, 40, 120, 240),
    "turns": (1, 2, 4, 8),
}


def measured(curve: str, model: Counting, most: int | None = None) -> list[Point]:
    """The points of a curve, the smallest first; those beyond `most` are left out."""
    return [_point(curve, size, model) for size in SIZES[curve] if most is None or size <= most]


def _point(curve: str, size: int, model: Counting) -> Point:
    shape = Shape(**{curve: size}) if curve in ("rows", "tables", "columns") else Shape()
    words = size if curve == "words" else 0
    questions = [asked(shape, number, words) for number in range(FURTHER + 1)]
    if curve == "turns":
        _, sql = questions[0]
        questions[1:] = [(f"And over {limit}?", f"{sql.rsplit(' ', 1)[0]} {limit}") for limit in range(size)]
    with tempfile.TemporaryDirectory(prefix="sqlagent-scale-") as folder:
        path = Path(folder) / "made.sqlite"
        make(path, shape)
        alone = _run(path, questions[:1], model)
        more = _run(path, questions, model, conversation=curve == "turns")
    count = len(questions) - 1
    last = more.tokens[-1:] if curve == "turns" else more.tokens[1:]
    return Point(
        size,
        alone.seconds,
        max(0.0, more.seconds - alone.seconds) / count,
        alone.tokens[0],
        percentile([float(tokens) for tokens in last], 0.5),
    )


@dataclass(frozen=True)
class _Run:
    """Processor seconds of all, and the tokens that each question had read."""

    seconds: float
    tokens: tuple[int, ...]


def _run(
    path: Path, questions: Sequence[tuple[str, str]], model: Counting, conversation: bool = False
) -> _Run:
    """Ask in a new agent with empty caches; the workers' seconds count once they have ended."""
    from sqlagent.agent.agent import Agent
    from sqlagent.linking.prompt import Turn

    with _empty_caches():
        model.forget()
        began, tokens, turns = _processor(), [], list[Turn]()
        with Agent(path, model) as agent:
            for question, sql in questions:
                model.statement, model.read_tokens = sql, 0
                agent.ask(question, history=turns)
                tokens.append(model.read_tokens)
                if conversation:
                    turns.append(Turn(question, sql))
        return _Run(_processor() - began, tuple(tokens))


def _processor() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextlib.contextmanager
def _empty_caches() -> Iterator[None]:
    """Nothing is known from before, and nothing is kept."""
    before = os.environ.get("SQLAGENT_HOME")
    with tempfile.TemporaryDirectory(prefix="sqlagent-scale-") as folder:
        os.environ["SQLAGENT_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("SQLAGENT_HOME")
            if before is not None:
                os.environ["SQLAGENT_HOME"] = before
