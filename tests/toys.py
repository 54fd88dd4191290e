"""Small stand-ins for tests of the decoder: acceptors over a few texts, and word-sized states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class OneOf:
    """Accepts exactly the given texts, optionally followed by `;`; also the state after `read`."""

    texts: tuple[bytes, ...]
    read: bytes = b""
    done: bool = False

    def start(self) -> OneOf:
        return self

    @cached_property
    def _left(self) -> tuple[bytes, ...]:
        return tuple(text for text in self.texts if text.startswith(self.read))

    @property
    def accepting(self) -> bool:
        return not self.done and self.read in self.texts

    def step(self, data: bytes) -> OneOf | None:
        if self.done:
            return None
        text = self.read + data
        if any(known.startswith(text) for known in self._left):
            return OneOf(self.texts, text, self._left == (text,))
        if text.endswith(b";") and text[:-1] in self._left:
            return OneOf(self.texts, text[:-1], True)
        return None

    def forced(self) -> bytes:
        if self.accepting or self.done:
            return b""
        tails = [text[len(self.read) :] for text in self._left]
        first, last = min(tails), max(tails)
        size = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
        return first[:size]

    def closing(self) -> bytes:
        return b"" if self.done else min((text[len(self.read) :] for text in self._left), key=len)

    def text(self) -> str:
        return self.read.decode()


@dataclass(frozen=True)
class Sums:
    """Accepts `SELECT 1 + 1 + …` with names from a list, of any length: the budget must end it."""

    words: tuple[bytes, ...] = (b"alpha", b"alphabet", b"beta", b"'it''s'", "größe".encode())
    rest: tuple[bytes, ...] = (b"SELECT ",)
    accepting: bool = False
    done: bool = False
    read: bytes = b""

    def start(self) -> Sums:
        return self

    def text(self) -> str:
        return self.read.decode()

    def step(self, data: bytes) -> Sums | None:
        state: Sums | None = self
        for value in data:
            state = state._byte(bytes([value])) if state is not None else None
        return state

    def _byte(self, byte: bytes) -> Sums | None:
        if self.done:
            return None
        if self.accepting and byte == b";":
            return Sums(self.words, (), False, True, self.read)
        read = self.read + byte
        options = tuple(text[1:] for text in self.rest if text.startswith(byte))
        if not options:
            return None
        if b"" not in options:
            return Sums(self.words, options, read=read)
        longer = tuple(text for text in options if text)
        if self.rest and self.rest[0].endswith(b" ") and not self.accepting:
            return Sums(self.words, self.words, read=read)
        return Sums(self.words, (*longer, b" + "), True, read=read)

    def forced(self) -> bytes:
        return self.rest[0] if len(self.rest) == 1 and not self.accepting else b""

    def closing(self) -> bytes:
        if self.accepting or self.done:
            return b""
        shortest = min(self.rest, key=len)
        return shortest + (min(self.words, key=len) if shortest.endswith(b" ") else b"")
