"""Decode stored values: times, dates, numbers and yes/no as applications and spreadsheets write them.

    Linear("µs since 1970", 1_000_000, 0).decode(1714694400000000) == "2024-05-03 00:00:00"

Invariant: `decode` gives what the value means (ISO text in UTC, a number, 0 or 1), or None where the value is not
of this encoding; it never guesses.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlagent.database.column_facts.written_dates import MixedDate, TextDate, real_date, real_time
from sqlagent.database.schema import Value

DAY = 86_400
EPOCH = datetime(1970, 1, 1)
_DURATION = re.compile(r"(\d{1,4}):([0-5]\d)(?::([0-5]\d))?(\.\d+)?")
_NUMBER_TEXT = re.compile(r"([+-]?)(\d+(?:\.\d*)?|\.\d+)")
MULTIPLIERS = {"k": 1_000, "m": 1_000_000, "b": 1_000_000_000, "bn": 1_000_000_000}
"""What a letter behind a number multiplies it by."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A number that counts units from an origin. `per_second` units make a second; `origin` is in Unix seconds."""

    words: str
    per_second: int | float
    origin: int | float
    whole_days: bool = False
    """Every value falls on midnight: a date without a time of day."""

    def decode(self, value: Value | None) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if isinstance(value, int) and isinstance(self.per_second, int):
            seconds: float = value // self.per_second + self.origin
        else:
            seconds = round(value / self.per_second + self.origin, 3)
        try:
            moment = EPOCH + timedelta(seconds=seconds)
        except OverflowError:
            return None
        return f"{moment:%Y-%m-%d}" if self.whole_days else f"{moment:%Y-%m-%d %H:%M:%S}"


UNIX_S = Linear("seconds since 1970", 1, 0)
UNIX_MS = Linear("milliseconds since 1970", 1_000, 0)
UNIX_US = Linear("microseconds since 1970", 1_000_000, 0)
UNIX_NS = Linear("nanoseconds since 1970", 1_000_000_000, 0)
WEBKIT_US = Linear("microseconds since 1601", 1_000_000, -11_644_473_600)
FILETIME = Linear("100-nanosecond ticks since 1601", 10_000_000, -11_644_473_600)
NET_TICKS = Linear("100-nanosecond ticks since the year 1", 10_000_000, -62_135_596_800)
COCOA_S = Linear("seconds since 2001", 1, 978_307_200)
COCOA_NS = Linear("nanoseconds since 2001", 1_000_000_000, 978_307_200)
JULIAN = Linear("Julian days", 1 / DAY, -2_440_587.5 * DAY)
EXCEL = Linear("spreadsheet days since 1900", 1 / DAY, -25_569 * DAY)


@dataclass(frozen=True, slots=True)
class DigitDate:
    """`20240503`, `202405` or `20240503142500` (by `digits`), as a number or as text."""

    digits: int
    text: bool = False

    @property
    def words(self) -> str:
        return {6: "YYYYMM", 8: "YYYYMMDD", 14: "YYYYMMDDhhmmss"}[self.digits] + (
            " text" if self.text else " numbers"
        )

    def decode(self, value: Value | None) -> str | None:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, (bool, float, bytes)) or value is None or isinstance(value, str) != self.text:
            return None
        text = str(value)
        if len(text) != self.digits or not (text.isascii() and text.isdigit()):
            return None
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8] or 1)
        if not real_date(year, month, day):
            return None
        date = f"{year:04}-{month:02}" + (f"-{day:02}" if self.digits > 6 else "")
        if self.digits < 14:
            return date
        hour, minute, second = text[8:10], text[10:12], text[12:]
        return f"{date} {hour}:{minute}:{second}" if real_time(hour, minute, second) else None


@dataclass(frozen=True, slots=True)
class TextNumber:
    """A number in a text: `prefix` and `thousands` are taken out, `decimal` is the point, the rest behind it ignored.

    `suffix` is the unit, for showing. `integer`: all values are whole. `multiplied`: K, M or B may stand behind.
    `mixed`: other values of the column are words, and stay so. `brackets`: `(45.00)` is below zero, as ledgers have
    it; `minus_behind`: so is `45.00-`.
    """

    prefix: str = ""
    thousands: str = ""
    decimal: str = "."
    suffix: str = ""
    integer: bool = False
    multiplied: bool = False
    mixed: bool = False
    brackets: bool = False
    minus_behind: bool = False

    @property
    def words(self) -> str:
        marks = [f"with {self.prefix!r} before"] if self.prefix else []
        marks += [f"{self.suffix!r} behind"] if self.suffix else []
        marks += [f"{self.thousands!r} between thousands"] if self.thousands else []
        marks += ["a decimal comma"] if self.decimal == "," else []
        marks += ["K, M or B for thousands, millions or billions"] if self.multiplied else []
        marks += ["brackets for below zero"] if self.brackets else []
        marks += ["a minus behind for below zero"] if self.minus_behind else []
        return "numbers in text" + (": " + ", ".join(marks) if marks else "")

    def decode(self, value: Value | None) -> int | float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            return None
        text = value.replace(self.prefix, "") if self.prefix else value
        text = text.replace("(", "-").replace(")", "") if self.brackets else text
        text = text.replace(self.thousands, "") if self.thousands else text
        text = text.replace(",", ".") if self.decimal == "," else text
        found = _NUMBER_TEXT.match(text.strip())
        if found is None:
            return None
        number = float(found.group())
        if self.multiplied:
            letters = re.match(r"\s*([A-Za-z]*)", text.strip()[found.end() :])
            number *= MULTIPLIERS.get(letters.group(1).lower(), 1) if letters else 1
        if self.minus_behind and text.rstrip().endswith("-"):
            number = -number
        return int(number) if self.integer and number.is_integer() else number


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something took, as a clock would show it: `1:02:33`, `62:05`, `3:45.12`; means a number of seconds.

    `fields` of every value, 0 for two or three; `hours`: two are hours and minutes; `whole`: no parts of seconds.
    """

    fields: int = 0
    hours: bool = False
    whole: bool = True

    @property
    def words(self) -> str:
        shape = {3: "h:mm:ss", 2: "h:mm" if self.hours else "m:ss"}.get(self.fields, "m:ss or h:mm:ss")
        return f"{shape} text, counted in seconds"

    def decode(self, value: Value | None) -> int | float | None:
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return None
        *fields, part = found.groups("")
        first, second, third = (int(field or 0) for field in fields)
        total = (
            first * 60 + second if not fields[2] and not self.hours else first * 3600 + second * 60 + third
        )
        return total + float(part) if part else total


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no, as two stored values; means 1 or 0."""

    yes: str
    no: str

    @property
    def words(self) -> str:
        return f"{self.yes!r} for yes, {self.no!r} for no"

    def decode(self, value: Value | None) -> int | None:
        return {self.yes: 1, self.no: 0}.get(value) if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Padded:
    """Text filled up with blanks."""

    words: str = "text with blanks at its end"

    def decode(self, value: Value | None) -> str | None:
        return value.rstrip(" ") if isinstance(value, str) else None


@dataclass(frozen=True, slots=True)
class Named:
    """A code that an application gives a meaning: pairs of the stored number or text and its name."""

    names: tuple[tuple[int | str, str], ...]

    @property
    def words(self) -> str:
        return "a code: " + ", ".join(f"{stored} {name}" for stored, name in self.names)

    def decode(self, value: Value | None) -> str | None:
        return dict(self.names).get(value) if isinstance(value, (int, str)) else None


@dataclass(frozen=True, slots=True)
class Scaled:
    """A number that is stored `by` times as large as it is meant."""

    by: int
    unit: str = ""

    @property
    def words(self) -> str:
        if (self.by, self.unit) == (1000, "seconds"):
            return "milliseconds"
        return f"{self.by} times the {self.unit or 'number'}"

    def decode(self, value: Value | None) -> int | float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        number = value / self.by
        return int(number) if number.is_integer() else number


@dataclass(frozen=True, slots=True)
class Listed:
    """Several texts in one: `nut, milk` with a separator between, or `["nut", "milk"]` in JSON.

    `known`: members that were seen, some of them.
    """

    separator: str = ""
    """"" for JSON; for a blank, blanks may stand around the whole as well."""
    known: frozenset[str] = frozenset()

    @property
    def words(self) -> str:
        return f"a list with {self.separator!r} between" if self.separator else "a list in JSON"

    def members(self, value: str) -> list[str]:
        """The texts in one. Raises ValueError where it is no JSON."""
        if self.separator:
            return [part.strip() for part in value.split(self.separator) if part.strip()]
        return [member for member in json.loads(value) if isinstance(member, str)]

    def decode(self, value: Value | None) -> str | None:
        """The first of them: what a person would ask for."""
        try:
            return next(iter(self.members(value)), None) if isinstance(value, str) else None
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class ZeroFilled:
    """Digits that name something, with zeros before: `007`, `02134`. `width` is that of all values, 0 for several."""

    width: int

    @property
    def words(self) -> str:
        return f"text of {self.width or ''} digits, zeros before".replace("  ", " ")

    def decode(self, value: Value | None) -> str | None:
        fits = isinstance(value, str) and value.isdigit() and len(value) == (self.width or len(value))
        return str(value) if fits else None


Encoding = (
    ZeroFilled
    | Listed
    | Linear
    | DigitDate
    | TextDate
    | MixedDate
    | TextNumber
    | Duration
    | Flag
    | Padded
    | Named
    | Scaled
)
