"""Write a result to its two places: rows to stdout, what must be known about them to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlagent.agent.answer import Answer
from sqlagent.base import terminal
from sqlagent.base.terminal import Painted, wants_color
from sqlagent.ui import formats, interrupt, pager, sureness
from sqlagent.ui.console import Console
from sqlagent.ui.readable import for_people, with_dates
from sqlagent.ui.wrapping import sql_lines

FOR_PEOPLE = ("table", "markdown")
ALL_BYTES = 1 << 30
"""Memory that the rows for a file may take unless --max-bytes says otherwise."""
TABLE_CELL = 200
"""Characters of the longest cell of a table unless --max-cell says otherwise."""


@dataclass(frozen=True, slots=True)
class Output:
    """How results are written in this session. `max_cell` is None where nobody asked for one."""

    console: Console
    format: str = "table"
    max_cell: int | None = None
    csv_safe: bool = False
    raw: bool = False
    """Whether tables for people, too, hold the names and numbers that SQLite gave."""
    dates: str = "auto"
    """How times are shown: "local", "stored", or "auto" for what suits the reader."""
    turned: bool = False
    """Whether tables are written one value a line."""
    pages: bool = False
    """Whether what is higher than the terminal goes through a pager."""

    @property
    def for_people(self) -> bool:
        """Whether the format is one that a person reads and no program."""
        return self.format in FOR_PEOPLE

    @property
    def dates_shown(self) -> str:
        """How an agent is to show times: as local dates to a person, as stored in what is exact."""
        if self.dates != "auto":
            return self.dates
        return "local" if self.for_people and not self.raw else "stored"

    @property
    def for_programs(self) -> bool:
        """Whether rows go into a file or a pipe in a format that no person reads."""
        return not self.for_people and not terminal.is_terminal(sys.stdout)

    def style(self) -> formats.Style:
        """The style for stdout as it is now: its width and colours are those of the terminal behind it."""
        return formats.Style(
            format=self.format,
            width=terminal.width(),
            color=wants_color(sys.stdout, no_color=self.console.no_color),
            max_cell=TABLE_CELL if self.max_cell is None else self.max_cell,
            csv_safe=self.csv_safe,
            turned=self.turned,
        )

    def using(self, format: str) -> Output:
        """The same in another format."""
        return replace(self, format=format)

    def rows(self, columns: Sequence[str], rows: formats.Rows, truncated: str | None = None) -> None:
        """Write a result, and say when it is empty or was cut."""
        if self.pages and self.style().terminal:
            pager.page(formats.lines(columns, rows, self.style()))
        else:
            formats.write_rows(columns, rows, self.style(), enough=interrupt.enough)
        if not rows:
            self.console.notice("(no rows)")
        if truncated:
            self.console.notice(truncated)

    def statement(self, sql: str) -> None:
        """Write a statement as data: as it is, but on a terminal in colours and broken where a reader would."""
        style = self.style()
        if not style.terminal:
            terminal.line(sql + ";")
            return
        shown = formats.on_lines(sql) if "\n" in sql else "\n".join(sql_lines(sql, style.width))
        terminal.line(Painted(formats.highlight_sql(shown) + ";") if style.color else shown + ";")

    def answer(self, answer: Answer, *, offer: str = "", rows: bool = True) -> None:
        """Write what was computed, the rows, how sure that is, and what should be known before trusting it.

        offer: how the other reading is had, said where the answer is doubtful and there is one. rows: whether they
        are written here; they may go to a file.
        """
        self.console.statement(answer.sql if answer.logical else "")
        self.console.words(answer.words)
        if not rows:
            pass
        elif self.for_people and not self.raw:
            stored_as = answer.stored_as if self.dates_shown == "local" else ()
            read = for_people(answer.sql, answer.question, answer.columns, answer.rows, stored_as)
            self.rows(*read, answer.truncated)
        else:
            asked_for = answer.stored_as if self.dates == "local" else ()
            self.rows(answer.columns, with_dates(answer.rows, asked_for), answer.truncated)
        self.notes(answer, offer=offer)

    def notes(self, answer: Answer, *, offer: str = "", rows: bool = True) -> None:
        """What should be known before trusting an answer, and where the time went when verbose.

        rows: whether they are beside it; else only a doubt is worth a word.
        """
        if answer.note:
            self.console.notice(answer.note)
        if answer.amendments:
            self.console.notice(f"The model wrote: {answer.written};")
        doubtful = sureness.is_doubtful(answer)
        if self.format == "table" and (rows or doubtful):
            offered = bool(offer and doubtful and sureness.readings(answer))
            self.console.notice(f"({sureness.word(answer)}{f'; {offer}' if offered else ''})")
        elif self.format in ("json", "jsonl"):
            self.console.notice(metadata(answer))
        if self.console.verbose:
            self.console.notice(timings(answer))


def metadata(answer: Answer) -> str:
    """What a program may want to know of an answer beside its rows: one line of JSON, for stderr."""
    about = {"sql": answer.sql, "confidence": round(answer.confidence, 3), "sure": sureness.word(answer)}
    about["calibrated"] = answer.calibrated
    if answer.note:
        about["note"] = answer.note
    return json.dumps(about)


def timings(answer: Answer) -> str:
    """One line: where the time went, and how sure the model was."""
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in answer.timings.items())
    return f"[{spent}; confidence {answer.confidence:.2f}]"
