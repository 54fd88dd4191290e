"""The commands that look and ask no model: schema, explain, tour, config, completion."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sqlagent.agent.agent import Agent, TextModel
from sqlagent.base import errors, private_files, terminal
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.ui import schema_text, settings
from sqlagent.ui.console import Console
from sqlagent.ui.interrupt import cancels, raises
from sqlagent.ui.opening import agent_for, output_for

if TYPE_CHECKING:
    from sqlagent.ui.result_output import Output


def schema(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Write the schema as text, JSON or a Mermaid diagram."""
    with agent_for(args, console, model, args.database) as agent, raises():
        found = agent.notes.applied(agent.schema())
    terminal.out([schema_text.WAYS[args.as_](found)])
    for name, why in found.skipped:
        console.notice(f"Left out: {name} ({why})")
    return errors.OK


def explain(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Say what a statement computes, and how SQLite would go about it."""
    from sqlagent.sql.explain import said, sentence
    from sqlagent.sql.reading import Readings

    sql = " ".join(args.statement).strip().rstrip(";")
    if not sql:
        raise UsageError('Which statement? `sqlagent explain DB "SELECT …"`')
    with agent_for(args, console, model, args.database) as agent, cancels(agent.cancel):
        agent.prepare(sql)
        reading = Readings(agent.schema()).find(sql)
        words = said(reading) if reading is not None else ""
        plan = agent.run_sql(f"EXPLAIN QUERY PLAN {sql}").rows
    output = output_for(args, console)
    output.statement(sql)
    terminal.line(sentence(words) if words else "It is too unusual to be put into words.")
    for _, parent, _, step in plan:
        terminal.line(("  - " if parent else "- ") + str(step))
    return errors.OK


def tour(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Show what a database holds."""
    with agent_for(args, console, model, args.database) as agent, cancels(agent.cancel):
        show_tour(agent, output_for(args, console))
    console.notice(f"Ask more: sqlagent {args.database}")
    return errors.OK


def show_tour(agent: Agent, output: Output) -> list[str]:
    """Write a tour; the statements of its questions."""
    from sqlagent.ui.tour import summary
    from sqlagent.ui.tour import tour as parts

    with output.console.working("looking around"):
        found = [*parts(agent)]
        head = summary(agent)
    if output.for_people:
        terminal.line(head)
    for part in found:
        questions = part.name == "questions"
        if not output.for_people:
            output.rows(("part", *part.columns), [(part.name, *row) for row in part.rows])
            continue
        terminal.line(f"\n{part.title}")
        output.rows(
            part.columns[:3] if questions else part.columns,
            [row[:3] if questions else row for row in part.rows],
        )
    return [str(row[3]) for part in found if part.name == "questions" for row in part.rows]


def config(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Show what is set and by whom, or write the commented default file."""
    file = settings.path()
    if args.action == "path":
        terminal.line(str(file))
    elif args.action == "default":
        terminal.out([settings.default_file()])
    elif args.action == "init":
        if file.exists():
            raise UsageError(f"{file} is there already; change it with your editor.")
        try:
            private_files.write(file, settings.default_file().encode("utf-8"))
        except OSError as error:
            raise SqlagentError(f"{file} cannot be written: {error.strerror}.") from None
        console.notice(f"Written: {file}")
    else:
        known = settings.from_file()
        rows = []
        for setting in settings.SETTINGS:
            value, origin = settings.value_of(setting, known)
            shown = str(value).lower() if isinstance(value, bool) else value
            rows.append((setting.name, shown, origin, setting.variable, setting.about))
        output_for(args, console).rows(("setting", "value", "from", "variable", "about"), rows)
    return errors.OK


def completion(args: argparse.Namespace, console: Console, model: TextModel | None) -> int:
    """Write what makes a shell complete commands, options and files."""
    import shtab

    from sqlagent.ui.arguments import build_parser

    terminal.out([shtab.complete(build_parser(), args.shell).rstrip("\n") + "\n"])
    return errors.OK
