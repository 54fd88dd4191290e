"""Follow the readings of a text: where each stands between or inside the options (the threads of the machine)."""

from __future__ import annotations

from typing import Any

from sqlagent.grammar.options import Choice, Counter, Frame, Lit, Open, Option, expand

Written = tuple[Any, bytes] | None
"""What has been read so far, in canonical form: (everything before, the last piece)."""


class Point:
    """A thread that stands before an unexpanded stack."""

    __slots__ = ("_options", "env", "rare", "rest", "written")

    def __init__(self, rest: Frame, env: Any, rare: int, written: Written) -> None:
        self.rest = rest
        self.env = env
        self.rare = rare
        self.written = written
        self._options: list[Option] | None = None

    def options(self, grammar: Counter) -> list[Option]:
        """What may come next here; expanded once."""
        if self._options is None:
            self._options = expand(grammar, self.rest, self.env)
        return self._options


class InLit:
    """A thread inside a fixed text."""

    __slots__ = ("lit", "pos", "rare", "written")

    def __init__(self, lit: Lit, pos: int, rare: int, written: Written) -> None:
        self.lit = lit
        self.pos = pos
        self.rare = rare
        self.written = written


class InChoice:
    """A thread inside a list of texts: those in [lo, hi) share the first `pos` bytes and none is complete."""

    __slots__ = ("choice", "hi", "lo", "pos", "rare", "written")

    def __init__(self, choice: Choice, lo: int, hi: int, pos: int, rare: int, written: Written) -> None:
        self.choice = choice
        self.lo = lo
        self.hi = hi
        self.pos = pos
        self.rare = rare
        self.written = written


class InOpen:
    """A thread inside a word of an open class; `word` is what has been read of it."""

    __slots__ = ("open", "q", "rare", "word", "written")

    def __init__(self, option: Open, q: Any, rare: int, word: bytes, written: Written) -> None:
        self.open = option
        self.q = q
        self.rare = rare
        self.word = word
        self.written = written

    def done(self) -> Point:
        """The place behind the word."""
        rest, env = self.open.then(self.q)
        return Point(rest, env, self.rare, (self.written, self.word))


Thread = Point | InLit | InChoice | InOpen


def is_begun(thread: Thread) -> bool:
    """Whether more than a blank of a rare option has been written."""
    if not thread.rare:
        return False
    if isinstance(thread, InLit):
        return bool(thread.lit.text[: thread.pos].strip())
    if isinstance(thread, InChoice):
        return bool(thread.choice.texts[thread.lo][: thread.pos].strip())
    return True


def first_valid(choice: Choice, lo: int, hi: int) -> int:
    """The first index in [lo, hi) that is valid, or -1."""
    valid = choice.valid
    if valid is None:
        return lo if lo < hi else -1
    for i in range(lo, hi):
        if valid(i):
            return i
    return -1
