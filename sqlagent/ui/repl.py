"""The prompt: one question, statement or command a line, until Ctrl-D.

No line ends the session: an error is one sentence and the next line is read. From a pipe it is silent: no
prompt, no colours, no spinner, rows on stdout; the exit code is that of the last line that failed.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlagent.agent.conversation import Conversation
from sqlagent.base import errors
from sqlagent.base.errors import Cancelled, NoAnswer, OutOfScope, QueryError, SqlagentError, UsageError
from sqlagent.base.terminal import is_terminal, wants_color
from sqlagent.ui import completion, interrupt, line_input, own_sql, repl_commands, sureness
from sqlagent.ui.result_output import Output, timings

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent
    from sqlagent.database.schema import Schema

_FLAG = re.compile(r"--(limit|timeout|max-cell|max-bytes)\b( SECONDS)?")
"""What the sandbox's notes say to lift a limit with; the prompt has commands for that."""


class Repl:
    """One session over one agent. Commands change `output`, `timing` and `conversation`."""

    def __init__(
        self, agent: Agent, output: Output, *, sql_only: bool = False, limited: bool = False
    ) -> None:
        self.agent = agent
        self.output = output
        self.sql_only = sql_only
        self.limited = limited
        """Whether a person said how many rows there may be."""
        self.timing = False
        self.conversation = Conversation()
        self._refused: str | None = None
        self._readings: list[str] = []
        self._code = errors.OK

    def run(self) -> int:
        """Read lines until the end; the exit code."""
        interactive = self._interactive()
        if interactive:
            self._greet()
            self.warm_up()
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
        if repl_commands.is_command(text) or text in repl_commands.COMMANDS:
            repl_commands.run(self, text)
        elif self.is_sql(text):
            self._statement(text)
        else:
            self._question(text)

    @staticmethod
    def _interactive() -> bool:
        return is_terminal(sys.stdin) and is_terminal(sys.stdout)

    def warm_up(self) -> None:
        """Get ready for a question while it is being typed."""
        if self._interactive():
            threading.Thread(target=self.agent.warm_up, name="warm-up", daemon=True).start()

    def is_sql(self, text: str) -> bool:
        """Whether a line is a statement, not a question that begins like one ("Select the names of …")."""
        return self.sql_only or own_sql.is_sql(text, self._compiles, piped=not self._interactive())

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
            with console.working("reading the database"):
                answer = self.agent.ask(text, history=history, observer=console, anyway=anyway)
        except OutOfScope:
            self._refused = text
            raise
        self.conversation.add(text, answer.meant_sql, history)
        self._readings = sureness.readings(answer)
        self.output.answer(
            replace(answer, truncated=here(answer.truncated or "") or None),
            offer="\\next shows another reading",
        )
        self._note_cut(answer.truncated)
        if self.timing and not console.verbose:
            console.notice(timings(answer))
        self.warm_up()  # the first question was shown a part

    def next_reading(self) -> None:
        """Run the next statement that was weighed for the last answer. Raises UsageError when there is none."""
        if not self._readings:
            raise UsageError("There is no other reading of the last question; ask it in other words.")
        sql = self._readings.pop(0)
        self.output.console.sql(sql)
        self._statement(sql)

    def _statement(self, sql: str) -> None:
        console = self.output.console
        started = time.monotonic()
        with console.working("running the statement"):
            result = self.agent.run_sql(sql)
        self.output.rows(result.columns, result.rows, here(result.truncated or "") or None)
        self._note_cut(result.truncated)
        if self.timing or console.verbose:
            console.notice(f"[{time.monotonic() - started:.3f} s]")

    def _note_cut(self, truncated: str | None) -> None:
        """A file for a program that lacks rows nobody asked to leave out must not look whole."""
        if truncated and not self.limited and self.output.for_programs:
            self._failed(NoAnswer("Not all of the result was written; see the line before."))

    # ---- the terminal ----

    def _greet(self) -> None:
        schema = self.agent.schema()
        tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
        self.output.console.notice(f"{schema.path}: {tables}. Ask a question, or type \\h for help.")

    def _typed(self) -> Iterator[str]:
        from sqlagent.base import paths

        color = wants_color(sys.stdout, no_color=self.output.console.no_color)
        return line_input.typed_lines(
            paths.cache_dir() / "history", self.complete, color=color, prompt=self._prompt
        )

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


def here(text: str) -> str:
    """A note that names a flag of the command line, with the prompt's own command in its place."""
    return _FLAG.sub(lambda found: f"\\{found[1]}" + (" SECONDS" if found[2] else ""), text)
