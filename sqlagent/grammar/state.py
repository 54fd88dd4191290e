"""Hold a place in a text: which bytes may come next, and what they would mean.

Invariant: a `State` is immutable, and from every `State` a complete text can be reached (`closing` spells one).

It knows no SQL: rules say how a text may go on (`options.py`).
Words match without regard to case where their canonical letters are capitals (keywords, functions), and a word may have
other spellings (`<>`, `INNER JOIN`); `State.text` gives the text in its one canonical form.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlagent.grammar.options import QUIET, UNLIKELY, Choice, Counter, End, Lit, Open
from sqlagent.grammar.readings import InChoice, InLit, InOpen, Point, Thread, Written, first_valid, is_begun
from sqlagent.grammar.shortest_end import close

if TYPE_CHECKING:
    from sqlagent.grammar.name_candidates import NameCandidates

MAX_READINGS = 64
"""Readings of one text that are followed. Each can be completed by itself, so dropping others makes no dead end."""
_FOLLOW = frozenset(b" ,);")
"""Bytes that can follow an open word; its completion is expanded only when one of them comes."""
_SEMICOLON = 0x3B
_AFTER_END = frozenset(b" \t\r\n`")


class State:
    """A place in a text that the grammar accepts so far. Immutable; steps are memoised."""

    __slots__ = (
        "_bytes",
        "_closing",
        "_forced",
        "_grammar",
        "_threads",
        "_tokens",
        "_written",
        "cost",
        "done",
    )

    def __init__(
        self, grammar: Counter, threads: tuple[Thread, ...], cost: int = 0, written: Written = None
    ) -> None:
        self._grammar = grammar
        self._threads = threads
        self._bytes: dict[int, State | None] = {}
        self._tokens: dict[bytes, State | None] = {}
        self._forced: bytes | None = None
        self._closing: bytes | None = None
        self._written = written
        self.cost = cost
        """How many unlikely options have been taken; a strange one counts as several."""
        self.done = not threads
        """True once a `;` has closed the statement; only blanks and code fences may follow."""

    def step(self, data: bytes) -> State | None:
        """The state after `data`, or None where the grammar refuses it."""
        try:
            return self._tokens[data]
        except KeyError:
            pass
        state: State | None = self
        for byte in data:
            state = state._byte(byte)  # type: ignore[union-attr]
            if state is None:
                break
        self._tokens[data] = state
        return state

    def _byte(self, byte: int) -> State | None:
        try:
            return self._bytes[byte]
        except KeyError:
            pass
        state = self._advance(byte)
        self._bytes[byte] = state
        if state is not None:
            self._grammar.made_state()
        return state

    def _advance(self, byte: int) -> State | None:
        if self.done:
            return self if byte in _AFTER_END else None
        out: list[Thread] = []
        for thread in self._threads:
            if isinstance(thread, InLit):
                self._in_lit(thread.lit, thread.pos, byte, thread.rare, thread.written, out)
            elif isinstance(thread, Point):
                self._in_point(thread, byte, out)
            elif isinstance(thread, InChoice):
                self._in_choice(
                    thread.choice, thread.lo, thread.hi, thread.pos, byte, thread.rare, thread.written, out
                )
            else:
                self._in_open(thread, byte, out)
        if not out:
            if byte == _SEMICOLON and self.accepting:
                return State(self._grammar, (), self.cost, self._final())
            return None
        level = min(thread.rare for thread in out)
        if level:
            # Only rare readings are left: from here on they are what is meant.
            for thread in out:
                thread.rare -= level
        if len(out) > MAX_READINGS:
            # The first reading is the one that `closing` follows: it stays the first.
            out[1:] = sorted(out[1:], key=lambda thread: thread.rare)[: MAX_READINGS - 1]
        return State(self._grammar, tuple(out), self.cost + level // UNLIKELY)

    def _in_point(self, point: Point, byte: int, out: list[Thread]) -> None:
        written = point.written
        for option in point.options(self._grammar):
            rare = option.rare if option.rare > point.rare else point.rare
            if isinstance(option, Lit):
                self._in_lit(option, 0, byte, rare, written, out)
            elif isinstance(option, Choice):
                self._in_choice(option, 0, len(option.texts), 0, byte, rare, written, out)
            elif isinstance(option, Open):
                q = option.lexer.step(option.lexer.start, byte)
                if q is not None:
                    out.append(InOpen(option, q, rare, bytes((byte,)), written))

    @staticmethod
    def _in_lit(lit: Lit, pos: int, byte: int, rare: int, written: Written, out: list[Thread]) -> None:
        text = lit.text
        wanted = text[pos]
        if wanted == byte or (65 <= wanted <= 90 and wanted + 32 == byte):
            pos += 1
            if pos == len(text):
                out.append(Point(lit.rest, lit.env, rare, (written, lit.spelt)))
            else:
                out.append(InLit(lit, pos, rare, written))

    @classmethod
    def _in_choice(
        cls,
        choice: Choice,
        lo: int,
        hi: int,
        pos: int,
        byte: int,
        rare: int,
        written: Written,
        out: list[Thread],
    ) -> None:
        if choice.words:
            cls._in_texts(choice, lo, hi, pos, byte - 32 if 97 <= byte <= 122 else byte, rare, written, out)
            return
        cls._in_texts(choice, lo, hi, pos, byte, rare, written, out)
        if 65 <= byte <= 90 or 97 <= byte <= 122:  # names are the same in any case of their ASCII letters
            cls._in_texts(choice, lo, hi, pos, byte ^ 32, max(rare, QUIET), written, out)

    @staticmethod
    def _in_texts(
        choice: Choice,
        lo: int,
        hi: int,
        pos: int,
        byte: int,
        rare: int,
        written: Written,
        out: list[Thread],
    ) -> None:
        texts = choice.texts
        lo = bisect_left(texts, byte, lo, hi, key=lambda text: text[pos])
        hi = bisect_left(texts, byte + 1, lo, hi, key=lambda text: text[pos])
        if lo == hi:
            return
        pos += 1
        if len(texts[lo]) == pos:
            if choice.valid is None or choice.valid(lo):
                rest, env = choice.then(lo)
                out.append(Point(rest, env, rare, (written, texts[lo])))
            lo += 1
        first = first_valid(choice, lo, hi)
        if first >= 0:
            out.append(InChoice(choice, first, hi, pos, rare, written))

    def _in_open(self, thread: InOpen, byte: int, out: list[Thread]) -> None:
        lexer = thread.open.lexer
        q = lexer.step(thread.q, byte)
        if q is not None:
            word = thread.word + bytes((byte,))
            out.append(InOpen(thread.open, q, thread.rare, word, thread.written))
        elif byte in _FOLLOW and lexer.final(thread.q):
            self._in_point(thread.done(), byte, out)

    def _final(self) -> Written:
        """What has been written, where the statement may end."""
        if self.done:
            return self._written
        for thread in self._threads:
            point = thread
            if isinstance(thread, InOpen) and thread.open.lexer.final(thread.q):
                point = thread.done()
            if isinstance(point, Point) and any(isinstance(o, End) for o in point.options(self._grammar)):
                return point.written
        return None

    def text(self) -> str:
        """The whole statement in canonical form, where it may end here.

        :raises ValueError: where it may not.
        """
        if not self.accepting:
            raise ValueError("the statement is not complete")
        pieces = []
        written = self._final()
        while written is not None:
            written, piece = written
            pieces.append(piece)
        return b"".join(reversed(pieces)).decode()

    @property
    def accepting(self) -> bool:
        """Whether the text so far is a complete statement."""
        if self.done:
            return True
        for thread in self._threads:
            point = thread
            if isinstance(thread, InOpen) and thread.open.lexer.final(thread.q):
                point = thread.done()
            if isinstance(point, Point) and any(isinstance(o, End) for o in point.options(self._grammar)):
                return True
        return False

    def tags(self) -> list[Any]:
        """The tags of the open words that may start or be in progress here (for value hints)."""
        found = []
        for thread in self._threads:
            if isinstance(thread, InOpen):
                found.append(thread.open.tag)
            elif isinstance(thread, Point):
                found += [o.tag for o in thread.options(self._grammar) if isinstance(o, Open)]
        return [tag for tag in found if tag is not None]

    @property
    def name_candidates(self) -> NameCandidates | None:
        """Which names of the schema are meant by others; None for a grammar without a schema."""
        found: NameCandidates | None = getattr(self._grammar, "name_candidates", None)
        return found

    def offers(self, pick: Callable[[int, int], int]) -> list[bytes]:
        """Words that may come next or end the present one; of a list of names the one that `pick(low, high)` points at.

        Rare options too. Open words are not listed: any byte that `step` takes may start one.
        """
        found: list[bytes] = []
        for thread in self._threads:
            if isinstance(thread, InLit):
                found.append(thread.lit.text[thread.pos :])
            elif isinstance(thread, InChoice):
                found += self._picked(thread.choice, thread.lo, thread.hi, thread.pos, pick)
            else:
                if isinstance(thread, InOpen):
                    if not thread.open.lexer.final(thread.q):
                        continue
                    thread = thread.done()
                for option in thread.options(self._grammar):
                    if isinstance(option, Lit):
                        found.append(option.text)
                    elif isinstance(option, Choice):
                        found += self._picked(option, 0, len(option.texts), 0, pick)
        return found

    @staticmethod
    def _picked(choice: Choice, lo: int, hi: int, pos: int, pick: Callable[[int, int], int]) -> list[bytes]:
        i = pick(lo, hi) if lo < hi else hi
        if i < hi and (choice.valid is None or choice.valid(i)):
            return [choice.texts[i][pos:]]
        return []

    def forced(self, limit: int = 1024) -> bytes:
        """The continuation up to the first place where there is a choice, rare options aside; b"" if none."""
        if self._forced is None:
            out = bytearray()
            state: State | None = self
            # Someone who has begun to write a rare option means it: `e` may be the start of `e.name`.
            begun = any(is_begun(thread) for thread in self._threads)
            while state is not None and not state.done and len(out) < limit:
                byte = state._only_byte(begun)
                if byte is None:
                    break
                out.append(byte)
                state = state._byte(byte)
            self._forced = bytes(out)
        return self._forced

    def _only_byte(self, begun: bool) -> int | None:
        """The one byte that may come next, or None; rare threads count only when one was `begun`."""
        threads: Sequence[Thread] = self._threads
        if not begun and any(not t.rare for t in threads):
            threads = [t for t in threads if not t.rare]
        found: set[int] = set()
        for thread in threads:
            if isinstance(thread, InLit):
                found.add(thread.lit.text[thread.pos])
            elif isinstance(thread, InChoice):
                self._choice_bytes(thread.choice, thread.lo, thread.hi, thread.pos, found)
            elif isinstance(thread, InOpen):
                return None
            else:
                options = thread.options(self._grammar)
                if any(not o.rare for o in options):
                    options = [o for o in options if not o.rare]
                # Which of many names are valid is asked last: nearly always something else settles it.
                late = []
                for option in options:
                    if isinstance(option, Lit):
                        found.add(option.text[0])
                    elif isinstance(option, Choice):
                        if option.valid is None:
                            self._choice_bytes(option, 0, len(option.texts), 0, found)
                        else:
                            late.append(option)
                    else:
                        return None
                for option in late:
                    if len(found) > 1:
                        return None
                    self._choice_bytes(option, 0, len(option.texts), 0, found)
            if len(found) > 1:
                return None
        return found.pop() if len(found) == 1 else None

    @staticmethod
    def _choice_bytes(choice: Choice, lo: int, hi: int, pos: int, found: set[int]) -> None:
        valid = choice.valid
        texts = choice.texts
        if valid is None and hi > lo:
            found.update((texts[lo][pos], texts[hi - 1][pos]))
            return
        i = lo
        while i < hi:
            byte = texts[i][pos]
            if byte in found or valid is None or valid(i):
                found.add(byte)
                if len(found) > 1:
                    return
                # On to the first text that goes on otherwise.
                i = bisect_left(texts, byte + 1, i, hi, key=lambda text: text[pos])
            else:
                i += 1

    def closing(self) -> bytes:
        """A short continuation that completes the statement (b"" when it is complete)."""
        if self._closing is None:
            self._closing = b"" if self.done else self._close()
        return self._closing

    def _close(self) -> bytes:
        # Threads stand in the order of their options, so the first that can be closed leads to the end soonest, and
        # what is left of an ending that has been begun is the ending from there.
        for thread in self._threads:
            text = close(self._grammar, thread)
            if text is not None:
                return text
        raise AssertionError(
            "the grammar has a dead end"
        )  # pragma: no cover - the grammar's invariant forbids it
