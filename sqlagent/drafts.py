"""Guesses at what comes next, checked in the same batch that would have run anyway.

Invariant: a draft never changes what is written. The decoder keeps a drafted token only where its own
choice is that very token, so a bad guess costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlagent.cursor import Cursor
from sqlagent.vocab import Vocab

Drafter = Callable[[Cursor, int, bytes, Vocab], list[int]]
"""(cursor, token held back from a forced span or -1, text so far, vocab) -> tokens to try."""


def none(cursor: Cursor, held: int, text: bytes, vocab: Vocab) -> list[int]:
    """No drafts."""
    return []


def held_word(cursor: Cursor, held: int, text: bytes, vocab: Vocab) -> list[int]:
    """The token held back from a forced span, when it ends a word or a number."""
    return [held] if held >= 0 and vocab.bytes_of(held)[-1:].isalnum() else []
