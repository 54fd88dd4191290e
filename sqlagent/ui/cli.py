"""The command line: what was typed becomes one command, and every error one sentence and one exit code.

stdout carries data only and stays empty on an error in usage. Nothing heavy is imported before a command
runs; the commands are in commands.py.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sqlagent import __version__
from sqlagent.agent.effort import AMENDING, EFFORTS
from sqlagent.base import errors, terminal
from sqlagent.base.errors import UsageError
from sqlagent.files.kinds import loadable
from sqlagent.ui import formats, leaving
from sqlagent.ui.console import Console

if TYPE_CHECKING:
    from sqlagent.agent.agent import TextModel

COMMANDS = {
    "ask": "answer one question",
    "repl": "open the prompt (what `sqlagent DB` does)",
    "demo": "answer a question about a small company",
    "web": "serve a page in the browser",
    "models": "list, fetch and remove models",
    "doctor": "say what is installed and how fast it is",
}

DATABASE_SUFFIXES = {".db", ".db3", ".sqlite", ".sqlite3", ".sdb", ".s3db", ".sl3"}

EPILOG = """\
examples:
  sqlagent demo                             see it work: "Who earns the most in Sales?"
  sqlagent shop.db                          open the prompt
  sqlagent ask shop.db "How many orders were placed in May?"
  sqlagent ask shop.db "Orders by month" --format csv > orders.csv
  sqlagent ask shop.db "Orders by month" --sql
  sqlagent web shop.db                      the same in a browser

Rows go to stdout, everything else to stderr. Exit codes: 0 ok, 1 no answer,
2 wrong usage, 3 model or database cannot be opened, 4 timeout, 130 interrupted.
"""

NO_DATABASE = (
    'Which database? Use `sqlagent ask DB "question"`, `sqlagent DB` for the prompt, or try `sqlagent demo`.'
)

OPTIONS: dict[str, bool] = {"-h": False, "--help": False}
"""Every option of every command, and whether it takes a value; filled while the parser is built."""


_INVALID_CHOICE = re.compile(r"invalid choice: (.*) \(choose from (.*)\)", re.DOTALL)


class Parser(argparse.ArgumentParser):
    """argparse with errors as exceptions, suggestions, and help that goes through render."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        # "argument -f/--format: invalid choice: 'xml' (choose from 'table', …)" is not yet a sentence.
        about, _, what = message.removeprefix("argument ").partition(": ")
        if found := _INVALID_CHOICE.fullmatch(what):
            choices = found[2].replace("'", "")
            raise UsageError(f"There is no {about.split('-')[-1]} {found[1]}; choose one of {choices}.")
        if message.startswith("argument "):
            message = f"{about.split('/')[-1]}: {what}"
        if message.startswith("the following arguments are required: DB"):
            raise UsageError(NO_DATABASE)
        raise UsageError(f"{message[:1].upper()}{message[1:].rstrip('.')}; see `{self.prog} --help`.")

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            terminal.out([message])


def option(parser: argparse.ArgumentParser, *flags: str, **settings: Any) -> None:
    """Add an option, and remember whether it takes a value."""
    OPTIONS.update(dict.fromkeys(flags, settings.get("action", "append") == "append"))
    parser.add_argument(*flags, **settings)


def build_parser() -> Parser:
    """The whole command line; cheap enough for --help."""
    everywhere = Parser(add_help=False)
    option(everywhere, "-q", "--quiet", action="store_true", help="no notices on stderr, only errors")
    option(everywhere, "-v", "--verbose", action="store_true", help="show steps and timings on stderr")
    option(everywhere, "--no-color", action="store_true", help="no colours (also: NO_COLOR=1)")

    shape = Parser(add_help=False)
    option(
        shape, "-f", "--format", choices=list(formats.FORMATS), default="table", help="how rows are written"
    )
    option(
        shape, "--max-cell", type=_whole, metavar="N",
        help="longest cell, in characters (default 200 in a table, a million elsewhere; 0 for no limit)",
    )  # fmt: skip
    option(
        shape, "--csv-safe", action="store_true",
        help="in csv and tsv, put ' before text that a spreadsheet would take for a formula",
    )  # fmt: skip
    option(shape, "--raw", action="store_true", help="in a table, the names and all digits that SQLite gave")

    work = Parser(add_help=False)
    option(work, "-m", "--model", metavar="M", help="a model's name (see `sqlagent models`) or a .gguf file")
    option(work, "--adapter", metavar="PATH", help="a LoRA adapter for the model: a peft folder or a GGUF")
    option(
        work, "--effort", choices=list(EFFORTS), default="normal",
        help="statements weighed: fast one, normal also others about as likely, high more (default normal)",
    )  # fmt: skip
    option(
        work, "--amend", choices=list(AMENDING), default="all",
        help="off: statements run as written; pitfalls: SQL's traps are mended; all: readings are weighed, too "
        "(default all)",
    )  # fmt: skip
    option(work, "--offline", action="store_true", help="never go online; a missing model is an error")
    option(
        work,
        "-n",
        "--limit",
        type=_whole,
        metavar="N",
        help="most rows (default 1000 in a table or on a terminal, else all; 0 for all)",
    )
    option(work, "--timeout", type=_seconds, metavar="S", help="seconds a statement may run (default 10)")
    option(work, "--max-bytes", type=_whole, metavar="N", help="most bytes of values (0 for no limit)")
    option(
        work, "--sql-only", action="store_true", help="take what is asked for SQL, and never ask the model"
    )
    sql = Parser(add_help=False)
    option(sql, "--sql", action="store_true", help="print the statement instead of its rows")
    option(sql, "--anyway", action="store_true", help="answer what seems to be about something else")

    parser = Parser(
        prog="sqlagent",
        usage="sqlagent DB | sqlagent COMMAND [options]",
        description="Answer questions about a SQLite database, offline.",
        epilog=EPILOG,
        parents=[everywhere],
    )
    option(parser, "--version", action="version", version=f"sqlagent {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser, prog="sqlagent")

    def command(name: str, parents: list[Parser], **settings: Any) -> argparse.ArgumentParser:
        summary = COMMANDS[name]
        made: argparse.ArgumentParser = commands.add_parser(
            name, parents=[everywhere, *parents], help=summary,
            description=summary[0].upper() + summary[1:] + ".", **settings,
        )  # fmt: skip
        return made

    ask = command("ask", [shape, work, sql])
    ask.add_argument("database", metavar="DB", help="a SQLite, CSV, JSON, Excel, Parquet or SQL file")
    ask.add_argument(
        "question",
        nargs="*",
        metavar="question",
        help="what you want to know, or a SELECT of your own; - reads it from stdin",
    )
    repl = command("repl", [shape, work])
    repl.add_argument("database", metavar="DB", help="a SQLite, CSV, JSON, Excel, Parquet or SQL file")
    for opens in (ask, repl):
        option(opens, "--also", action="append", metavar="FILE", default=[], help="another file, beside DB")
        option(opens, "--as-text", action="store_true", help="leave the cells of CSV files as they are")
    demo = command("demo", [shape, work, sql])
    demo.add_argument(
        "question", nargs="*", metavar="question", help="what you want to know about the company"
    )
    web = command("web", [work])
    web.add_argument(
        "databases", nargs="*", metavar="DB", help="SQLite files; more can be dropped on the page"
    )
    option(web, "--port", type=_whole, metavar="N", default=7860, help="where to listen (default 7860)")
    option(
        web, "--host", metavar="H", default="127.0.0.1",
        help="the address to listen at; beyond this computer's own, a token is needed to get in",
    )  # fmt: skip
    option(web, "--token", metavar="T", help="ask for this token, also on this computer")
    option(web, "--open", action="store_true", help="show the page in the browser")
    option(
        web, "--max-upload", type=_whole, metavar="MB", default=512,
        help="largest file that may be dropped on the page (default 512)",
    )  # fmt: skip
    models = command(
        "models", [shape], usage="sqlagent models [list|pull|path|verify|remove|add] [NAME] [options]"
    )
    models.add_argument(
        "action", nargs="?", default="list", choices=["list", "pull", "path", "verify", "remove", "add"]
    )
    models.add_argument("target", nargs="?", metavar="NAME", help="a model's name, or for add a .gguf file")
    option(models, "--offline", action="store_true", help="never go online")
    option(models, "--from", dest="source", metavar="PATH", help="pull: copy from this file or folder")
    option(models, "--name", metavar="NAME", help="add: what to call the model")
    option(models, "--adapter", metavar="PATH", help="add: a LoRA adapter, a peft folder or a GGUF")
    option(
        models, "--apply", choices=["load", "merge"], help="add: apply the adapter at load (default) or merge"
    )
    doctor = command("doctor", [shape])
    option(doctor, "-m", "--model", metavar="M", help="the model to look at")
    option(doctor, "--adapter", metavar="PATH", help="a LoRA adapter for it")
    return parser


def _whole(text: str) -> int:
    try:
        number = int(text.replace("_", ""))
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")
    return number


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number


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
            if sum(not loadable(word) for word in files) > 1:
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
    """Whether a word names a database, or a file that can be loaded into one."""
    return (Path(word).suffix.lower() in DATABASE_SUFFIXES and is_path(word)) or loadable(word)


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
        Path(text).suffix.lower() in DATABASE_SUFFIXES
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
