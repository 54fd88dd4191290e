"""Write to stdout and stderr: the one way out to a terminal.

    out(["name\\n", "Ada\\n"])                     data, to stdout
    err(paint("no such column: nope", RED))       one line for the person, to stderr

Invariant: nothing that somebody else wrote (a name, a comment, a cell, an error that quotes them) drives a
terminal, whatever NO_COLOR, --no-color or TERM say. A `str` loses every control, direction-changing and
invisible character but the line break on its way to one; a `Painted` keeps, beside that, colours alone. What
goes to a file or a pipe stays as it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import TextIO

from sqlagent.base.errors import SqlagentError
from sqlagent.base.visible import visible

DIM, RED = 2, 31

_COLOURS = re.compile(r"(\x1b\[[0-9;]{0,16}m)")


class Painted(str):
    """Text with colours (SGR sequences, and no others) of our own in it."""

    __slots__ = ()


def paint(text: str, code: int) -> Painted:
    """`text`, made visible, in a colour or style of ours: an SGR code."""
    return Painted(f"\x1b[{code}m{visible(text)}\x1b[0m")


def harmless(text: str) -> str:
    """`text` as it may go to a terminal: lines stay, colours stay where they are ours."""
    if not isinstance(text, Painted):
        return visible(text, keep="\n")
    parts = _COLOURS.split(text)
    parts[::2] = [visible(part, keep="\n") for part in parts[::2]]
    return "".join(parts)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written to a stream as it is."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def wants_color(stream: TextIO | None, *, no_color: bool = False) -> bool:
    """Whether to colour a stream: only a terminal, and not under --no-color, NO_COLOR or TERM=dumb."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a line on a stream can be drawn over: a terminal that has a cursor."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal behind a stream (stdout unless told), None when it is not a terminal."""
    out = stream or sys.stdout
    if not is_terminal(out):
        return None
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


def out(
    chunks: Iterable[str], stream: TextIO | None = None, *, enough: Callable[[], bool] | None = None
) -> None:
    """Write text to stdout as UTF-8 and flush it.

    enough: asked before each chunk whether to stop there. A closed pipe ends quietly: the reader has had enough.
    Raises SqlagentError when it cannot be written.
    """
    to = stream or sys.stdout
    if to is None:  # started with stdout closed: nobody is listening
        return
    drives = is_terminal(to)
    try:
        if stream is None and hasattr(to, "reconfigure"):
            # The same bytes whatever the locale; lone surrogates, which UTF-8 cannot hold, are spelled out.
            to.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        for chunk in chunks:
            if enough is not None and enough():
                break
            to.write(harmless(chunk) if drives else chunk)
        to.flush()
    except BrokenPipeError:
        _discard(to)
    except OSError as error:
        _discard(to)
        reason = (error.strerror or str(error)).lower()
        raise SqlagentError(f"The output cannot be written: {reason}.") from None


def line(text: str = "") -> None:
    """Write one line of data (a path, a statement) to stdout."""
    out([Painted(text + "\n") if isinstance(text, Painted) else text + "\n"])


def err(text: str, stream: TextIO | None = None) -> None:
    """Write one line for the person to stderr; nothing where nobody listens. Never raises.

    It quotes other people's text too often for a log to be less careful than a terminal.
    """
    to = stream or sys.stderr
    if to is None:
        return
    shown = harmless(text) + "\n"
    with contextlib.suppress(OSError, ValueError):  # nobody is listening any more
        try:
            to.write(shown)
        except UnicodeEncodeError:  # a terminal that is not UTF-8
            to.write(shown.encode("ascii", "backslashreplace").decode())
        to.flush()


def redraw(text: str, above: int = 0) -> None:
    """Put `text` in place of the line that stderr's terminal is on and of so many lines above it. Never raises."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("\r\x1b[K" + "\x1b[A\x1b[K" * above + harmless(text))
        sys.stderr.flush()


def hold_standard_streams() -> None:
    """Open nothing in place of a standard stream that this process was started without.

    Else the next file or pipe that is opened gets its number, and what is meant for stderr goes there; and
    `print(…, file=sys.stderr)` writes to stdout where `sys.stderr` is None.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _discard(to: TextIO) -> None:
    """Point the stream at nothing, so that Python's own flush at exit has nothing to complain about."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, to.fileno())
        os.close(null)
