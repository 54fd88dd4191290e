"""Guesses at what comes next, checked in the same batch that would have run anyway.

Invariant: a draft never changes what is written. The decoder keeps a drafted token only where its own
choice is that very token, so a bad guess costs time and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.cursor import Cursor
from sqlagent.vocab import Vocab

Drafter = Callable[[Cursor, Sequence[int], bytes, Vocab], list[int]]
"""(cursor, tokens held back from a forced span, text so far, vocab) -> tokens to try."""


def none(cursor: Cursor, held: Sequence[int], text: bytes, vocab: Vocab) -> list[int]:
    """No drafts."""
    return []


def held_word(cursor: Cursor, held: Sequence[int], text: bytes, vocab: Vocab) -> list[int]:
    """The tokens held back from a forced span, when they end a word or a number."""
    return list(held) if held and vocab.bytes_of(held[-1])[-1:].isalnum() else []
