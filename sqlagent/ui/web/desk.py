"""Answer questions of all pages with one model, one after the other.

Invariant: one model is loaded, however many pages ask. Statements of people's own run in a second line, so that they
need not wait for the model. Both lines use the same sandbox settings.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlagent.agent.agent import Agent
from sqlagent.agent.answer import Cell, Step
from sqlagent.agent.model_slot import ModelSlot
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.sandbox.query import Limits
from sqlagent.ui import own_sql
from sqlagent.ui.web import views
from sqlagent.ui.web.jobs import Job, Line, Result
from sqlagent.ui.web.sessions import Session, Sessions

if TYPE_CHECKING:
    from sqlagent.agent.attempt import TextModel
    from sqlagent.decoding.candidate import Progress

MOST_OPEN = 4
"""Databases that a line keeps open: each has a process and an index of its values."""
EXPORTED_BYTES = 256 << 20
"""Memory that all rows of one result may take while they are downloaded."""
PREVIEW_SECONDS = 0.15
"""Between two looks at the rows so far."""
MOST_WAITING = 25
"""Questions and statements that one page may have waiting."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What questions are answered with; see `Agent`."""

    model: TextModel | str | None = None
    adapter: str | None = None
    effort: str = "normal"
    offline: bool = False
    quiet: bool = False
    limits: Limits | None = None


class Opened:
    """Agents by path; the one that was used longest ago is closed when there are too many.

    `of` waits for an agent that is being made; the others never do. All may be called from any thread.
    """

    def __init__(self, make: Callable[[str], Agent]) -> None:
        self._make = make
        self._agents: OrderedDict[str, Agent] = OrderedDict()
        self._lock, self._making = threading.Lock(), threading.Lock()

    def of(self, path: str) -> Agent:
        """The agent for a database."""
        with self._making:
            found = self.there(path) or self._make(path)
            with self._lock:
                self._agents[path] = found
                self._agents.move_to_end(path)
                spare = [self._agents.popitem(last=False)[1]] if len(self._agents) > MOST_OPEN else []
        for agent in spare:
            agent.close()
        return found

    def there(self, path: str) -> Agent | None:
        """The agent for a database, if it is open."""
        with self._lock:
            return self._agents.get(path)

    def cancel(self) -> None:
        """End what any of them is doing."""
        with self._lock:
            agents = list(self._agents.values())
        for agent in agents:
            agent.cancel()

    def drop(self, path: str) -> None:
        """Close one, if it is open."""
        with self._lock:
            agent = self._agents.pop(path, None)
        if agent is not None:
            agent.close()

    def close(self) -> None:
        with self._lock:
            agents = list(self._agents.values())
            self._agents.clear()
        for agent in agents:
            agent.close()


class Desk:
    """The model, the lines in front of it, and what they work on."""

    def __init__(self, settings: Settings, sessions: Sessions) -> None:
        self.settings, self.sessions = settings, sessions
        self._holder = ModelSlot(
            settings.model, adapter=settings.adapter, offline=settings.offline, quiet=settings.quiet
        )
        self._next_warm: str | None = None
        self.trouble = ""
        """Why there is no model, or ""."""
        self._asked = Opened(self._asking_agent)
        self._run = Opened(lambda path: Agent(path, limits=settings.limits))
        self.questions = Line("questions", self._ask, lambda job: self._asked.cancel(), self._warm_up)
        self.statements = Line("statements", self._execute, lambda job: self._run.cancel())

    # ---- from the pages ----

    @property
    def model_name(self) -> str:
        return self._holder.name

    @property
    def ready(self) -> bool:
        """Whether the model is loaded."""
        return self._holder.model is not None

    def progress(self, job: Job) -> Progress | None:
        """How far the model is with the question that is being answered; None where it does not say."""
        agent = self._asked.there(job.path)
        return agent.progress if agent is not None else None

    def line(self, job: Job) -> Line:
        return self.questions if job.kind == "ask" and not job.unsure else self.statements

    def submit(self, session: Session, job: Job) -> None:
        """Take a job. Raises UsageError when a page has too many waiting."""
        line = self.line(job)
        if line.length(session.id) >= MOST_WAITING:
            raise UsageError(
                f"{MOST_WAITING} questions of this page are waiting; let them be answered first."
            )
        session.add(job)
        line.submit(job)

    def stop(self, job: Job) -> None:
        self.line(job).stop(job)

    def whole(self, job: Job, result: Result) -> Result:
        """All rows of a result of which only some were kept. Raises QueryError, QueryTimeout, DatabaseError."""
        limits = replace(self.settings.limits or Limits(), max_rows=0, max_cell=0, max_bytes=EXPORTED_BYTES)
        found = self._run.of(job.path).run_sql(result.sql, limits=limits)
        if found.truncated:
            raise UsageError(
                f"The result is larger than {EXPORTED_BYTES >> 20} MB: save it with `sqlagent run` instead."
            )
        return Result(result.sql, found.columns, found.rows, 0)

    def opened(self, path: str) -> None:
        """Get ready for questions about a database while the first one is typed."""
        self._next_warm = path
        self.questions.wake()

    def ended(self, session: Session) -> None:
        """Stop a session's jobs and let go of its dropped files."""
        for job in session.jobs.values():
            if not job.done:
                self.stop(job)
        for item in session.shelf.items:
            if item.dropped:
                self.drop(str(item.path))

    def drop(self, path: str) -> None:
        """Close a database that is going away."""
        self._asked.drop(path)
        self._run.drop(path)

    def close(self) -> None:
        self.questions.close()
        self.statements.close()
        self._asked.close()
        self._run.close()
        self._holder.close()

    # ---- in the lines ----

    def _asking_agent(self, path: str) -> Agent:
        """An agent with the one model. Raises ModelError, UsageError."""
        self._holder.fetch()
        model = self._holder.loaded()
        self.trouble = ""
        return Agent(path, model, limits=self.settings.limits, effort=self.settings.effort)

    def _warm_up(self) -> None:
        path, self._next_warm = self._next_warm, None
        try:
            if path is not None:
                self._asked.of(path).warm_up()
        except SqlagentError as error:
            self.trouble = str(error)  # each question tells it again

    def _ask(self, job: Job) -> None:
        if not self.ready:
            job.tell("status", text="loading the model")
        agent = self._asked.of(job.path)
        job.check()
        session = self.sessions.find(job.session)
        if session is None:
            job.stop()
            return
        conversation = session.conversation
        history = conversation.history(job.text, agent.schema())
        if history:
            job.history = tuple((turn.question, turn.sql) for turn in history)
            job.tell("follows", text=views.shown(history[-1].question))
        found = agent.ask(job.text, history=history, observer=_Teller(job), anyway=job.anyway)
        job.check()
        conversation.add(job.text, found.sql, history)
        job.answer = found
        kept = Result(
            found.sql, found.columns, found.rows, views.size(found.rows), cut=found.truncated is not None
        )
        self.sessions.keep(job, kept)
        job.tell("answer", last=True, **views.answer(found, agent.schema()))
        self.opened(job.path)  # the first question was shown a part of its tables

    def _execute(self, job: Job) -> None:
        from sqlagent.sql.explain import in_words, sentence

        job.tell("status", text="running the statement")
        agent = self._run.of(job.path)
        if job.unsure:
            if not own_sql.is_sql(job.text, agent.compiles):
                job.unsure = False
                self.questions.submit(job)
                return
            job.kind, job.unsure = "run", False
            job.tell("kind", kind=job.kind)
        result = agent.run_sql(job.text, arrived=_Teller(job).rows)
        job.check()
        cut = result.truncated is not None
        kept = Result(job.text, result.columns, result.rows, views.size(result.rows), cut)
        self.sessions.keep(job, kept)
        job.tell(
            "answer",
            last=True,
            sql=views.shown(job.text),
            words=views.shown(sentence(in_words(job.text, agent.schema()))),
            timings={"act": round(result.seconds, 3)},
            **views.table(result.columns, result.rows, result.truncated),
        )


class _Teller:
    """Tells a job what its agent does."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._shown = 0.0

    def status(self, text: str) -> None:
        self.job.check()  # stopped between being taken and being asked
        self.job.tell("status", text=text)

    def rows(self, columns: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> None:
        now = time.monotonic()
        if rows and (self.job.preview is None or now - self._shown > PREVIEW_SECONDS):
            self._shown = now
            self.job.preview = views.preview(columns, rows)

    def step(self, step: Step) -> None:
        sql = views.shown(step.sql) if step.sql else ""
        self.job.tell("step", kind=step.kind, text=views.shown(step.text), sql=sql, seconds=step.seconds)
