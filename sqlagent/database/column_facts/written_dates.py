"""Decode dates that are written as texts, by a format or by several.

    TextDate("%d/%m/%Y").decode("03/05/2024") == "2024-05-03"

Invariant: `decode` gives ISO text, or None where the text is not of the format or names no real date.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from sqlagent.database.schema import Value

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_FULL_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december", "sept",
)  # fmt: skip
_DAYS_OF_ALL_MONTHS = frozenset(f"{day:{width}}" for day in range(1, 29) for width in ("", "02"))
_PIECE = re.compile(r"%[dmYBbHMSIp]|[^%]+")


@dataclass(frozen=True, slots=True)
class TextDate:
    """A date in words or digits by a strptime format of `%d %m %Y %b %B %H %M %S %I %p`, literal text between.

    `fixed`: every value has the same length and two-digit fields, so that fields lie at fixed places.
    """

    format: str
    fixed: bool = False

    @property
    def words(self) -> str:
        names = {"%d": "dd", "%m": "mm", "%Y": "yyyy", "%b": "Mon", "%B": "Month", "%H": "hh", "%I": "hh",
                 "%M": "mm", "%S": "ss", "%p": "am/pm"}  # fmt: skip
        return "".join(names.get(piece, piece) for piece in pieces(self.format)) + " text"

    @property
    def has_time(self) -> bool:
        return "%M" in self.format

    def decode(self, value: Value | None) -> str | None:
        found = _pattern(self.format).fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        part = found.groupdict()
        month = _month(part["month"])
        if month is None or not real_date(int(part["year"]), month, int(part["day"])):
            return None
        date = f"{int(part['year']):04}-{month:02}-{int(part['day']):02}"
        if not self.has_time:
            return date
        hour = int(part["hour"])
        if part.get("half"):
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if part["half"].lower().startswith("p") else 0)
        second = part.get("second") or "00"
        clock = f"{hour:02}:{part['minute']}:{second}"
        return f"{date} {clock}" if real_time(f"{hour}", part["minute"], second) else None

    def begins(self, text: str) -> bool:
        """Whether a text has the look of this format, whatever stands behind it."""
        return _pattern(self.format).match(text) is not None

    def is_of_all(self, texts: Sequence[str]) -> bool:
        """Whether `decode` gives a time for each text: told in one go, since a column may have a thousand of them."""
        lines, pattern = "\n".join(texts), _lines(self.format)
        found = pattern.findall(lines)
        if len(found) < len(texts) or lines.count("\n") >= len(texts):
            return False
        part = dict(zip(pattern.groupindex, map(set, zip(*found, strict=True)), strict=True))
        if "hour" in part:
            first, last = (1, 12) if "half" in part else (0, 23)
            clock = *part["minute"], *part.get("second", ())
            if not all(first <= int(hour) <= last for hour in part["hour"]) or max(map(int, clock)) > 59:
                return False
        months = {month: _month(month) for month in part["month"]}
        if not all(month and month <= 12 for month in months.values()) or min(map(int, part["year"])) < 1:
            return False
        if part["day"] <= _DAYS_OF_ALL_MONTHS:
            return True
        place = [pattern.groupindex[name] - 1 for name in ("year", "month", "day")]
        dates = {tuple(groups[n] for n in place) for groups in found}
        return all(
            real_date(int(y), months[m] or 0, int(d)) for y, m, d in dates if d not in _DAYS_OF_ALL_MONTHS
        )


@dataclass(frozen=True, slots=True)
class MixedDate:
    """Dates of several formats or precisions in one column: `27 july 1955`, `July 1955`, `1955`.

    A format is one of `TextDate`'s without a time, or has no day, or the year alone; the more exact ones come first.
    """

    formats: tuple[str, ...]

    @property
    def words(self) -> str:
        return " or ".join(TextDate(format).words.removesuffix(" text") for format in self.formats) + " text"

    def decode(self, value: Value | None) -> str | None:
        """ISO text as exact as the value is: a day, a month or a year."""
        if not isinstance(value, str):
            return None
        return next((date for format in self.formats if (date := partial_date(format, value))), None)


def partial_date(format: str, text: str) -> str | None:
    """A text of a format as ISO text: `1955-07-27`, `1955-07`, `1955`; None where it is none, or no real date."""
    found = _pattern(format).fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    year, month = int(part["year"]), _month(part["month"]) if "month" in part else 1
    if month is None or not real_date(year, month, int(part.get("day") or 1)):
        return None
    return "-".join([f"{year:04}", *([f"{month:02}"] if "month" in part else [])]) + (
        f"-{int(part['day']):02}" if "day" in part else ""
    )


def pieces(format: str) -> list[str]:
    """A format cut into its fields and the texts between them."""
    return _PIECE.findall(format)


def real_date(year: int, month: int, day: int) -> bool:
    if not (1 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= 31):
        return False
    return day <= 28 or day <= monthrange(year, month)[1]


def real_time(hour: str, minute: str, second: str) -> bool:
    return int(hour) < 24 and int(minute) < 60 and int(second) < 60


def _month(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    word = text.lower().rstrip(".")
    return MONTHS.index(word[:3]) + 1 if word in MONTHS or word in _FULL_MONTHS else None


@cache
def _pattern(format: str) -> re.Pattern[str]:
    return re.compile(_expression(format))


@cache
def _lines(format: str) -> re.Pattern[str]:
    """The same for a whole line among others."""
    return re.compile(f"^{_expression(format)}$", re.MULTILINE)


def _expression(format: str) -> str:
    fields = {
        "%d": r"(?P<day>\d{1,2})", "%m": r"(?P<month>\d{1,2})", "%Y": r"(?P<year>\d{4})",
        "%b": r"(?P<month>[A-Za-z]{3,4}\.?)", "%B": r"(?P<month>[A-Za-z]{3,9})",
        "%H": r"(?P<hour>\d{1,2})", "%I": r"(?P<hour>\d{1,2})", "%M": r"(?P<minute>\d{2})",
        "%S": r"(?P<second>\d{2})", "%p": r"(?P<half>[AaPp]\.?[Mm]\.?)",
    }  # fmt: skip
    return "".join(fields.get(piece, re.escape(piece)) for piece in pieces(format))
