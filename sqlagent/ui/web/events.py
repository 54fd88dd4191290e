"""Tell a page what a job does, as it happens, as server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlagent.ui.web import views
from sqlagent.ui.web.desk import Desk
from sqlagent.ui.web.jobs import Job
from sqlagent.ui.web.messages import dumps

LOOK_SECONDS = 0.1
"""Between two looks at how far a job is; what it tells is passed on at once."""
ALIVE_SECONDS = 10.0
"""After so long without news, a comment says that the connection lives."""


async def stream(desk: Desk, job: Job, place: int) -> AsyncIterator[bytes]:
    """A job's events from a place on, and meanwhile how far it is.

    A job that waits is told so, and the stream ends: a browser opens six connections to one server, and all tabs
    share them. So only jobs that run hold one, of which there are at most two.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the server is ending
            loop.call_soon_threadsafe(told.set)

    job.watchers.append(wake)
    try:
        async for event in _told(desk, job, place, told):
            yield event
    finally:
        job.watchers.remove(wake)


async def _told(desk: Desk, job: Job, place: int, told: asyncio.Event) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    said: Any = None
    seen: Any = None
    spoken = loop.time()
    while True:
        done = job.done  # before the events are read: the last one must not be missed
        for event in job.events[place:]:
            place += 1
            spoken = loop.time()
            said = None  # a page shows the newest alone, so this one hides how far the job is
            yield _event(event)
        if done:
            return
        if (preview := job.preview) is not seen and preview is not None:
            seen, spoken = preview, loop.time()
            yield _event(preview)
        now = _how_far(desk, job, place)
        if now != said:
            said, spoken = now, loop.time()
            yield _event(now)
            if now["type"] == "waiting":
                return
        elif loop.time() - spoken > ALIVE_SECONDS:
            spoken = loop.time()
            yield b": alive\n\n"
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(told.wait(), LOOK_SECONDS)
        told.clear()


def _how_far(desk: Desk, job: Job, place: int) -> dict[str, Any]:
    """How far a job is, of whose events a page has seen so many."""
    ahead = desk.line(job).ahead(job)
    if ahead:
        return {"type": "waiting", "ahead": ahead}
    told = (event["text"] for event in reversed(job.events[:place]) if event["type"] == "status")
    thinking = next(told, "") == "thinking"
    progress = desk.progress(job) if thinking else None
    if progress is None:
        return {"type": "progress"}
    return {
        "type": "progress",
        "read": progress.read,
        "total": progress.to_read,
        "written": views.shown(progress.written),
    }


def _event(facts: dict[str, Any]) -> bytes:
    return b"data: " + dumps(facts) + b"\n\n"
