"""What each command does. Every function takes the parsed arguments and returns an exit code.

The database is opened before a model is fetched or loaded: a wrong path never costs a download.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlagent.agent.agent import Agent, TextModel, check_question
from sqlagent.base import errors, terminal
from sqlagent.base.errors import DatabaseError, UsageError
from sqlagent.base.paths import expanded
from sqlagent.ui import inspecting, json_answer, own_sql, sureness
from sqlagent.ui.console import Console
from sqlagent.ui.interrupt import cancels, raises
from sqlagent.ui.opening import Opened, agent_for, limits_from, output_for
from sqlagent.ui.readable import with_dates
from sqlagent.ui.result_output import Output

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files

MAX_STATEMENT = 1_000_000
"""Characters of the longest statement that stdin may bring."""

Command = Callable[[argparse.Namespace, Console, TextModel | None], int]


def ask(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Answer one question, or run a statement."""
    return _answer(args, console, model, args.database, question_from(args.question))


def demo(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Answer a question about the demonstration database."""
    from sqlagent.base import paths
    from sqlagent.ui import demo_database as company

    question = question_from(args.question or [company.QUESTION])
    try:
        database = company.ensure(paths.cache_dir())
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(
            f"The demonstration database cannot be written ({error}): set SQLAGENT_HOME."
        ) from None
    if not args.question:
        console.notice(f"Question: {question}")
    code = _answer(args, console, model, str(database), question)
    console.notice(f'Ask it something else with `sqlagent demo "…"`, or open it: sqlagent {database}')
    return code


def run(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Run a person's own statement."""
    if not args.question:
        raise UsageError('Which statement? `sqlagent run DB "SELECT …"`')
    args.sql_only = True
    return _answer(args, console, model, args.database, question_from(args.question))


def batch(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Answer a file of questions."""
    from sqlagent.ui.batch import Batch

    with agent_for(args, console, model, args.database) as agent:
        with raises():
            agent.fetch_model()
        with cancels(agent.cancel):
            return Batch(agent, console, expanded(args.questions), args.out and expanded(args.out)).run()


def mcp(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Serve the database to an assistant."""
    from sqlagent.ui import mcp_server

    console.quiet = True
    with agent_for(args, console, model, args.database) as agent:
        with raises():
            agent.schema()  # a wrong path ends here
        with raises():
            return mcp_server.serve(agent)


def repl(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Open the prompt."""
    from sqlagent.ui.repl import Repl
    from sqlagent.ui.session import Habits

    console.show_sql = True
    with Opened(args, console, model) as opened:
        return Repl(
            opened.open([args.database, *args.also]),
            output_for(args, console),
            sql_only=args.sql_only,
            limited=args.limit is not None,
            reopen=opened.open,
            habits=Habits(pager=args.pager, toolbar=args.toolbar, vi=args.keys == "vi", timing=args.timing),
        ).run()


def web(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Serve the page."""
    from sqlagent.ui.web import command

    return command.run(args, console, model, limits_from(args))


def models(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """List, fetch, find, verify, remove or add a model."""
    action, target = args.action, args.target
    if action not in ("list", "path", "verify") and not target:
        what = "FILE.gguf" if action == "add" else "NAME"
        raise UsageError(f"Say which model: `sqlagent models {action} {what}`.")
    with raises():
        return _models(args, console, action, target)


def _models(args: argparse.Namespace, console: Console, action: str, target: str) -> int:
    from sqlagent.store import models as registry

    if action == "list":
        _list_models(args, console)
    elif action == "pull":
        source = expanded(args.source) if args.source else None
        registry.pull(target, offline=args.offline, quiet=console.quiet, source=source)
        _write_files(registry.ready(target, offline=args.offline, quiet=console.quiet, settle=True))
    elif action == "path":
        _write_files(registry.located(target or registry.default().name))
    elif action == "verify":
        return _verify_models(args, console)
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
    output = output_for(args, console)
    if args.format == "table":
        wide = max(len(finding.what) for finding in findings)
        terminal.out(f"{finding.what:<{wide}}  {finding.found}\n" for finding in findings)
    else:
        output.rows(("what", "found", "ok"), [(f.what, f.found, int(f.ok)) for f in findings])
    broken = [finding for finding in findings if not finding.ok]
    for finding in broken:
        console.error(finding.advice or f"{finding.what}: {finding.found}")
    return errors.CANNOT_OPEN if broken else errors.OK


RUN: dict[str, Command] = {
    "ask": ask,
    "demo": demo,
    "run": run,
    "batch": batch,
    "schema": inspecting.schema,
    "explain": inspecting.explain,
    "tour": inspecting.tour,
    "repl": repl,
    "web": web,
    "mcp": mcp,
    "models": models,
    "doctor": doctor,
    "config": inspecting.config,
    "completion": inspecting.completion,
}
"""Commands by name; cli.COMMANDS describes them."""


# ---- shared ------------------------------------------------------------------------------------------------


def question_from(words: list[str]) -> str:
    """The question, or the statement, from the words typed ("-" is stdin).

    Raises UsageError when it is empty, or too long for a question and none of a person's own SQL.
    """
    text = " ".join(words)
    if words == ["-"]:
        if sys.stdin is None:
            raise UsageError("There is no stdin to read the question from.")
        text = sys.stdin.buffer.read(MAX_STATEMENT + 1).decode("utf-8", "replace")
        if len(text) > MAX_STATEMENT:
            raise UsageError(f"A statement may have {MAX_STATEMENT:,} characters; this one has more.")
    return text.strip() if own_sql.begins_like_sql(text) else check_question(text)


def _answer(
    args: argparse.Namespace, console: Console, model: TextModel | None, database: str, question: str
) -> int:
    output = output_for(args, console)
    # The statement is shown before its rows, except where it would only be in the way of a program.
    console.show_sql = args.format == "table" and not args.sql and not args.json
    with agent_for(args, console, model, database) as agent:
        piped = args.question == ["-"]
        with cancels(agent.cancel):
            own = args.sql_only or own_sql.is_sql(question, agent.compiles, piped=piped)
            if own:
                cut = _own(args, output, agent, question)
        if not own:
            with raises():
                agent.fetch_model()  # before the spinner: a download draws its own bar
            with cancels(agent.cancel):
                cut = _ask(args, output, agent, question)
    return _cut_short(args, console) if cut else errors.OK


def _own(args: argparse.Namespace, output: Output, agent: Agent, sql: str) -> str | None:
    """Run a person's own statement as it is; what was left out."""
    if args.sql:
        agent.prepare(sql)
        terminal.line(sql.rstrip().rstrip(";") + ";")
        return None
    with output.console.working("running the statement"):
        result = agent.run_sql(sql)
    if args.json:
        terminal.line(json_answer.line(json_answer.of_result(sql, result, database=agent.database)))
        return result.truncated
    output.rows(result.columns, result.rows, result.truncated)
    return result.truncated


def _ask(args: argparse.Namespace, output: Output, agent: Agent, question: str) -> str | None:
    """Ask the model; what was left out."""
    with output.console.working("reading the database", lambda: agent.progress):
        answer = agent.ask(question, observer=output.console, anyway=args.anyway)
    if args.json:
        if output.dates == "local":
            answer = replace(answer, rows=[*map(tuple, with_dates(answer.rows, answer.stored_as))])
        about = json_answer.of_answer(answer, database=agent.database, model=agent.model_name)
        terminal.line(json_answer.line(about))
        return answer.truncated
    if args.sql:
        output.statement(answer.sql)
        output.notes(answer, rows=False)
        return None
    output.answer(answer, offer="" if output.console.verbose else "--verbose shows another reading")
    if output.console.verbose:
        for sql in sureness.readings(answer)[:1]:
            output.console.notice("Another reading:")
            output.console.sql(sql)
    return answer.truncated


def _cut_short(args: argparse.Namespace, console: Console) -> int:
    """The exit code of rows that were left out although nobody asked for a limit: a file must not look whole."""
    if args.limit is not None or not output_for(args, console).for_programs:
        return errors.OK
    console.error("Not all of the result was written; see the line before.")
    return errors.NO_ANSWER


def _write_files(files: Files) -> None:
    """A model's file and, on a line of its own, the adapter that is applied to it."""
    terminal.out(f"{path}\n" for path in (files.model, files.adapter) if path is not None)


def _verify_models(args: argparse.Namespace, console: Console) -> int:
    from sqlagent.store import verify

    with console.working("reading the models' files"):
        checked = verify.verify(args.target)
    rows = [(one.name, "intact" if one.intact else "damaged", str(one.path)) for one in checked]
    output_for(args, console).rows(("name", "state", "file"), rows)
    damaged = [one for one in checked if not one.intact]
    for one in damaged:
        console.error(f"{one.path} is not what it was: {one.advice}.")
    return errors.CANNOT_OPEN if damaged else errors.OK


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
            status.entry.accuracy,
            status.entry.about,
        )
        for status in registry.statuses()
    ]
    output_for(args, console).rows(columns, rows)
