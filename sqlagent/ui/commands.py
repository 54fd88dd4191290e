"""What each command does. Every function takes the parsed arguments and returns an exit code.

The database is opened before a model is fetched or loaded: a wrong path never costs a download.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.agent.agent import MAX_QUESTION, Agent, TextModel, check_question
from sqlagent.base import errors
from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.ui import formats
from sqlagent.ui.console import Console
from sqlagent.ui.interrupt import cancels
from sqlagent.ui.result_output import Output

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Limits
    from sqlagent.store.adapters import Files

Command = Callable[[argparse.Namespace, Console, TextModel | None], int]


def ask(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Answer one question."""
    return _answer(args, console, model, args.database, question_from(args.question))


def demo(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Answer a question about the demonstration database."""
    from sqlagent.store import models
    from sqlagent.ui import demo_database as company

    question = question_from(args.question or [company.QUESTION])
    try:
        database = company.ensure(models.cache_dir())
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(
            f"The demonstration database cannot be written ({error}): set SQLAGENT_HOME."
        ) from None
    if not args.question:
        console.notice(f"Question: {question}")
    code = _answer(args, console, model, str(database), question)
    console.notice(f'Ask it something else with `sqlagent demo "…"`, or open it: sqlagent {database}')
    return code


def repl(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Open the prompt."""
    from sqlagent.ui.repl import Repl

    console.show_sql = True
    with _agent(args, console, model, args.database) as agent:
        agent.schema()  # a wrong path ends here
        return Repl(agent, _output(args, console)).run()


def models(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """List, fetch, find, remove or add a model."""
    from sqlagent.store import models as registry

    action, target = args.action, args.target
    if action != "list" and action != "path" and not target:
        what = "FILE.gguf" if action == "add" else "NAME"
        raise UsageError(f"Say which model: `sqlagent models {action} {what}`.")
    if action == "list":
        _list_models(args, console)
    elif action == "pull":
        source = Path(args.source).expanduser() if args.source else None
        registry.pull(target, offline=args.offline, quiet=console.quiet, source=source)
        _write_files(registry.ready(target, offline=args.offline, quiet=console.quiet))
    elif action == "path":
        _write_files(registry.located(target or registry.default().name))
    elif action == "add":
        if args.apply and not args.adapter:
            raise UsageError("--apply says how an adapter is applied: name one with --adapter.")
        entry = registry.add(
            target, name=args.name, adapter=args.adapter, apply=args.apply or "load", quiet=console.quiet
        )
        console.notice(f"Added {entry.name}; use it with --model {entry.name}.")
    else:
        freed = registry.remove(target)
        console.notice(f"Removed {target}" + (f", {freed / 1e6:,.0f} MB freed." if freed else "."))
    return errors.OK


def doctor(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Say what is installed and how fast it is."""
    from sqlagent.ui import doctor as examination

    with console.working("looking around"):
        findings = examination.examine(args.model, args.adapter)
    output = _output(args, console)
    if args.format == "table":
        wide = max(len(finding.what) for finding in findings)
        formats.write(f"{finding.what:<{wide}}  {finding.found}\n" for finding in findings)
    else:
        output.rows(("what", "found", "ok"), [(f.what, f.found, int(f.ok)) for f in findings])
    broken = [finding for finding in findings if not finding.ok]
    for finding in broken:
        console.error(finding.advice or f"{finding.what}: {finding.found}")
    return errors.CANNOT_OPEN if broken else errors.OK


RUN: dict[str, Command] = {"ask": ask, "demo": demo, "repl": repl, "models": models, "doctor": doctor}
"""Commands by name; cli.COMMANDS describes them."""


# ---- shared ------------------------------------------------------------------------------------------------


def question_from(words: list[str]) -> str:
    """The question from the words typed ("-" is stdin). Raises UsageError when it is empty or too long."""
    if words == ["-"]:
        # Enough to see that it is too long; characters of four bytes included.
        if sys.stdin is None:
            raise UsageError("There is no stdin to read the question from.")
        text = sys.stdin.buffer.read(MAX_QUESTION * 4 + 1).decode("utf-8", "replace")
        return check_question(text)
    return check_question(" ".join(words))


def _answer(
    args: argparse.Namespace, console: Console, model: TextModel | None, database: str, question: str
) -> int:
    output = _output(args, console)
    # The statement is shown before its rows, except where it would only be in the way of a program.
    console.show_sql = args.format == "table" and not args.sql
    with _agent(args, console, model, database) as agent:
        agent.fetch_model()  # before the spinner: a download draws its own bar
        with console.working("reading the database"), cancels(agent.cancel):
            answer = agent.ask(question, observer=console, anyway=args.anyway)
    if args.sql:
        formats.write_line(answer.sql + ";")
        output.notes(answer)
    else:
        output.answer(answer)
    return errors.OK


def _agent(args: argparse.Namespace, console: Console, model: TextModel | None, database: str) -> Agent:
    chosen = model if model is not None else args.model
    path = str(Path(database).expanduser())
    return Agent(
        path,
        chosen,
        limits=limits_from(args),
        effort=args.effort,
        amend=args.amend,
        offline=args.offline,
        quiet=console.quiet,
        adapter=args.adapter,
    )


def _output(args: argparse.Namespace, console: Console) -> Output:
    return Output(console, args.format, args.max_cell, args.csv_safe)


def limits_from(args: argparse.Namespace) -> Limits:
    """The sandbox's limits as asked for; its own defaults where nothing was said."""
    from sqlagent.sandbox.sandbox import Limits

    asked: dict[str, Any] = {
        "timeout": args.timeout,
        "max_rows": args.limit,
        "max_cell": args.max_cell,
        "max_bytes": args.max_bytes,
    }
    return Limits(**{name: value for name, value in asked.items() if value is not None})


def _write_files(files: Files) -> None:
    """A model's file and, on a line of its own, the adapter that is applied to it."""
    formats.write(f"{path}\n" for path in (files.model, files.adapter) if path is not None)


def _list_models(args: argparse.Namespace, console: Console) -> None:
    from sqlagent.store import models as registry

    columns = ("name", "also", "state", "MB", "licence", "accuracy", "about")
    rows = [
        (
            status.entry.name,
            ", ".join(status.entry.aliases),
            status.state,
            round(status.size / 1e6),
            status.entry.licence,
            status.entry.accuracy or None,
            status.entry.about,
        )
        for status in registry.statuses()
    ]
    _output(args, console).rows(columns, rows)
