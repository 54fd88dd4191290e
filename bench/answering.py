"""Answer questions one after the other and judge each prediction: a record a question.

Invariant: what is judged follows from the statements and the database alone, so that stored predictions can be
judged again.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.denotation import matches
from bench.gold.context import without_quotes
from bench.gold.datasets import Question
from bench.predict import Decode, Guess, Place, Prediction, predict
from bench.run_folder import PREDICTIONS, write
from bench.scoring import Outcome, orders, same_outcome, score
from sqlagent.base import private_files


def answer_all(
    questions: Sequence[Question], model: Any, decode: Decode, done: Sequence[Mapping[str, Any]] = ()
) -> Iterator[dict[str, Any]]:
    """The record of each question, with a progress bar; one database is open at a time."""
    from tqdm import tqdm

    marks = [record["correct"] if record["correct"] is not None else record["exact"] for record in done]
    place: Place | None = None
    steady = sys.stderr.isatty()
    with tqdm(
        total=len(questions) + len(done),
        initial=len(done),
        unit="question",
        mininterval=0.2 if steady else 30.0,
    ) as bar:
        try:
            for question in questions:
                cold = place is None or _key(place.question) != _key(question)
                if place is None or cold:
                    if place is not None:
                        place.close()
                    place = Place(question, decode.timeout, decode.style)
                record = answer(question, place, model, decode, cold=cold)
                marks.append(record["correct"] if record["correct"] is not None else record["exact"])
                bar.set_postfix_str(f"{100 * sum(marks) / len(marks):.1f} % right", refresh=False)
                bar.update()
                yield record
        finally:
            if place is not None:
                place.close()


def _key(question: Question) -> tuple[Path | None, str]:
    return question.database, question.ddl


def answer(question: Question, place: Place, model: Any, decode: Decode, *, cold: bool) -> dict[str, Any]:
    """Predict one question and score it. `seconds` is the prediction's wall-clock time, scoring left out."""
    began = time.perf_counter()
    prediction = predict(question, place, model, decode)
    # What was generated in a batch before it was asked for has been timed there.
    seconds = prediction.timings.get("ahead", 0.0) or time.perf_counter() - began
    return judge(question, place, prediction) | {
        "seconds": round(seconds, 4),
        "tokens": prediction.tokens,
        "timings": {name: round(value, 4) for name, value in prediction.timings.items()},
        "confidence": prediction.confidence,
        "evidence": prediction.evidence,
        "cold": cold,
    }


def judge(question: Question, place: Place, prediction: Prediction) -> dict[str, Any]:
    """The part of a record that follows from the statements and the database."""
    executed = question.database is not None
    gold = place.gold(question.gold)
    outcome = place.outcome(prediction.sql)
    found = score(
        question.gold,
        without_quotes(prediction.sql, question.bare),
        columns=place.columns,
        gold_outcome=gold if executed else None,
        outcome=outcome,
    )
    if (
        question.answer
    ):  # there is no statement to compare with: what it says of trees and labels means nothing
        found = dataclasses.replace(found, correct=is_right(question, place, outcome), tree=None, labels=())
    elif found.correct is False and is_right(question, place, outcome):
        found = dataclasses.replace(found, correct=True, labels=())
    marks = {prediction.sql: found.correct}
    marks |= _marks(question, place, [g.sql for g in prediction.guesses if g.sql not in marks], gold)
    return {
        "id": question.id,
        "db": question.db,
        "question": question.question,
        "gold": question.gold,
        "pred": prediction.sql,
        "candidates": [
            dataclasses.asdict(guess) | {"correct": marks[guess.sql]} for guess in prediction.guesses
        ],
        "correct": found.correct,
        "ran": found.ran,
        "nonempty": found.nonempty,
        "gold_nonempty": found.gold_nonempty,
        "error": prediction.error or found.error,
        "gold_error": gold.error,
        "exact": found.exact,
        "tree": found.tree,
        "hardness": found.hardness,
        "labels": list(found.labels),
    }


def is_right(question: Question, place: Place, outcome: Outcome) -> bool:
    """Whether rows are those of the gold statement, of another gold statement, or the answer's values."""
    if question.answer:
        return outcome.ran and not outcome.truncated and matches(question.answer, outcome.rows)
    golds = ((sql, place.gold(sql)) for sql in (question.gold, *question.alts))
    return any(gold.ran and same_outcome(gold, outcome, ordered=orders(sql)) for sql, gold in golds)


def _marks(question: Question, place: Place, sqls: Sequence[str], gold: Outcome) -> dict[str, bool | None]:
    """Whether each distinct statement is right; None where that cannot be known."""
    if question.database is None or not gold.ran:
        return dict.fromkeys(sqls)
    return {sql: is_right(question, place, place.outcome(sql)) for sql in dict.fromkeys(sqls)}


def rescore(
    out: Path, questions: Sequence[Question], known: Mapping[str, dict[str, Any]], decode: Decode
) -> dict[str, dict[str, Any]]:
    """Judge stored predictions again and replace the file in one step; returns the new records."""
    place: Place | None = None
    fresh: dict[str, dict[str, Any]] = {}
    for question in questions:
        old = known.get(question.id)
        if old is None:
            continue
        if place is None or _key(place.question) != _key(question):
            if place is not None:
                place.close()
            place = Place(question, decode.timeout, decode.style)
        names = [field.name for field in dataclasses.fields(Guess)]
        guesses = tuple(
            Guess(**{name: guess[name] for name in names if name in guess}) for guess in old["candidates"]
        )
        kept = (
            old["error"] if not old["pred"] else None
        )  # why there is no statement, nobody can find out again
        fresh[question.id] = old | judge(question, place, Prediction(old["pred"], guesses, error=kept))
    if place is not None:
        place.close()
    with (
        private_files.draft(out / PREDICTIONS, mode=private_files.SHARED) as draft,
        draft.open("w", encoding="utf-8") as sink,
    ):
        for record in fresh.values():
            write(sink, record)
    return fresh
