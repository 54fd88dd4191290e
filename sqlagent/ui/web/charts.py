"""Choose the chart that a result's columns ask for: bars, lines or a histogram, or none.

A column of dates or years and a column of numbers make lines, a column of names and a column of numbers bars, many
numbers alone a histogram. A key is a name: nobody wants to see its size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from sqlagent.agent.answer import Cell
from sqlagent.base.word_forms import name_words

MOST_BARS = 60
"""Names beyond which bars cannot be read."""
LEAST_VALUES = 8
"""Numbers below which a histogram says less than the numbers."""
_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?Z?)?)?)?\Z")
_TIMES = {"year", "yr", "date", "month", "day", "week", "quarter", "decade", "hour", "time"}
_KEYS = {"id", "key", "no", "nr", "code", "zip", "pk", "ids", "number"}


def is_numeric(values: Sequence[Cell]) -> bool:
    """Whether a column holds numbers and nothing else but NULL."""
    held = [value for value in values if value is not None]
    return bool(held) and all(isinstance(value, int | float) for value in held)


def is_time(column: str, values: Sequence[Cell]) -> bool:
    """Whether a column holds dates, or numbers whose name says that they are years, months or the like."""
    held = [value for value in values if value is not None]
    if not held:
        return False
    named = bool(_TIMES & set(name_words(column)))
    if all(isinstance(value, str) and _DATE.match(value) for value in held):
        return named or any(len(str(value)) > 4 for value in held) or all(1000 < int(v) < 3000 for v in held)
    if named and all(isinstance(value, str) and value.isdigit() for value in held):
        return True  # strftime('%m', …)
    return named and all(isinstance(value, int) and 0 <= value < 3000 for value in held)


def is_key(column: str, values: Sequence[Cell]) -> bool:
    """Whether whole numbers only tell rows apart, going by their name."""
    words = name_words(column)
    whole = all(isinstance(value, int) for value in values if value is not None)
    return whole and len(words) > 0 and words[-1] in _KEYS


def suggest(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> dict[str, Any] | None:
    """The chart to begin with: {kind, x, y, kinds, labels, measures}; None where a result has none.

    x is the column of names or times (-1: the row's place), y the column of numbers. labels and measures are what x
    and y may be changed to.
    """
    if len(rows) < 2 or not columns:
        return None
    values = [[row[i] for row in rows] for i in range(len(columns))]
    numbers = [i for i in range(len(columns)) if is_numeric(values[i])]
    times = [i for i in range(len(columns)) if is_time(columns[i], values[i])]
    keys = [i for i in numbers if is_key(columns[i], values[i])]
    measures = [i for i in numbers if i not in times and i not in keys]
    if not measures and times and numbers and len(columns) > 1:
        measures = [i for i in numbers if i not in keys and i != times[0]]
    if not measures:
        return None
    texts = [i for i in range(len(columns)) if i not in numbers and i not in times and _has(values[i])]
    names = sorted(texts, key=lambda i: -len(set(map(str, values[i]))))
    y = measures[0]
    labels = [i for i in (*times, *names, *keys) if i != y]
    kinds = ["bars", "lines"]
    enough = sum(value is not None for value in values[y]) >= LEAST_VALUES
    if enough:
        kinds.append("histogram")
    if times and len(set(map(str, values[times[0]]))) > 1 and times[0] != y:
        kind, x = "lines", times[0]
    elif names and len(rows) <= MOST_BARS:
        kind, x = "bars", names[0]
    elif keys and len(rows) <= MOST_BARS and len(columns) == 2:
        kind, x = "bars", keys[0]
    elif enough:
        kind, x = "histogram", labels[0] if labels else -1
    elif len(columns) == 1:
        return None
    else:
        kind, x = "bars", labels[0] if labels else -1
    return {"kind": kind, "x": x, "y": y, "kinds": kinds, "labels": labels, "measures": measures}


def _has(values: Sequence[Cell]) -> bool:
    return any(isinstance(value, str) for value in values)
