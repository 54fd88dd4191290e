"""Make Ctrl-C end what runs, at any moment, with one line and exit code 130; what is there already is kept.

    with listening():                       # from the first instruction to the last (program.py)
        with cancels(agent.cancel):         # the step stops at the next safe place
            output.answer(agent.ask(…))     # an answer that came is written

While a step runs the first Ctrl-C asks it to stop, again and again until it has ended; a step that has not ended
a second later is left with the process, and so it is at a second Ctrl-C. Where no step runs there is nothing to
keep: the process leaves at once. No exception is raised between two instructions of code that does not expect one,
but in `raises` and in a session (the prompt), which the second Ctrl-C brings back from a step that is deaf.

Invariant: the handler takes no lock; what waits runs in a thread of its own.
"""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from sqlagent.base.errors import Cancelled
from sqlagent.ui.leaving import first_to_say, leave

GRACE = 1.0
"""Seconds that a step has to stop, and an answer to be written."""
HURRY = 0.3
"""Seconds after which rows that are still being written are enough."""
REPEAT = 0.05
"""Seconds between two requests to stop: a step that was only about to begin may have missed one."""


class _Step:
    """What runs now, and how it is stopped."""

    def __init__(self, cancel: Callable[[], None] | None) -> None:
        self.cancel = cancel
        self.asked: float | None = None
        self.over = threading.Event()
        self.told = threading.Lock()
        """Held while a thread tells the step to stop."""


class _State:
    step: _Step | None = None
    session = False
    came = False


_state = _State()


def came() -> bool:
    """Whether Ctrl-C was pressed since `listening` began."""
    return _state.came


def asked_for() -> float:
    """Seconds since the running step was asked to stop; 0.0 while nobody has."""
    step = _state.step
    return 0.0 if step is None or step.asked is None else time.monotonic() - step.asked


def enough() -> bool:
    """Whether rows have been written for long enough after somebody asked to stop."""
    step = _state.step
    return step is not None and step.asked is not None and time.monotonic() > step.asked + HURRY


def handle(number: int, frame: FrameType | None) -> None:
    """The handler of SIGINT."""
    step, _state.came = _state.step, True
    if step is None:
        if not _state.session:
            leave()
        return  # the prompt: there is nothing to stop
    if step.asked is not None:
        if not _state.session:
            leave()
        raise KeyboardInterrupt
    step.asked = time.monotonic()
    if not _state.session:
        _thread.start_new_thread(_insist, (step,))
    if step.cancel is None:
        raise KeyboardInterrupt
    # A thread of its own: the main thread may hold the very lock that is needed here.
    step.told.acquire(False)
    _thread.start_new_thread(_tell, (step, step.cancel))


def _tell(step: _Step, cancel: Callable[[], None]) -> None:
    try:
        while not step.over.is_set():
            cancel()
            step.over.wait(REPEAT)
    finally:
        step.told.release()


def _insist(step: _Step) -> None:
    if not step.over.wait(GRACE):
        leave()


@contextmanager
def listening() -> Iterator[None]:
    """Handle Ctrl-C as this module says while the block runs; outside the main thread do nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _state.step, _state.session, _state.came = None, False, False
    first_to_say(afresh=True)
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def session() -> Iterator[None]:
    """Let Ctrl-C end the running step alone, and never the program, while the block runs."""
    _state.session = True
    try:
        yield
    finally:
        _state.session = False


def nothing_runs() -> None:
    """Forget the step that a KeyboardInterrupt has ended, however it was left."""
    _state.step = None


@contextmanager
def cancels(cancel: Callable[[], None]) -> Iterator[None]:
    """Call `cancel` on Ctrl-C while the block runs, until it has ended.

    Outside a session raises Cancelled when the block ended well although it was asked to stop.
    """
    with _running(_Step(cancel)) as step:
        yield
    if step.asked is not None and not _state.session:
        raise Cancelled("Interrupted.")


@contextmanager
def raises() -> Iterator[None]:
    """Raise KeyboardInterrupt on Ctrl-C while the block runs, for work that tidies up after itself then."""
    with _running(_Step(None)):
        yield


@contextmanager
def _running(step: _Step) -> Iterator[_Step]:
    before, _state.step = _state.step, step
    try:
        yield step
    finally:
        _state.step = before
        step.over.set()
        with step.told:  # the next step must not be told to stop
            pass
