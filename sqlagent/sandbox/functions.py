"""Give a connection the functions that analysts ask for and SQLite lacks: MEDIAN, PERCENTILE, STDDEV, QUARTER …

Names and results are those of SQLite's percentile extension where it has them (sqlite.org/percentile.html): NULL is
left out, the P-th percentile of n sorted values is interpolated linearly at P/100 * (n - 1), no value gives NULL, and
text that is no number is an error. Invariant: a function that this SQLite brings itself is left alone.
"""

from __future__ import annotations

import math
import sqlite3
from datetime import date

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable
    from typing import Any

Value = str | int | float | bytes | None

MOST_VALUES = 20_000_000
"""Values that one aggregate keeps at most: 160 MB."""


class _Complaint:
    """What the last function that failed had to say: Python's module drops an aggregate's own message."""

    said = ""


def _fail(message: str) -> ValueError:
    _Complaint.said = message
    return ValueError(message)


def complaint(text: str) -> str:
    """SQLite's message, or the sentence of the function that it is about."""
    return _Complaint.said if text.startswith("user-defined") and _Complaint.said else text


def _number(value: Value, name: str) -> float:
    """A value as a number, as SQLite reads it in arithmetic. Raises ValueError where it is none."""
    try:
        number = float(value) if not isinstance(value, bytes) else math.nan  # type: ignore[arg-type]
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _fail(f"{name} needs numbers, and {str(value)[:40]!r} is none")
    return number


class _Kept:
    """Keeps the numbers of a group in 8 bytes each."""

    name = ""

    def __init__(self) -> None:
        from array import array

        self.values = array("d")

    def step(self, value: Value) -> None:
        if value is None:
            return
        if len(self.values) >= MOST_VALUES:
            raise _fail(f"{self.name} takes {MOST_VALUES:,} values at most")
        self.values.append(_number(value, self.name))


class Median(_Kept):
    """MEDIAN(x): the middle value, or the mean of the two in the middle."""

    name = "MEDIAN"

    def finalize(self) -> float | None:
        return interpolated(self.values, 0.5)


class _Percentile(_Kept):
    """Percentiles; `whole` is what the share is of: 100 or 1."""

    whole = 100.0

    def __init__(self) -> None:
        super().__init__()
        self.share: float | None = None

    def step(self, value: Value, share: Value = None) -> None:
        number = _number(share, self.name) if share is not None else -1.0
        if not 0 <= number <= self.whole:
            raise _fail(f"the second argument of {self.name} lies between 0 and {self.whole:g}")
        if self.share is not None and self.share != number:
            raise _fail(f"the second argument of {self.name} is the same in all rows")
        self.share = number
        super().step(value)

    def finalize(self) -> float | None:
        return None if self.share is None else interpolated(self.values, self.share / self.whole)


class Percentile(_Percentile):
    """PERCENTILE(x, p): the value below which p percent lie, p from 0 to 100."""

    name = "PERCENTILE"


class PercentileCont(_Percentile):
    """PERCENTILE_CONT(x, p): the same with p from 0 to 1."""

    name, whole = "PERCENTILE_CONT", 1.0


class _Spread:
    """Sums of squares about the mean, kept up value by value (Welford 1962)."""

    name = ""
    sample = True
    root = False

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def step(self, value: Value) -> None:
        if value is None:
            return
        number = _number(value, self.name)
        self.count += 1
        from_mean = number - self.mean
        self.mean += from_mean / self.count
        self.squares += from_mean * (number - self.mean)

    def finalize(self) -> float | None:
        of = self.count - 1 if self.sample else self.count
        if of < 1:
            return None
        return math.sqrt(self.squares / of) if self.root else self.squares / of


class VarSamp(_Spread):
    """VARIANCE(x) and VAR_SAMP(x): of a sample, divided by n - 1; NULL of one value."""

    name = "VARIANCE"


class VarPop(_Spread):
    """VAR_POP(x): of all there are, divided by n."""

    name, sample = "VAR_POP", False


class StdSamp(_Spread):
    """STDDEV(x) and STDDEV_SAMP(x): the root of VAR_SAMP."""

    name, root = "STDDEV", True


class StdPop(_Spread):
    """STDDEV_POP(x): the root of VAR_POP."""

    name, sample, root = "STDDEV_POP", False, True


class Mode:
    """MODE(x): the commonest value; of several the least, numbers before text before blobs."""

    def __init__(self) -> None:
        self.counts: dict[Value, int] = {}

    def step(self, value: Value) -> None:
        if value is None:
            return
        if value not in self.counts and len(self.counts) >= MOST_VALUES // 20:
            raise _fail(f"MODE takes {MOST_VALUES // 20:,} different values at most")
        self.counts[value] = self.counts.get(value, 0) + 1

    def finalize(self) -> Value:
        if not self.counts:
            return None
        most = max(self.counts.values())
        return min((value for value, count in self.counts.items() if count == most), key=_place)


def _place(value: Value) -> tuple[int, Any]:
    """Where SQLite sorts a value: numbers, then text, then blobs."""
    if isinstance(value, str):
        return 1, value.encode("utf-8", "surrogatepass")
    return (2, value) if isinstance(value, bytes) else (0, value)


def interpolated(values: array[float], share: float) -> float | None:
    """The value at a share, 0…1, of the sorted values, linearly between two; None of none."""
    if not values:
        return None
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    if low + 1 >= len(ordered):
        return ordered[-1]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def _day(value: Value) -> date | None:
    """The day that an ISO date or time stamp begins with; None of anything else."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value.strip()[:10])
    except ValueError:
        return None


def _of_day(read: Callable[[date], Value]) -> Callable[[Value], Value]:
    def scalar(value: Value) -> Value:
        day = _day(value)
        return None if day is None else read(day)

    return scalar


AGGREGATES: dict[str, tuple[type[Any], int]] = {
    "MEDIAN": (Median, 1),
    "MODE": (Mode, 1),
    "PERCENTILE": (Percentile, 2),
    "PERCENTILE_CONT": (PercentileCont, 2),
    "STDDEV": (StdSamp, 1),
    "STDDEV_POP": (StdPop, 1),
    "STDDEV_SAMP": (StdSamp, 1),
    "VARIANCE": (VarSamp, 1),
    "VAR_POP": (VarPop, 1),
    "VAR_SAMP": (VarSamp, 1),
}
"""Aggregate functions: name → (class, number of arguments)."""

SCALARS: dict[str, Callable[[Value], Value]] = {
    "DAYNAME": _of_day(lambda day: _DAYS[day.weekday()]),
    "MONTHNAME": _of_day(lambda day: _MONTHS[day.month - 1]),
    "QUARTER": _of_day(lambda day: (day.month + 2) // 3),
    "WEEK": _of_day(lambda day: day.isocalendar()[1]),
}
"""Functions of one ISO date; NULL of anything else. WEEK is ISO 8601's."""

NAMES = frozenset((*AGGREGATES, *SCALARS))


def register(connection: sqlite3.Connection) -> None:
    """Add the functions that this SQLite lacks."""
    own = built_in(connection)
    for name, (aggregate, count) in AGGREGATES.items():
        if name not in own:
            connection.create_aggregate(name, count, aggregate)
    for name, scalar in SCALARS.items():
        if name not in own:
            connection.create_function(name, 1, scalar, deterministic=True)


def built_in(connection: sqlite3.Connection) -> frozenset[str]:
    """Which of NAMES this SQLite brings itself."""
    try:
        rows = connection.execute("SELECT name FROM pragma_function_list").fetchall()
    except sqlite3.Error:  # before 3.30 none of them is there
        return frozenset()
    return NAMES & {str(name).upper() for (name,) in rows}
