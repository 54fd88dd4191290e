"""Do what takes long in a thread, so that Ctrl-C brings the prompt back although the work has not noticed yet.

    rows = background.do(lambda: agent.run_sql(sql), agent.cancel)

Invariant: one piece of work at a time. What was left behind is told to stop until it has; the next piece begins when
it is over, and is never told to stop in its place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from sqlagent.base.errors import Cancelled
from sqlagent.ui import interrupt

Result = TypeVar("Result")

PATIENCE = 0.08
"""Seconds that work has to end by itself after Ctrl-C; most does, and then nothing is left behind."""
LOOK = 0.02
"""Seconds between two looks whether somebody pressed Ctrl-C."""


class _Work:
    """A piece of work, and what came of it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.done = threading.Event()

    def run(self) -> None:
        try:
            self.result = self._function()
        except BaseException as error:  # raised again where it is waited for
            self.error = error
        finally:
            self.done.set()


class Background:
    """The thread beside a prompt."""

    def __init__(self) -> None:
        self._stopping: threading.Thread | None = None

    def do(self, function: Callable[[], Result], cancel: Callable[[], None]) -> Result:
        """What the function returns or raises; Cancelled when somebody asked to stop and it has not ended soon after.

        cancel: asks it to stop; from any thread.
        """
        self.settle()
        work = _Work(function)
        threading.Thread(target=work.run, name="question", daemon=True).start()
        try:
            while not work.done.wait(LOOK):
                if interrupt.asked_for() > PATIENCE:
                    raise Cancelled("Interrupted.")
        finally:
            if not work.done.is_set():  # a second Ctrl-C comes as an exception
                self._stopping = threading.Thread(
                    target=_stop, args=(work, cancel), name="stopping", daemon=True
                )
                self._stopping.start()
        if work.error is not None:
            raise work.error
        result: Result = work.result
        return result

    def settle(self) -> None:
        """Wait until what was left behind is over. Raises Cancelled when somebody asks to stop meanwhile."""
        while self._stopping is not None and self._stopping.is_alive():
            if interrupt.asked_for() > 0.0:
                raise Cancelled("Interrupted.")
            self._stopping.join(LOOK)
        self._stopping = None


def _stop(work: _Work, cancel: Callable[[], None]) -> None:
    while not work.done.is_set():
        cancel()
        work.done.wait(interrupt.REPEAT)
