"""Look at JSON objects: what is under each path of them, and which of it tells enough to be offered.

    {"qty": 2, "price": {"amount": 3.5}}, {"qty": 1}   →   ("qty",): 2 integers, ("price", "amount"): 1 real

Invariant: what is looked at of a cell is bounded, and every path that is offered can be named in SQLite.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlagent.database.schema import Value

Path = tuple[str, ...]

ROWS = (64, 4, 16)
"""Cells read of a column: so many first ones, at so many places spread over the rowids, of each."""
CELL, ENTRIES, _ARRAY = 20_000, 100, 2_000
"""Characters of a cell, members of an object, characters of an array in it that are looked at."""
MOST = 12
"""Fields that are offered of one kind of objects: each takes a place in what the model reads."""
_LEAST_SHARE = 0.04
"""Of the objects, those that have a field at the least."""
_LONGEST = 40
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_PATH = re.compile(r'["\\\x00-\x1f\x7f]|^\d+$')
"""What a key must not hold, or be: no path names it in every SQLite, or it is a value and no name."""


@dataclass
class Seen:
    """What was seen under one path."""

    kinds: Counter[str] = field(default_factory=Counter)
    values: Counter[Value] = field(default_factory=Counter)

    def add(self, kind: str, value: Value | None) -> None:
        self.kinds[kind] += 1
        if value is not None:
            self.values[value] += 1

    @property
    def present(self) -> int:
        return self.kinds.total() - self.kinds["null"]

    def mostly(self, *kinds: str) -> bool:
        return 2 * sum(self.kinds[kind] for kind in kinds) > self.present


class Members:
    """What was seen in the objects of one column."""

    def __init__(self) -> None:
        self.seen: dict[Path, Seen] = {}
        """In the order of the objects' members."""
        self.objects = 0
        self.unnamed = False
        """Whether something has no name that can be asked for, or was not looked at."""

    def add(self, members: list[list[Any]], inner: list[list[Any]]) -> None:
        """One object's members and those of the objects in it; of two with one key the first."""
        self.objects += 1
        here: set[Path] = set()
        self.unnamed = self.unnamed or len(members) >= ENTRIES
        for *path, kind, value in (*members, *inner):
            if not all(map(_nameable, path)):
                self.unnamed = True
            elif tuple(path) not in here:
                here.add(tuple(path))
                self.seen.setdefault(tuple(path), Seen()).add(kind, value)

    def telling(self) -> list[Path]:
        """The paths of the frequent members, those first that tell most, at most `MOST`."""
        least = max(2, _LEAST_SHARE * self.objects)
        fitting = []
        for path, seen in self.seen.items():
            inside = len(path) == 1 or self.seen[path[:1]].mostly("object")
            if seen.present >= least and inside and not seen.mostly("object") and column_name(path):
                fitting.append(path)
        constant = {path for path in fitting if len(self.seen[path].values) == 1 and self.objects >= 10}
        fitting.sort(key=lambda path: (path in constant, -self.seen[path].present))
        return fitting[:MOST]

    def in_order(self, paths: Sequence[Path]) -> list[Path]:
        """Paths in the order of the objects' members, those in an object together."""
        order = {path: place for place, path in enumerate(self.seen)}
        return sorted(set(paths), key=lambda path: (order[path[:1]], order[path]))


def cell_text(table: str, column: str) -> str:
    """SQL for a cell of quoted names as JSON; NULL where it is none or too long to look at."""
    name = f"{table}.{column}"
    return (
        f"CASE WHEN typeof({name}) = 'text' THEN CASE WHEN length({name}) <= {CELL} AND json_valid({name})"
        f" THEN {name} END END"
    )


def shown(source: str) -> str:
    """What is looked at of a member's value."""
    return (
        f"CASE {source}.type WHEN 'text' THEN substr({source}.value, 1, 200) WHEN 'object' THEN NULL"
        f" WHEN 'array' THEN CASE WHEN length({source}.value) <= {_ARRAY} THEN '' || {source}.value END"
        f" ELSE {source}.value END"
    )


def _nameable(key: object) -> bool:
    return isinstance(key, str) and 0 < len(key) <= _LONGEST and _NO_PATH.search(key) is None


def column_name(path: Sequence[str]) -> str:
    """`Content-Type` → `Content_Type`; "" where nothing is left."""
    return "_".join(filter(None, (re.sub(r"\W+", "_", part).strip("_") for part in path)))


def path_text(path: Sequence[str]) -> str:
    """SQLite's JSON path of some keys: `$.unit."first name"`."""
    return "$" + "".join("." + (key if _PLAIN.fullmatch(key) else f'"{key}"') for key in path)


def type_of(kinds: set[str]) -> str:
    if kinds <= {"integer", "real"}:
        return "REAL" if "real" in kinds else "INTEGER"
    return "TEXT" if kinds == {"text"} else ""
