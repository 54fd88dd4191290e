"""Look for a phrase in a question once, however many statements of it are amended.

    _STILL = Phrase(r"\\b(?:still|ongoing)\\b")
    _STILL.search(question)  # as of a pattern; the second statement of the question finds it known

Invariant: a phrase finds what its pattern finds, letter case aside.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

QUESTIONS = 8
"""That what was found is kept of."""


class Phrase:
    """A pattern of words in any case."""

    search: Callable[[str], re.Match[str] | None]
    """The first place; None where there is none."""
    matches: Callable[[str], tuple[re.Match[str], ...]]
    """All places, one after the other."""

    def __init__(self, pattern: str) -> None:
        compiled = re.compile(pattern, re.IGNORECASE)
        self.search = lru_cache(QUESTIONS)(lambda text: compiled.search(text))
        self.matches = lru_cache(QUESTIONS)(lambda text: tuple(compiled.finditer(text)))
