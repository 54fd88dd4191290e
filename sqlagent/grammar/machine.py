"""The character machine under the grammar: which bytes may come next, and what they would mean.

Invariant: a `State` is immutable, and from every `State` a complete text can be reached (`closing` spells one).

The machine knows no SQL. A *rule* is a function `rule(grammar, arg, rest, env) -> list[Option]` that says how a text
may go on: `rest` is the stack of rules still to come (a linked list of frames), `env` what is known so far. Options are
fixed words (`Lit`), one word out of a sorted list (`Choice`) or an open class such as a string literal (`Open`).
By convention **the first option of a list is the one that leads to the end soonest**; `closing` follows first options.
An option's `rare` level says how much it is meant: 0 offered; QUIET accepted when written, but not in the way of a
forced span; UNLIKELY the same, and the decoder asks for a clear preference before it takes it (`State.cost`).

Words match without regard to case where their canonical letters are capitals (keywords, functions), and a word may have
other spellings (`<>`, `INNER JOIN`); `State.text` gives the text in its one canonical form.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Protocol

Frame = tuple[Any, Any, Any] | None
"""(rule, argument, rest): the stack of rules still to come; None at its end."""

QUIET, UNLIKELY = 1, 2
"""Levels of `rare`."""
MAX_READINGS = 64
"""Readings of one text that are followed. Each can be completed by itself, so dropping others makes no dead end."""

Written = tuple[Any, bytes] | None
"""What has been read so far, in canonical form: (everything before, the last piece)."""

_MEMO_LIMIT = 20_000
"""States kept per acceptor before the memo is dropped; a question makes a few hundred."""


_LOOK = 32
"""Names looked at for a short one when a statement has to end."""


class Lexer(Protocol):
    """An open class of words, read byte by byte; `q` is the lexer's own state."""

    start: Any

    def step(self, q: Any, byte: int) -> Any:
        """The state after one more byte, or None."""

    def final(self, q: Any) -> bool:
        """Whether the word may end here."""

    def close(self, q: Any) -> bytes:
        """A short ending for the word."""


class Lit:
    """One fixed text, then `rest` under `env`; `spelt` is its canonical form where that differs."""

    __slots__ = ("env", "rare", "rest", "spelt", "text")

    def __init__(self, text: bytes, rest: Frame, env: Any, rare: int = 0, spelt: bytes | None = None) -> None:
        self.text = text
        self.rest = rest
        self.env = env
        self.rare = rare
        self.spelt = text if spelt is None else spelt


class Choice:
    """One of many texts (sorted, distinct); `then(i)` gives (rest, env); `valid(i)` may refuse one.

    `words` marks texts in capitals that may be written in any case.
    """

    __slots__ = ("rare", "texts", "then", "valid", "words")

    def __init__(
        self,
        texts: Sequence[bytes],
        then: Callable[[int], tuple[Frame, Any]],
        valid: Callable[[int], bool] | None = None,
        rare: int = 0,
        words: bool = False,
    ) -> None:
        self.texts = texts
        self.then = then
        self.valid = valid
        self.rare = rare
        self.words = words


class Open:
    """A word of an open class; `then(q)` gives (rest, env) once it is complete; `tag` tells the decoder what it is."""

    __slots__ = ("lexer", "rare", "tag", "then")

    def __init__(
        self,
        lexer: Lexer,
        then: Callable[[Any], tuple[Frame, Any]],
        rare: int = 0,
        tag: Any = None,
    ) -> None:
        self.lexer = lexer
        self.then = then
        self.rare = rare
        self.tag = tag


class End:
    """The text may end here."""

    __slots__ = ()
    rare = 0


Option = Lit | Choice | Open | End
END = End()
_FOLLOW = frozenset(b" ,);")
"""Bytes that can follow an open word; its completion is expanded only when one of them comes."""
_SEMICOLON = 0x3B
_AFTER_END = frozenset(b" \t\r\n`")


def expand(grammar: Any, rest: Frame, env: Any) -> list[Option]:
    """The options at the top of the stack; [END] when it is empty."""
    if rest is None:
        return [END]
    rule, arg, below = rest
    options: list[Option] = rule(grammar, arg, below, env)
    return options


class _Point:
    """A thread that stands before an unexpanded stack."""

    __slots__ = ("_options", "env", "rare", "rest", "written")

    def __init__(self, rest: Frame, env: Any, rare: int, written: Written) -> None:
        self.rest = rest
        self.env = env
        self.rare = rare
        self.written = written
        self._options: list[Option] | None = None

    def options(self, grammar: Any) -> list[Option]:
        if self._options is None:
            self._options = expand(grammar, self.rest, self.env)
        return self._options


class _InLit:
    """A thread inside a fixed text."""

    __slots__ = ("lit", "pos", "rare", "written")

    def __init__(self, lit: Lit, pos: int, rare: int, written: Written) -> None:
        self.lit = lit
        self.pos = pos
        self.rare = rare
        self.written = written


class _InChoice:
    """A thread inside a list of texts: those in [lo, hi) share the first `pos` bytes and none is complete."""

    __slots__ = ("choice", "hi", "lo", "pos", "rare", "written")

    def __init__(self, choice: Choice, lo: int, hi: int, pos: int, rare: int, written: Written) -> None:
        self.choice = choice
        self.lo = lo
        self.hi = hi
        self.pos = pos
        self.rare = rare
        self.written = written


class _InOpen:
    """A thread inside a word of an open class; `word` is what has been read of it."""

    __slots__ = ("open", "q", "rare", "word", "written")

    def __init__(self, option: Open, q: Any, rare: int, word: bytes, written: Written) -> None:
        self.open = option
        self.q = q
        self.rare = rare
        self.word = word
        self.written = written

    def done(self) -> _Point:
        """The place behind the word."""
        rest, env = self.open.then(self.q)
        return _Point(rest, env, self.rare, (self.written, self.word))


_Thread = _Point | _InLit | _InChoice | _InOpen


def _begun(thread: _Thread) -> bool:
    """Whether more than a blank of a rare option has been written."""
    if not thread.rare:
        return False
    if isinstance(thread, _InLit):
        return bool(thread.lit.text[: thread.pos].strip())
    if isinstance(thread, _InChoice):
        return bool(thread.choice.texts[thread.lo][: thread.pos].strip())
    return True


def _first_valid(choice: Choice, lo: int, hi: int) -> int:
    """The first index in [lo, hi) that is valid, or -1."""
    valid = choice.valid
    if valid is None:
        return lo if lo < hi else -1
    for i in range(lo, hi):
        if valid(i):
            return i
    return -1


class State:
    """A place in a text that the grammar accepts so far. Immutable; steps are memoised."""

    __slots__ = ("_bytes", "_closing", "_forced", "_grammar", "_threads", "_tokens", "_written", "cost", "done")

    def __init__(
        self, grammar: Any, threads: tuple[_Thread, ...], cost: int = 0, written: Written = None
    ) -> None:
        self._grammar = grammar
        self._threads = threads
        self._bytes: dict[int, State | None] = {}
        self._tokens: dict[bytes, State | None] = {}
        self._forced: bytes | None = None
        self._closing: bytes | None = None
        self._written = written
        self.cost = cost
        """How many unlikely options have been taken."""
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
        out: list[_Thread] = []
        for thread in self._threads:
            if isinstance(thread, _InLit):
                self._in_lit(thread.lit, thread.pos, byte, thread.rare, thread.written, out)
            elif isinstance(thread, _Point):
                self._in_point(thread, byte, out)
            elif isinstance(thread, _InChoice):
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
        return State(self._grammar, tuple(out), self.cost + (level == UNLIKELY))

    def _in_point(self, point: _Point, byte: int, out: list[_Thread]) -> None:
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
                    out.append(_InOpen(option, q, rare, bytes((byte,)), written))

    @staticmethod
    def _in_lit(lit: Lit, pos: int, byte: int, rare: int, written: Written, out: list[_Thread]) -> None:
        text = lit.text
        wanted = text[pos]
        if wanted == byte or (65 <= wanted <= 90 and wanted + 32 == byte):
            pos += 1
            if pos == len(text):
                out.append(_Point(lit.rest, lit.env, rare, (written, lit.spelt)))
            else:
                out.append(_InLit(lit, pos, rare, written))

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
        out: list[_Thread],
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
        out: list[_Thread],
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
                out.append(_Point(rest, env, rare, (written, texts[lo])))
            lo += 1
        first = _first_valid(choice, lo, hi)
        if first >= 0:
            out.append(_InChoice(choice, first, hi, pos, rare, written))

    def _in_open(self, thread: _InOpen, byte: int, out: list[_Thread]) -> None:
        lexer = thread.open.lexer
        q = lexer.step(thread.q, byte)
        if q is not None:
            word = thread.word + bytes((byte,))
            out.append(_InOpen(thread.open, q, thread.rare, word, thread.written))
        elif byte in _FOLLOW and lexer.final(thread.q):
            self._in_point(thread.done(), byte, out)

    def _final(self) -> Written:
        """What has been written, where the statement may end."""
        if self.done:
            return self._written
        for thread in self._threads:
            point = thread
            if isinstance(thread, _InOpen) and thread.open.lexer.final(thread.q):
                point = thread.done()
            if isinstance(point, _Point) and any(o is END for o in point.options(self._grammar)):
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
            if isinstance(thread, _InOpen) and thread.open.lexer.final(thread.q):
                point = thread.done()
            if isinstance(point, _Point) and any(o is END for o in point.options(self._grammar)):
                return True
        return False

    def tags(self) -> list[Any]:
        """The tags of the open words that may start or be in progress here (for value hints)."""
        found = []
        for thread in self._threads:
            if isinstance(thread, _InOpen):
                found.append(thread.open.tag)
            elif isinstance(thread, _Point):
                found += [o.tag for o in thread.options(self._grammar) if isinstance(o, Open)]
        return [tag for tag in found if tag is not None]

    def offers(self, pick: Callable[[int, int], int]) -> list[bytes]:
        """Words that may come next or end the present one; of a list of names the one that `pick(low, high)` points at.

        Rare options too. Open words are not listed: any byte that `step` takes may start one.
        """
        found: list[bytes] = []
        for thread in self._threads:
            if isinstance(thread, _InLit):
                found.append(thread.lit.text[thread.pos :])
            elif isinstance(thread, _InChoice):
                found += self._picked(thread.choice, thread.lo, thread.hi, thread.pos, pick)
            else:
                if isinstance(thread, _InOpen):
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
    def _picked(
        choice: Choice, lo: int, hi: int, pos: int, pick: Callable[[int, int], int]
    ) -> list[bytes]:
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
            begun = any(_begun(thread) for thread in self._threads)
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
        threads: Sequence[_Thread] = self._threads
        if not begun and any(not t.rare for t in threads):
            threads = [t for t in threads if not t.rare]
        found: set[int] = set()
        for thread in threads:
            if isinstance(thread, _InLit):
                found.add(thread.lit.text[thread.pos])
            elif isinstance(thread, _InChoice):
                self._choice_bytes(thread.choice, thread.lo, thread.hi, thread.pos, found)
            elif isinstance(thread, _InOpen):
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
            text = self._close_thread(thread)
            if text is not None:
                return text
        raise AssertionError("the grammar has a dead end")  # pragma: no cover - the grammar's invariant forbids it

    def _close_thread(self, thread: _Thread) -> bytes | None:
        out = bytearray()
        if isinstance(thread, _InLit):
            out += thread.lit.text[thread.pos :]
            rest, env = thread.lit.rest, thread.lit.env
        elif isinstance(thread, _InChoice):
            i = _shortest(thread.choice, thread.lo, thread.hi)
            if i < 0:
                return None
            out += thread.choice.texts[i][thread.pos :]
            rest, env = thread.choice.then(i)
        elif isinstance(thread, _InOpen):
            tail = thread.open.lexer.close(thread.q)
            out += tail
            q = thread.q
            for byte in tail:
                q = thread.open.lexer.step(q, byte)
            rest, env = thread.open.then(q)
        else:
            rest, env = thread.rest, thread.env
        while True:
            for option in expand(self._grammar, rest, env):
                if isinstance(option, End):
                    return bytes(out)
                if isinstance(option, Lit):
                    out += option.text
                    rest, env = option.rest, option.env
                elif isinstance(option, Choice):
                    i = _shortest(option, 0, len(option.texts))
                    if i < 0:
                        continue
                    out += option.texts[i]
                    rest, env = option.then(i)
                else:
                    word = option.lexer.close(option.lexer.start)
                    out += word
                    q = option.lexer.start
                    for byte in word:
                        q = option.lexer.step(q, byte)
                    rest, env = option.then(q)
                break
            else:
                return None


def _shortest(choice: Choice, lo: int, hi: int) -> int:
    """A short valid text in [lo, hi), or -1: the first valid one, or a shorter one of the few behind it."""
    best = _first_valid(choice, lo, hi)
    if best >= 0:
        for i in range(best + 1, min(hi, best + _LOOK)):
            if len(choice.texts[i]) < len(choice.texts[best]) and (choice.valid is None or choice.valid(i)):
                best = i
    return best


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
            self._root = State(self, (_Point(self._rest, self._env, 0, None),))
        return self._root

    def made_state(self) -> None:
        """Counts states, so that `start` knows when to drop the memo."""
        self._made += 1
