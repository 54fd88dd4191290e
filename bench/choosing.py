"""Which of a question's statements is believed: other settings, replayed on a run.

    python -m bench choosing RUN --data DIR --split val

A run is the folder of `bench accuracy --decode agent`; its statements are run again, and chosen among as
`sqlagent/agent/selection.py` would with the question's probability to other powers, and with only those
statements that are at most so many nats less likely than the likeliest one before them. No model is needed.
A run tells nothing of statements further off than its own effort went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.saved_run import saved_run
from sqlagent.agent.attempt import DOUBTED
from sqlagent.agent.selection import Tried, choose, doubts
from sqlagent.base.errors import OK, QueryError, QueryTimeout
from sqlagent.decoding.candidate import Candidate
from sqlagent.sandbox.sandbox import Sandbox

POWERS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.5)
WITHIN = (0.0, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0)
NAMES = frozenset(field.name for field in fields(Candidate))


def main(argv: Sequence[str]) -> int:
    """The command."""
    records, questions = saved_run("choosing", __doc__, argv)
    weighed = [record for record in records if len(record["candidates"]) > 1]
    chosen = [(record, tried(record, questions[record["id"]].database)) for record in weighed]
    print("\n".join(lines(records, chosen)))
    return OK


def tried(record: Mapping[str, Any], database: Path | None) -> list[Tried]:
    """A record's statements with their rows."""
    found = []
    with Sandbox(str(database)) as sandbox:
        for each in record["candidates"]:
            candidate = Candidate(**{name: value for name, value in each.items() if name in NAMES})
            try:
                found.append(Tried(candidate, sandbox.execute(candidate.sql, timeout=10.0)))
            except (QueryError, QueryTimeout) as error:
                found.append(Tried(candidate, None, str(error)))
    return found


def lines(
    records: Sequence[Mapping[str, Any]], weighed: Sequence[tuple[Mapping[str, Any], list[Tried]]]
) -> Iterator[str]:
    """The report."""
    alone = sum(bool(record["correct"]) for record in records if len(record["candidates"]) < 2)
    marks = [{each["sql"]: bool(each["correct"]) for each in record["candidates"]} for record, _ in weighed]
    first = alone + sum(mark[all_[0].sql] for mark, (_, all_) in zip(marks, weighed, strict=True))
    some = alone + sum(any(mark.values()) for mark in marks)
    yield f"{len(records)} questions, several statements for {len(weighed)} of them."
    yield f"Right as answered {sum(bool(r['correct']) for r in records)}, first statement {first}, any {some}."
    yield ""
    yield "| nats | statements | " + " | ".join(f"power {power:g}" for power in POWERS) + " |"
    yield "|---:|" + "---:|" * (1 + len(POWERS))
    for within in WITHIN:
        kept = [near(all_, within) for _, all_ in weighed]
        right = [
            alone + sum(mark[chosen(some, power).sql] for mark, some in zip(marks, kept, strict=True))
            for power in POWERS
        ]
        yield f"| {within:g} | {sum(map(len, kept))} | " + " | ".join(map(str, right)) + " |"


def near(all_: Sequence[Tried], within: float) -> list[Tried]:
    """The statements that a search would have found that goes so far."""
    if doubts(all_[0]):
        within = max(within, DOUBTED)
    kept, best = [all_[0]], all_[0].candidate.logprob
    for one in all_[1:]:
        if one.candidate.logprob > best - within:
            kept.append(one)
            best = max(best, one.candidate.logprob)
    return kept


def chosen(some: Sequence[Tried], power: float) -> Tried:
    """The statement to believe, where the question's probability counts to that power."""
    told = {one.sql: one.candidate.question_logprob or 0.0 for one in some}
    return choose(some, lambda statements: [told[sql] for sql in statements], channel=power)[0]
