"""Tell numbers that are times: the unit and the origin, by range, spread, name and neighbours.

    visit_date: 1714694400000000, 1714780800123456 → microseconds since 1970

Two origins that put all values into plausible years are both said; then nothing is sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from sqlagent.database.column_facts import encodings as enc
from sqlagent.database.column_facts.encodings import DigitDate, Linear
from sqlagent.database.column_facts.fact import ColumnFact, Evidence
from sqlagent.database.column_facts.name_words import (
    DATE,
    DIGITS,
    DURATION,
    PERIOD,
    speaks_of,
    speaks_of_time,
    words,
)
from sqlagent.database.schema import Value

_YEAR = 31_556_952
FIRST, LAST = 1990, 2040
"""Years of the times that applications write, for units that nothing but a date's own look speaks for."""
_OPEN_END = "9999-12-31"
"""The last day of what does not end."""
_FEW = 8
"""Distinct values from which on the numbers speak for themselves."""
_LONG = (enc.UNIX_MS, enc.UNIX_US, enc.UNIX_NS, enc.WEBKIT_US, enc.FILETIME, enc.NET_TICKS, enc.COCOA_NS)


def numeric_time(evidence: Evidence, today: int) -> ColumnFact | None:
    """What the numbers of a column mean as times, or None. `today`: Unix seconds."""
    if not evidence.values or not set(map(type, evidence.values)) <= {int, float}:
        return None
    numbers = cast("list[int | float]", list(evidence.values))
    nothing: tuple[Value, ...] = ()
    present = numbers
    if 0 in evidence.values or -1 in evidence.values:
        nothing = tuple(n for n in numbers if n in (0, -1))
        present = [n for n in numbers if n not in (0, -1)]
        if not present:
            return None
    found = _digits(evidence, present) or _epoch(evidence, present, today) or _days(evidence, present)
    if found is None:
        return None
    encoding, certainty, others = found
    sample = encoding.decode(present[len(present) // 2])
    meaning = "date" if sample is not None and len(sample) == 10 else "datetime"
    if sample is not None and len(sample) == 7:
        meaning = "month"
    return ColumnFact(
        meaning,  # type: ignore[arg-type]
        encoding,
        certainty,
        nothing,
        others=tuple(other.words for other in others),
        sample=sample,
    )


Found = tuple["Linear | DigitDate", float, Sequence[Linear]]


def _digits(evidence: Evidence, numbers: Sequence[int | float]) -> Found | None:
    """YYYYMMDD and its kin: every number is a real date of 1700 to 2100."""
    for digits, subject, alone in ((8, DIGITS, 4), (6, PERIOD, 13), (14, DIGITS, 2)):
        encoding = DigitDate(digits)
        if encoding.decode(numbers[0]) is None:
            continue
        dates = [encoding.decode(number) for number in numbers]
        if not all(
            date is not None and ("1700" <= date[:4] <= "2100" or date == _OPEN_END) for date in dates
        ):
            continue
        named = speaks_of(evidence.name, subject) or speaks_of_time(evidence.name)
        years = {date[:4] for date in dates if date}
        if digits == 6 and not named and len(years) < 2:
            continue
        if named or (len(set(numbers)) >= alone and not evidence.key):
            return encoding, 0.995, ()
    return None


def _epoch(evidence: Evidence, numbers: Sequence[int | float], today: int) -> Found | None:
    """Counts of seconds or less since 1601, 1970 or 2001."""
    low, high = min(numbers), max(numbers)
    name, distinct = evidence.name, len(numbers)
    named = speaks_of_time(name) and not (speaks_of(name, DURATION) and low < 10**9)
    core_data = _is_core_data(evidence)
    fitting = [
        unit for unit in _LONG if _within(unit, low, high, 2000 if unit is enc.UNIX_NS else FIRST, LAST)
    ]
    if not core_data and len(fitting) > 1 and enc.COCOA_NS in fitting:
        fitting.remove(enc.COCOA_NS)
    recent = [unit for unit in fitting if _years(unit, high) <= _today(today) + 2]
    if fitting:
        if core_data and enc.COCOA_NS in fitting:
            fitting = [enc.COCOA_NS]
        elif "ticks" in words(name):
            fitting = [unit for unit in fitting if unit in (enc.NET_TICKS, enc.FILETIME)] or fitting
        elif len(recent) == 1:
            fitting = recent
        if named or (distinct >= _FEW and recent and not _looks_random(numbers)):
            unit, *others = fitting
            return _with_days(unit, numbers), 0.995 if not others and (named or recent) else 0.6, others
        return None
    seconds = _within(enc.UNIX_S, low, high, 1973, LAST)
    cocoa = _within(enc.COCOA_S, low, high, 2005, LAST)
    if cocoa and core_data and named:
        return _with_days(enc.COCOA_S, numbers), 0.995, ()
    if seconds and named and high > 3e8:
        # Values of the nineties only would be of this decade, were they counted from 2001.
        doubtful = cocoa and _years(enc.UNIX_S, high) < 1996
        return _with_days(enc.UNIX_S, numbers), 0.6 if doubtful else 0.995, [enc.COCOA_S] if doubtful else []
    return None


def _days(evidence: Evidence, numbers: Sequence[int | float]) -> Found | None:
    """Julian days and the days of spreadsheets: small numbers, so only under the name of a date."""
    low, high, name = min(numbers), max(numbers), evidence.name
    parts = words(name)
    julian = not {"jd", "julian", "julianday"}.isdisjoint(parts)
    if evidence.key or not (speaks_of(name, DATE) or speaks_of_time(name) or julian):
        return None
    whole = all(float(n).is_integer() for n in numbers)
    if _within(enc.JULIAN, low, high, 1850, 2100) and (julian or len(set(numbers)) >= 2 or not whole):
        return (
            enc.JULIAN if not whole else Linear(enc.JULIAN.words, enc.JULIAN.per_second, enc.JULIAN.origin),
            (0.995),
            (),
        )
    strong = speaks_of(name, DATE) and parts[-1] not in ("id", "key", "no", "num", "number", "count")
    if strong and _within(enc.EXCEL, low, high, 1950, 2060) and "days" not in parts:
        return _with_days(enc.EXCEL, numbers), 0.99 if len(set(numbers)) >= 3 else 0.9, ()
    return None


def _with_days(unit: Linear, numbers: Sequence[int | float]) -> Linear:
    """The unit, with whole days noted where every number is one (and there is more than one)."""
    seconds = [number / unit.per_second + unit.origin for number in numbers]
    whole = len(set(numbers)) >= 3 and all(second % enc.DAY == 0 for second in seconds)
    return Linear(unit.words, unit.per_second, unit.origin, whole_days=True) if whole else unit


def _within(unit: Linear, low: int | float, high: int | float, first: int, last: int) -> bool:
    if unit.origin == enc.COCOA_S.origin:
        first = max(first, 2004)  # small numbers count next to nothing since 2001
    return first <= _years(unit, low) and _years(unit, high) <= last


def _years(unit: Linear, number: int | float) -> float:
    return 1970 + (number / unit.per_second + unit.origin) / _YEAR


def _today(today: int) -> float:
    return 1970 + today / _YEAR


def _is_core_data(evidence: Evidence) -> bool:
    """Whether the table is written by Apple's Core Data, or by Messages, which counts likewise."""
    names = {name.upper() for name in evidence.neighbours}
    return "Z_PK" in names or {"HANDLE_ID", "SERVICE"} <= names


def _looks_random(numbers: Sequence[int | float]) -> bool:
    """Whether numbers fill more than thirty years evenly, as hashes do and times do not."""
    return max(numbers) > 2.5 * min(numbers)
