"""Take one question to its answer: what the model is shown, what it writes, and once more where it wanted more tables.

    Answering(question="Who earns the most?", history=(), anyway=False, trace=Trace(None), opened=opened, …).answer()

Invariant: whoever calls holds the agent's lock. The model is loaded once the question is known to be one about the
database that needs it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from typing import TYPE_CHECKING

from sqlagent.agent.about_database import statement_about
from sqlagent.agent.answer import Answer, Trace
from sqlagent.agent.asking import Asking
from sqlagent.agent.attempt import TextModel
from sqlagent.agent.compose import composed
from sqlagent.agent.effort import Effort
from sqlagent.agent.gate import Gate
from sqlagent.agent.open_database import OpenDatabase
from sqlagent.agent.probes import Probes
from sqlagent.agent.shown_tables import Link, is_narrow, not_shown, shown_for
from sqlagent.amend.context import Context
from sqlagent.base.errors import NoAnswer, OutOfScope
from sqlagent.linking import prompt
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import Readings

if TYPE_CHECKING:
    from sqlagent.agent.selection import Chosen
    from sqlagent.database.schema import Schema
    from sqlagent.linking.view import View
    from sqlagent.lowering.lower import Lowered


@dataclass
class Answering:
    """A question, and the agent's own that it is answered with.

    anyway: also where the database seems to hold nothing about it. began: when it was asked, on the monotonic clock.
    model: loads it where it is not. example: how a question of its kind is answered, if that helps. lower: a statement
    as it is to be run. today: the day on which it is asked. check: raises Cancelled where the question was given up,
    which `cancelled` tells.
    """

    question: str
    history: Sequence[Turn]
    anyway: bool
    trace: Trace
    began: float
    opened: OpenDatabase
    model: Callable[[], TextModel]
    gate: Gate
    link: Link | None
    effort: Effort
    example: Callable[[str], Turn | None]
    amend: str
    lower: Callable[[str], Lowered]
    today: date
    check: Callable[[], None]
    cancelled: Callable[[], bool]
    _widen: Callable[[], View] | None = field(default=None, init=False)
    """What more the question could be shown; None where that is all, or was done."""

    def answer(self) -> Answer:
        """The answer. Raises as `Agent.ask` does."""
        try:
            return self._shown_once()
        except NoAnswer as error:
            if isinstance(error, OutOfScope) or self._widen is None:
                raise
            return self._shown_once(self._widen())

    def _shown_once(self, shown: View | None = None) -> Answer:
        """The answer. shown: what the model is shown in place of what the question is linked to."""
        started = time.monotonic()
        self.trace.status("reading the database")
        schema = self.opened.meant()
        read = time.monotonic()
        if not self.anyway:
            mentioned = partial(self.opened.mentioned, schema, self.question)
            self.gate.turn_back(schema, self.question, mentioned)
        if (about := statement_about(self.question, self.opened.tables())) is not None:
            return self._from_schema(about, read - started)
        self.opened.sandbox()  # its process starts while the model loads and thinks
        self.trace.status("loading the model")
        model = self.model()
        loaded = time.monotonic()
        self.check()
        shown = self._shown(schema, model, shown)
        focus, known = self.opened.focus(), self.history or self.anyway
        doubt = "" if known else self.gate.turn_away(schema, model, focus, self.question)
        asking = self._asking(schema, shown, model)
        chosen = asking.choose(self.effort, self.trace)
        wider = self._wider(asking, chosen)
        if wider is not shown:
            self.trace.add("observe", "more tables are wanted", None, time.monotonic())
            return self._shown_once(wider)
        timings = {
            "schema": read - started,
            "load": loaded - read,
            "reason": self.trace.seconds("reason"),
            "first token": chosen.first_token,
            "act": self.trace.seconds("act"),
            "total": time.monotonic() - self.began,
        }
        return composed(asking, chosen, self.trace.steps, timings, doubt)

    def _shown(self, schema: Schema, model: TextModel, again: View | None) -> View:
        """What the model is shown for the question, and from here on what more it could be (`_widen`).

        again: what it is shown now that it has been asked once; there is no more then.
        """
        subject, focus = prompt.subject(self.question, self.history), self.opened.focus()
        shown = again or shown_for(subject, schema, focus, model, self.link)
        self._widen = (
            None
            if again is not None or shown.complete
            else partial(focus.wider, schema, shown, subject, getattr(model, "n_ctx", None))
        )
        return shown

    def _asking(self, schema: Schema, shown: View, model: TextModel) -> Asking:
        """The question with all that it takes to write, mend and run a statement for it."""
        focus, acceptor = self.opened.focus(), self.opened.acceptor(shown.reach)
        probes = Probes(self.opened.run_meant, self.check)
        hints = focus.hints(schema, shown.schema, prompt.spoken(self.question, self.history))
        about = Context(
            self.question,
            Readings(schema),
            self.history,
            nearest=partial(self.opened.nearest, schema),
            accepts=acceptor.accepts,
            has_rows=cache(probes.has_rows),  # candidates are alike: most ask the same of the database
            differ=probes.differ,
            today=self.today,
            values=cache(probes.values),
            hints=hints,
        )
        return Asking(
            model=model,
            schema=schema,
            shown=shown,
            acceptor=acceptor,
            focus=focus,
            about=about,
            hints=hints,
            example=self.example,
            amend=self.amend,
            execute=self.opened.sandbox().execute,
            lower=self.lower,
            check=self.check,
            cancelled=self.cancelled,
        )

    def _wider(self, asking: Asking, chosen: Chosen) -> View:
        """What the model should have been shown, going by what it wrote: `asking.shown` where that was enough."""
        shown = asking.shown
        if shown.whole.fingerprint == asking.schema.fingerprint:
            asking.focus.keep(asking.schema, shown)
        wanted = not_shown(asking.about.statements.find(chosen.best.sql), shown)
        if not wanted and self._widen is not None and is_narrow(chosen.tried[0]):
            return self._widen()
        return shown.grown(wanted)

    def _from_schema(self, sql: str, read: float) -> Answer:
        """The answer to a question about the database itself. read: seconds that reading it took."""
        started = time.monotonic()
        self.trace.add("reason", "a question about the database itself", sql, started)
        result = self.opened.sandbox().execute(sql)
        self.trace.add("act", f"{len(result.rows)} rows", sql, started)
        timings = {
            "schema": read,
            "act": self.trace.seconds("act"),
            "total": time.monotonic() - self.began,
        }
        return Answer(
            question=self.question,
            sql=sql,
            columns=result.columns,
            rows=result.rows,
            truncated=result.truncated,
            confidence=1.0,
            steps=tuple(self.trace.steps),
            timings=timings,
            note="Read from the schema, without the model.",
            calibrated=True,
        )
