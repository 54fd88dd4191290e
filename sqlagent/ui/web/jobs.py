"""Run what people ask for one after the other, and keep what happened for whoever looks.

A job's events are numbered and stay with it, so that a page that was reloaded sees all of them again. Jobs of one
`Line` run in order of arrival, in one thread. A stopped job tells so at once, whatever its thread is still doing.
"""

from __future__ import annotations

import secrets
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlagent.agent.answer import Answer
from sqlagent.base.errors import Cancelled, SqlagentError
from sqlagent.base.visible import visible
from sqlagent.ui.web import views

Kind = Literal["ask", "run"]
Event = dict[str, Any]


@dataclass(eq=False)
class Job:
    """One question or statement. `result` is what it gave, for exports and feedback."""

    kind: Kind
    text: str
    session: str
    path: str
    anyway: bool = False
    """Asked although the database seems to hold nothing about it."""
    name: str = ""
    """What the database is called, where its path is nobody's business."""
    of: str = ""
    """The job whose question a statement is for."""
    unsure: bool = False
    """Whether a text begins like a statement and may be a question: SQLite is asked first."""
    id: str = field(default_factory=lambda: secrets.token_urlsafe(9))
    events: list[Event] = field(default_factory=list)
    preview: Event | None = None
    """The first rows so far, until the answer is there."""
    done: bool = False
    stopped: bool = False
    answer: Answer | None = None
    result: Result | None = None
    watchers: list[Callable[[], None]] = field(default_factory=list)
    """Called, in the thread that tells, when something was told."""
    history: tuple[tuple[str, str], ...] = ()
    """(question, statement) of the turns that a follow-up was asked with."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, type: str, *, last: bool = False, **facts: Any) -> None:
        """Add an event; nothing is added behind the last one."""
        with self._lock:
            if self.done:
                return
            self.events.append({"n": len(self.events), "type": type, **facts})
            self.done = last
            if last:
                self.preview = None
        for watcher in tuple(self.watchers):
            watcher()

    def stop(self) -> None:
        """End it for everybody who looks."""
        self.stopped = True
        self.tell("stopped", last=True)

    def forget(self) -> None:
        """Let go of the rows; who looks again is told to ask again."""
        with self._lock:
            self.result = self.answer = None
            for event in self.events:
                if "rows" in event:
                    event.update(rows=[], chart=None, forgotten=True)

    def fail(self, error: SqlagentError) -> None:
        """End it with an error's sentence."""
        said = views.on_page(str(error).replace(self.path, self.name) if self.name else str(error))
        self.tell("failed", last=True, text=visible(said, keep="\n"), kind=type(error).__name__)

    def check(self) -> None:
        """Raise Cancelled when it was stopped."""
        if self.stopped:
            raise Cancelled("Stopped.")


@dataclass(frozen=True, slots=True)
class Result:
    """Rows that are kept for a job, whichever way they were made. `size` is about what they take, in bytes.

    cut: whether the statement has more, which a download fetches.
    """

    sql: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    size: int
    cut: bool = False


class Line:
    """Runs jobs in order of arrival in a thread of its own.

    `work` does a job and raises SqlagentError where it cannot; `interrupt` ends what `work` is doing. `idle` is
    called between jobs whenever `wake` was, and must end soon after `interrupt`.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Job], None],
        interrupt: Callable[[Job | None], None],
        idle: Callable[[], None] | None = None,
    ) -> None:
        self._work, self._interrupt, self._idle = work, interrupt, idle
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._idling = False
        self._wanted = False
        self._closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Put a job at the end."""
        with self._change:
            self._waiting.append(job)
            self._change.notify()
            idling = self._idling
        if idling:
            self._interrupt(None)

    def wake(self) -> None:
        """Let `idle` be called once there is nothing else to do."""
        with self._change:
            self._wanted = True
            self._change.notify()

    def ahead(self, job: Job) -> int:
        """How many jobs come before one; 0 for the one that runs."""
        with self._change:
            if job not in self._waiting:
                return 0
            return self._waiting.index(job) + (self._running is not None)

    def length(self, session: str) -> int:
        """How many jobs of a session wait or run."""
        with self._change:
            jobs = [*self._waiting, *([self._running] if self._running else [])]
            return sum(job.session == session for job in jobs)

    def stop(self, job: Job) -> None:
        """Stop a job, waiting or running."""
        job.stop()
        with self._change:
            running = self._running is job
            if job in self._waiting:
                self._waiting.remove(job)
        if running:
            self._interrupt(job)

    def close(self, wait: float = 5.0) -> None:
        """Stop everything and end the thread, which is waited for so many seconds."""
        with self._change:
            self._closed = True
            jobs = [*self._waiting, *([self._running] if self._running else [])]
            self._waiting.clear()
            self._change.notify()
        for job in jobs:
            job.stop()
        self._interrupt(None)
        self._thread.join(wait)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._closed or self._wanted)
                if self._closed:
                    return
                job = self._waiting.popleft() if self._waiting else None
                self._running, self._idling = job, job is None
                if job is None:
                    self._wanted = False
            if job is not None:
                self._do(job)
            elif self._idle is not None:
                self._idle()
            with self._change:
                self._running, self._idling = None, False

    def _do(self, job: Job) -> None:
        try:
            job.check()
            self._work(job)
        except Cancelled:
            job.stop()
        except SqlagentError as error:
            job.fail(error)
        except Exception as error:  # a fault of ours must not end the line that everybody waits in
            traceback.print_exc()
            said = f"Something went wrong inside sqlagent ({type(error).__name__}). Please report it."
            job.tell("failed", last=True, text=said, kind="Fault")
