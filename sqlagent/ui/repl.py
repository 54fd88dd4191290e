"""The prompt: one question, statement or command a line, until Ctrl-D.

No line ends the session: an error is one sentence and the next line is read. From a pipe it is silent: no
prompt, no colours, no spinner, rows on stdout; the exit code is that of the last line that failed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import errors
from sqlagent.base.errors import Cancelled, SqlagentError
from sqlagent.base.terminal import wants_color
from sqlagent.ui import (
    completion,
    interrupt,
    line_input,
    own_sql,
    repl_commands,
    repl_keepsakes,  # noqa: F401  its commands
    repl_results,  # noqa: F401  its commands
)
from sqlagent.ui.session import Session

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema


class Repl(Session):
    """A session that reads its lines from a terminal or a pipe."""

    def run(self) -> int:
        """Read lines until the end; the exit code."""
        interactive = self.interactive()
        if interactive:
            self.output = replace(self.output, pages=self.habits.pager)
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
                    self.failed(Cancelled("Interrupted."))
                except SqlagentError as error:
                    if not interactive and isinstance(error, Cancelled):
                        raise
                    self.failed(error)
        return errors.OK if interactive else self.code

    def line(self, line: str) -> None:
        """Do what one line says. Raises SqlagentError, EOFError (leave) and KeyboardInterrupt."""
        text = line.strip()
        if not text or text.startswith("--") and "\n" not in text:
            return
        self.background.settle()
        if repl_commands.is_command(text) or text in repl_commands.COMMANDS:
            repl_commands.run(self, text)
        elif self.is_sql(text):
            self.statement(text)
        else:
            self.ask(text)

    def is_sql(self, text: str) -> bool:
        """Whether a line is a statement, not a question that begins like one ("Select the names of …")."""
        return self.sql_only or own_sql.is_sql(text, self.agent.compiles, piped=not self.interactive())

    # ---- the terminal ----

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
        if self.seconds is not None:
            parts.append(f"{self.seconds:.2f} s")
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
