"""Answer the questions of a file, one answer object a line, and go on where an earlier run stopped.

    {"question": "How many orders?", "id": 7}     →     {"line": 1, "id": 7, "version": 1, "sql": "…", …}

Invariant: the file of answers only grows, by whole lines; a line that a killed run left unfinished is taken away. A
question that has an answer there, on the same line, is not asked again; one that failed is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlagent.agent.agent import Agent
from sqlagent.base import errors, terminal
from sqlagent.base.errors import Cancelled, SqlagentError, UsageError
from sqlagent.ui import json_answer
from sqlagent.ui.console import Console


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the file: its line, from 1, and what the file says of it beside."""

    line: int
    question: str
    id: Any


class Batch:
    """A file of questions and one of answers; the latter beside the former unless it is named."""

    def __init__(self, agent: Agent, console: Console, questions: Path, out: Path | None) -> None:
        self._agent, self._console, self._questions = agent, console, questions
        self._out = out or questions.with_suffix(".answers.jsonl")
        if self._out.exists() and self._out.samefile(questions):
            raise UsageError("The answers would go into the file of questions; name another with --out.")

    def run(self) -> int:
        """Ask what has no answer yet; the exit code. Raises UsageError, Cancelled."""
        import tqdm

        asked = read(self._questions)
        done = answered(self._out)
        todo = [one for one in asked if done.get(one.line) != one.question]
        if len(todo) < len(asked):
            self._console.notice(
                f"{len(asked) - len(todo):,} of {len(asked):,} have their answers in {self._out}."
            )
        failed = 0
        bar = tqdm.tqdm(
            todo,
            unit="question",
            file=sys.stderr,
            disable=self._console.quiet or not terminal.is_terminal(sys.stderr),
        )
        try:
            with self._out.open("a", encoding="utf-8") as file, bar:
                for one in bar:
                    found = self._answer(one)
                    failed += "error" in found
                    file.write(json_answer.line(found) + "\n")
                    file.flush()
        except OSError as error:
            raise SqlagentError(f"{self._out} cannot be written: {error.strerror or error}.") from None
        self._console.notice(f"{self._out}: {len(todo) - failed:,} answered, {failed:,} failed.")
        return errors.NO_ANSWER if failed else errors.OK

    def _answer(self, one: Asked) -> dict[str, Any]:
        """The answer's object, or what went wrong. Raises Cancelled."""
        place = {"line": one.line, "id": one.id}
        try:
            answer = self._agent.ask(one.question)
        except Cancelled:
            raise
        except SqlagentError as error:
            said = {"message": str(error), "exit_code": error.exit_code}
            return {**place, "version": json_answer.VERSION, "question": one.question, "error": said}
        about = json_answer.of_answer(answer, database=self._agent.database, model=self._agent.model_name)
        return {**place, **about}


def read(path: Path) -> list[Asked]:
    """The questions of a file, a line each: a JSON text, or an object with "question" and "id". Raises UsageError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    return [*_asked(path, lines)]


def _asked(path: Path, lines: list[str]) -> Iterator[Asked]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except ValueError:
            raise UsageError(
                f'{path}, line {number}: no JSON; write {{"question": "…"}} on each line.'
            ) from None
        question = found.get("question") if isinstance(found, dict) else found
        if not isinstance(question, str) or not question.strip():
            raise UsageError(f"{path}, line {number}: there is no question.")
        yield Asked(number, question.strip(), found.get("id") if isinstance(found, dict) else None)


def answered(path: Path) -> dict[int, str]:
    """The question that each line has an answer to; an unfinished last line is cut off. Raises UsageError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}.") from None
    whole = data[: data.rfind(b"\n") + 1]
    done: dict[int, str] = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            found = json.loads(line)
            if "error" not in found:
                done[int(found["line"])] = str(found["question"])
        except (ValueError, KeyError, TypeError):
            raise UsageError(f"{path}, line {number}, is no answer; name another file with --out.") from None
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return done
