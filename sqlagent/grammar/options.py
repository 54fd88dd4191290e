"""Define what a rule returns: the texts that may come next, and the stack of rules still to come.

A *rule* is a function `rule(grammar, arg, rest, env) -> list[Option]` that says how a text may go on: `rest` is the
stack of rules still to come (a linked list of frames), `env` what is known so far. Options are fixed words (`Lit`), one
word out of a sorted list (`Choice`) or an open class such as a string literal (`Open`).
By convention **the first option of a list is the one that leads to the end soonest**; `closing` follows first options.
An option's `rare` level says how much it is meant: 0 offered; QUIET accepted when written, but not in the way of a
forced span; UNLIKELY the same, and the decoder asks for a clear preference before it takes it (`State.cost`); STRANGE
as if it were unlikely three times over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Frame = tuple[Callable[..., "list[Option]"], Any, Any] | None
"""(rule, argument, rest): the stack of rules still to come; None at its end."""

QUIET, UNLIKELY, STRANGE = 1, 2, 6
"""Levels of `rare`."""


class Counter(Protocol):
    """What the machine asks: that states are counted, so that their memos stay bounded."""

    def made_state(self) -> None: ...


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

    __slots__ = ("rare",)

    def __init__(self, rare: int = 0) -> None:
        self.rare = rare


Option = Lit | Choice | Open | End
END, UNLIKELY_END = End(), End(UNLIKELY)


def expand(grammar: Counter, rest: Frame, env: Any) -> list[Option]:
    """The options at the top of the stack; [END] when it is empty."""
    if rest is None:
        return [END]
    rule, arg, below = rest
    options: list[Option] = rule(grammar, arg, below, env)
    return options
