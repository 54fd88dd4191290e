"""A kind of question: its wordings, the statement that answers it, and what a second computation gives.

    @kind
    def median(w: World, rng: Random) -> Iterator[Question]:
        yield Question(["What is the median {sum}?"], f"SELECT MEDIAN({w.sum.column}) FROM {w.events}", [(…,)])

Invariant: a wording names what it asks about by the words of the world (`words`), never by the statement's own text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.analyst.worlds import World

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Question:
    """`wordings` are templates over `words(world)` and `more`; `rows` is None where nothing was computed twice."""

    wordings: Sequence[str]
    sql: str
    rows: Rows | None = None
    more: dict[str, Any] = field(default_factory=dict)


Kind = Callable[[World, random.Random], Iterator[Question]]
KINDS: dict[str, Kind] = {}


def kind(function: Kind) -> Kind:
    """Register a kind under its function's name."""
    KINDS[function.__name__] = function
    return function


def words(w: World) -> dict[str, str]:
    """What a wording may name."""
    return {
        "one": w.one,
        "many": w.many,
        "done": w.done,
        "total": w.total,
        "sum": w.sum.words,
        "more": w.more.words,
        "kind": w.kind.words,
        "kinds": plural(w.kind.words),
        "flag": w.flag.words,
        "mark": w.marks.words,
        "whom": w.whom.words,
        "whoms": w.whom_many,
        "place": w.place.words if w.place else "",
        "number": w.number.words if w.number else "",
        "part": w.part,
        "what": w.what.words if w.what else "",
    }


def plural(word: str) -> str:
    """`status` -> `statuses`, `category` -> `categories`."""
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "sh", "ch")) else "s")


def grouped(
    rows: Sequence[dict[str, Any]], key: str | Callable[[dict[str, Any]], Any]
) -> dict[Any, list[dict[str, Any]]]:
    """Rows by the value of a key."""
    found: dict[Any, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(key(row) if callable(key) else row[key], []).append(row)
    return found
