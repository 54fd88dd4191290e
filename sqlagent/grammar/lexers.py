"""Read open classes of words byte by byte: string literals, numbers, new identifiers.

Invariant: whatever bytes a lexer lets through form valid UTF-8 and exactly one SQLite token.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_STRING = 400
"""Bytes inside one string literal."""
MAX_INT_DIGITS = 19
"""Digits before the point; SQLite reads what does not fit 64 bits as a floating-point number."""
MAX_LIMIT_DIGITS = 18
"""LIMIT takes nothing but 64-bit integers."""
MAX_FRACTION_DIGITS = 12
MAX_IDENT = 40

_TAILS = tuple(
    prefix + bytes([byte])
    for prefix in (b"", b"_", b"_x", b"x_y", b"col_")
    for byte in b"abcdefghijklmnopqrstuvwxyz_"
)
"""Endings tried in turn to make a new name free."""

_QUOTE = 0x27
_DIGITS = frozenset(b"0123456789")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")


class StringLexer:
    """A single-quoted string of any printable content; `''` inside stands for one quote.

    The state is (mode, length, continuation bytes still due, lowest and highest next continuation byte);
    mode 0 before the opening quote, 1 inside, 2 after a quote that may be the closing one.
    """

    start = (0, 0, 0, 0x80, 0xBF)

    def step(self, q: tuple[int, int, int, int, int], byte: int) -> tuple[int, int, int, int, int] | None:
        """The state after `byte`, or None."""
        mode, length, due, low, high = q
        if mode == 0:
            return (1, 0, 0, 0x80, 0xBF) if byte == _QUOTE else None
        if due:
            return (1, length + 1, due - 1, 0x80, 0xBF) if low <= byte <= high else None
        if mode == 2:
            return (1, length + 1, 0, 0x80, 0xBF) if byte == _QUOTE and length < MAX_STRING else None
        if byte == _QUOTE:
            return (2, length, 0, 0x80, 0xBF)
        if length >= MAX_STRING or byte < 0x20 or byte == 0x7F:
            return None
        if byte < 0x80:
            return (1, length + 1, 0, 0x80, 0xBF)
        return _utf8_lead(byte, length)

    def final(self, q: tuple[int, int, int, int, int]) -> bool:
        """Whether the closing quote has been read."""
        return q[0] == 2

    def close(self, q: tuple[int, int, int, int, int]) -> bytes:
        """The bytes that end the literal from here."""
        mode, _, due, low, _ = q
        if mode == 0:
            return b"''"
        if mode == 2:
            return b""
        tail = b""
        if due:
            tail = bytes([low]) + b"\x80" * (due - 1)
        return tail + b"'"


def _utf8_lead(byte: int, length: int) -> tuple[int, int, int, int, int] | None:
    """The state after a UTF-8 lead byte (RFC 3629, table 3-7 of the Unicode standard)."""
    if 0xC2 <= byte <= 0xDF:
        return (1, length + 1, 1, 0x80, 0xBF)
    if 0xE0 <= byte <= 0xEF:
        low = 0xA0 if byte == 0xE0 else 0x80
        high = 0x9F if byte == 0xED else 0xBF
        return (1, length + 1, 2, low, high)
    if 0xF0 <= byte <= 0xF4:
        low = 0x90 if byte == 0xF0 else 0x80
        high = 0x8F if byte == 0xF4 else 0xBF
        return (1, length + 1, 3, low, high)
    return None


class NumberLexer:
    """An integer or decimal number, with a minus sign where `signed`. State: (mode, digits)."""

    start = (0, 0)

    def __init__(self, signed: bool = True, decimal: bool = True) -> None:
        self._signed = signed
        self._decimal = decimal
        self._digits = MAX_INT_DIGITS if decimal else MAX_LIMIT_DIGITS

    def step(self, q: tuple[int, int], byte: int) -> tuple[int, int] | None:
        """The state after `byte`, or None. Modes: 0 start, 1 after -, 2 digits, 3 after the point, 4 fraction."""
        mode, n = q
        if byte in _DIGITS:
            if mode <= 1:
                return (2, 1)
            if mode == 2:
                return (2, n + 1) if n < self._digits else None
            return (4, n + 1) if mode == 3 or n < MAX_FRACTION_DIGITS else None
        if byte == 0x2D and mode == 0 and self._signed:
            return (1, 0)
        if byte == 0x2E and mode == 2 and self._decimal:
            return (3, 0)
        return None

    def final(self, q: tuple[int, int]) -> bool:
        """Whether the number may end here."""
        return q[0] in (2, 4)

    def close(self, q: tuple[int, int]) -> bytes:
        """One digit where one is missing."""
        return b"" if self.final(q) else b"1"


class IdentLexer:
    """A new plain identifier that `taken` does not refuse. The state is the word so far."""

    start = b""

    def __init__(self, taken: Callable[[str], bool]) -> None:
        self._taken = taken

    def step(self, q: bytes, byte: int) -> bytes | None:
        """The word with one more byte, or None."""
        if byte in _LETTERS or (q and byte in _DIGITS):
            word = q + bytes([byte])
            # The longest word must be free: it could not be made so by adding to it.
            if len(word) < MAX_IDENT or (len(word) == MAX_IDENT and self.final(word)):
                return word
        return None

    def final(self, q: bytes) -> bool:
        """Whether the word is complete and free."""
        return bool(q) and not self._taken(q.decode("ascii").lower())

    def close(self, q: bytes) -> bytes:
        """The shortest ending that makes the word free."""
        if self.final(q):
            return b""
        for tail in _TAILS:
            if len(q) + len(tail) <= MAX_IDENT and self.final(q + tail):
                return tail
        raise AssertionError("no free identifier")  # pragma: no cover


STRING = StringLexer()
NUMBER = NumberLexer()
UNSIGNED = NumberLexer(signed=False)
LIMIT_NUMBER = NumberLexer(signed=False, decimal=False)
