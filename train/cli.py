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
    python -m train build KIND --save FOLDER                    data made without a model: see `build --help`
    python -m train pack … , unpack … , box …                   a machine without a network: see train/box.py
    python -m train recipes                                     names of the recipes

Invariant: a flag may be written with dashes or underscores; every field of a recipe is a flag.
"""

from __future__ import annotations

import argparse
import dataclasses
import errno
import os
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlagent.base.errors import INTERRUPTED, OK, SqlagentError, UsageError
from train import config as configuration
from train.config import CHOICES, HELP, Config

HELD_OUT = 20
"""Of a data set that flags alone name, one row in so many is kept for validation."""
COMMANDS = {
    "run": "train an adapter (what happens without a command)",
    "fetch": "bring the published data sets from the hub",
    "data": "look at the data of a recipe, or prepare it as one file",
    "evaluate": "score an adapter, or a GGUF",
    "speed": "questions a second, packed and not",
    "sample": "make pairs out of questions with answers",
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


def dashed(word: str) -> str:
    """`--max_length=5` → `--max-length=5`: both spellings mean the same."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def parser(prog: str, description: str) -> argparse.ArgumentParser:
    """A parser with one flag for each field of `Config`, under the titles of `GROUPS`."""
    made = argparse.ArgumentParser(
        prog=prog,
        description=description,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage=f"{prog} [--recipe R] [flags]",
    )
    made.add_argument(
        "--recipe", metavar="FILE", help=f"a TOML file, or one of {', '.join(configuration.recipes())}"
    )
    hints, defaults = typing.get_type_hints(Config), Config()
    for title, names in configuration.GROUPS.items():
        group = made.add_argument_group(title)
        for name in names:
            _add_flag(group, name, hints[name], getattr(defaults, name))
    return made


def _add_flag(group: argparse._ArgumentGroup, name: str, kind: Any, default: Any) -> None:
    flag, help_text = "--" + name.replace("_", "-"), HELP[name].replace("%", "%%")
    if default not in ("", (), 0, 0.0, False):
        shown = ",".join(default) if isinstance(default, tuple) else default
        help_text += f" (default {shown})"
    if kind is bool:
        group.add_argument(
            flag, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=help_text
        )
        return
    number = {int: "N", float: "X"}.get(kind)
    group.add_argument(
        flag,
        type=kind if number else str,
        choices=CHOICES.get(name),
        default=argparse.SUPPRESS,
        metavar=None if name in CHOICES else number or configuration.METAVARS[name],
        help=help_text,
    )


def settled(config: Config) -> Config:
    """The configuration with the data set that `--dataset` names, or that is taken where nothing names any.

    A recipe without sources is no mistake of its own: the published flags (`--model_name`, `--epochs` …) name none.
    """
    if config.without:
        names = [mix.name for mix in config.mix]
        if unknown := [name for name in config.without if name not in names]:
            raise UsageError(f"The recipe has no source {unknown[0]!r}: it has {', '.join(names) or 'none'}.")
        config = dataclasses.replace(
            config, mix=tuple(mix for mix in config.mix if mix.name not in config.without), without=()
        )
    if config.dataset and config.mix:
        raise UsageError("The recipe names its data: leave --dataset out, or the recipe.")
    if config.mix or config.prepared:
        return config
    name = config.dataset or configuration.DATASET
    file = str(Path(name).absolute()) if Path(name).is_file() else f"hub:{name}"
    mix = configuration.Mix(name=Path(name).stem, kind="context", file=file, held_out=HELD_OUT)
    return dataclasses.replace(config, mix=(mix,))


def _overrides(options: argparse.Namespace) -> dict[str, Any]:
    known = {field.name for field in dataclasses.fields(Config)}
    return {name: value for name, value in vars(options).items() if name in known}


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
    config = settled(configuration.load(options.recipe, _overrides(options)))
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
    config = settled(
        _with_feedback(configuration.load(options.recipe, _overrides(options)), options.feedback)
    )
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
    config = settled(configuration.load(options.recipe, _overrides(options)))
    _need("train")
    from train import qlora, speed

    config = dataclasses.replace(config, model_name=qlora.resolve(config.model_name))
    print(speed.run(config, _dataset(config)))
    return OK
