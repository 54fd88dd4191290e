"""Tell the person everything that is not data: notices, errors, steps, and that work goes on. Writes to stderr only.

    console.notice("(no rows)")
    # a spinner, above it the statement as it is written; off a terminal a line every few seconds
    with console.working("reading the database", lambda: agent.progress):
        agent.ask(question, observer=console)

Of the statements that an answer took, the last one is shown, once it is clear that it is the last: beside its
rows, or beside the reason why there are none.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlagent.base import terminal
from sqlagent.base.errors import Cancelled, SqlagentError
from sqlagent.base.terminal import DIM, RED, paint

if TYPE_CHECKING:
    from sqlagent.agent.answer import Step
    from sqlagent.decoding.candidate import Progress

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_FRAMES = "|/-\\"
QUIET_SECONDS = 0.1
"""How long a spinner waits: quick steps must not flicker."""
THINKING = "thinking"
"""What the agent calls writing the first statement: that one is shown as it grows."""
SHOWN_LINES = 8
"""Lines of a statement that is being written that are shown at most: its last ones."""
BEAT_SECONDS = 5.0
"""How often a line says what goes on where no spinner can."""


@dataclass
class Console:
    """What goes to stderr. `quiet` drops notices (never errors); `verbose` adds steps and timings.

    It is also what an Agent reports to: `status` before a step, `step` after it.
    """

    quiet: bool = False
    verbose: bool = False
    no_color: bool = False
    show_sql: bool = True
    show_words: bool = True
    _at_work: _Spinner | _Heartbeat | None = field(default=None, repr=False)
    _statement: str | None = field(default=None, repr=False)
    """The statement that was reasoned out last and is not shown yet."""

    @property
    def color(self) -> bool:
        return terminal.wants_color(sys.stderr, no_color=self.no_color)

    def notice(self, text: str) -> None:
        """A line that a person may want to know; not printed when quiet."""
        if not self.quiet:
            self._print(text, dim=True)

    def error(self, text: str) -> None:
        """One line saying what is wrong and what to do."""
        from sqlagent.ui.other_files import without_secrets

        said = " ".join(f"sqlagent: {without_secrets(text)}".split("\n"))
        self._write(paint(said, RED) if self.color else said)

    def failed(self, error: SqlagentError) -> int:
        """Say why a command or a line failed, below the statement that did; the exit code that means it."""
        self.statement()
        self.error("Interrupted." if isinstance(error, Cancelled) else str(error))
        return error.exit_code

    def statement(self, ran: str = "") -> None:
        """Show the statement that was reasoned out last, unless it was or nobody wants to see it.

        ran: the one that was run, where it is written otherwise, for how the columns are stored.
        """
        sql, self._statement = self._statement, None
        if (sql is not None or ran) and self.show_sql and not self.quiet:
            self.sql(ran or sql or "")

    def sql(self, sql: str) -> None:
        """The statement behind the rows that follow, broken at its clauses where a terminal is too narrow."""
        from sqlagent.ui.wrapping import sql_lines

        for text in sql_lines(sql, terminal.width(sys.stderr)):
            if self.color:
                from sqlagent.ui.formats import highlight_sql

                self._write(highlight_sql(text))
            else:
                self._print(text)

    def words(self, words: str) -> None:
        """What the statement computes, in a sentence, where the statement itself is shown."""
        if words and self.show_words and (self.show_sql or self.verbose):
            from sqlagent.sql.explain import sentence

            self.notice(sentence(words))

    def _print(self, text: str, *, dim: bool = False) -> None:
        from sqlagent.ui.wrapping import text_lines

        for line in text_lines(text, terminal.width(sys.stderr)):
            self._write(paint(line, DIM) if dim and self.color else line)

    def _write(self, line: str) -> None:
        with self._at_work.hidden() if self._at_work is not None else nullcontext():
            terminal.err(line)

    # ---- what an agent reports ----

    def status(self, text: str) -> None:
        """What is being done now; shown while it is done."""
        if self._at_work is not None:
            running = self._statement if text.startswith("running") else None
            self._at_work.label = f"running {running}" if running else text

    def step(self, step: Step) -> None:
        """A step that has ended, and everything about it when verbose."""
        if self.verbose:
            self._print(f"[{step.kind} {step.seconds:.2f} s] {step.text}", dim=True)
        if step.kind == "reason" and step.sql:
            self._statement = step.sql
            if self.verbose:
                self.sql(step.sql)
                self._statement = None

    @contextmanager
    def working(self, label: str, progress: Callable[[], Progress | None] = lambda: None) -> Iterator[None]:
        """Say on stderr that something goes on while the block runs, unless quiet was asked for.

        progress: tells how far the model is; asked from another thread.
        """
        self._statement = None
        if self.quiet:
            yield
            return
        plain = not terminal.can_redraw(sys.stderr)
        drawn = _Spinner(label, progress if self.show_sql else lambda: None, color=self.color)
        with _Heartbeat(label) if plain else drawn as shown:
            self._at_work = shown
            try:
                yield
            finally:
                self._at_work = None


class Relay:
    """Passes on to a console what an agent reports, until it is muted."""

    def __init__(self, console: Console) -> None:
        self._console: Console | None = console

    def mute(self) -> None:
        """Pass on nothing more."""
        self._console = None

    def status(self, text: str) -> None:
        if (console := self._console) is not None:
            console.status(text)

    def step(self, step: Step) -> None:
        if (console := self._console) is not None:
            console.step(step)


class _Ticker:
    """Shows its label again and again, from a thread of its own, until it is left."""

    label: str

    def __init__(self, label: str, every: float) -> None:
        self.label = label
        self._every = every
        self._started = time.monotonic()
        self._left = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)

    def _run(self) -> None:
        while not self._left.wait(self._every):
            with self._lock:
                if not self._left.is_set():
                    self.show(time.monotonic() - self._started)

    def show(self, seconds: float) -> None:
        """Draw or print the label."""
        raise NotImplementedError

    def end(self) -> None:
        """Stop the thread."""
        self._left.set()
        if self._thread.ident is not None:
            self._thread.join()


class _Heartbeat(_Ticker):
    """A line every few seconds, for logs, pipes and terminals without a cursor."""

    def __init__(self, label: str) -> None:
        super().__init__(label, BEAT_SECONDS)

    def __enter__(self) -> _Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def hidden(self) -> nullcontext[None]:
        """A line that is written stays."""
        return nullcontext()

    def show(self, seconds: float) -> None:
        terminal.err(f"sqlagent: {self.label} ({seconds:.0f} s so far)")


class _Spinner(_Ticker):
    """Draws one line on stderr, and above it the statement as far as it is written."""

    def __init__(self, label: str, progress: Callable[[], Progress | None], *, color: bool) -> None:
        super().__init__(label, QUIET_SECONDS)
        self._progress = progress
        self._color = color
        self._drawn = 0
        """How many lines are on the terminal."""
        encoding = (sys.stderr.encoding or "").lower()
        self._frames = itertools.cycle(FRAMES if encoding.startswith("utf") else PLAIN_FRAMES)

    def __enter__(self) -> _Spinner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        with self.hidden():
            pass

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the lines away while the block prints something else."""
        with self._lock:
            if self._drawn:
                terminal.redraw("", self._drawn - 1)
                self._drawn = 0
            yield

    def show(self, seconds: float) -> None:
        from sqlagent.ui.wrapping import cut, sql_lines

        width = (terminal.width(sys.stderr) or 80) - 1
        label, written = self.label, ""
        if self.label == THINKING and (progress := self._progress()) is not None:
            written = progress.written.strip()
            if not written and progress.read < progress.to_read:
                label = f"reading the schema, {progress.read} of {progress.to_read} tokens"
        lines = sql_lines(written, width)[-SHOWN_LINES:] if written else []
        clock = f" {seconds:.1f} s"
        last = cut(f"{next(self._frames)} {label}", width - len(clock)) + clock
        above = "".join(f"{cut(line, width)}\n" for line in lines)
        text = above + last
        if self._color:
            text = terminal.Painted((_coloured(above) if above else "") + paint(last, DIM))
        terminal.redraw(text, max(0, self._drawn - 1))
        self._drawn = len(lines) + 1


def _coloured(lines: str) -> str:
    from sqlagent.ui.formats import highlight_sql

    return highlight_sql(lines) + "\n"
