"""One scorer for every number this project reports: `bench accuracy` and `train evaluate` both use it.

Invariant: a score depends on the two statements and the database only, never on how a prediction was made.
Two results are the same when the same rows come back: the order of rows matters only where the gold statement
has an ORDER BY of its own, the order of columns never, duplicates always. 1 equals 1.0 and floats are
compared with a tolerance; a number never equals a text.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.gold.parsing import clause, parse
from bench.gold.trees import Columns, Normal
from bench.hardness import hardness
from bench.taxonomy import differences
from sqlagent.base.errors import QueryError, QueryTimeout

Cell = str | int | float | bytes | None
Row = Sequence[Cell]

RELATIVE = 1e-9
"""Two numbers, at least one of them no integer, are equal within this share of their size …"""
ABSOLUTE = 1e-9
"""… or within this distance."""


class Rows(Protocol):
    """What a scorer needs of a result (`sqlagent.sandbox.sandbox.Result` has it)."""

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def rows(self) -> Sequence[Row]: ...

    @property
    def truncated(self) -> str | None: ...


class Executor(Protocol):
    """What a scorer needs of a sandbox (`sqlagent.sandbox.sandbox.Sandbox` has it)."""

    def execute(self, sql: str, *, timeout: float | None = None) -> Rows: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of running a statement: rows, or why there are none. `error` starts with its kind."""

    width: int = 0
    rows: tuple[tuple[Cell, ...], ...] = ()
    truncated: bool = False
    error: str | None = None

    @property
    def ran(self) -> bool:
        return self.error is None


@dataclass(frozen=True, slots=True)
class Score:
    """Everything that is counted about one prediction; None where it cannot be known."""

    correct: bool | None
    ran: bool | None
    nonempty: bool | None
    gold_nonempty: bool | None
    error: str | None
    exact: bool
    tree: bool | None
    hardness: str
    labels: tuple[str, ...]


def run(executor: Executor, sql: str, timeout: float | None = None) -> Outcome:
    """Run one statement; an error becomes part of the outcome."""
    if not sql.strip():
        return Outcome(error="empty: there is no statement")
    try:
        result = executor.execute(sql, timeout=timeout)
    except QueryTimeout:
        return Outcome(error="timeout: it ran past its time")
    except QueryError as error:
        return Outcome(error=f"refused: {error}")
    return Outcome(
        len(result.columns), tuple(tuple(row) for row in result.rows), result.truncated is not None
    )


def score(
    gold: str,
    predicted: str,
    *,
    columns: Columns | None = None,
    gold_outcome: Outcome | None = None,
    outcome: Outcome | None = None,
) -> Score:
    """Compare a prediction with its gold statement; execution is judged when both outcomes are given."""
    executed = gold_outcome is not None and outcome is not None
    correct = None
    if executed and gold_outcome is not None and outcome is not None and gold_outcome.ran:
        correct = same_outcome(gold_outcome, outcome, ordered=orders(gold))
    tree = same_tree(gold, predicted, columns)
    right = correct if correct is not None else (tree or exact_match(gold, predicted))
    return Score(
        correct=correct,
        ran=outcome.ran if outcome is not None else None,
        nonempty=bool(outcome.rows) if outcome is not None and executed else None,
        gold_nonempty=bool(gold_outcome.rows) if gold_outcome is not None and executed else None,
        error=outcome.error if outcome is not None else None,
        exact=exact_match(gold, predicted),
        tree=tree,
        hardness=hardness(gold),
        labels=() if right else tuple(differences(gold, predicted, columns)),
    )


# --- statements ------------------------------------------------------------------------------------


def normalise(sql: str) -> str:
    """Lower case, one kind of quote, single spaces, no semicolon: the original system's exact match."""
    text = re.sub(r'["`]', "'", sql.strip().lower())
    return re.sub(r"\s+", " ", text).rstrip("; ").strip()


def exact_match(gold: str, predicted: str) -> bool:
    """Equality of the two texts after `normalise`."""
    return normalise(gold) == normalise(predicted)


def same_tree(gold: str, predicted: str, columns: Columns | None = None) -> bool | None:
    """Whether both have one normal form (see `bench.trees`); None when the gold cannot be parsed.

    Stricter than `exact_match` (a text's letter case counts) and fairer (aliases and spelling do not).
    """
    first = parse(gold)
    if first is None:
        return None
    second = parse(predicted)
    return second is not None and Normal(first, columns).text == Normal(second, columns).text


def orders(sql: str) -> bool:
    """Whether the statement itself, not a subquery of it, has an ORDER BY."""
    tree = parse(sql)
    if tree is None:
        return re.search(r"\border\s+by\b(?![^(]*\))", sql, re.IGNORECASE) is not None
    return clause(tree, "order") is not None


# --- results ---------------------------------------------------------------------------------------


def same_outcome(gold: Outcome, other: Outcome, *, ordered: bool) -> bool:
    """Whether two outcomes hold the same rows. A result that was cut off equals nothing but itself."""
    if not (gold.ran and other.ran) or gold.truncated != other.truncated:
        return False
    if gold.width != other.width or len(gold.rows) != len(other.rows):
        return False
    first, second = _snapped(gold.rows, other.rows)
    if first == second:
        return True
    if gold.truncated:
        return False
    columns, others = list(zip(*first, strict=True)), list(zip(*second, strict=True))
    if ordered:
        return Counter(columns) == Counter(others)
    return _same_bag(columns, others)


_Key = tuple[str, object]


def _snapped(*results: Sequence[Row]) -> list[list[tuple[_Key, ...]]]:
    """Every cell as a hashable key, equal for equal cells: chains of close floats share one representative.

    Snapping to neighbours that occur, rather than rounding, has no boundary at which two close values part.
    """
    numbers = sorted(
        {cell for rows in results for row in rows for cell in row if isinstance(cell, (int, float))}
    )
    stands_for: dict[int | float, int | float] = {}
    last: int | float | None = None
    for number in numbers:
        if last is not None and _close(last, number):
            stands_for[number] = stands_for[last]
        else:
            stands_for[number] = number
        last = number
    return [[tuple(_key(cell, stands_for) for cell in row) for row in rows] for rows in results]


def _close(first: int | float, second: int | float) -> bool:
    if isinstance(first, int) and isinstance(second, int):
        return first == second
    return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _key(cell: Cell, stands_for: dict[int | float, int | float]) -> _Key:
    if isinstance(cell, (int, float)):
        return "number", stands_for[cell]
    return type(cell).__name__, cell


def _same_bag(columns: Sequence[tuple[_Key, ...]], others: Sequence[tuple[_Key, ...]]) -> bool:
    """Whether some order of the other's columns gives the same bag of rows.

    Columns are paired one after another; a pairing survives only while the bags of partial rows are equal,
    which leaves more than one way to go on only for columns that hold the same values.
    """
    wanted, bags = [Counter(column) for column in columns], [Counter(column) for column in others]
    if Counter(frozenset(bag.items()) for bag in wanted) != Counter(frozenset(bag.items()) for bag in bags):
        return False

    def extend(place: int, used: frozenset[int], left: list[int], right: list[int]) -> bool:
        if place == len(columns):
            return True
        tried: set[tuple[_Key, ...]] = set()
        for candidate, column in enumerate(others):
            if candidate in used or bags[candidate] != wanted[place] or column in tried:
                continue
            tried.add(column)
            numbers: dict[object, int] = {}
            next_left = [
                numbers.setdefault(pair, len(numbers)) for pair in zip(left, columns[place], strict=True)
            ]
            next_right = [numbers.setdefault(pair, len(numbers)) for pair in zip(right, column, strict=True)]
            if Counter(next_left) == Counter(next_right) and extend(
                place + 1, used | {candidate}, next_left, next_right
            ):
                return True
        return False

    rows = len(columns[0]) if columns else 0
    return extend(0, frozenset(), [0] * rows, [0] * rows)
