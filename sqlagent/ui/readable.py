"""Make a table easy to read: short heads in the question's words, and no more digits than a person wants.

    SUM(Total) * 100.0 / (SELECT …)  1.615562999227   →   percent  1.62     where the question says "percent"

Only what a statement computes is touched: a stored column keeps its name and all its digits, and so do a whole
number and what MIN or MAX found; but dates in text are ISO dates. `--raw` and the formats for programs are exact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlagent.database.column_facts.fact import ColumnFact
    from sqlagent.sql.tree import Expr
    from sqlagent.ui.formats import Cell, Rows

DECIMALS = 2
SMALL = 3
"""Digits that matter of a number below 1."""
HEAD = 24
"""Characters of the longest head that is made of an expression's own text."""

_AGGREGATES = dict(
    COUNT="number of", SUM="total", TOTAL="total", AVG="average", MIN="lowest", MAX="highest"
)  # fmt: skip
_MEASURES = re.compile(
    r"\b(percent(?:age)?|share|ratio|rate|average|mean|median|total|difference|growth|number|count|age|price|revenue"
    r"|length|duration|year|month|day|week|quarter)s?\b",
    re.IGNORECASE,
)


def for_people(
    sql: str,
    question: str,
    columns: Sequence[str],
    rows: Rows,
    stored_as: Sequence[ColumnFact | None] = (),
) -> tuple[Sequence[str], Rows]:
    """The heads and rows of an answer as a person reads them; as they are where the statement cannot be read.

    stored_as: how each column's values are stored; dates in text of another order, `25/12/2023`, are shown as ISO.
    """
    rows = with_dates(rows, stored_as)
    items = _items(sql)
    if items is None or len(items) != len(columns):
        return columns, rows
    heads, rounded = list(columns), []
    for place, (value, alias) in enumerate(items):
        if not alias and _is_computed(value):
            heads[place] = _head(value, columns[place], question)
        if _has_digits_to_spare(value):
            rounded.append(place)
    if len(set(heads)) < len(set(columns)):
        heads = list(columns)
    return heads, [_with_rounded(row, rounded) for row in rows] if rounded else rows


def with_dates(rows: Rows, stored_as: Sequence[ColumnFact | None]) -> list[Sequence[Cell]]:
    """The rows with dates in text as ISO dates; what is not of the column's format stays as it is."""
    from sqlagent.database.column_facts.written_dates import MixedDate, TextDate

    dates = [
        (place, fact.encoding)
        for place, fact in enumerate(stored_as)
        if fact is not None and isinstance(fact.encoding, (MixedDate, TextDate))
    ]
    if not dates:
        return [*rows]
    shown = [list(row) for row in rows]
    for row in shown:
        for place, encoding in dates:
            value = row[place]
            row[place] = (encoding.decode(value) if isinstance(value, str) else None) or value
    return [*shown]


def _items(sql: str) -> list[tuple[Expr, bool]] | None:
    from sqlagent.sql.parser import Unreadable, parse
    from sqlagent.sql.tree import Select

    try:
        first = parse(sql).query.arms[0]
    except (Unreadable, RecursionError):
        return None
    return (
        [(item.value, item.alias is not None) for item in first.items] if isinstance(first, Select) else None
    )


def _is_computed(value: Expr) -> bool:
    from sqlagent.sql.tree import Column, Literal, Star

    return not isinstance(value, Column | Star | Literal)


def _has_digits_to_spare(value: Expr) -> bool:
    from sqlagent.sql.tree import Call

    return _is_computed(value) and not (isinstance(value, Call) and value.function in ("MIN", "MAX", "ROUND"))


def _head(value: Expr, head: str, question: str) -> str:
    """A short name for an expression."""
    from sqlagent.sql.tree import Call, Column, Star

    if (
        isinstance(value, Call)
        and value.function in _AGGREGATES
        and len(value.arguments) == 1
        and not value.window
    ):
        of = value.arguments[0]
        if isinstance(of, Star):
            return "count"
        if isinstance(of, Column):
            said = f"{_AGGREGATES[value.function]} {'different ' if value.distinct else ''}{of.name.text}"
            return said if value.filter is None and len(said) <= 2 * HEAD else head
    measure = _MEASURES.search(question)
    if measure is not None:
        return measure[0].lower()
    return head if len(head) <= HEAD else "value"


def _with_rounded(row: Sequence[Cell], places: Sequence[int]) -> Sequence[Cell]:
    changed = list(row)
    for place in places:
        value = changed[place]
        if isinstance(value, float) and math.isfinite(value):
            changed[place] = rounded(value)
    return changed


def rounded(value: float) -> float:
    """A number with two decimals, or with three digits that matter where it is below 1; a large one as it is."""
    if value == 0 or abs(value) >= 1e15:
        return value
    if abs(value) >= 1:
        return round(value, DECIMALS)
    return round(value, SMALL - 1 - math.floor(math.log10(abs(value))))
