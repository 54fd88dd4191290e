"""One session over one agent: what was asked and answered last, and what commands change.

    session.ask("Who earns the most?")      # asked, shown, and kept as what further questions go on from
    session.statement("SELECT 1")           # the same of a statement

It knows neither the lines that a person types nor the commands; `repl` reads those, and the commands are given this.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Answer, Cell, Observer
from sqlagent.agent.conversation import Conversation
from sqlagent.base import errors
from sqlagent.base.errors import NoAnswer, OutOfScope, SqlagentError, UsageError
from sqlagent.base.terminal import is_terminal
from sqlagent.ui import background, exports, interrupt, sureness
from sqlagent.ui.background import Result
from sqlagent.ui.console import Relay
from sqlagent.ui.result_output import ALL_BYTES, Output, timings

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent

_FLAG = re.compile(r"--(limit|timeout|max-cell|max-bytes)\b( SECONDS)?")
"""What the sandbox's notes say to lift a limit with; the prompt has commands for that."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last result: the statement that ran, its rows, what was left out, and the answer to a question."""

    sql: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    truncated: str | None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Habits:
    """What a person likes, whatever the database."""

    pager: bool = True
    toolbar: bool = True
    vi: bool = False
    timing: bool = False


class Session:
    """What is open, set, and was answered last. Commands change its attributes.

    reopen: opens other files in place of the database, and closes that.
    """

    def __init__(
        self,
        agent: Agent,
        output: Output,
        *,
        sql_only: bool = False,
        limited: bool = False,
        reopen: Callable[[Sequence[str]], Agent] | None = None,
        habits: Habits | None = None,
    ) -> None:
        self.agent = agent
        self.output = output
        self.sql_only = sql_only
        self.limited = limited
        """Whether a person said how many rows there may be."""
        self.habits = habits or Habits()
        self.timing = self.habits.timing
        self.toolbar, self.vi = self.habits.toolbar, self.habits.vi
        self.conversation = Conversation()
        self.last: Last | None = None
        """What was answered or run last."""
        self.next_line = ""
        """What stands in the next line already, to be changed and run."""
        self.tour: list[str] = []
        """The statements of the questions that were shown last."""
        self.results_to: Path | None = None
        """The file that results go to in place of the terminal; further ones get a number."""
        self._written = 0
        self._reopen = reopen
        self.background = background.Background()
        self.seconds: float | None = None
        self._refused: str | None = None
        self._readings: list[str] = []
        self.code = errors.OK

    @staticmethod
    def interactive() -> bool:
        """Whether a person sits at it."""
        return is_terminal(sys.stdin) and is_terminal(sys.stdout)

    def warm_up(self) -> None:
        """Get ready for a question while it is being typed."""
        if self.interactive():
            threading.Thread(target=self.agent.warm_up, name="warm-up", daemon=True).start()

    def failed(self, error: SqlagentError) -> None:
        """Say what went wrong; a pipe ends with its exit code."""
        self.code = self.output.console.failed(type(error)(here(str(error))))

    # ---- questions and statements ----

    def insist(self) -> None:
        """Ask the question again that was refused last. Raises UsageError when none was."""
        if self._refused is None:
            raise UsageError("No question was refused; ask one.")
        self.ask(self._refused, anyway=True)

    def ask(self, text: str, anyway: bool = False) -> None:
        """Ask a question and show the answer. Raises SqlagentError."""
        console = self.output.console
        with interrupt.raises():
            self.agent.fetch_model()
        history = self.conversation.history(text, self.agent.schema())
        if history:
            console.notice("(going on from the question before; \\new begins afresh)")
        self._refused = None
        self.agent.dates = self.output.dates_shown
        try:
            with console.working("reading the database", lambda: self.agent.progress):
                answer = self._done(
                    lambda told: self.agent.ask(text, history=history, observer=told, anyway=anyway)
                )
        except OutOfScope:
            self._refused = text
            raise
        self.conversation.add(text, answer.meant_sql, history)
        self._readings = sureness.readings(answer)
        self.last = Last(answer.sql, answer.columns, answer.rows, answer.truncated, answer)
        self.seconds = answer.timings.get("total")
        self.output.answer(
            replace(answer, truncated=here(answer.truncated or "") or None),
            offer="\\next shows another reading",
            rows=self.results_to is None,
        )
        self._deliver()
        if self.timing and not console.verbose:
            console.notice(timings(answer))
        self.warm_up()  # the first question was shown a part

    def next_reading(self) -> None:
        """Run the next statement that was weighed for the last answer. Raises UsageError when there is none."""
        if not self._readings:
            raise UsageError("There is no other reading of the last question; ask it in other words.")
        sql = self._readings.pop(0)
        self.output.console.sql(sql)
        self.statement(sql)

    def statement(self, sql: str, *, meant: bool = False) -> None:
        """Run a statement and write its rows. Raises QueryError, QueryTimeout, DatabaseError and Cancelled.

        meant: it takes the columns as they are meant, not as they are stored.
        """
        console = self.output.console
        started = time.monotonic()
        with console.working("running the statement"):
            result = self._done(lambda _: self.agent.run_meant(sql) if meant else self.agent.run_sql(sql))
        self.seconds = time.monotonic() - started
        self.last = Last(sql, result.columns, result.rows, result.truncated)
        if self.results_to is None:
            self.output.rows(result.columns, result.rows, here(result.truncated or "") or None)
        self._deliver()
        if self.timing or console.verbose:
            console.notice(f"[{self.seconds:.3f} s]")

    def _done(self, work: Callable[[Observer], Result]) -> Result:
        """What the agent makes of something that it may report on; a person who presses Ctrl-C waits no longer."""
        console = self.output.console
        if not self.interactive():
            return work(console)
        relay = Relay(console)
        try:
            return self.background.do(lambda: work(relay), self.agent.cancel)
        finally:
            relay.mute()  # what was left behind shall say nothing more

    def last_result(self) -> Last:
        """What was answered or run last. Raises UsageError before there is anything."""
        if self.last is None:
            raise UsageError("Nothing was asked or run yet.")
        return self.last

    def _deliver(self) -> None:
        """Write the last result to the file that results go to, if there is one; else say whether it looks whole."""
        last = self.last_result()
        if self.results_to is None:
            self._note_cut(last.truncated)
            return
        self._written += 1
        self.export(exports.numbered(self.results_to, self._written))

    def send_results_to(self, path: Path | None) -> None:
        """Write results to `path` from now on, or to the terminal again."""
        self.results_to, self._written = path, 0

    def export(self, path: Path) -> None:
        """Write the last result to a file, whole: what was cut for reading is run again without limits."""
        last = self.last_result()
        columns, rows, cut = last.columns, last.rows, None
        if last.truncated:
            whole = replace(self.agent.limits, max_rows=0, max_cell=0, max_bytes=ALL_BYTES)
            with self.output.console.working("running the statement"):
                result = self.agent.run_sql(last.sql, limits=whole)
            columns, rows, cut = result.columns, result.rows, result.truncated
        title = last.answer.question if last.answer is not None else last.sql
        exports.write(path, columns, rows, title=title, csv_safe=self.output.csv_safe)
        self.output.console.notice(f"{path}: {_counted(len(rows))}.")
        if cut:
            raise NoAnswer(f"Not all of the result was written. {here(cut)}")

    def open(self, files: Sequence[str]) -> None:
        """Go on with another database, or with what other files hold. Raises UsageError, DatabaseError."""
        if self._reopen is None:
            raise UsageError("Another file cannot be opened here.")
        self.agent = self._reopen(files)
        self.conversation.forget()
        self.last, self._refused, self._readings = None, None, []
        self.greet()
        self.warm_up()

    def _note_cut(self, truncated: str | None) -> None:
        """A file for a program that lacks rows nobody asked to leave out must not look whole."""
        if truncated and not self.limited and self.output.for_programs:
            self.failed(NoAnswer("Not all of the result was written; see the line before."))

    def greet(self) -> None:
        """Say what is open."""
        schema = self.agent.schema()
        tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
        self.output.console.notice(
            f"{schema.path}: {tables}. Ask a question; \\tour shows what is in it, \\h all commands."
        )


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def here(text: str) -> str:
    """A note that names a flag of the command line, with the prompt's own command in its place."""
    return _FLAG.sub(lambda found: f"\\{found[1]}" + (" SECONDS" if found[2] else ""), text)
