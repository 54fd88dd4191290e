"""How many questions are answered right.

    python -m bench accuracy --data DIR/spider --split val --limit 300 --seed 1
    python -m bench accuracy --data DIR --split val --model M --decode vote:8 --out OUT --resume

OUT gets `predictions.jsonl` (a line a question, written the moment it is answered), `run.json` (what was
run), `report.md` and `report.json`. Invariant: a line in `predictions.jsonl` is complete or it is the last
one, so a killed run loses one question at most, and `--resume` ends where an unbroken run would have.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import report
from bench.answering import answer_all, rescore
from bench.gold import datasets
from bench.predict import Decode, parse_decode
from bench.run_folder import PREDICTIONS, RUN, settings_of, slug, start, write
from sqlagent.base.errors import INTERRUPTED, OK, UsageError

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files


def main(argv: Sequence[str], model: Any = None) -> int:
    """The command; `model` replaces the one that `--model` names (tests bring a scripted one)."""
    options = options_of(argv)
    decode = parse_decode(
        options.decode,
        style=options.style,
        lowering=options.lowering,
        examples=options.examples,
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
        known = rescore(out, datasets.sample(everything, None, 0), known, decode)
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


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for. Raises UsageError."""
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
    parser.add_argument(
        "--no-examples",
        dest="examples",
        action="store_false",
        help="--decode agent shows no worked example beside a question",
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
