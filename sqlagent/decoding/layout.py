"""Step an acceptor state over the layout that models put around SQL: line breaks, indentation, code fences.

Invariant: the acceptor only ever sees the canonical text. A line break outside a literal is held as a
pending blank, and a code fence or `;` after a complete statement ends it, so that a model may write in
its own layout while the statement that comes out has one form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlagent.grammar.name_candidates import NameCandidates

FENCE = b"```"


class State(Protocol):
    """What the decoder needs of the grammar's states: immutable, memoised, cheap."""

    @property
    def accepting(self) -> bool: ...
    @property
    def done(self) -> bool: ...
    def step(self, data: bytes) -> State | None: ...
    def forced(self) -> bytes: ...
    def closing(self) -> bytes: ...
    def text(self) -> str: ...


class Acceptor(Protocol):
    """Something whose `start()` is the state before the first byte."""

    def start(self) -> State: ...


@dataclass(frozen=True, slots=True)
class LayoutState:
    """A state, the text that led here from the layout before it, and a blank that is not yet placed."""

    state: State
    added: bytes = b""
    pending: bool = False
    ended: bool = False

    def step(self, data: bytes) -> LayoutState | None:
        """The layout after a token's bytes, or None when the statement cannot go on so."""
        if self.pending:
            return self._after_blank(data)
        state = self.state.step(data)
        if state is not None:
            return LayoutState(state, data, False, state.done)
        if self.state.accepting and data.lstrip(b" ").startswith(FENCE):
            return LayoutState(self.state, b"", False, True)
        at = data.find(b"\n")
        return None if at < 0 else self._across_lines(data[:at].rstrip(), data[at:].lstrip())

    def end(self) -> LayoutState | None:
        """The layout after an end-of-generation token: None unless the statement is complete."""
        return LayoutState(self.state, b"", False, True) if self.state.accepting else None

    @property
    def cost(self) -> int:
        """How much of the text its grammar finds unlikely, such as a join along no key; 0 where it has no opinion."""
        return getattr(self.state, "cost", 0)

    @property
    def name_candidates(self) -> NameCandidates | None:
        """What knows the schema's names and what they may be meant for; None for a grammar without a schema."""
        return getattr(self.state, "name_candidates", None)

    def closing(self) -> bytes:
        """Text that completes the statement from here."""
        text = self.state.closing()
        if not self.pending or not text or text.startswith(b" "):
            return text
        return text if self.state.step(text) is not None else b" " + text

    def _across_lines(self, head: bytes, tail: bytes) -> LayoutState | None:
        """A token that ends a line: `head` before the break, `tail` after it and its indentation."""
        state: State | None = self.state
        if head:
            state = self.state.step(head)
        if state is None:
            return None
        if state.done:
            return LayoutState(state, head, False, True)
        if not state.accepting and state.step(b"  ") is not None:
            return None  # inside a quoted text, where a line break would be content
        between = state.accepting or head.endswith((b"(", b","))
        if not between and state.step(b" ") is None and state.step(b")") is None:
            return None  # in the middle of a word
        blank = LayoutState(state, head, True)
        if not tail:
            return blank
        after = blank._after_blank(tail)
        return after and LayoutState(after.state, head + after.added, after.pending, after.ended)

    def _after_blank(self, data: bytes) -> LayoutState | None:
        text = data.lstrip()
        if not text:
            # Indentation: nothing is added, and what this layout added has been counted already.
            return None if b"\n" in data else LayoutState(self.state, b"", True)
        if self.state.accepting and text.startswith((FENCE, b";")):
            return LayoutState(self.state, b"", False, True)
        for lead in (b" ", b""):
            after = LayoutState(self.state).step(lead + text)
            if after is not None:
                return after
        return None


class Unconstrained:
    """The acceptor of unconstrained decoding: anything goes until a code fence."""

    accepting = True

    def __init__(self, done: bool = False) -> None:
        self.done = done

    def start(self) -> Unconstrained:
        return self

    def step(self, data: bytes) -> Unconstrained:
        return Unconstrained(True) if FENCE in data else self

    def forced(self) -> bytes:
        return b""

    def closing(self) -> bytes:
        return b""

    def text(self) -> str:
        return ""
