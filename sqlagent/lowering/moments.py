"""Read a literal as a moment of a certain grain: `2024-05` is a month, from 2024-05-01 to before 2024-06-01."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_ISO = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:[ T](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:\.\d+)?)?Z?)?)?)?"
)
_LOOSE = re.compile(r"(\d{4})[-%]*%[-%]*(0[1-9]|1[0-2])(?:[-%]+([0-3]\d))?[-%]*")
YEAR, MONTH, DAY, MINUTE, SECOND = 4, 7, 10, 16, 19
"""Grains, as the length of their ISO texts."""


@dataclass(frozen=True, slots=True)
class Span:
    """SQL of a span's start and of the moment behind its end, as ISO texts, and its grain.

    `text` is the start cut to the grain, as SQL.
    """

    start: str
    end: str
    grain: int
    text: str


def literal_span(value: str) -> Span | None:
    """The span that a literal's content names; None where it is no ISO date, month or year."""
    found = _ISO.fullmatch(value)
    if found is None:
        return None
    grain = next(
        size
        for size, part in (
            (SECOND, "second"),
            (MINUTE, "minute"),
            (DAY, "day"),
            (MONTH, "month"),
            (YEAR, "year"),
        )
        if found[part] is not None
    )
    numbers = {name: int(text) for name, text in found.groupdict().items() if text is not None}
    try:
        start = datetime(
            numbers["year"],
            numbers.get("month", 1),
            numbers.get("day", 1),
            numbers.get("hour", 0),
            numbers.get("minute", 0),
            numbers.get("second", 0),
        )
        end = _next(start, grain)
    except (ValueError, OverflowError):
        return None
    return Span(
        _quoted(_iso(start)), _quoted(_iso(end)), grain, _quoted(f"{start:%Y-%m-%d %H:%M:%S}"[:grain])
    )


def pattern_span(pattern: str) -> Span | None:
    """The span that a LIKE pattern names: `2024-05%`, `2024-05-%`, `2024%`; None for any other.

    `2024%05%` is a month as well, `2024%05%03%` a day: models write so, and nobody asks for the days of a year that
    have a 05 somewhere.
    """
    loose = _LOOSE.fullmatch(pattern)
    if loose is not None:
        return literal_span("-".join(filter(None, loose.groups())))
    if not pattern.endswith("%") or "_" in pattern or "%" in pattern[:-1]:
        return None
    return literal_span(pattern[:-1].rstrip("- "))


def computed_span(sql: str, grain: int) -> Span:
    """The span that a constant expression names, e.g. `date('now', '-7 days')`, a day."""
    step = {
        YEAR: "'+1 year'",
        MONTH: "'+1 month'",
        DAY: "'+1 day'",
        MINUTE: "'+1 minute'",
        SECOND: "'+1 second'",
    }
    function = "date" if grain <= DAY else "datetime"
    whole = {YEAR: f"{sql} || '-01-01'", MONTH: f"{sql} || '-01'"}.get(grain, sql)
    return Span(whole, f"{function}({whole}, {step[grain]})", grain, sql)


def _next(start: datetime, grain: int) -> datetime:
    if grain == YEAR:
        return start.replace(year=start.year + 1)
    if grain == MONTH:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start + {DAY: timedelta(days=1), MINUTE: timedelta(minutes=1), SECOND: timedelta(seconds=1)}[grain]


def _iso(moment: datetime) -> str:
    midnight = moment.hour == moment.minute == moment.second == 0
    return f"{moment:%Y-%m-%d}" if midnight else f"{moment:%Y-%m-%d %H:%M:%S}"


def _quoted(text: str) -> str:
    return f"'{text}'"
