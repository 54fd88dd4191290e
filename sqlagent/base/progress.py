"""What a long transfer tells the person waiting for it.

Everything goes to stderr. On a terminal it is a bar with rate and remaining time; elsewhere (a log, a pipe)
it is one line per tenth of the way, so that a log stays readable. Quiet means silent: errors are raised, not
printed here.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

from sqlagent.base import terminal
from sqlagent.base.visible import visible

if TYPE_CHECKING:
    from tqdm import tqdm


class Progress:
    """Notices and a byte counter on stderr. `update` takes absolute positions and never runs backwards."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._label = ""
        self._total = self._from = self._done = self._printed_tenth = 0
        self._began = 0.0

    def note(self, text: str) -> None:
        """Print one line, above the bar when there is one."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.clear()
        terminal.err(text, self._stream)

    def start(self, label: str, *, total: int, done: int = 0) -> None:
        """Begin counting towards `total` bytes, of which `done` were there already."""
        self.stop()
        self._label, self._total, self._from, self._done = label, total, done, done
        self._printed_tenth = 10 * done // total if total else 0
        self._began = time.monotonic()
        if not self._quiet and terminal.is_terminal(self._stream):
            from tqdm import tqdm

            self._bar = tqdm(
                desc=visible(label),
                total=total,
                initial=done,
                unit="B",
                unit_scale=True,
                file=self._stream,
                dynamic_ncols=True,
                leave=False,
            )

    def update(self, done: int) -> None:
        """Report that `done` bytes of the total have arrived."""
        done = min(done, self._total)
        if done <= self._done:
            return
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done
        if self._bar is None and not self._quiet and 10 * done // self._total > self._printed_tenth:
            self._printed_tenth = 10 * done // self._total
            self._print_line()

    def stop(self) -> None:
        """Take the bar down."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print_line(self) -> None:
        from tqdm import tqdm

        seconds = max(time.monotonic() - self._began, 1e-3)
        text = tqdm.format_meter(
            self._done,
            self._total,
            seconds,
            initial=self._from,
            unit="B",
            unit_scale=True,
            prefix=self._label,
            bar_format="{desc}: {percentage:.0f} % of {total_fmt}, {rate_fmt}, {remaining} left",
        )
        self.note(text)
