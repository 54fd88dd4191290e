"""Make pairs of statements for a preference stage: one whose rows are right against one whose rows are wrong.

Both are the model's own, written under the grammar: the likeliest statement and others that turn off it. The sandbox
tells them apart by the gold statement's rows, and `train.worlds` those that are right by chance, which are in no pair.
Invariant: a line depends on its question, the model and the settings only; prompts are the runtime's.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlagent.base.errors import SqlagentError
from train.rejection import Settings, Table, with_tables

if TYPE_CHECKING:
    from bench.gold.datasets import Question
    from train.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Pair:
    """A question's prompt with the statement to prefer and the one to leave, as token ids and as text."""

    id: str
    question: str
    chosen: str
    rejected: str
    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]


def judged(question: Question, table: Table, statements: Sequence[str]) -> tuple[str, str, dict[str, int]]:
    """The likeliest right statement, the likeliest wrong one ("" for none), and what became of all of them."""
    from bench import scoring
    from sqlagent.agent.column_meaning import prepares

    gold = scoring.run(table.sandbox, question.gold)
    why: Counter[str] = Counter()
    chosen = rejected = ""
    for sql in statements:
        lowered = table.meaning.lower(sql, prepares(table.sandbox)).sql
        outcome = scoring.run(table.sandbox, lowered)
        if gold.ran and scoring.same_outcome(gold, outcome, ordered=scoring.orders(question.gold)):
            by_chance = table.worlds.judge(lowered).why
            why[by_chance or "right"] += 1
            chosen = chosen or ("" if by_chance else sql)
        elif gold.ran:
            why["other rows" if outcome.ran else "does not run"] += 1
            rejected = rejected or sql
        else:
            why["the gold statement does not run"] += 1
    return chosen, rejected, dict(why)


def lines(
    questions: Sequence[Question], model: Any, tokens: Tokens, settings: Settings
) -> Iterator[dict[str, Any]]:
    """A line a question: a pair, or why there is none ("chosen" or "rejected" is empty)."""
    from train.tokens import encode

    with contextlib.closing(with_tables(questions)) as opened:
        for question, table in opened:
            line: dict[str, Any] = {"id": question.id, "question": question.question}
            try:
                written = [one.sql for one in table.written(question.question, model, settings)]
                chosen, rejected, why = judged(question, table, written)
            except SqlagentError as error:
                yield line | {"chosen": "", "rejected": "", "why": {type(error).__name__: 1}}
                continue
            if not (chosen and rejected):
                yield line | {"chosen": chosen, "rejected": rejected, "why": why}
                continue
            asked = table.asked(question.question)[0]
            right, wrong = (encode(tokens, asked, sql) for sql in (chosen, rejected))
            pair = Pair(
                question.id,
                question.question,
                chosen,
                rejected,
                (*right.prefix.tolist(), *right.request.tolist()),
                tuple(right.target.tolist()),
                tuple(wrong.target.tolist()),
            )
            yield asdict(pair) | {"why": why}


def pair_of(line: dict[str, Any]) -> Pair | None:
    """The pair of a line, if it has one."""
    if "prompt_ids" not in line:
        return None
    ids = {name: tuple(line[name]) for name in ("prompt_ids", "chosen_ids", "rejected_ids")}
    return Pair(line["id"], line["question"], line["chosen"], line["rejected"], **ids)
