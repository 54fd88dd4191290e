"""How many questions are answered right.

    python -m bench accuracy --data DIR/spider --split val --limit 300 --seed 1
    python -m bench accuracy --data DIR --split val --model M --decode vote:8 --out OUT --resume

OUT gets `predictions.jsonl` (a line a question, written the moment it is answered), `run.json` (what was
run), `report.md` and `report.json`. Invariant: a line in `predictions.jsonl` is complete or it is the last
one, so a killed run loses one question at most, and `--resume` ends where an unbroken run would have.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import report
from bench.gold import datasets
from bench.gold.context import without_quotes
from bench.gold.datasets import Question
from bench.predict import Decode, Guess, Place, Prediction, parse_decode, predict
from bench.run_folder import PREDICTIONS, RUN, settings_of, slug, start, write
from bench.scoring import Outcome, orders, same_outcome, score
from sqlagent.base.errors import INTERRUPTED, OK, UsageError

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files


def main(argv: Sequence[str], model: Any = None) -> int:
    """The command; `model` replaces the one that `--model` names (tests bring a scripted one)."""
    options = _options(argv)
    decode = parse_decode(
        options.decode,
        style=options.style,
        lowering=options.lowering,
        max_tokens=options.max_tokens,
        seed=options.seed,
        timeout=options.timeout,
    )
    path = datasets.split_file(options.data, options.split)
    everything = datasets.load(path, options.split)
    if options.databases:
        everything = [question for question in everything if question.db in options.databases.split(",")]
    questions = datasets.sample(everything, options.limit, options.seed)
    files = None
    if model is None and decode.mode != "gold" and not options.rescore:
        files = _model_files(options)
    settings = settings_of(options, decode, path, files, model)
    out = options.out or Path("bench/out") / slug(settings)
    known = start(out, settings, resume=options.resume, rescore=options.rescore)
    if options.rescore:
        settings = json.loads((out / RUN).read_text(encoding="utf-8"))
        known = _rescore(out, datasets.sample(everything, None, 0), known, decode)
        questions = [question for question in questions if question.id in known]
    todo = [question for question in questions if question.id not in known]
    done = [known[question.id] for question in questions if question.id in known]
    status = OK
    loaded = model
    try:
        if todo and files is not None:
            loaded = _load(files, options, decode)
        with (out / PREDICTIONS).open("a", encoding="utf-8") as sink:
            for record in answer_all(todo, loaded, decode, done):
                write(sink, record)
                known[record["id"]] = record
    except KeyboardInterrupt:
        count = sum(question.id in known for question in questions)
        print(f"interrupted after {count} of {len(questions)}: go on with --resume.", file=sys.stderr)
        status = INTERRUPTED
    finally:
        if files is not None and loaded is not None:
            loaded.close()
    records = [known[question.id] for question in questions if question.id in known]
    text = report.markdown(records, settings)
    (out / "report.md").write_text(text, encoding="utf-8")
    (out / "report.json").write_text(json.dumps(report.summary(records), indent=1) + "\n", encoding="utf-8")
    print(text)
    print(f"{out}: {report.headline(records)}" if records else f"{out}: nothing yet", file=sys.stderr)
    return status


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench accuracy", description=__doc__, formatter_class=_Help
    )
    parser.add_argument("--data", type=Path, required=True, help="a folder of questions, or one file of them")
    parser.add_argument("--split", default="val", help="which file of the folder (val)")
    parser.add_argument("--limit", type=int, help="so many questions, drawn by --seed (all)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw and of sampled candidates (0)")
    parser.add_argument("--model", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--adapter", type=Path, help="a LoRA adapter to apply: a peft folder or a GGUF")
    parser.add_argument(
        "--decode",
        default="greedy",
        help="greedy, free, vote:N[@T], free-vote:N[@T], agent[:EFFORT], gold (greedy)",
    )
    parser.add_argument(
        "--style", choices=("names", "aliases"), default="names", help="how the grammar writes joins (names)"
    )
    parser.add_argument("--out", type=Path, help="folder of the results (bench/out/…)")
    parser.add_argument("--resume", action="store_true", help="go on with an interrupted run")
    parser.add_argument(
        "--rescore", action="store_true", help="score the predictions in OUT again; no model needed"
    )
    parser.add_argument("--databases", help="only the questions of these, with commas between (all)")
    parser.add_argument(
        "--no-lowering",
        dest="lowering",
        action="store_false",
        help="--decode agent takes columns as they are stored, not as they are meant",
    )
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds a statement may run (10)")
    parser.add_argument("--max-tokens", type=int, default=256, help="longest statement in tokens (256)")
    parser.add_argument("--n-ctx", type=int, default=4096, help="context of the model in tokens (4096)")
    parser.add_argument("--threads", type=int, help="threads of the model (its own choice)")
    parser.add_argument(
        "--no-drafts", dest="drafts", action="store_false", help="do not guess how statements go on"
    )
    options = parser.parse_args(list(argv))
    if options.limit is not None and options.limit < 1:
        raise UsageError("--limit wants a number of at least 1.")
    return options


class _Help(argparse.RawDescriptionHelpFormatter):
    """Keeps the commands in the description on lines of their own."""


# --- one question ----------------------------------------------------------------------------------


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
    seconds = time.perf_counter() - began
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
    if found.correct is False and _right_otherwise(question, place, outcome):
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


def _right_otherwise(question: Question, place: Place, outcome: Outcome) -> bool:
    """Whether another gold statement gives the rows."""
    golds = ((alt, place.gold(alt)) for alt in question.alts)
    return any(gold.ran and same_outcome(gold, outcome, ordered=orders(alt)) for alt, gold in golds)


def _marks(question: Question, place: Place, sqls: Sequence[str], gold: Outcome) -> dict[str, bool | None]:
    """Whether each distinct statement is right; None where that cannot be known."""
    if question.database is None or not gold.ran:
        return dict.fromkeys(sqls)
    ordered = orders(question.gold)
    return {
        sql: same_outcome(gold, found, ordered=ordered) or _right_otherwise(question, place, found)
        for sql in dict.fromkeys(sqls)
        for found in [place.outcome(sql)]
    }


def _rescore(
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
    path = out / f"{PREDICTIONS}.new"
    with path.open("w", encoding="utf-8") as sink:
        for record in fresh.values():
            write(sink, record)
    path.replace(out / PREDICTIONS)
    return fresh


# --- the setting -----------------------------------------------------------------------------------


def _model_files(options: argparse.Namespace) -> Files:
    from sqlagent.store import models

    return models.ready(options.model, adapter=options.adapter)


def _load(files: Files, options: argparse.Namespace, decode: Decode) -> Any:
    from sqlagent.decoding.model import Model

    return Model.of(
        files,
        n_ctx=options.n_ctx,
        threads=options.threads,
        n_parallel=max(8, decode.n),
        drafts=options.drafts,
    )
