"""A result to its two places: rows to stdout, what must be known about them to stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlagent.agent.answer import Answer
from sqlagent.ui import formats
from sqlagent.ui.console import Console, wants_color

TABLE_CELL = 200
"""Characters of the longest cell of a table unless --max-cell says otherwise."""


@dataclass(frozen=True, slots=True)
class Output:
    """How results are written in this session. `max_cell` is None where nobody asked for one."""

    console: Console
    format: str = "table"
    max_cell: int | None = None
    csv_safe: bool = False

    def style(self) -> formats.Style:
        """The style for stdout as it is now: its width and colours are those of the terminal behind it."""
        return formats.Style(
            format=self.format,
            width=formats.terminal_width(),
            color=wants_color(sys.stdout, no_color=self.console.no_color),
            max_cell=TABLE_CELL if self.max_cell is None else self.max_cell,
            csv_safe=self.csv_safe,
        )

    def using(self, format: str) -> Output:
        """The same in another format."""
        return replace(self, format=format)

    def rows(self, columns: Sequence[str], rows: formats.Rows, truncated: str | None = None) -> None:
        """Write a result, and say when it is empty or was cut."""
        formats.write_rows(columns, rows, self.style())
        if not rows:
            self.console.notice("(no rows)")
        if truncated:
            self.console.notice(truncated)

    def statement(self, sql: str) -> None:
        """Write a statement as data, coloured when stdout is a terminal."""
        color = self.style().color
        formats.write_line((formats.highlight_sql(sql) if color else sql) + ";")

    def answer(self, answer: Answer) -> None:
        """Write what was computed, the rows, and what should be known before trusting them."""
        self.console.words(answer.words)
        self.rows(answer.columns, answer.rows, answer.truncated)
        self.notes(answer)

    def notes(self, answer: Answer) -> None:
        """What should be known before trusting an answer, and where the time went when verbose."""
        if answer.note:
            self.console.notice(answer.note)
        if answer.amendments:
            self.console.notice(f"The model wrote: {answer.written};")
        if self.console.verbose:
            self.console.notice(timings(answer))


def timings(answer: Answer) -> str:
    """One line: where the time went, and how sure the model was."""
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in answer.timings.items())
    return f"[{spent}; confidence {answer.confidence:.2f}]"
