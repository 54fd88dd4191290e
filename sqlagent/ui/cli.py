"""The command line: what was typed becomes one command, and every error one sentence and one exit code.

stdout carries data only and stays empty on an error in usage. Nothing heavy is imported before a command
runs; the commands are in commands.py.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import errors
from sqlagent.base.errors import UsageError
from sqlagent.files.kinds import SUFFIXES, loadable
from sqlagent.ui import leaving, settings
from sqlagent.ui.arguments import COMMANDS, NO_DATABASE, OPTIONS, build_parser
from sqlagent.ui.console import Console

if TYPE_CHECKING:
    from sqlagent.agent.agent import TextModel

DATABASE_SUFFIXES = {".db", ".db3", ".sqlite", ".sqlite3", ".sdb", ".s3db", ".sl3"}

# ---- what was meant ----------------------------------------------------------------------------------------


def arrange(argv: Sequence[str]) -> list[str]:
    """The command, then options, then words; the command is found when it was left out or words were swapped.

    `sqlagent DB` opens the prompt, `sqlagent DB "question"` asks. Raises UsageError with a suggestion.
    """
    options, words = _sort(argv)
    if not words:
        return options
    first = words[0]
    if first == "help":
        return [*words[1:2], "--help"]
    if first in COMMANDS:
        command, words = first, words[1:]
    elif is_path(first):
        command = "repl" if len(words) == 1 else "ask"
    else:
        if " " not in first and (close := difflib.get_close_matches(first, COMMANDS, n=1, cutoff=0.6)):
            raise UsageError(f"There is no command {first!r}; did you mean `sqlagent {close[0]}`?")
        if len(words) < 2 or not is_path(words[-1]):
            if " " in first or first.endswith("?"):
                raise UsageError(NO_DATABASE)
            hint = (
                'a question needs a database: `sqlagent ask DB "question"`'
                if words[1:]
                else "see `sqlagent --help`"
            )
            raise UsageError(f"There is no command and no file {first!r}; {hint}.")
        command = "ask"
    if command in ("repl", "ask") and len(words) > 1:
        files = list(itertools.takewhile(_is_file, words))
        if len(files) > 1:  # `sqlagent sales.csv customers.xlsx`: one database of both
            if sum(not (loadable(word) or _suffix(word) in SUFFIXES) for word in files) > 1:
                raise UsageError(
                    f"One database at a time: `sqlagent {words[0]}` opens the prompt on the first."
                )
            options = [*options, *(f"--also={word}" for word in files[1:])]
            words = [words[0], *words[len(files) :]]
            command = "ask" if len(words) > 1 else "repl"
    if command == "ask" and len(words) > 1 and not is_path(words[0]) and Path(words[-1]).is_file():
        words = [words[-1], *words[:-1]]  # the question came first
    return [command, *options, "--", *words] if words else [command, *options]


def _is_file(word: str) -> bool:
    """Whether a word names a database, or a file that can be loaded into one, whether it is there or not."""
    return (_suffix(word) in DATABASE_SUFFIXES | SUFFIXES.keys() and is_path(word)) or loadable(word)


def _suffix(word: str) -> str:
    return Path(word).suffix.lower()


def is_path(text: str) -> bool:
    """Whether a word is a file that exists or can only be meant as one."""
    if not text or len(text) > 4096:
        return False
    try:
        if Path(text).exists():
            return True
    except (OSError, ValueError):
        return False
    if any(space in text for space in " \t\n"):
        return False
    # An address is no path, but it can only be meant as one.
    return (
        _suffix(text) in DATABASE_SUFFIXES | SUFFIXES.keys()
        or text.startswith(("./", "../", "/", "~/", "file:", "sqlite:"))
        or "://" in text
    )


def _sort(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Options with their values, and the other words. Raises UsageError for an option that no command has."""
    options: list[str] = []
    words: list[str] = []
    rest = iter(argv)
    for text in rest:
        if text == "--":
            words += rest
        elif text == "-" or not text.startswith("-"):
            words.append(text)
        else:
            name = text.split("=")[0] if text.startswith("--") else text[:2]
            if name not in OPTIONS:
                close = difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.7)
                hint = f"did you mean {close[0]}?" if close else "see `sqlagent --help`."
                raise UsageError(f"There is no option {name}; {hint}")
            options.append(text)
            if OPTIONS[name] and text == name and (value := next(rest, None)) is not None:
                options.append(value)
    return options, words


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What was asked for. Raises UsageError; SystemExit(0) after --help and --version."""
    parser = build_parser()
    args, unknown = parser.parse_known_args(arrange(argv))
    if args.command is None:
        raise UsageError(NO_DATABASE)
    unknown = [text for text in unknown if text != "--"]
    if unknown:
        first = unknown[0]
        what = f"{first} does not go with" if first.startswith("-") else f"{first!r} is too much for"
        raise UsageError(f"{what} `sqlagent {args.command}`; see `sqlagent {args.command} --help`.")
    settings.fill(args)
    return args


# ---- running -----------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None, *, model: TextModel | None = None) -> int:
    """Run one command line and return its exit code. `model` stands in for the one that would be loaded."""
    return guarded(sys.argv[1:] if argv is None else list(argv), model)


def guarded(argv: Sequence[str], model: TextModel | None) -> int:
    """Run a command line; the one place where errors become a sentence on stderr and an exit code."""
    from sqlagent.ui import interrupt

    console = Console(no_color="--no-color" in argv)
    with interrupt.listening():
        try:
            args = parse(argv)
            console.quiet, console.verbose = args.quiet, args.verbose
            from sqlagent.ui import commands

            return commands.RUN[args.command](args, console, model)
        except errors.SqlagentError as error:
            if interrupt.came() or isinstance(error, errors.Cancelled):
                return _interrupted(console)
            return console.failed(error)
        except KeyboardInterrupt:
            return _interrupted(console)
        except Exception as error:
            if interrupt.came():
                return _interrupted(console)
            if os.environ.get("SQLAGENT_DEBUG"):
                raise
            console.error(
                f"Something went wrong inside sqlagent ({type(error).__name__}: {error}); "
                "SQLAGENT_DEBUG=1 shows where. Please report it."
            )
            return errors.NO_ANSWER


def _interrupted(console: Console) -> int:
    if leaving.first_to_say():
        console.error("Interrupted.")
    return errors.INTERRUPTED
