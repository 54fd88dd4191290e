"""Random walks through the acceptor: what a model with no sense at all would write.

`walk` makes one statement. Four tempers: "clauses" writes lexeme by lexeme with a taste of its own for each statement,
so that joins, groups, subqueries and set operations pile up; "random" picks any byte that the acceptor takes;
"stubborn" keeps trying to write column names of tables that are out of scope; "greedy" tries whole clauses at any byte.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from sqlagent.grammar import Acceptor, State

TEMPERS = ("clauses", "random", "stubborn", "greedy")
MIX = (
    "clauses",
    "stubborn",
    "clauses",
    "clauses",
    "random",
    "clauses",
    "clauses",
    "greedy",
    "clauses",
    "clauses",
)
"""Tempers in the order in which a long run takes them."""

_BYTES = [bytes([b]) for b in (*range(32, 59), *range(60, 127), 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F)]
_WEIGHTS: dict[bytes, float] = {
    b"SELECT ": 8,
    b"(SELECT ": 2,
    b"DISTINCT ": 1,
    b"*": 1,
    b"COUNT(": 1.5,
    b"(": 0.25,
    b"CASE ": 0.25,
    b"CAST(": 0.25,
    b"NULL": 0.2,
    b"CURRENT_TIMESTAMP": 0.1,
    b"CURRENT_DATE": 0.1,
    b"-": 0.2,
    b" FROM ": 60,
    b" JOIN ": 6,
    b" LEFT JOIN ": 3,
    b" CROSS JOIN ": 1,
    b" INNER JOIN ": 1,
    b" LEFT OUTER JOIN ": 1,
    b" ON ": 10,
    b" WHERE ": 50,
    b" GROUP BY ": 50,
    b" HAVING ": 150,
    b" ORDER BY ": 26,
    b" LIMIT ": 8,
    b" OFFSET ": 2,
    b" UNION SELECT ": 6,
    b" UNION ALL SELECT ": 3,
    b" INTERSECT SELECT ": 3,
    b" EXCEPT SELECT ": 3,
    b" AND ": 1,
    b" OR ": 1,
    b" = ": 4,
    b" IN (": 2,
    b" NOT IN (": 1,
    b"EXISTS (": 3,
    b")": 8,
    b", ": 3,
    b" DESC": 2,
    b"WITH ": 2.5,
    b" AS ": 1,
    b" END": 4,
    **{text: 1.0 for text in (b"AVG(", b"SUM(", b"MIN(", b"MAX(", b"TOTAL(", b"GROUP_CONCAT(")},
    **{text: 1.0 for text in (b"RANK(", b"ROW_NUMBER(", b"LAG(", b"NTILE(", b"FIRST_VALUE(")},
}
_OPERATOR_WEIGHT = 0.12
"""Of lexemes that start with a blank and are not listed above."""
_CALL_WEIGHT = 0.06
_DOTTED_WEIGHT = 2.0
_NAME_WEIGHT = 3.0
_NUMBERED = re.compile(rb"T(\d+)\.\Z")
_OPEN_WEIGHT = 3.0
_CLAUSES = [text for text in _WEIGHTS if len(text) > 3]
_ENDERS = b"' ),"


class _Taste:
    """How much one statement likes each lexeme."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._likes: dict[bytes, float] = {}

    def weight(self, text: bytes) -> float:
        known = self._likes.get(text)
        if known is None:
            if text in _WEIGHTS:
                base = _WEIGHTS[text]
            elif text[:1] == b" ":
                base = _OPERATOR_WEIGHT
            elif text[-1:] == b"(":
                base = _CALL_WEIGHT
            elif numbered := _NUMBERED.match(text):
                # T4. asks for four sources: seldom, or every FROM would be as long as it may be.
                base = _DOTTED_WEIGHT / int(numbered[1]) ** 2
            else:
                base = _DOTTED_WEIGHT if text[-1:] == b"." else _NAME_WEIGHT
            known = base * self._rng.lognormvariate(0.0, 0.8)
            if text[:1] == b" " or text in _WEIGHTS:
                self._likes[text] = known
        return known


def walk(acceptor: Acceptor, rng: random.Random, *, budget: int, stop: float, temper: str = "random") -> str:
    """One complete statement.

    :param budget: bytes after which the walk takes the shortest way to the end.
    :param stop: chance of ending at each place where the statement may end.
    :raises AssertionError: at a dead end, or where `forced`, `offers` or `closing` is not accepted.
    """
    state = acceptor.start()
    out = bytearray()
    names = [column.name.encode() for table in acceptor.schema.tables for column in table.columns]
    taste = _Taste(rng)
    while True:
        if state.done or (state.accepting and rng.random() < stop):
            return state.text()
        if len(out) > budget:
            ending = state.closing()
            end = state.step(ending)
            assert end is not None and end.accepting, (bytes(out), ending)
            return end.text()
        forced = state.forced()
        if forced and rng.random() < (0.75 if temper == "clauses" else 0.9):
            piece = forced
        else:
            found = _lexeme(state, rng, taste) if temper == "clauses" else _choose(state, rng, names, temper)
            # Names in other scripts are spelt with bytes that this walk does not draw: go the closing way.
            piece = found or state.closing()[:1]
            if not piece:
                assert state.accepting, bytes(out)
                return state.text()
        following = state.step(piece)
        if following is None and piece != forced:
            continue  # one of more readings than are followed
        assert following is not None, (bytes(out), piece)
        state = following
        out += piece


def _lexeme(state: State, rng: random.Random, taste: _Taste) -> bytes | None:
    """A whole lexeme that the acceptor offers, or one byte of an open word."""
    offers = state.offers(rng.randrange)
    tags = state.tags()
    if not offers:
        return _byte(state, rng, tags)
    weights = [taste.weight(text) for text in offers]
    if tags:
        offers.append(b"")
        weights.append(_OPEN_WEIGHT)
    return rng.choices(offers, weights)[0] or _byte(state, rng, tags)


def _byte(state: State, rng: random.Random, tags: Sequence[object]) -> bytes | None:
    if tags and rng.random() < 0.5:
        for byte in rng.sample(_ENDERS, len(_ENDERS)):
            if state.step(bytes([byte])) is not None:
                return bytes([byte])
    for piece in rng.sample(_BYTES, len(_BYTES)):
        if state.step(piece) is not None:
            return piece
    return None


def _choose(state: State, rng: random.Random, names: Sequence[bytes], temper: str) -> bytes | None:
    if temper == "stubborn" and rng.random() < 0.5:
        # As a model does that is sure of a column: insist on as much of the name as the acceptor takes.
        name = rng.choice(names)
        for length in (len(name), 1):
            if name[:length] and state.step(name[:length]) is not None:
                return name[:length]
    if state.tags() and rng.random() < (0.9 if temper == "greedy" else 0.5):
        for byte in rng.sample(_ENDERS, len(_ENDERS)):
            if state.step(bytes([byte])) is not None:
                return bytes([byte])
    if temper == "greedy":
        for piece in rng.sample(_CLAUSES, 8):
            if state.step(piece) is not None:
                return piece
    for piece in rng.sample(_BYTES, len(_BYTES)):
        if state.step(piece) is not None:
            return piece
    return None
