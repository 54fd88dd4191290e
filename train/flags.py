"""Make flags of a recipe's fields, and a configuration of flags: `settled(configured(parser(…).parse_args()))`.

Invariant: a flag may be written with dashes or underscores; every field of a recipe is a flag.
"""

from __future__ import annotations

import argparse
import dataclasses
import typing
from pathlib import Path
from typing import Any

from sqlagent.base.errors import UsageError
from train import config as configuration
from train.config import CHOICES, HELP, Config

HELD_OUT = 20
"""Of a data set that flags alone name, one row in so many is kept for validation."""


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


def configured(options: argparse.Namespace) -> Config:
    """The recipe that the options name, with the flags that were given in place of its own."""
    known = {field.name for field in dataclasses.fields(Config)}
    given = {name: value for name, value in vars(options).items() if name in known}
    return configuration.load(options.recipe, given)
