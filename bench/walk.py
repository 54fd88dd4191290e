"""Random walks through the acceptor: what a model with no sense at all would write.

`walk` makes one statement byte by byte. Three tempers: "random" picks any byte that the acceptor takes;
"stubborn" keeps trying to write column names of tables that are out of scope; "greedy" hurries from clause to clause,
so that joins, groups and subqueries pile up.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from sqlagent.grammar import Acceptor, State

TEMPERS = ("random", "stubborn", "greedy")
_BYTES = [bytes([b]) for b in (*range(32, 59), *range(60, 127), 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F)]
_CLAUSES = [
    *(
        b" FROM ",
        b" WHERE ",
        b" GROUP BY ",
        b" HAVING ",
        b" ORDER BY ",
        b" LIMIT ",
        b" JOIN ",
        b" LEFT JOIN ",
    ),
    *(
        b" AND ",
        b" OR ",
        b" = ",
        b" IN (",
        b" UNION ",
        b" EXCEPT ",
        b" DESC",
        b"COUNT(",
        b"SELECT ",
        b"DISTINCT ",
    ),
    *(
        b"EXISTS (",
        b"CASE ",
        b"CAST(",
        b"SUM(",
        b"RANK(",
        b" OVER (",
        b" BETWEEN ",
        b" IS NOT NULL",
        b"(SELECT ",
    ),
]
_ENDERS = b"' ),"


def walk(acceptor: Acceptor, rng: random.Random, *, budget: int, stop: float, temper: str = "random") -> str:
    """One complete statement.

    :param budget: bytes after which the walk takes the shortest way to the end.
    :param stop: chance of ending at each place where the statement may end.
    :raises AssertionError: at a dead end, or where `forced` or `closing` is not accepted.
    """
    state = acceptor.start()
    out = bytearray()
    names = [column.name.encode() for table in acceptor.schema.tables for column in table.columns]
    while True:
        if state.done or (state.accepting and rng.random() < stop):
            return state.text()
        if len(out) > budget:
            ending = state.closing()
            end = state.step(ending)
            assert end is not None and end.accepting, (bytes(out), ending)
            return end.text()
        forced = state.forced()
        if forced and rng.random() < 0.9:
            piece = forced
        else:
            found = _choose(state, rng, names, temper)
            # Names in other scripts are spelt with bytes that this walk does not draw: go the closing way.
            piece = found or state.closing()[:1]
            if not piece:
                assert state.accepting, bytes(out)
                return state.text()
        following = state.step(piece)
        assert following is not None, (bytes(out), piece)
        state = following
        out += piece


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
    for piece in rng.sample(_BYTES, 12):
        if state.step(piece) is not None:
            return piece
    for piece in rng.sample(_BYTES, len(_BYTES)):
        if state.step(piece) is not None:
            return piece
    return None
