"""Work beside the prompt: Ctrl-C brings the prompt back, and what was left behind harms nothing that follows."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from sqlagent.base.errors import Cancelled, QueryError
from sqlagent.ui import interrupt
from sqlagent.ui.background import PATIENCE, Background

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(autouse=True)
def at_the_prompt() -> Iterator[None]:
    with interrupt.listening(), interrupt.session():
        yield


def _press_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_a_result_and_an_error_come_back() -> None:
    beside = Background()
    with interrupt.cancels(lambda: None):
        assert beside.do(lambda: threading.current_thread().name, lambda: None) == "question"

    def fails() -> None:
        raise QueryError("no such column: nope")

    with interrupt.cancels(lambda: None), pytest.raises(QueryError, match="nope"):
        beside.do(fails, lambda: None)


def test_work_that_listens_ends_by_itself() -> None:
    stop = threading.Event()
    beside = Background()

    def listens() -> None:
        if stop.wait(20):
            raise Cancelled("Interrupted by itself.")

    with interrupt.cancels(stop.set), pytest.raises(Cancelled, match="itself"):
        _press_after(0.05)
        beside.do(listens, stop.set)


def test_work_that_is_deaf_is_left_behind_and_the_next_one_is_not_told_to_stop() -> None:
    beside, told, over = Background(), threading.Event(), threading.Event()
    order: list[str] = []

    def deaf() -> None:
        over.wait(20)
        order.append("deaf")

    with interrupt.cancels(told.set), pytest.raises(Cancelled):
        _press_after(0.05)
        began = time.monotonic()
        beside.do(deaf, told.set)
    assert time.monotonic() - began < 10 and not over.is_set()
    assert told.wait(5), "it is still asked to stop"
    told.clear()
    assert told.wait(5), "again and again"

    threading.Timer(0.2, over.set).start()

    def next_one() -> list[str]:
        told.clear()
        time.sleep(4 * interrupt.REPEAT)
        return [*order, "next"]

    with interrupt.cancels(told.set):
        assert beside.do(next_one, told.set) == ["deaf", "next"]
    assert not told.is_set()


def test_who_waits_for_what_was_left_behind_may_stop_that_too() -> None:
    beside, over = Background(), threading.Event()
    with interrupt.cancels(lambda: None), pytest.raises(Cancelled):
        _press_after(0.05)
        beside.do(lambda: over.wait(20), lambda: None)
    with interrupt.cancels(lambda: None), pytest.raises(Cancelled):
        _press_after(0.05)
        beside.do(lambda: pytest.fail("two at a time"), lambda: None)
    over.set()


def test_patience_is_within_what_a_person_takes_for_at_once() -> None:
    assert PATIENCE < 0.1
