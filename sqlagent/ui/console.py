"""Notices, errors, steps and the spinner: everything a person sees that is not data. Writes to stderr only.

Whatever is printed may quote somebody else's text (names in a database, cell values), so control
characters are always made visible.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from sqlagent.base.errors import Cancelled, SqlagentError

if TYPE_CHECKING:
    from sqlagent.agent.answer import Step

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PLAIN_FRAMES = "|/-\\"


def wants_color(stream: TextIO, *, no_color: bool = False) -> bool:
    """Whether to colour a stream: only a terminal, and not under --no-color, NO_COLOR or TERM=dumb."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


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
    _spinner: _Spinner | None = field(default=None, repr=False)
    _told: bool = field(default=False, repr=False)
    """Whether a statement has been shown since the work began."""

    @property
    def color(self) -> bool:
        return wants_color(sys.stderr, no_color=self.no_color)

    def notice(self, text: str) -> None:
        """One line that a person may want to know; not printed when quiet."""
        if not self.quiet:
            self._print(text, dim=True)

    def error(self, text: str) -> None:
        """One line saying what is wrong and what to do."""
        from sqlagent.base.visible import visible

        line = f"sqlagent: {visible(text)}"
        self._write(f"\x1b[31m{line}\x1b[0m" if self.color else line)

    def failed(self, error: SqlagentError) -> int:
        """Say why a command or a line failed; the exit code that means it."""
        self.error("Interrupted." if isinstance(error, Cancelled) else str(error))
        return error.exit_code

    def sql(self, sql: str) -> None:
        """The statement behind the rows that follow."""
        if self.color:
            from sqlagent.ui.formats import highlight_sql

            self._write(highlight_sql(sql))
        else:
            self._print(sql)

    def words(self, words: str) -> None:
        """What the statement computes, in a sentence, where the statement itself is shown."""
        if words and self.show_words and (self.show_sql or self.verbose):
            from sqlagent.sql.explain import sentence

            self.notice(sentence(words))

    def _print(self, text: str, *, dim: bool = False) -> None:
        from sqlagent.base.visible import visible

        for line in text.splitlines() or [""]:
            shown = visible(line)
            self._write(f"\x1b[2m{shown}\x1b[0m" if dim and self.color else shown)

    def _write(self, line: str) -> None:
        with self._spinner.hidden() if self._spinner is not None else nullcontext():
            self._print_line(line)

    @staticmethod
    def _print_line(line: str) -> None:
        try:
            print(line, file=sys.stderr, flush=True)
        except UnicodeEncodeError:  # a terminal that is not UTF-8
            print(line.encode("ascii", "backslashreplace").decode(), file=sys.stderr, flush=True)
        except OSError:
            pass  # nobody is listening any more

    # ---- what an agent reports ----

    def status(self, text: str) -> None:
        """What is being done now; shown by the spinner when there is one."""
        if self._spinner is not None:
            self._spinner.label = text

    def step(self, step: Step) -> None:
        """A step that has ended: its SQL before the rows, and everything about it when verbose."""
        if self.verbose:
            self._print(f"[{step.kind} {step.seconds:.2f} s] {step.text}", dim=True)
        if step.kind == "reason" and step.sql and (self.verbose or (self.show_sql and not self.quiet)):
            if self._told and not self.verbose:
                self.notice("(another statement was taken instead)")
            self._told = True
            self.sql(step.sql)

    @contextmanager
    def working(self, label: str) -> Iterator[None]:
        """A spinner on stderr while the block runs, if stderr is a terminal and nobody asked for quiet."""
        self._told = False
        if self.quiet or not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
            yield
            return
        with _Spinner(label, color=self.color) as spinner:
            self._spinner = spinner
            try:
                yield
            finally:
                self._spinner = None


class _Spinner:
    """Draws one line on stderr from a thread of its own until it is left."""

    def __init__(self, label: str, *, color: bool) -> None:
        self.label = label
        self._line = "\r\x1b[K\x1b[2m{}\x1b[0m" if color else "\r\x1b[K{}"
        self._started = time.monotonic()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._drawn = False
        encoding = (sys.stderr.encoding or "").lower()
        self._frames = FRAMES if encoding.startswith("utf") else PLAIN_FRAMES
        self._thread = threading.Thread(target=self._draw, name="spinner", daemon=True)

    def __enter__(self) -> _Spinner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        with self.hidden():
            pass

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line away while the block prints something else."""
        with self._lock:
            if self._drawn:
                self._send("\r\x1b[K")
                self._drawn = False
            yield

    def _draw(self) -> None:
        # The first tenth of a second stays silent: quick steps must not flicker.
        for frame in itertools.cycle(self._frames):
            if self._stop.wait(0.1):
                return
            with self._lock:
                seconds = time.monotonic() - self._started
                self._send(self._line.format(f"{frame} {self.label} {seconds:.1f} s"))
                self._drawn = True

    @staticmethod
    def _send(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
