"""What a pattern is, and the small things that all of them are made with.

    @KINDS.add
    def sum_by_year(w, rng): return said("sum_by_year", words, sql, rows, True, **slots(w))

Invariant: kinds keep their order, since a world's patterns are drawn in it by one generator of numbers.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from train.builders.invented import World

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One thing asked in several wordings, its statement and what it gives; `ordered` where the order is asked for."""

    kind: str
    questions: tuple[str, ...]
    sql: str
    rows: Rows
    ordered: bool = False


Make = Callable[[World, random.Random], Pattern]


class Kinds(dict[str, Make]):
    """Ways to make a pattern, by the names of their kinds."""

    def add(self, make: Make) -> Make:
        """Take a function; its name is that of the kind."""
        self[make.__name__] = make
        return make


def said(kind: str, words: str, sql: str, rows: Rows, ordered: bool = False, **slots: Any) -> Pattern:
    """`words` has a wording a line, with {slots}."""
    asked = tuple(line.strip().format(**slots) for line in words.strip().splitlines())
    return Pattern(kind, asked, sql, rows, ordered)


def sums(world: World, key: Callable[[dict[str, Any]], Any], what: str = "m") -> dict[Any, float]:
    """What the events of a world come to, by a key of theirs."""
    found: dict[Any, float] = defaultdict(float)
    for event in world.events:
        found[key(event)] += event[what]
    return dict(found)


def slots(w: World) -> dict[str, Any]:
    """What a world calls its things, for the wordings."""
    names = ["one", "many", "done", "person", "people", "mp", "mp2", "kp", "cp"]
    return {name: getattr(w, name) for name in names} | {"Many": w.many.capitalize(), "Mp": w.mp.capitalize()}


def a_year(rng: random.Random, w: World) -> str:
    """One of the years that there are events in."""
    years: list[str] = sorted({event["day"][:4] for event in w.events})
    return rng.choice(years)
