"""Show what is higher than the window in the person's pager, and everything else as it comes.

    page(lines(columns, rows, style))      # `less -RSFX`, or what $PAGER says

Invariant: a pager gets text that drives no terminal. Leaving it early is no error, and Ctrl-C is its business alone.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from itertools import chain

from sqlagent.base import terminal
from sqlagent.base.terminal import harmless

DEFAULT = ("less", "-RSFX")
"""Colours stay, long lines can be scrolled, one screen is not paged, what was read stays on the terminal."""
LEAST_HEIGHT = 5


def command() -> list[str] | None:
    """The pager's command line; None where there is none."""
    asked = os.environ.get("PAGER")
    try:
        words = shlex.split(asked) if asked else list(DEFAULT)
    except ValueError:
        words = list(DEFAULT)
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return None
    return words


def page(chunks: Iterable[str]) -> None:
    """Write text that each time ends with a line break to the terminal, through a pager where it is too high."""
    words, height = command(), _height()
    lines = (line for chunk in chunks for line in _lines(chunk))
    first: list[str] = []
    for line in lines:
        first.append(line)
        if len(first) >= height and words is not None:
            _through(words, chain(first, lines))
            return
    terminal.out([terminal.Painted(line) for line in first])


def _lines(chunk: str) -> Iterator[str]:
    """The lines of a chunk, harmless, each with its line break."""
    yield from harmless(chunk).splitlines(keepends=True)


def _height() -> int:
    try:
        return max(os.get_terminal_size().lines - 1, LEAST_HEIGHT)
    except OSError:
        return 24


def _through(words: list[str], lines: Iterable[str]) -> None:
    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # LESSSECURE: a reader of rows needs no shell, no editor and no other file.
        process = subprocess.Popen(words, stdin=subprocess.PIPE, env={**os.environ, "LESSSECURE": "1"})
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as pipe:  # it was left: nobody reads on
            for line in lines:
                pipe.write(line.encode("utf-8", "backslashreplace"))
        process.wait()
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
