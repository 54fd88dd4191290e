"""The prompt: one question, statement or command a line, until Ctrl-D.

No line ends the session: an error is one sentence and the next line is read. From a pipe it is silent: no
prompt, no colours, no spinner, rows on stdout; the exit code is that of the last line that failed.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Answer, Cell, Observer
from sqlagent.agent.conversation import Conversation
from sqlagent.base import errors
from sqlagent.base.errors import Cancelled, NoAnswer, OutOfScope, QueryError, SqlagentError, UsageError
from sqlagent.base.terminal import is_terminal, wants_color
from sqlagent.ui import (
    background,
    completion,
    exports,
    interrupt,
    line_input,
    own_sql,
    repl_commands,
    repl_keepsakes,  # noqa: F401  its commands
    repl_results,  # noqa: F401  its commands
    sureness,
)
from sqlagent.ui.background import Result
from sqlagent.ui.console import Relay
from sqlagent.ui.result_output import ALL_BYTES, Output, timings

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent
    from sqlagent.database.schema import Schema

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


class Repl:
    """One session over one agent at a time. Commands change its attributes.

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
        self._habits = habits or Habits()
        self.timing = self._habits.timing
        self.toolbar, self.vi = self._habits.toolbar, self._habits.vi
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
        self._background = background.Background()
        self._seconds: float | None = None
        self._refused: str | None = None
        self._readings: list[str] = []
        self._code = errors.OK

    def run(self) -> int:
        """Read lines until the end; the exit code."""
        interactive = self.interactive()
        if interactive:
            self.output = replace(self.output, pages=self._habits.pager)
            self.greet()
        with interrupt.session() if interactive else nullcontext():
            for line in self._typed() if interactive else own_sql.gathered(line_input.piped_lines()):
                try:
                    with interrupt.cancels(self.agent.cancel):
                        self.line(line)
                except EOFError:
                    break
                except KeyboardInterrupt:
                    interrupt.nothing_runs()
                    self._failed(Cancelled("Interrupted."))
                except SqlagentError as error:
                    if not interactive and isinstance(error, Cancelled):
                        raise
                    self._failed(error)
        return errors.OK if interactive else self._code

    def _failed(self, error: SqlagentError) -> None:
        self._code = self.output.console.failed(type(error)(here(str(error))))

    def line(self, line: str) -> None:
        """Do what one line says. Raises SqlagentError, EOFError (leave) and KeyboardInterrupt."""
        text = line.strip()
        if not text or text.startswith("--") and "\n" not in text:
            return
        self._background.settle()
        if repl_commands.is_command(text) or text in repl_commands.COMMANDS:
            repl_commands.run(self, text)
        elif self.is_sql(text):
            self.statement(text)
        else:
            self._question(text)

    @staticmethod
    def interactive() -> bool:
        """Whether a person sits at it."""
        return is_terminal(sys.stdin) and is_terminal(sys.stdout)

    def warm_up(self) -> None:
        """Get ready for a question while it is being typed."""
        if self.interactive():
            threading.Thread(target=self.agent.warm_up, name="warm-up", daemon=True).start()

    def is_sql(self, text: str) -> bool:
        """Whether a line is a statement, not a question that begins like one ("Select the names of …")."""
        return self.sql_only or own_sql.is_sql(text, self._compiles, piped=not self.interactive())

    def _compiles(self, sql: str) -> bool:
        try:
            self.agent.prepare(sql)
        except QueryError:
            return False
        return True

    # ---- lines ----

    def insist(self) -> None:
        """Ask the question again that was refused last. Raises UsageError when none was."""
        if self._refused is None:
            raise UsageError("No question was refused; ask one.")
        self._question(self._refused, anyway=True)

    def _question(self, text: str, anyway: bool = False) -> None:
        console = self.output.console
        with interrupt.raises():
            self.agent.fetch_model()
        history = self.conversation.history(text, self.agent.schema())
        if history:
            console.notice("(going on from the question before; \\new begins afresh)")
        self._refused = None
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
        self._seconds = answer.timings.get("total")
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
        self._seconds = time.monotonic() - started
        self.last = Last(sql, result.columns, result.rows, result.truncated)
        if self.results_to is None:
            self.output.rows(result.columns, result.rows, here(result.truncated or "") or None)
        self._deliver()
        if self.timing or console.verbose:
            console.notice(f"[{self._seconds:.3f} s]")

    def _done(self, work: Callable[[Observer], Result]) -> Result:
        """What the agent makes of something that it may report on; a person who presses Ctrl-C waits no longer."""
        console = self.output.console
        if not self.interactive():
            return work(console)
        relay = Relay(console)
        try:
            return self._background.do(lambda: work(relay), self.agent.cancel)
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
            self._failed(NoAnswer("Not all of the result was written; see the line before."))

    # ---- the terminal ----

    def greet(self) -> None:
        """Say what is open."""
        schema = self.agent.schema()
        tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
        self.output.console.notice(
            f"{schema.path}: {tables}. Ask a question; \\tour shows what is in it, \\h all commands."
        )

    def _typed(self) -> Iterator[str]:
        from sqlagent.base import paths

        color = wants_color(sys.stdout, no_color=self.output.console.no_color)
        return line_input.typed_lines(
            paths.cache_dir() / "history", self.complete, color=color, look=self._look, ready=self.warm_up
        )  # getting warm takes a processor: the prompt comes first

    def _look(self) -> line_input.Look:
        line, self.next_line = self.next_line, ""
        return line_input.Look(self._prompt(), self._toolbar() if self.toolbar else "", line, self.vi)

    def _toolbar(self) -> str:
        """What is open and set, and how long the last answer took."""
        try:
            model = self.agent.model_name
        except SqlagentError:
            model = "no model"  # a question says why
        parts = [Path(self.agent.database).name, model, f"effort {self.agent.effort}"]
        if self.results_to is not None:
            parts.append(f"results to {self.results_to.name}")
        if self._seconds is not None:
            parts.append(f"{self._seconds:.2f} s")
        return " " + " | ".join(parts)

    def _prompt(self) -> str:
        """The prompt; from the first follow-up on with the number of questions that hang together."""
        turns = len(self.conversation.turns)
        return f"sqlagent ({turns})> " if turns > 1 else line_input.PROMPT

    def complete(self, before: str) -> tuple[str, list[str]]:
        """What Tab offers after the text before the cursor."""
        arguments = {name: repl_commands.choices(found) for name, found in repl_commands.COMMANDS.items()}
        names = [name for name in repl_commands.COMMANDS if not name[0].isalpha()]
        if arguments.get(before):  # a whole command: what can stand behind it
            _, found = completion.candidates(before + " ", self._schema(), names, arguments)
            return "", [f" {choice}" for choice in found]
        return completion.candidates(before, self._schema(), names, arguments)

    def _schema(self) -> Schema | None:
        try:
            return self.agent.schema()
        except SqlagentError:
            return None  # the next line says what is wrong


def _counted(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows:,} rows"


def here(text: str) -> str:
    """A note that names a flag of the command line, with the prompt's own command in its place."""
    return _FLAG.sub(lambda found: f"\\{found[1]}" + (" SECONDS" if found[2] else ""), text)
