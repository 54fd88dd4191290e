"""Predict the words of SQL between its names with an n-gram model: ` FROM ` a table ` WHERE ` a column ` = `.

A statement is taken for words and names in turn: `SELECT `, a table, `.`, a column, ` FROM `, a table. How the words go
on hardly depends on the database, so an n-gram model of them, a few hundred kilobytes of counts, is right about four
times of five. It is what drafts are made of (`sqlagent.decoding.drafting`); nothing that is written depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlagent.sql.names import KEYWORDS

WORDS, TABLE, COLUMN, TEXT, NUMBER = "", "T", "C", "S", "N"
NAMES = (TABLE, COLUMN, TEXT, NUMBER)
"""The kinds that are not words."""
END = "$"
"""What the last words of a statement end in; no canonical SQL has it outside names and texts."""
ORDER = 7
"""The longest n-gram: six pieces tell what the seventh may be."""
_START, _COUNTING = "^", "^#"
_COUNTS = re.compile(r"\bhow many\b|\bnumber of\b|\bcount\b", re.IGNORECASE)
_LEAST = 1e-4
"""Chances below this are not carried to longer contexts."""
_KEPT = 4096
"""Contexts whose chances are remembered."""

_LEXEME = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")+\"|\d+(?:\.\d+)?|[A-Za-z_\x80-\U0010ffff][\w$]*|\s+|.", re.DOTALL
)
_NAME = re.compile(r"[A-Za-z_\"\x80-\U0010ffff]")


class Piece(NamedTuple):
    """Words, or what stands between two of them."""

    kind: str
    text: str

    @property
    def key(self) -> str:
        """What the model sees of it: the words themselves, of anything else the kind."""
        return self.text if self.kind == WORDS else self.kind


def pieces(sql: str) -> tuple[list[Piece], str]:
    """The whole pieces of a statement, or of its beginning, and what there is of the next one.

    The next one is words where the last whole piece is none. A name that nothing follows yet is not whole.
    """
    found: list[Piece] = []
    words = ""
    text = ""
    open_text = sql.count("'") % 2 == 1
    if open_text:
        sql, text = sql[: sql.rindex("'")], sql[sql.rindex("'") :]
    lexemes = _LEXEME.findall(sql)
    for at, lexeme in enumerate(lexemes):
        after = lexemes[at + 1] if at + 1 < len(lexemes) else ""
        kind = _kind(lexeme, after, words)
        if kind == WORDS:
            words += lexeme
        else:
            found += [Piece(WORDS, words), Piece(kind, lexeme)]
            words = ""
    if open_text:
        return [*found, Piece(WORDS, words)], text
    if not words and found and found[-1].kind in (TABLE, COLUMN):
        return found[:-1], found[-1].text
    return found, words


def whole(sql: str) -> list[Piece]:
    """All pieces of a statement that is complete."""
    found, rest = pieces(sql + " ")
    return [*found, Piece(WORDS, rest[:-1] + END)]


def _kind(lexeme: str, after: str, words: str) -> str:
    if lexeme[0] == "'" and len(lexeme) > 1:
        return TEXT
    if lexeme[0].isdigit():
        return WORDS if lexeme == "1" and words.endswith(" LIMIT ") else NUMBER
    if not _NAME.match(lexeme) or after == "(" or (lexeme.isupper() and lexeme in KEYWORDS):
        return WORDS
    if after == "." or (words != "." and words.endswith(("FROM ", "JOIN "))):
        return TABLE
    return COLUMN


def start(question: str) -> str:
    """What stands before the first piece: whether the question asks how many there are."""
    return _COUNTING if _COUNTS.search(question) else _START


class NgramModel:
    """An n-gram model of pieces, smoothed by interpolation (Witten and Bell, 1991)."""

    def __init__(self, counts: Mapping[tuple[str, ...], Mapping[str, int]]) -> None:
        """`counts`: how often a piece's key followed the keys of the context, for contexts of 0 to ORDER - 1 keys."""
        self._counts = counts
        self._known: dict[tuple[str, ...], dict[str, float]] = {}

    def chances(self, history: Sequence[str]) -> dict[str, float]:
        """How likely each key is behind those of `history`, which begins with `start()`."""
        context = tuple(history[-(ORDER - 1) :])
        known = self._known.get(context)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[context] = self._interpolated(context)
        return known

    def _interpolated(self, context: tuple[str, ...]) -> dict[str, float]:
        found: dict[str, float] = {}
        for size in range(len(context) + 1):
            counts = self._counts.get(context[len(context) - size :])
            if not counts:
                break
            total = sum(counts.values())
            weight = total / (total + len(counts)) if found else 1.0
            found = {key: (1.0 - weight) * p for key, p in found.items() if p > _LEAST}
            for key, count in counts.items():
                found[key] = found.get(key, 0.0) + weight * count / total
        return found

    def to_json(self) -> dict[str, Any]:
        """The counts, every key written once."""
        keys = sorted({key for context, counts in self._counts.items() for key in (*context, *counts)})
        number = {key: n for n, key in enumerate(keys)}
        rows = [
            [[number[key] for key in context], [n for key in counts for n in (number[key], counts[key])]]
            for context, counts in sorted(self._counts.items())
        ]
        return {"keys": keys, "counts": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NgramModel:
        """What `to_json` wrote."""
        keys = data["keys"]
        return cls(
            {
                tuple(keys[n] for n in context): {
                    keys[counts[i]]: counts[i + 1] for i in range(0, len(counts), 2)
                }
                for context, counts in data["counts"]
            }
        )


def count(statements: Iterable[tuple[str, str]], least: int = 2) -> NgramModel:
    """The model of (question, statement) pairs; contexts seen fewer than `least` times are left out."""
    counts: dict[tuple[str, ...], dict[str, int]] = {}
    for question, sql in statements:
        keys = [start(question), *(piece.key for piece in whole(sql))]
        for at in range(1, len(keys)):
            for size in range(min(at, ORDER - 1) + 1):
                followed = counts.setdefault(tuple(keys[at - size : at]), {})
                followed[keys[at]] = followed.get(keys[at], 0) + 1
    return NgramModel({context: found for context, found in counts.items() if sum(found.values()) >= least})
