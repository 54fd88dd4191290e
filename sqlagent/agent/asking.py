"""Write and choose the statement for one question: the whole of it, and each of its parts where it asks two things.

`Asking` holds what the rules, the prompts and the attempts of one question share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Trace
from sqlagent.agent.attempt import Attempt, Execute, TextModel
from sqlagent.agent.effort import PART, Effort
from sqlagent.agent.question_parts import parts, stands_alone
from sqlagent.agent.selection import Chosen, Tried
from sqlagent.amend.context import Context
from sqlagent.amend.pipeline import mended, proposals
from sqlagent.amend.unmet import faults
from sqlagent.base.errors import NoAnswer
from sqlagent.linking import prompt

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema
    from sqlagent.grammar import Acceptor
    from sqlagent.linking.focus import Focus
    from sqlagent.linking.prompt import Hint, Prompt, Turn
    from sqlagent.linking.view import View
    from sqlagent.lowering.lower import Lowered


@dataclass
class Asking:
    """One question. `about` is what the rules look at; `amend` is a name in AMENDING; `hints` are of the question.

    example: a question of the same kind and its statement, for the prompt; None where that would tell nothing.
    """

    model: TextModel
    schema: Schema
    shown: View
    acceptor: Acceptor
    focus: Focus
    about: Context
    hints: Sequence[Hint]
    example: Callable[[str], Turn | None]
    amend: str
    execute: Execute
    lower: Callable[[str], Lowered]
    check: Callable[[], None]
    cancelled: Callable[[], bool]

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The questions that are asked in one; () where it is one, or goes on from another."""
        if self.about.history or self.amend != "all":
            return ()
        return tuple(parts(self.about.question, self.schema))

    def choose(self, effort: Effort, trace: Trace) -> Chosen:
        """The statement to answer with. Raises as `Attempt.run` does."""
        whole = self._attempt(self.about, self.hints, trace)
        whole.parts, whole.answer_part, whole.join = self.parts, self._answer_part, self._join
        return whole.run(effort)

    def _attempt(self, about: Context, hints: Sequence[Hint], trace: Trace) -> Attempt:
        example = None if about.history else self.example(about.question)

        def build(failed: tuple[str, str] | None) -> Prompt:
            return prompt.build(
                self.shown.schema,
                about.question,
                history=about.history,
                hints=hints,
                example=example,
                error=failed,
                lines=self.shown.lines,
            )

        return Attempt(
            model=self.model,
            acceptor=self.acceptor,
            prompt=build,
            execute=self.execute,
            mend=lambda sql: (sql, ()) if self.amend == "off" else mended(sql, about),
            propose=lambda sql: proposals(sql, about) if self.amend == "all" else (),
            check=self.check,
            cancelled=self.cancelled,
            trace=trace,
            tables=len(self.shown.schema.tables),
            lower=self.lower,
            faults=self._faults,
        )

    def _answer_part(self, part: str, before: Sequence[Turn]) -> Tried | None:
        """The statement for one part, which may go on from those before it; None where there is none."""
        about = replace(self.about, question=part, history=() if stands_alone(part, self.schema) else before)
        hints = self.focus.hints(self.schema, self.shown.schema, part)
        try:
            return self._attempt(about, hints, Trace(None)).run(PART).best
        except NoAnswer:
            return None

    def _join(self, statements: Sequence[str]) -> str:
        """One statement that gives the values of several side by side; "" where the grammar has none."""
        sql = f"SELECT {', '.join(f'({one})' for one in statements)}"
        return sql if self.acceptor.accepts(sql) else ""

    def _faults(self, sql: str) -> tuple[str, ...]:
        """What a statement says that cannot be meant."""
        if sql not in self._known_faults:
            reading = self.about.statements.find(sql)
            self._known_faults[sql] = faults(reading, self.about.has_rows) if reading else ()
        return self._known_faults[sql]

    @cached_property
    def _known_faults(self) -> dict[str, tuple[str, ...]]:
        return {}
