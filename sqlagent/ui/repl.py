"""The prompt: one question, statement or command a line, until Ctrl-D.

No line ends the session: an error is one sentence and the next line is read. From a pipe it is silent: no
prompt, no colours, no spinner, rows on stdout; the exit code is that of the last line that failed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlagent.agent.conversation import Conversation
from sqlagent.base import errors
from sqlagent.base.errors import OutOfScope, QueryError, SqlagentError, UsageError
from sqlagent.sql import recognise
from sqlagent.ui import completion, line_input, repl_commands
from sqlagent.ui.console import is_terminal, wants_color
from sqlagent.ui.interrupt import cancels
from sqlagent.ui.result_output import Output, timings

if TYPE_CHECKING:
    from sqlagent.agent.agent import Agent
    from sqlagent.database.schema import Schema


class Repl:
    """One session over one agent. Commands change `output`, `timing` and `conversation`."""

    def __init__(self, agent: Agent, output: Output) -> None:
        self.agent = agent
        self.output = output
        self.timing = False
        self.conversation = Conversation()
        self._refused: str | None = None
        self._code = errors.OK

    def run(self) -> int:
        """Read lines until the end; the exit code."""
        interactive = self._interactive()
        if interactive:
            self._greet()
            self.warm_up()
        for line in self._typed() if interactive else line_input.piped_lines():
            try:
                self.line(line)
            except EOFError:
                break
            except SqlagentError as error:
                self._code = self.output.console.failed(error)
            except KeyboardInterrupt:
                self.output.console.error("Interrupted.")
                self._code = errors.INTERRUPTED
                if not interactive:
                    break
        return errors.OK if interactive else self._code

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
        if recognise.is_other_statement(text):
            return True
        if not recognise.begins_query(text):
            return False
        try:
            self.agent.prepare(text)
        except QueryError:
            return recognise.means_query(text)
        return True

    # ---- lines ----

    def insist(self) -> None:
        """Ask the question again that was refused last. Raises UsageError when none was."""
        if self._refused is None:
            raise UsageError("No question was refused; ask one.")
        self._question(self._refused, anyway=True)

    def _question(self, text: str, anyway: bool = False) -> None:
        console = self.output.console
        self.agent.fetch_model()
        history = self.conversation.history(text, self.agent.schema())
        if history:
            console.notice("(going on from the question before; \\new begins afresh)")
        self._refused = None
        try:
            with console.working("reading the database"), cancels(self.agent.cancel):
                answer = self.agent.ask(text, history=history, observer=console, anyway=anyway)
        except OutOfScope:
            self._refused = text
            raise
        self.conversation.add(text, answer.sql, history)
        self.output.answer(answer)
        if self.timing and not console.verbose:
            console.notice(timings(answer))

    def _statement(self, sql: str) -> None:
        console = self.output.console
        started = time.monotonic()
        with console.working("running the statement"), cancels(self.agent.cancel):
            result = self.agent.run_sql(sql)
        self.output.rows(result.columns, result.rows, result.truncated)
        if self.timing or console.verbose:
            console.notice(f"[{time.monotonic() - started:.3f} s]")

    # ---- the terminal ----

    def _greet(self) -> None:
        schema = self.agent.schema()
        tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
        self.output.console.notice(f"{schema.path}: {tables}. Ask a question, or type \\h for help.")

    def _typed(self) -> Iterator[str]:
        from sqlagent.store import models

        color = wants_color(sys.stdout, no_color=self.output.console.no_color)
        return line_input.typed_lines(
            models.cache_dir() / "history", self.complete, color=color, prompt=self._prompt
        )

    def _prompt(self) -> str:
        """The prompt; from the first follow-up on with the number of questions that hang together."""
        turns = len(self.conversation.turns)
        return f"sqlagent ({turns})> " if turns > 1 else line_input.PROMPT

    def complete(self, before: str) -> tuple[str, list[str]]:
        """What Tab offers after the text before the cursor."""
        arguments = {name: found.choices for name, found in repl_commands.COMMANDS.items()}
        names = [name for name in repl_commands.COMMANDS if not name[0].isalpha()]
        return completion.candidates(before, self._schema(), names, arguments)

    def _schema(self) -> Schema | None:
        try:
            return self.agent.schema()
        except SqlagentError:
            return None  # the next line says what is wrong
