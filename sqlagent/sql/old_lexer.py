"""The words of a statement: names, texts, numbers and marks, with their places.

Invariant: what is between two words is blank; a character that begins no word raises `Unreadable`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Unreadable(ValueError):
    """The text is no SELECT statement that this parser knows."""


class Word(NamedTuple):
    kind: str
    """name, quoted, text, number, mark, end"""
    text: str
    start: int
    end: int


_LEX = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])
      | (?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)
      | (?P<name>[^\W\d]\w*)
      | (?P<mark>\|\||<>|!=|<=|>=|==|[-+*/%=<>(),.;])
    )""",
    re.VERBOSE,
)


def words(sql: str) -> list[Word]:
    found: list[Word] = []
    at = 0
    end = len(sql.rstrip())
    while at < end:
        match = _LEX.match(sql, at)
        if match is None or match.lastgroup is None:
            raise Unreadable(f"at {at}")
        kind = match.lastgroup
        found.append(Word(kind, match[kind], match.start(kind), match.end(kind)))
        at = match.end()
    if found and found[-1].text == ";":
        found.pop()
    found.append(Word("end", "", end, end))
    return found


def spliced(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """A text with (start, end, new text) put in for what stood there; the places do not overlap."""
    made, at = "", 0
    for start, end, new in sorted(edits):
        made += text[at:start] + new
        at = end
    return made + text[at:]


def closed(found: Sequence[Word], opened: int) -> int:
    """The place of the word that closes the parenthesis at `opened`; the last one where none does."""
    depth, at = 1, opened + 1
    while depth and at < len(found):
        depth += (found[at].text == "(") - (found[at].text == ")")
        at += 1
    return at - 1
