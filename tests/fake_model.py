"""A language model that plays back a script, for every test that is not about a language model.

Run as a program it is the `sqlagent` command line with such a model: the script is a JSON list of statements
in FAKE_SCRIPT ("hang" in it stands for a generation that ends only when it is cancelled, "deaf" for one that takes
three seconds whatever happens).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from sqlagent.base.errors import Cancelled  # noqa: E402
from sqlagent.decoding.candidate import Candidate, Progress, Timings  # noqa: E402

HANG, DEAF = "hang", "deaf"

Entry = str | Candidate | BaseException | list[str] | list[Candidate]


def candidate(sql: str, **changes: Any) -> Candidate:
    """A finished, fairly certain candidate."""
    known: dict[str, Any] = dict(logprob=-0.5, tokens=10, margin=0.4, finished=True, forced=5)
    return Candidate(sql=sql, **{**known, **changes})


def _candidate(entry: Any) -> Candidate:
    return entry if isinstance(entry, Candidate) else candidate(entry)


class FakeModel:
    """Plays back one entry a call: a statement, a Candidate, an error to raise, or a list of n statements.

    When the script is over the last entry is repeated. `prompts` and `acceptors` remember what it was given.
    Other statements come from a list alone: where none is next there are none, and nothing is taken from the script;
    `asked` remembers how many were asked for, and within how many nats.
    """

    name = "fake"
    vectors: Any = None
    """What words mean; a test may set it."""
    progress: Any = None
    """How far it is; a generation that hangs has written a part."""

    def __init__(self, script: Iterable[Entry]) -> None:
        self._script = list(script)
        self._next = 0
        self.prompts: list[Any] = []
        self.acceptors: list[Any] = []
        self.closed = False
        self.asked: list[tuple[int, float]] = []
        self.read_ahead: list[Any] = []
        self.last_timings = Timings()
        self.read_back: list[list[str]] = []
        self.question_logprob: dict[str, float] = {}
        self.weighed: list[list[str]] = []
        self.likes: dict[str, float] = {}

    def enqueue(self, *entries: Entry) -> None:
        self._script += entries

    def read(self, prompt: Any, cancelled: Callable[[], bool] | None = None, *, store: bool = True) -> None:
        self.read_ahead.append(prompt)

    def generate(
        self,
        prompt: Any,
        acceptor: Any,
        *,
        orders: Sequence[Any] = (None,),
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        entry = self._entry()
        self.prompts.append(prompt)
        self.acceptors.append(acceptor)
        self._next += 1
        if isinstance(entry, BaseException):
            raise entry
        if entry == DEAF:
            print("deaf", file=sys.stderr, flush=True)
            time.sleep(3)
            return [candidate("SELECT 0 AS too_late")]
        if entry == HANG:
            self.progress = Progress(9, 9, "SELECT name FROM empl")
            print("hanging", file=sys.stderr, flush=True)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                if cancelled is not None and cancelled():
                    raise Cancelled("Interrupted.")
                time.sleep(0.01)
            raise AssertionError("nobody cancelled")
        return [_candidate(one) for one in (entry if isinstance(entry, list) else [entry])]

    def alternatives(
        self,
        n: int,
        within: float,
        *,
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]:
        self.asked.append((n, within))
        entry = self._entry()
        if not isinstance(entry, list):
            return []
        self._next += 1
        return [_candidate(one) for one in entry]

    def question_logprobs(
        self, prompt: Any, statements: Sequence[str], *, cancelled: Callable[[], bool] | None = None
    ) -> list[float]:
        """What the test says of each statement, 0.0 where it says nothing."""
        self.read_back.append(list(statements))
        return [self.question_logprob.get(sql, 0.0) for sql in statements]

    def statement_logprobs(
        self,
        prompt: Any,
        acceptor: Any,
        statements: Sequence[str],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[float]:
        """What the test says of each statement; one that it says nothing of is far less likely than those written."""
        self.weighed.append(list(statements))
        known = {one.sql for one in map(_candidate, self._played())}
        return [self.likes.get(sql, -1.0 if sql in known else -20.0) for sql in statements]

    def _played(self) -> list[Any]:
        return [
            one
            for entry in self._script
            for one in (entry if isinstance(entry, list) else [entry])
            if not isinstance(one, BaseException)
        ]

    def _entry(self) -> Entry:
        return self._script[min(self._next, len(self._script) - 1)]

    def close(self) -> None:
        self.closed = True


class AgreeableModel(FakeModel):
    """Finds whatever is proposed to it likelier than what it wrote."""

    def statement_logprobs(
        self,
        prompt: Any,
        acceptor: Any,
        statements: Sequence[str],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[float]:
        known = {one.sql for one in map(_candidate, self._played())}
        return [-1.0 if sql in known else 0.0 for sql in statements]


if __name__ == "__main__":
    from sqlagent.ui.program import run

    run(model=lambda: FakeModel(json.loads(os.environ["FAKE_SCRIPT"])))
