"""The prompt's commands about the last result: edit its statement, explain, export, draw, turn and page it.

They register themselves as repl_commands says.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import terminal
from sqlagent.base.errors import UsageError
from sqlagent.ui import exports, plotting, sureness
from sqlagent.ui.repl_commands import command, switch
from sqlagent.ui.wrapping import sql_lines, text_lines

if TYPE_CHECKING:
    from sqlagent.agent.answer import Answer
    from sqlagent.ui.session import Session

PLOT_HEIGHT = 20
"""Lines of lines and histograms; bars take one each."""


@command("\\e")
def edit_line(session: Session, argument: str) -> None:
    """put the last statement into the line, to be changed and run"""
    _at_a_terminal(session, "\\e")
    session.next_line = session.last_result().sql


@command("\\edit", ".edit")
def edit_in_editor(session: Session, argument: str) -> None:
    """change the last statement in $VISUAL or $EDITOR, then in the line"""
    _at_a_terminal(session, "\\edit")
    session.next_line = " ".join(_edited(session.last.sql if session.last else "").split())


@command("\\why")
def show_steps(session: Session, argument: str) -> None:
    """how the last answer came about, step by step"""
    answer = session.last_result().answer
    if answer is None:
        raise UsageError("The last statement was your own: it ran as it is.")
    width = terminal.width()
    terminal.out(f"{line}\n" for text in _steps(answer, width) for line in text_lines(text, width))


@command("\\g", ".once", usage="FILE", choices=("file",))
def export_last(session: Session, argument: str) -> None:
    """write the last result to a file: .csv .tsv .json .jsonl .md .html .xlsx .parquet"""
    if not argument:
        raise UsageError("Say which file: \\g FILE.csv")
    session.last_result()
    session.export(exports.path_of(argument, database=session.agent.database))


@command("\\o", ".output", usage="[FILE]", choices=("file",))
def export_from_now_on(session: Session, argument: str) -> None:
    """write results to FILE, FILE-2, FILE-3, … from now on; without a name to the terminal again"""
    if not argument:
        session.send_results_to(None)
        session.output.console.notice("Results go to the terminal.")
        return
    session.send_results_to(exports.path_of(argument, database=session.agent.database))
    session.output.console.notice(f"Results go to {session.results_to}, one file each; \\o ends it.")


@command("\\plot", usage="[KIND] [FILE]", choices=plotting.KINDS)
def draw(session: Session, argument: str) -> None:
    """draw the last result as bars, lines or a histogram; into FILE.png or FILE.svg"""
    kind, file = _kind_and_file(argument)
    last = session.last_result()
    title = last.answer.question if last.answer is not None else ""
    chart = plotting.chart_of(last.columns, last.rows, kind, title)
    if file is not None:
        plotting.to_file(chart, file)
        session.output.console.notice(f"{file}: {chart.kind}.")
        return
    width = terminal.width() or 80
    terminal.out([plotting.in_terminal(chart, width=width, height=PLOT_HEIGHT)])


@command("\\x", ".expanded", usage="[on|off]", choices=("on", "off"))
def turn(session: Session, argument: str) -> None:
    """write tables one value a line; those wider than the terminal are anyway"""
    session.output = replace(session.output, turned=switch(argument, session.output.turned))
    shown = "one value a line" if session.output.turned else "one row a line"
    session.output.console.notice(f"Tables are written {shown}.")


@command("\\pager", usage="[on|off]", choices=("on", "off"))
def choose_pager(session: Session, argument: str) -> None:
    """read what is higher than the terminal in $PAGER (or less), or not"""
    session.output = replace(session.output, pages=switch(argument, session.output.pages))
    session.output.console.notice(f"The pager is {'on' if session.output.pages else 'off'}.")


def _at_a_terminal(session: Session, name: str) -> None:
    if not session.interactive():
        raise UsageError(f"{name} needs a terminal; write the statement itself.")


def _edited(text: str) -> str:
    """A text as the person's editor leaves it. Raises UsageError where there is no editor."""
    try:
        words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    except ValueError:
        words = []
    if not words:
        raise UsageError(
            "Set EDITOR to the editor that you like, or use \\e to change the statement in the line."
        )
    before = None
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the editor's
    try:
        with tempfile.TemporaryDirectory(prefix="sqlagent-") as folder:
            path = Path(folder) / "statement.sql"
            path.write_text("\n".join(sql_lines(text, 80)) + "\n", encoding="utf-8")
            code = subprocess.run([*words, str(path)], check=False, stdin=sys.stdin).returncode
            if code:
                raise UsageError(f"{words[0]} ended with {code}; the statement is as it was.")
            return path.read_text(encoding="utf-8", errors="replace").strip().rstrip(";")
    except FileNotFoundError:
        raise UsageError(f"There is no editor {words[0]}; set EDITOR.") from None
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _kind_and_file(argument: str) -> tuple[str, Path | None]:
    """What \\plot is to draw, and where. Raises UsageError."""
    kind, file = "", None
    head, _, rest = argument.partition(" ")
    if head in plotting.KINDS:
        kind, argument = head, rest.strip()
    if argument:
        name = argument.strip("\"'")
        if not plotting.picture_path(name):
            known = ", ".join(plotting.KINDS)
            raise UsageError(f"{name!r} is neither a kind of chart ({known}) nor a .png or .svg file.")
        file = Path(os.path.expanduser(name))
    return kind, file


def _steps(answer: Answer, width: int | None) -> list[str]:
    """The lines that \\why writes."""
    lines = [f"Question: {answer.question}"]
    for number, step in enumerate(answer.steps, start=1):
        lines.append(f"{number}. {step.kind}, {step.seconds:.2f} s: {step.text}")
        if step.sql:
            lines += [f"   {line}" for line in sql_lines(step.sql, width - 3 if width else None)]
    if answer.amendments:
        lines.append(f"The model wrote: {answer.written}")
        lines += [f"Amended ({one.rule}): {one.why}" for one in answer.amendments]
    if answer.logical:
        lines.append(f"As the columns are meant: {answer.logical}")
    others = sorted(answer.tried, key=lambda one: one.logprob, reverse=True)
    if len(others) > 1:
        lines.append("Weighed, with ln p:")
        lines += [f"   {one.logprob:7.2f}  {one.sql}" for one in others]
    known = "" if answer.calibrated else " (not calibrated for this model)"
    lines.append(f"Confidence {answer.confidence:.2f}{known}: {sureness.word(answer)}.")
    spent = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in answer.timings.items())
    lines.append(f"Time: {spent}.")
    if answer.note:
        lines.append(answer.note)
    return lines
