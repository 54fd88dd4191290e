"""How many of what a question asks for, and what a statement counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlagent.base.word_forms import name_words, stem
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call

ASKED = re.compile(
    r"\b(?:how many|numbers? of|count(?: of)?|the most|the fewest"
    r"|(?:more|fewer|less) than \w+|at (?:least|most) \w+)(?=\s+((?:[\w-]+\s+){0,4}[\w-]+))",
    re.IGNORECASE,
)
COMMAND = (
    r"(?:what|which|who|whose|whom|when|where|why|how|list|show|find|give|display|return|count|tell|get|name|select"
    r"|is|are|was|were|do|does|did|can|could|compute|calculate)"
)
"""A pattern of the words with which a whole question begins."""
OTHERS = frozenset(("different", "distinct", "unique", "all", "of", "the", "total", "number", "other"))
"""Words between "how many" and what is counted."""


def counts(reading: Reading) -> set[str]:
    """The different things that a statement counts, as it writes them."""
    return {reading.statement.text(call) for call in _counts(reading)}


def counting(reading: Reading, new: str) -> str:
    """A statement with something else in place of all that it counts."""
    edits = Edits(reading.statement)
    for call in _counts(reading):
        edits.replace(call, new)
    return edits.sql()


def _counts(reading: Reading) -> Iterator[Call]:
    return (call for call in reading.statement.find(Call) if call.function == "COUNT")


def called(name: str, noun: Sequence[str]) -> bool:
    """Whether a name ends with a noun, given as its stem."""
    return [stem(word) for word in name_words(name)][-1:] == noun
