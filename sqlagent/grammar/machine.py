"""Start the states of the character machine, and bound how many are remembered."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar.options import Frame
from sqlagent.grammar.readings import Point
from sqlagent.grammar.state import State

_MEMO_LIMIT = 20_000
"""States kept per acceptor before the memo is dropped; a question makes a few hundred."""


class Machine:
    """Makes start states and bounds the memory of their memos."""

    def __init__(self, rest: Frame, env: Any) -> None:
        self._rest = rest
        self._env = env
        self._made = 0
        self._root: State | None = None

    def start(self) -> State:
        """The state before the first byte."""
        if self._root is None or self._made > _MEMO_LIMIT:
            self._made = 0
            self._root = State(self, (Point(self._rest, self._env, 0, None),))
        return self._root

    def accepts(self, text: str) -> bool:
        """Whether a text is whole as it stands."""
        state = self.start().step(text.encode())
        return state is not None and state.accepting

    def made_state(self) -> None:
        """Counts states, so that `start` knows when to drop the memo."""
        self._made += 1
