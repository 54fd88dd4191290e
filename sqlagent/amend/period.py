"""Count days, weeks, months, quarters and years: a `Period` is from its first day to before the one behind its last.

    unit(date(2026, 11, 28), "month", -1)  # from 2026-10-01 to before 2026-11-01
    moved(date(2026, 1, 31), 1)            # 2026-02-28: the month's last day

Weeks begin on Monday. Days before the year 1 or after 9999 raise ValueError or OverflowError, as `datetime` does.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, timedelta

DAY = timedelta(days=1)
MONTHS = [
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
]  # fmt: skip
Span = tuple[date, date]
"""A first day, and the one behind the last."""
_IN_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `begin` to before `end`; None where it is open.

    `start` and `stop` are the places of its words in the question. yearless: no year was said, and the days are those
    of the latest one. rolling: it is counted back from today. spans: its words name both ends.
    """

    begin: date | None
    end: date | None
    start: int
    stop: int
    yearless: bool = False
    rolling: bool = False
    spans: bool = False

    @property
    def year(self) -> int:
        """The year of its last day; of its first one where it has no end."""
        last = self.end - DAY if self.end else self.begin
        assert last is not None  # one end at least is known
        return last.year

    def in_year(self, year: int) -> Period:
        """A yearless one in another year."""
        months = 12 * (year - self.year)
        return replace(
            self,
            begin=self.begin and moved(self.begin, months),
            end=self.end and moved(self.end, months),
        )

    def said(self) -> str:
        """The days in words: `1 to 31 October 2026`."""
        if self.begin is None:
            return f"until {_written(self.end - DAY)}" if self.end else ""
        if self.end is None:
            return f"from {_written(self.begin)}"
        last = self.end - DAY
        if last <= self.begin:
            return _written(self.begin)
        if (last.year, last.month) == (self.begin.year, self.begin.month):
            return f"{self.begin.day} to {_written(last)}"
        return f"{_written(self.begin)} to {_written(last)}"


def _written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"


def moved(day: date, months: int) -> date:
    """The same day so many months later; the month's last where it has no such day."""
    number = day.year * 12 + day.month - 1 + months
    year, month = divmod(number, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def away(day: date, kind: str, steps: int) -> date:
    """The day that is so many units later; earlier where `steps` is below 0."""
    if kind in _IN_MONTHS:
        return moved(day, steps * _IN_MONTHS[kind])
    return day + steps * (7 if kind == "week" else 1) * DAY


def unit(day: date, kind: str, steps: int = 0) -> Span:
    """The day, week, month, quarter or year that a day is in, or one so many units later."""
    if kind == "day":
        return day + steps * DAY, day + (steps + 1) * DAY
    if kind == "week":
        begin = day - day.weekday() * DAY + steps * 7 * DAY
        return begin, begin + 7 * DAY
    size = _IN_MONTHS[kind]
    begin = date(day.year, (day.month - 1) // size * size + 1, 1)
    return moved(begin, steps * size), moved(begin, (steps + 1) * size)
