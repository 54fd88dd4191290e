"""Answer a question about one database: reason (write a statement), act (run it), observe (look at what came back).

The database is looked at before a model is loaded or fetched, so a wrong path costs nothing. What a question did is in
`Answer.steps`, in order; how it comes to an answer is `answering.Answering`'s business.

Threads: one agent does one thing at a time; calls from several threads wait for each other. `cancel()` may be
called from any thread or from a signal handler and ends the running step with `Cancelled`.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Answer, Observer, Step, Trace
from sqlagent.agent.attempt import TextModel
from sqlagent.agent.effort import AMENDING, EFFORTS, amending_of, dates_of, effort_of
from sqlagent.agent.gate import Gate
from sqlagent.agent.model_slot import ModelSlot
from sqlagent.agent.open_database import OpenDatabase
from sqlagent.agent.shown_tables import Link, read_ahead
from sqlagent.base.errors import (
    Cancelled,
    QueryError,
    SqlagentError,
    UsageError,
)

if TYPE_CHECKING:
    from sqlagent.agent.column_meaning import ColumnMeaning
    from sqlagent.database.notes import Notes
    from sqlagent.database.schema import Schema
    from sqlagent.decoding.candidate import Progress
    from sqlagent.linking.prompt import Turn
    from sqlagent.sandbox.query import Arrived
    from sqlagent.sandbox.sandbox import Limits, Result

__all__ = [
    "AMENDING",
    "EFFORTS",
    "MAX_QUESTION",
    "Agent",
    "Answer",
    "Link",
    "Observer",
    "Step",
    "TextModel",
    "check_question",
]

WITHIN_GROUP = "Here a percentile is written PERCENTILE_CONT(column, 0.9), without WITHIN GROUP."
MAX_QUESTION = 2000
"""Characters of the longest question taken: more would crowd the schema out of the model's context."""


class Agent:
    """Answers questions about one SQLite database.

    `model` is a loaded model object, a registry name, a path to a GGUF file, or None for the default. A model
    given as an object stays the caller's: `close()` leaves it open, and once the caller has closed it a question
    raises ModelError. A closed agent raises UsageError. `adapter` is a peft folder or a GGUF LoRA
    for it. `link` narrows a schema to the part that a question is about, instead of the package's own linker.
    `lowering`: columns are taken as they are meant, and statements written for how they are stored. `examples`: the
    model is shown how a question of some kinds is answered (`linking/worked_examples.py`). `amend` says
    what may be changed in a statement: see AMENDING; `dates`, how results show times: see DATES. `clock` tells the
    time where a question is asked.
    """

    def __init__(
        self,
        database: str | Path,
        model: TextModel | str | None = None,
        *,
        limits: Limits | None = None,
        effort: str = "normal",
        offline: bool = False,
        quiet: bool = True,
        link: Link | None = None,
        adapter: str | Path | None = None,
        lowering: bool = True,
        examples: bool = True,
        amend: str = "all",
        dates: str = "local",
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.effort = effort
        self.amend = amend
        self.dates = dates
        self._clock = clock
        self._examples = examples
        self.database = str(database)
        self._slot = ModelSlot(model, adapter=adapter, offline=offline, quiet=quiet)
        self._opened = OpenDatabase(database, limits=limits, lowering=lowering, check=self._stop_if_cancelled)
        self._link = link
        self._lock = threading.RLock()
        self._cancel = threading.Event()
        self._warming = threading.Lock()
        self._closed = False
        self._waiting: set[object] = set()
        """A mark for each question that is asked now: what is read ahead of them gives way."""
        self._gate = Gate(clock)

    # ---- what it works with ----

    def schema(self) -> Schema:
        """What the database holds now; of what changed since, only that is read again.

        Raises DatabaseError; UsageError once closed.
        """
        with self._lock:
            self._stay_open()
            return self._opened.schema()

    def fetch_model(self) -> None:
        """Make sure that the model's file is here, once it is clear that there is something to ask.

        `ask` does it too; doing it before keeps a download's progress bar apart from other output.
        Raises DatabaseError, ModelError, UsageError.
        """
        with self._lock:
            self._stay_open()
            self._opened.tables()
            self._slot.fetch()

    def load_model(self) -> TextModel:
        """The model, fetched and loaded on first use. Raises as `fetch_model` does."""
        with self._lock:
            self.fetch_model()
            return self._slot.loaded()

    def meaning(self) -> ColumnMeaning | None:
        """What the columns mean, told from their values on first use; None where lowering is off."""
        with self._lock:
            self._stay_open()
            return self._opened.meaning()

    @property
    def notes(self) -> Notes:
        """A person's own words about the columns."""
        return self._opened.notes

    @notes.setter
    def notes(self, notes: Notes) -> None:
        self._opened.notes = notes

    def use_model(self, model: str | None) -> None:
        """Take another model from the next question on. Raises UsageError, ModelError when there is none."""
        with self._lock:
            self._slot.use(model)
            self._gate.forget()

    @property
    def model_name(self) -> str:
        """What the model is called, loaded or not."""
        return self._slot.name

    @property
    def progress(self) -> Progress | None:
        """How far the model is with what it reads or writes now, without waiting for it; None where it cannot tell."""
        return getattr(self._slot.model, "progress", None)

    @property
    def effort(self) -> str:
        """How much is tried for an answer: a name in EFFORTS."""
        return self._effort_name

    @effort.setter
    def effort(self, name: str) -> None:
        self._effort, self._effort_name = effort_of(name), name

    @property
    def amend(self) -> str:
        """What may be changed in a statement: a name in AMENDING."""
        return self._amend

    @amend.setter
    def amend(self, name: str) -> None:
        self._amend = amending_of(name)

    @property
    def dates(self) -> str:
        """How results show times that are stored as numbers, and codes: a name in DATES."""
        return self._dates

    @dates.setter
    def dates(self, name: str) -> None:
        self._dates = dates_of(name)

    @property
    def limits(self) -> Limits:
        return self._opened.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        with self._lock:
            self._opened.limits = limits

    def warm_up(self) -> None:
        """Do now what the first question would wait for, in a thread of its own while a person types.

        The database's values are collected and its worker started; a model that is on the disk is loaded and reads
        the schema. Trouble is left for the question to tell. `cancel`, `close` and `use_model` end it.
        """
        with self._warming, contextlib.suppress(SqlagentError):
            with self._lock:
                self._cancel.clear()
                if self._closed:
                    return
                schema = self._opened.meant()
                focus = self._opened.focus()
                ready = self._slot.is_ready()
            model = self._slot.loaded() if ready else None
            focus.build(schema)
            if model is not None and self._link is None:
                read_ahead(schema, focus, model, lambda: self._is_busy(model))

    # ---- questions ----

    def ask(
        self,
        question: str,
        *,
        history: Sequence[Turn] = (),
        observer: Observer | None = None,
        anyway: bool = False,
    ) -> Answer:
        """Answer a question.

        history: the turns that it goes on from, oldest first, where it cannot be understood alone
        (`conversation.Conversation` keeps them). anyway: answer even where the database seems to hold nothing
        about it.
        Raises UsageError (no question, or one too long), DatabaseError, ModelError, NoAnswer (OutOfScope where
        the database holds nothing about what was asked), QueryTimeout,
        and Cancelled.
        """
        question = check_question(question)
        with self._asking():
            self._cancel.clear()  # before anything that takes time: a cancel that comes from here on is this question's
            self._stay_open()
            began = time.monotonic()
            from sqlagent.agent.answering import Answering
            from sqlagent.linking.worked_examples import example_for

            return Answering(
                question=question,
                history=history,
                anyway=anyway,
                trace=Trace(observer),
                began=began,
                opened=self._opened,
                model=self.load_model,
                gate=self._gate,
                link=self._link,
                effort=self._effort,
                example=example_for if self._examples else lambda _question: None,
                amend=self._amend,
                lower=partial(self._opened.lowered, shown=self._dates == "local"),
                today=self._clock().date(),
                check=self._stop_if_cancelled,
                cancelled=self._cancel.is_set,
            ).answer()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        """One question at a time; the model leaves off what it reads ahead."""
        mark = object()
        self._waiting.add(mark)
        try:
            with self._lock:
                yield
        finally:
            self._waiting.discard(mark)

    def run_sql(self, sql: str, *, limits: Limits | None = None, arrived: Arrived | None = None) -> Result:
        """Run a person's own statement in the sandbox, within `limits` in place of the agent's own.

        arrived: is shown rows as they come.

        Raises QueryError, QueryTimeout, DatabaseError and Cancelled.
        """
        with self._lock:
            self._cancel.clear()
            self._stay_open()
            try:
                return self._opened.sandbox().execute(sql, limits=limits, arrived=arrived)
            except QueryError as error:
                if re.search(r"\bWITHIN\s+GROUP\b", sql, re.IGNORECASE):
                    raise QueryError(f"{error} {WITHIN_GROUP}") from error
                raise

    def run_meant(self, sql: str) -> Result:
        """Run a statement that takes the columns as they are meant. Raises as `run_sql` does."""
        with self._lock:
            self._cancel.clear()
            self.meaning()
            return self._opened.run_meant(sql)

    def meant_schema(self) -> Schema:
        """The schema that the model is shown. Raises DatabaseError."""
        with self._lock:
            self._stay_open()
            return self._opened.meant()

    def take_model(self, other: Agent) -> None:
        """Take another agent's model, loaded as it is, and its settings; the other one gets this one's model."""
        other.cancel()
        with other._warming, other._lock, self._lock:
            self._slot, other._slot = other._slot, self._slot
            self.effort, self.amend, self.limits = other.effort, other.amend, other.limits

    def prepare(self, sql: str) -> None:
        """Compile a statement without running it. Raises QueryError, DatabaseError."""
        with self._lock:
            self._cancel.clear()
            self._stay_open()
            self._opened.sandbox().prepare(sql)

    def compiles(self, sql: str) -> bool:
        """Whether a statement compiles here. Raises DatabaseError."""
        try:
            self.prepare(sql)
        except QueryError:
            return False
        return True

    def cancel(self) -> None:
        """End the running step, if there is one."""
        self._cancel.set()
        self._opened.interrupt()

    def close(self) -> None:
        """Let go of the database and of a model that this agent loaded."""
        self._closed = True
        with self._warming, self._lock:
            self._opened.close()
            self._slot.close()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- within a question ----

    def _is_busy(self, model: TextModel) -> bool:
        """Whether a model should leave off what it reads ahead."""
        return bool(self._waiting) or self._closed or self._cancel.is_set() or self._slot.model is not model

    def _stay_open(self) -> None:
        """Raise UsageError after `close`."""
        if self._closed:
            raise UsageError("This agent was closed; open another one.")

    def _stop_if_cancelled(self) -> None:
        if self._cancel.is_set():
            raise Cancelled("Interrupted.")


def check_question(question: str) -> str:
    """The question without the space around it. Raises UsageError when it is empty or too long."""
    question = question.strip()
    if not question:
        raise UsageError("The question is empty; write what you want to know.")
    if len(question) > MAX_QUESTION:
        raise UsageError(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION:,} can be asked at once."
        )
    return question
