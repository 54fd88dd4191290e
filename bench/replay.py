"""python -m bench replay: what other rules make of statements that a model wrote before.

    python -m bench replay RUN --data DIR --split val

A run is the folder of `bench accuracy --decode agent`. Each of its questions is asked again through the whole agent,
with its own statements in place of a model's: seconds a run, where a model takes minutes. What is printed is how many
answers are the same, how many were gained and lost, and each that changed.

Invariant: of code that wrote the run every answer is the same, as far as the run says how likely each statement makes
the question; a statement of which it does not say so is as likely to as the others at the mean. The gate is passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from statistics import fmean
from typing import Any

from bench.answering import is_right
from bench.gold.datasets import Question
from bench.predict import Place
from bench.saved_run import saved_run
from sqlagent.base.errors import OK, SqlagentError
from sqlagent.decoding.candidate import Candidate, Timings

_NAMES = frozenset(field.name for field in fields(Candidate))
_UNHEARD = -20.0
"""ln p of a question under a statement where a run says nothing of any."""
_UNWRITTEN = -30.0
"""ln p of a statement that the model did not write."""


class Played:
    """A model that writes what it wrote before."""

    vectors = None
    last_timings = Timings()

    def __init__(self, record: Mapping[str, Any], name: str) -> None:
        self.name = name
        self._written = [
            Candidate(**{key: value for key, value in one.items() if key in _NAMES})
            for one in record["candidates"]
        ]
        self._heard = {
            one.sql: one.question_logprob for one in self._written if one.question_logprob is not None
        }
        self._logprobs = {one.sql: one.logprob for one in self._written}

    def generate(
        self, prompt: Any, acceptor: Any, *, cancelled: Callable[[], bool] | None = None
    ) -> list[Candidate]:
        return self._written[:1]

    def alternatives(
        self, n: int, within: float, *, max_tokens: int = 256, cancelled: Callable[[], bool] | None = None
    ) -> list[Candidate]:
        return self._written[1:]

    def question_logprobs(
        self, prompt: Any, statements: Sequence[str], *, cancelled: Callable[[], bool] | None = None
    ) -> list[float]:
        mean = fmean(self._heard.values()) if self._heard else _UNHEARD
        return [self._heard.get(sql, mean) for sql in statements]

    def statement_logprobs(
        self,
        prompt: Any,
        acceptor: Any,
        statements: Sequence[str],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[float]:
        return [self._logprobs.get(sql, _UNWRITTEN) for sql in statements]

    def read(self, prompt: Any, cancelled: Callable[[], bool] | None = None, *, store: bool = True) -> None:
        """Nothing is read: what it writes is known."""

    def close(self) -> None:
        """There is nothing to let go of."""


def replayed(question: Question, record: Mapping[str, Any]) -> tuple[str, bool]:
    """The statement that answers a question now, "" for none, and whether it is right."""
    from sqlagent import Agent
    from sqlagent.agent.confidence import FITTED_TO

    assert question.database is not None
    try:
        with Agent(question.database, model=Played(record, FITTED_TO)) as agent:
            sql = agent.ask(question.question, anyway=True).sql
    except SqlagentError:
        return "", False
    if sql == record["pred"]:
        return sql, bool(record["correct"])
    place = Place(question)
    return sql, is_right(question, place, place.outcome(sql))


def lines(questions: Mapping[str, Question], records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The report."""
    same = gained = lost = 0
    changed = list[str]()
    for record in records:
        sql, right = replayed(questions[record["id"]], record)
        before = bool(record["correct"])
        same += sql == record["pred"]
        gained += right and not before
        lost += before and not right
        if sql != record["pred"]:
            mark = "gained" if right and not before else "lost" if before and not right else "changed"
            changed += [f"{mark}: {record['question']}", f"  {record['pred']}", f"  {sql}"]
    yield f"{len(records)} answers, {same} the same, {gained} gained, {lost} lost"
    yield from changed


def main(argv: Sequence[str]) -> int:
    """The command."""
    records, questions = saved_run("replay", __doc__, argv)
    print("\n".join(lines(questions, [record for record in records if record["candidates"]])))
    return OK
