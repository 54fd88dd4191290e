"""Tell numbers that stand for none: -1 among ratings of 1 to 5, -999 among degrees, 0 among heart rates.

Invariant: the number is apart from all others by far, or below zero where nothing else is; a column whose numbers may
well be so (a balance, a basement's floor, a discount of 0) keeps them.
"""

from __future__ import annotations

from typing import cast

from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.name_words import CODE, speaks_of, subject

_BELOW = (-1, -9, -99, -999, -9999, -99999)
_ABOVE = (999, 9999, 99999, 999999)
_LEAST = 2
"""Rows that hold such a number, and different numbers beside it."""
_APART = 10
"""So many times as large as every other number."""
_MANY = 10
_MOST_SHARE = 0.7
_SIGNED = subject(
    "floor level storey story offset delta change diff difference balance net profit loss margin amount growth shift "
    "adjustment qty quantity x y z lat lon lng latitude longitude temperature temp vote votes sentiment direction sign "
    "index idx position parent status flag result value amt total"
)
"""Words of columns whose -1 is a number as any other, or says something else."""
_ALIVE = subject("hr bpm heart heartrate pulse weight height")
"""Words of what is never 0 of anybody."""

_YEARS = subject("year yr yrs years")
"""Words of what is never 0, which is no year."""
_FIRST_YEAR, _LAST_YEAR = 1000, 2200


def missing_number(evidence: Evidence) -> ColumnFact | None:
    """The fact of a column of plain numbers one of which stands for none, or None."""
    if evidence.key or speaks_of(evidence.name, CODE):
        return None
    values = cast("dict[int | float, int]", evidence.values)
    marker = next((n for n in (*_BELOW, *_ABOVE, 0) if n in values and _is_apart(evidence, values, n)), None)
    least = 1 if marker == 0 and speaks_of(evidence.name, _YEARS) else _LEAST
    if marker is None or values[marker] < least or values[marker] > _MOST_SHARE * sum(values.values()):
        return None
    sample = next(number for number in values if number != marker)
    return ColumnFact("number", None, 0.99, (marker,), sample=sample)


def _is_apart(evidence: Evidence, values: dict[int | float, int], marker: int) -> bool:
    others = [number for number in values if number != marker]
    if len(others) <= _LEAST:
        return False
    low, high = min(others), max(others)
    if marker == 0:
        if speaks_of(evidence.name, _YEARS) and low >= _FIRST_YEAR and high <= _LAST_YEAR:
            return True
        return speaks_of(evidence.name, _ALIVE) and low > 0 and low * 4 >= high
    if marker in _ABOVE:
        return low >= 0 and high * _APART <= marker
    if marker <= -99 and low * _APART > marker and high < -marker:
        return True
    counted = low > 0 or high >= _MANY  # -1 beside 0 and 1 may be a state
    return low >= 0 and counted and not speaks_of(evidence.name, _SIGNED)
