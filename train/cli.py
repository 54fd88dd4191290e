"""`python -m train`: train an adapter, look at the data, score a model.

    python -m train --recipe smollm2-135m-cpu --data DIR --output-dir out/tiny --max-minutes 60
    python -m train --model_name M --output_dir O --epochs 1 --batch_size 4 --lr 2e-4
                                                                takes b-mc2/sql-create-context; --dataset another
    python -m train data --recipe R --data DIR --stats          counts, lengths, rows, a picture
    python -m train data --recipe R --data DIR --save FILE.npz  everything a run needs, to be moved elsewhere
    python -m train data --recipe R --data DIR --feedback FILE  the same with what people said on the page
    python -m train evaluate --adapter-path out/tiny …          see `python -m train evaluate --help`
    python -m train speed --recipe R --prepared FILE.npz        questions a second, packed and not
    python -m train drafts --recipe R --data DIR --save FILE    what decoding guesses with (models/drafts.json)
    python -m train sample --data DIR/wikitables …              pairs out of questions with answers
    python -m train prefer --adapter-path out --data DIR …      right statements over wrong ones: an experiment
    python -m train build KIND --save FOLDER                    data made without a model: see `build --help`
    python -m train pack … , unpack … , box …                   a machine without a network: see train/box.py
    python -m train recipes                                     names of the recipes

The flags are those of `train.flags`.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlagent.base.errors import INTERRUPTED, OK, SqlagentError, UsageError
from train import config as configuration
from train.config import Config
from train.flags import configured, dashed, parser, settled

COMMANDS = {
    "run": "train an adapter (what happens without a command)",
    "fetch": "bring the published data sets from the hub",
    "data": "look at the data of a recipe, or prepare it as one file",
    "evaluate": "score an adapter, or a GGUF",
    "speed": "questions a second, packed and not",
    "sample": "make pairs out of questions with answers",
    "prefer": "teach an adapter which of its own statements are right (DPO)",
    "build": "make data without a model",
    "drafts": "make what decoding guesses with",
    "pack": "cut a run into parts for a machine without a network",
    "unpack": "put such parts together",
    "box": "train there",
    "recipes": "names of the recipes",
}
DESCRIPTION = f"""\
Train a LoRA adapter that writes SQL.

  python -m train --model_name M --output_dir out --epochs 1 --batch_size 4 --lr 2e-4
  python -m train --recipe qwen2.5-coder-1.5b-t4 --data data --output-dir out --max-minutes 170

commands (each has a --help of its own):
{chr(10).join(f"  {name:<10}{text}" for name, text in COMMANDS.items())}

Every setting of a recipe is a flag, with dashes or underscores; flags win. Stopped, a run goes on with the same
command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    # Read when torch is loaded: threads that spin while they wait make a busy machine ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    words = [dashed(word) for word in (sys.argv[1:] if argv is None else argv)]
    command = words.pop(0) if words and words[0] in COMMANDS else "run"
    try:
        if command == "recipes":
            print("\n".join(configuration.recipes()))
            return OK
        if command == "evaluate":
            from train import evaluate

            return evaluate.main(words)
        if command == "fetch":
            from train import fetch

            return fetch.main(words)
        if command == "sample":
            from train import rejection

            return rejection.main(words)
        if command == "prefer":
            from train import prefer

            return prefer.main(words)
        if command in ("pack", "unpack", "box"):
            from train import box

            return {"pack": box.pack, "unpack": box.unpack, "box": box.run}[command](words)
        if command == "build":
            from train.builders import main as build

            return build.main(words)
        if command == "drafts":
            from train import drafts

            return drafts.main(words)
        return {"data": _data, "speed": _speed, "run": _run}[command](words)
    except SqlagentError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(
            "error: The disk is full: make room and run the same command again; it goes on from the last whole "
            "checkpoint.",
            file=sys.stderr,
        )
        return UsageError.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def _need(extra: str) -> None:
    try:
        import accelerate  # noqa: F401
        import peft  # noqa: F401
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"Training needs {error.name}: run `pip install torch==2.13.0` (or a CUDA build), then "
            f"`pip install -e .[{extra}]`."
        ) from error


def _run(words: Sequence[str]) -> int:
    made = parser("python -m train", DESCRIPTION)
    made.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be done and the memory it needs, and load no weights",
    )
    options = made.parse_args(words)
    config = settled(configured(options))
    if options.dry_run:
        return _dry_run(config)
    if not config.output_dir:
        raise UsageError("--output-dir is missing: the folder for the adapter and its checkpoints.")
    _need("train")
    if config.report_to == "wandb":
        from train.report import check_wandb

        check_wandb()
    from train import qlora, record

    output = Path(config.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    config = dataclasses.replace(config, model_name=qlora.resolve(config.model_name))
    data = _dataset(config)
    if _is_first():
        record.start(config, data, output)
    if config.engine == "trl":
        from train import sft

        summary = sft.run(config, data, output)
    else:
        from train.loop import Loop

        summary = Loop(config, data, output).run()
    if _is_first():
        record.finish(summary, output)
        print(
            f"{summary.stopped} after {summary.progress.step} steps, {summary.progress.questions} questions, "
            f"{summary.progress.seconds / 60:.1f} minutes; adapter in {output}",
            file=sys.stderr,
        )
    return INTERRUPTED if summary.stopped == "interrupted" else OK


def _dry_run(config: Config) -> int:
    _need("train")
    from train import estimate, qlora
    from train.plan import make_plan

    config = dataclasses.replace(config, model_name=qlora.resolve(config.model_name))
    data = _dataset(config)
    print(estimate.describe(config, data, make_plan(config, data)))
    return OK


def _is_first() -> bool:
    return os.environ.get("RANK", "0") == "0"


def _dataset(config: Config) -> Any:
    from train import data, prepared, tokens

    if config.prepared:
        found = prepared.load(Path(config.prepared))
        _check_tokenizer(config, found.about)
        return found
    made, counts = data.prepare(config, tokens.load(config.model_name), quiet=not _is_first())
    if _is_first():
        dropped = sum(counts.dropped.values())
        print(
            f"{sum(counts.kept.values())} rows kept, {dropped} dropped (see `data --stats`)", file=sys.stderr
        )
    return made


def _check_tokenizer(config: Config, about: dict[str, Any]) -> None:
    """Raise UsageError where a data set was prepared with another tokenizer than the model's.

    Token ids mean nothing to another model, and nothing would fail: it would learn noise.
    """
    from train import tokens

    made_for, model = about.get("tokenizer", ""), Path(config.model_name).name
    named = made_for.endswith(".gguf") and model.endswith(".gguf") and made_for != model
    digest = about.get("tokenizer_digest")
    try:
        other = digest is not None and digest != tokens.digest(tokens.load(config.model_name))
    except ImportError:  # a machine for training alone may lack llama.cpp, which reads a GGUF's
        other = named
    if other or (digest is None and named):
        raise UsageError(
            f"{config.prepared} was prepared for {made_for}, whose tokenizer is not {model}'s: prepare it again with "
            "`python -m train data --save`."
        )


def _data(words: Sequence[str]) -> int:
    made = parser(
        "python -m train data", "Check and show the data of a recipe, or save it ready to train on."
    )
    made.add_argument("--stats", action="store_true", help="counts, token lengths, a few rows")
    made.add_argument("--examples", type=int, default=3, metavar="N", help="rows shown (default 3)")
    made.add_argument("--save", metavar="FILE.npz", help="write the prepared data set")
    made.add_argument(
        "--feedback", metavar="FILE", help="add what people said of answers (the page's feedback.jsonl)"
    )
    made.add_argument("--picture", metavar="FILE.png", help="draw the token lengths (default: beside --save)")
    options = made.parse_args(words)
    config = settled(_with_feedback(configured(options), options.feedback))
    from train import data, prepared, qlora, stats, tokens

    config = dataclasses.replace(config, model_name=qlora.resolve(config.model_name))
    tokenizer = tokens.load(config.model_name)
    if config.prepared:
        found, counts = prepared.load(Path(config.prepared)), None
    else:
        found, counts = data.prepare(config, tokenizer)
    if options.save:
        found.save(Path(options.save))
    if options.stats or not options.save:
        print(
            stats.describe(found, counts, questions=config.questions_per_schema, max_length=config.max_length)
        )
        print(stats.show(found, tokenizer, options.examples))
    picture = options.picture or (str(Path(options.save).with_suffix(".png")) if options.save else "")
    if picture:
        stats.draw(found, Path(picture))
    return OK


def _with_feedback(config: Config, file: str | None) -> Config:
    """The recipe with a source more: the page's feedback. Raises UsageError."""
    if not file:
        return config
    if config.prepared:
        raise UsageError("A prepared data set takes no --feedback: give it to the command that prepares one.")
    mix = configuration.Mix(name="feedback", kind="feedback", file=str(Path(file).absolute()))
    return dataclasses.replace(config, mix=(*config.mix, mix), data=config.data or ".")


def _speed(words: Sequence[str]) -> int:
    made = parser("python -m train speed", "Questions a second with and without shared-prefix packing.")
    options = made.parse_args(words)
    config = settled(configured(options))
    _need("train")
    from train import qlora, speed

    config = dataclasses.replace(config, model_name=qlora.resolve(config.model_name))
    print(speed.run(config, _dataset(config)))
    return OK
