"""Open what a command line names: an agent over a database or over what files hold, its limits, and the output.

The database is opened before a model is fetched or loaded: a wrong path never costs a download.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlagent.agent.agent import Agent, TextModel
from sqlagent.base.paths import expanded
from sqlagent.database.notes import Notes
from sqlagent.files.kinds import loadable
from sqlagent.ui import other_files
from sqlagent.ui.console import Console
from sqlagent.ui.interrupt import raises
from sqlagent.ui.result_output import ALL_BYTES, Output

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Limits


class Opened:
    """The prompt's agent; another one takes its place, with the model that is loaded, once its files are read."""

    def __init__(self, args: argparse.Namespace, console: Console, model: TextModel | None) -> None:
        self._args, self._console, self._model = args, console, model
        self._stack = contextlib.ExitStack()
        self._agent: Agent | None = None

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open(self, files: Sequence[str]) -> Agent:
        """An agent over these files; the one before is closed. Raises UsageError, DatabaseError: then it stays."""
        with contextlib.ExitStack() as stack:
            agent = stack.enter_context(agent_over(self._args, self._console, self._model, files))
            with raises():
                agent.schema()  # a wrong path ends here
            if self._agent is not None:
                agent.take_model(self._agent)
            before, self._stack = self._stack, stack.pop_all()
        before.close()
        self._agent = agent
        return agent


@contextlib.contextmanager
def agent_for(
    args: argparse.Namespace, console: Console, model: TextModel | None, database: str
) -> Iterator[Agent]:
    """An agent over a database, or over what other files hold: `also` names more of them."""
    with agent_over(args, console, model, [database, *getattr(args, "also", ())]) as agent:
        yield agent


@contextlib.contextmanager
def agent_over(
    args: argparse.Namespace, console: Console, model: TextModel | None, given: Sequence[str]
) -> Iterator[Agent]:
    """An agent over what files hold."""
    chosen = model if model is not None else args.model
    paths = [path if "://" in path or not path else str(expanded(path)) for path in given]
    with contextlib.ExitStack() as stack:
        if len(paths) > 1 or loadable(paths[0]):
            from sqlagent.files import loader

            with raises(), console.working("loading the files"):
                ready = stack.enter_context(loader.opened(paths, as_text=getattr(args, "as_text", False)))
            for notice in ready.notices:
                console.notice(notice)
            path = ready.path
        else:
            path = paths[0]
            other_files.check(path)
        agent = stack.enter_context(
            Agent(
                path,
                chosen,
                limits=limits_from(args, for_programs=output_for(args, console).for_programs),
                effort=args.effort,
                amend=args.amend,
                dates=_dates(args, output_for(args, console)),
                offline=args.offline,
                quiet=console.quiet,
                adapter=args.adapter,
            )
        )
        if path != paths[0]:
            agent.notes = Notes(paths[0])  # the database is gone with the session, the file stays
        yield agent


def output_for(args: argparse.Namespace, console: Console) -> Output:
    """How results are written; as in a table where a command has no say in it."""
    if "max_cell" not in args:
        return Output(console)
    return Output(
        console, args.format, args.max_cell, args.csv_safe, args.raw, getattr(args, "dates", "auto")
    )


def _dates(args: argparse.Namespace, output: Output) -> str:
    """How times are shown: as stored in the JSON that programs get."""
    exact = args.dates == "auto" and (getattr(args, "json", False) or args.command == "batch")
    return "stored" if exact else output.dates_shown


def limits_from(args: argparse.Namespace, *, for_programs: bool = False) -> Limits:
    """The sandbox's limits as asked for; its own defaults where nothing was said."""
    from sqlagent.sandbox.sandbox import Limits

    asked: dict[str, Any] = {
        "timeout": args.timeout,
        "max_rows": args.limit,
        "max_cell": getattr(args, "max_cell", None),
        "max_bytes": args.max_bytes,
    }
    if for_programs:
        asked = {**asked, "max_rows": args.limit or 0, "max_bytes": args.max_bytes or ALL_BYTES}
    return Limits(**{name: value for name, value in asked.items() if value is not None})
