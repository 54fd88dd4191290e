"""How many of what a question asks for, and what a statement counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlagent.amend.patterns import TEXT
from sqlagent.base.word_forms import name_words, stem

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
_COUNT = re.compile(rf"{TEXT}|\bCOUNT\((?:\*|[^()]*)\)")


def counts(sql: str) -> set[str]:
    """The different things that a statement counts, as it writes them."""
    return {text for text in _COUNT.findall(sql) if text[0] != "'"}


def counting(sql: str, new: str) -> str:
    """A statement with something else in place of all that it counts."""
    return _COUNT.sub(lambda match: match[0] if match[0][0] == "'" else new, sql)


def called(name: str, noun: Sequence[str]) -> bool:
    """Whether a name ends with a noun, given as its stem."""
    return [stem(word) for word in name_words(name)][-1:] == noun
