"""Define the command line: commands, their arguments and options, in argparse's terms.

Nothing heavy is imported: `--help` is made of it, and so are the shells' completion and docs/reference.md.
"""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from sqlagent import __version__
from sqlagent.agent.effort import AMENDING, DATES, EFFORTS
from sqlagent.base import terminal
from sqlagent.base.errors import UsageError
from sqlagent.ui import formats

COMMANDS = {
    "ask": "answer one question",
    "run": "run a statement of your own in the same sandbox",
    "batch": "answer a file of questions, and go on where that stopped",
    "repl": "open the prompt (what `sqlagent DB` does)",
    "tour": "show what a database holds, and questions that it answers",
    "schema": "write the tables and keys as text, JSON or a Mermaid diagram",
    "explain": "say what a statement computes, and how SQLite goes about it",
    "demo": "answer a question about a small company",
    "web": "serve a page in the browser",
    "mcp": "serve a database to an assistant (Model Context Protocol, on stdio)",
    "models": "list, fetch and remove models",
    "config": "show what is set and by whom, or write a commented config file",
    "completion": "write what makes your shell complete commands and options",
    "doctor": "say what is installed and how fast it is",
}

EPILOG = """\
examples:
  sqlagent demo                             see it work: "Who earns the most in Sales?"
  sqlagent shop.db                          open the prompt
  sqlagent ask shop.db "How many orders were placed in May?"
  sqlagent ask shop.db "Orders by month" --format csv > orders.csv
  sqlagent ask shop.db "Orders by month" --sql
  sqlagent tour shop.db                     what is in it, and questions to begin with
  sqlagent web shop.db                      the same in a browser

Rows go to stdout, everything else to stderr. Exit codes: 0 ok, 1 no answer,
2 wrong usage, 3 model or database cannot be opened, 4 timeout, 130 interrupted.
"""

NO_DATABASE = (
    'Which database? Use `sqlagent ask DB "question"`, `sqlagent DB` for the prompt, or try `sqlagent demo`.'
)

OPTIONS: dict[str, bool] = {"-h": False, "--help": False}
"""Every option of every command, and whether it takes a value; filled while the parser is built."""


_A_FILE = {
    "bash": "_shtab_compgen_files",
    "zsh": "_files",
    "fish": "(__fish_complete_path (commandline -ct))",
}
"""What shtab.FILE is, which would have to be imported for it."""
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


def option(parser: argparse.ArgumentParser, *flags: str, **given: Any) -> None:
    """Add an option, and remember whether it takes a value."""
    OPTIONS.update(dict.fromkeys(flags, given.get("action", "append") == "append"))
    parser.add_argument(*flags, **given)


def _file(parser: argparse.ArgumentParser, name: str, **given: Any) -> None:
    """Add an argument that is a file, and let shells complete it as one."""
    parser.add_argument(name, **given).complete = _A_FILE  # type: ignore[attr-defined]  # shtab reads it


def build_parser() -> Parser:
    """The whole command line; cheap enough for --help."""
    everywhere = Parser(add_help=False)
    option(everywhere, "-q", "--quiet", action="store_true", help="no notices on stderr, only errors")
    option(everywhere, "-v", "--verbose", action="store_true", help="show steps and timings on stderr")
    option(everywhere, "--no-color", action="store_true", help="no colours (also: NO_COLOR=1)")

    shape = Parser(add_help=False)
    option(
        shape, "-f", "--format", choices=list(formats.FORMATS), help="how rows are written (default table)"
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
        work, "--effort", choices=list(EFFORTS),
        help="statements weighed: fast one, normal also others about as likely, high more (default normal)",
    )  # fmt: skip
    option(
        work, "--amend", choices=list(AMENDING),
        help="off: statements run as written; pitfalls: SQL's traps are mended; all: readings are weighed, too "
        "(default all)",
    )  # fmt: skip
    option(
        work, "--dates", choices=["auto", *DATES], default="auto",
        help="times in results: local dates, or as the file stores them (default: local in tables and on the page, "
        "stored in formats for programs and with --raw)",
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
    document = Parser(add_help=False)
    option(document, "--json", action="store_true", help="one JSON object with the rows and all about them")
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

    def command(name: str, parents: list[Parser], **given: Any) -> argparse.ArgumentParser:
        summary = COMMANDS[name]
        made: argparse.ArgumentParser = commands.add_parser(
            name, parents=[everywhere, *parents], help=summary,
            description=summary[0].upper() + summary[1:] + ".", **given,
        )  # fmt: skip
        return made

    holder = {"metavar": "DB", "help": "a SQLite, CSV, JSON, Excel, Parquet or SQL file"}
    ask = command("ask", [shape, work, sql, document])
    _file(ask, "database", **holder)
    ask.add_argument(
        "question",
        nargs="*",
        metavar="question",
        help="what you want to know, or a SELECT of your own; - reads it from stdin",
    )
    run = command("run", [shape, work, document])
    _file(run, "database", **holder)
    run.add_argument("question", nargs="*", metavar="SQL", help="a SELECT; - reads it from stdin")
    option(run, "--sql", action="store_true", help="only see whether it can run, and print it")
    batch = command("batch", [work])
    _file(batch, "database", **holder)
    _file(
        batch,
        "questions",
        metavar="FILE.jsonl",
        help='a JSON text, or {"question": "…", "id": …}, on each line',
    )
    option(batch, "--out", metavar="FILE", help="where answers go (default FILE.answers.jsonl)")
    repl = command("repl", [shape, work])
    _file(repl, "database", **holder)
    tour = command("tour", [shape, work])
    _file(tour, "database", **holder)
    schema = command("schema", [work])
    _file(schema, "database", **holder)
    option(
        schema, "--as", dest="as_", choices=["text", "json", "mermaid"], default="text", help="default text"
    )
    explain = command("explain", [shape, work])
    _file(explain, "database", **holder)
    explain.add_argument("statement", nargs="*", metavar="SQL", help="a SELECT")
    mcp = command("mcp", [work])
    _file(mcp, "database", **holder)
    for opens in (ask, run, batch, repl, tour, schema, explain, mcp):
        option(opens, "--also", action="append", metavar="FILE", default=[], help="another file, beside DB")
        option(opens, "--as-text", action="store_true", help="leave the cells of CSV files as they are")
    demo = command("demo", [shape, work, sql, document])
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
    config = command("config", [shape], usage="sqlagent config [list|path|default|init] [options]")
    config.add_argument("action", nargs="?", default="list", choices=["list", "path", "default", "init"])
    completion = command("completion", [])
    completion.add_argument("shell", choices=["bash", "zsh", "fish"])
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
