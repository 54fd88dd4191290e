"""What goes to stderr while something runs: a spinner where there is a cursor, else a line every few seconds."""

from __future__ import annotations

import io
import sys
import time

import pytest

from sqlagent.agent.answer import Step
from sqlagent.base.errors import QueryTimeout
from sqlagent.decoding.candidate import Progress
from sqlagent.ui import console
from sqlagent.ui.console import Console


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.05)


def _work(shown: Console, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, marks: int) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with shown.working("reading the database"):
        shown.status("thinking")
        deadline = time.monotonic() + 20
        while stream.getvalue().count("thinking") < marks and time.monotonic() < deadline:
            time.sleep(0.01)
        shown.step(Step("reason", "written", "SELECT 1", 0.1))
        shown.status("running the statement")
        time.sleep(0.3 if marks else 0.0)
    return stream.getvalue()


@pytest.mark.parametrize("stream", [io.StringIO, Tty])
def test_without_a_cursor_a_line_every_few_seconds_says_what_goes_on(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = _work(Console(), stream(), monkeypatch, 2)
    lines = written.splitlines()
    assert lines[0].startswith("sqlagent: thinking (") and lines[0].endswith(" s so far)")
    assert any(line.startswith("sqlagent: running SELECT 1 (") for line in lines)
    assert "\r" not in written and "\x1b" not in written


def test_with_a_cursor_one_line_is_drawn_over_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    written = _work(Console(no_color=True), Tty(), monkeypatch, 2)
    assert "\n" not in written and written.endswith("\r\x1b[K")
    assert "running SELECT 1" in written


def test_quiet_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _work(Console(quiet=True), io.StringIO(), monkeypatch, 0) == ""


def test_a_statement_that_failed_is_shown_above_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    shown = Console()
    _work(shown, stream, monkeypatch, 0)
    assert shown.failed(QueryTimeout("It took too long.")) == 4
    assert stream.getvalue() == "SELECT 1\nsqlagent: It took too long.\n"
    shown.statement()
    assert stream.getvalue().count("SELECT") == 1


def test_the_statement_is_shown_as_it_is_written_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream, pieces = Tty(), ["", "SELECT name", "SELECT name FROM t\x1b[2J WHERE"]
    monkeypatch.setattr(sys, "stderr", stream)
    shown, so_far = Console(no_color=True), iter(pieces)
    states = [Progress(4 if piece else 3, 4, piece) for piece in so_far]
    with shown.working("reading the database", lambda: states.pop(0) if len(states) > 1 else states[0]):
        shown.status(console.THINKING)
        deadline = time.monotonic() + 20
        while "WHERE" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    written = stream.getvalue()
    assert "reading the schema, 3 of 4 tokens" in written
    assert "SELECT name\n" in written and "SELECT name FROM t\\x1b[2J WHERE\n" in written
    assert written.endswith("\r\x1b[K\x1b[A\x1b[K"), "one line of the statement stood above the spinner"


def test_without_the_statement_it_is_not_shown_while_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Tty()
    monkeypatch.setattr(sys, "stderr", stream)
    shown = Console(no_color=True, show_sql=False)
    with shown.working("reading the database", lambda: Progress(4, 4, "SELECT 1")):
        shown.status(console.THINKING)
        deadline = time.monotonic() + 20
        while console.THINKING not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "SELECT" not in stream.getvalue()
