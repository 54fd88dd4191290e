"""Ctrl-C ends the running step, and nothing else.

While a step runs, the first Ctrl-C asks the agent to stop, which it does at the next safe place; a second one
raises KeyboardInterrupt for a step that does not listen.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def cancels(cancel: Callable[[], None]) -> Iterator[None]:
    """Call `cancel` on Ctrl-C while the block runs. Outside the main thread it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        # In a thread of its own: the handler runs in the middle of what the main thread was doing, and may
        # not wait for a lock that the main thread holds.
        threading.Thread(target=cancel, name="cancel", daemon=True).start()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
