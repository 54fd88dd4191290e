"""Keep what each open page is looking at: its database, its conversation, its questions and their rows.

A session's name is a secret of its page: whoever has no page's name sees nothing of it. Rows are kept for the latest
answers only, within a budget for the whole server; older answers say that they must be asked again.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlagent.agent.conversation import Conversation
from sqlagent.ui.web.jobs import Job, Result
from sqlagent.ui.web.shelf import Shelf

MOST_SESSIONS = 200
MOST_JOBS = 100
"""Questions that a page shows again after it was loaded anew."""
IDLE_SECONDS = 12 * 3600.0
ROW_BYTES = 48 << 20
"""Rows that all sessions keep together."""


@dataclass(eq=False)
class Session:
    """One page. `shelf` are the databases that it may open, `database` is the open one's name on it."""

    id: str
    shelf: Shelf
    database: str = ""
    conversation: Conversation = field(default_factory=Conversation)
    jobs: OrderedDict[str, Job] = field(default_factory=OrderedDict)
    used: float = field(default_factory=time.monotonic)

    def add(self, job: Job) -> None:
        """Keep a job; the oldest goes when there are too many."""
        self.jobs[job.id] = job
        while len(self.jobs) > MOST_JOBS:
            self.jobs.popitem(last=False)

    def open(self, database: str) -> None:
        """Look at another database, with nothing said about it yet."""
        if database != self.database:
            self.database = database
            self.conversation.forget()
            self.jobs.clear()


class Sessions:
    """All open pages. `shelf` makes a new page's shelf; `ended` is told of sessions that are over."""

    def __init__(self, shelf: Callable[[], Shelf], ended: Callable[[Session], None]) -> None:
        self._shelf, self._ended = shelf, ended
        self._open: OrderedDict[str, Session] = OrderedDict()
        self._kept: OrderedDict[str, tuple[Job, int]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self) -> Session:
        """A new session; the one that was used longest ago ends when there are too many."""
        made = Session(secrets.token_urlsafe(18), self._shelf())
        with self._lock:
            now = time.monotonic()
            over = [one for one in self._open.values() if now - one.used > IDLE_SECONDS]
            spare = len(self._open) - len(over) - MOST_SESSIONS + 1
            over += [one for one in self._open.values() if one not in over][: max(0, spare)]
            for one in over:
                del self._open[one.id]
            self._open[made.id] = made
        for one in over:
            self._end(one)
        return made

    def find(self, id: str) -> Session | None:
        """The session of that name, which counts as used now."""
        with self._lock:
            found = self._open.get(id)
            if found is not None:
                found.used = time.monotonic()
                self._open.move_to_end(id)
            return found

    def keep(self, job: Job, result: Result) -> None:
        """Keep a job's rows, and let go of the oldest ones of anybody beyond the budget."""
        with self._lock:
            job.result = result
            self._kept[job.id] = job, result.size
            total = sum(size for _, size in self._kept.values())
            while total > ROW_BYTES and len(self._kept) > 1:
                old, size = self._kept.popitem(last=False)[1]
                total -= size
                old.forget()

    def close(self) -> None:
        """End all sessions."""
        with self._lock:
            over = list(self._open.values())
            self._open.clear()
        for one in over:
            self._end(one)

    def _end(self, session: Session) -> None:
        self._ended(session)
        session.shelf.close()
