"""Record what a question did, step by step, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from sqlagent.agent.confidence import Evidence
    from sqlagent.amend.amendment import Amendment
    from sqlagent.database.column_facts.fact import ColumnFact
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.sandbox.query import Arrived

Kind = Literal["reason", "act", "observe"]
Cell = str | int | float | bytes | None


class Observer(Protocol):
    """Told what the agent does while it does it; called in the thread that asked."""

    def status(self, text: str) -> None: ...

    def step(self, step: Step) -> None: ...


@runtime_checkable
class RowsObserver(Observer, Protocol):
    """One that is also shown the rows of the statement that is tried, as they come, before anything is weighed."""

    def rows(self, columns: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the loop. `seconds` is wall-clock time."""

    kind: Kind
    text: str
    sql: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows, the statement that made them, and how it came about.

    `confidence` is the probability, 0…1, that the rows are right, worked out from `evidence`. It was fitted to the
    default model: where `calibrated` is false it only says which of two answers is the surer one. `timings` are seconds
    by name. `note` says what a reader should know before trusting the rows, or is "". `words` says in English what the
    statement computes, a noun phrase, or is "". `tried` are the statements that were weighed. `sql` is written for how
    the columns are stored; `logical` is the same as it is meant, or "" where that is no other. `stored_as` says of
    each result column how its values are stored in the file, None where as shown. `written` is the statement as the
    model wrote it, and `amendments` what was changed in it since, in order: none where it was taken as written.
    """

    question: str
    sql: str
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    truncated: str | None
    confidence: float
    steps: tuple[Step, ...]
    timings: dict[str, float]
    note: str = ""
    words: str = ""
    evidence: Evidence | None = None
    tried: tuple[Candidate, ...] = ()
    calibrated: bool = False
    logical: str = ""
    stored_as: tuple[ColumnFact | None, ...] = ()
    written: str = ""
    amendments: tuple[Amendment, ...] = ()

    @property
    def meant_sql(self) -> str:
        """The statement before it was written for how the columns are stored: what a follow-up goes on from."""
        return self.logical or self.sql


@dataclass
class Trace:
    """The steps so far; passes each on to the observer as it ends."""

    observer: Observer | None
    steps: list[Step] = field(default_factory=list)

    def status(self, text: str) -> None:
        if self.observer is not None:
            self.observer.status(text)

    def add(self, kind: Kind, text: str, sql: str | None, started: float) -> None:
        step = Step(kind, text, sql, time.monotonic() - started)
        self.steps.append(step)
        if self.observer is not None:
            self.observer.step(step)

    @property
    def arrived(self) -> Arrived | None:
        """Shows rows to the observer as they come; None where it does not look."""
        return self.observer.rows if isinstance(self.observer, RowsObserver) else None

    @property
    def last_sql(self) -> str:
        """The statement that was reasoned out last; "" before the first."""
        return next((step.sql for step in reversed(self.steps) if step.kind == "reason" and step.sql), "")

    def seconds(self, kind: Kind) -> float:
        return sum(step.seconds for step in self.steps if step.kind == kind)
