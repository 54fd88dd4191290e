"""Decide what the cells of a column of text mean, and turn them into it: "1,234.50" is 1234.5, "05/03/2004" a date.

A column is only taken for what all of its cells are. Invariant: what is not certain stays the text that it was: codes
with leading zeros, days that may be months, numbers beside words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

Cell = str | int | float | None
Convert = Callable[[str], Cell]

NOTHING = frozenset(
    ("", "n/a", "na", "#n/a", "null", "none", "nan", "-", "--", "–", "—", "?", ".", "nil", "\\n")
)
"""Cells that say nothing, folded, where the other cells are numbers or dates."""
MOST_NOTHING = 0.9
"""A column with a larger share of such cells is left as it is."""

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_REAL = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_CODE = re.compile(r"[+-]?0\d")
_POINT = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d{1,15}(?:\.\d+)?")
_COMMA = re.compile(r"-?\d{1,3}(?:[.\u00a0\u202f ']\d{3})+(?:,\d+)?|-?\d{1,15}(?:,\d+)?")
_UNIT = r"(?:US\$|R\$|[$€£¥₹₽]|CHF|EUR|USD|GBP|kr|zł)"
_DIGITS = r"[\d.,'\u00a0\u202f ]*\d"
_MONEY = re.compile(
    rf"(?P<sign>[+-]?)\s*{_UNIT}\s*(?P<number>{_DIGITS})|(?P<sign2>[+-]?)(?P<number2>{_DIGITS})\s*{_UNIT}"
)
_PERCENT = re.compile(r"(?P<number>[+-]?\d+(?:[.,]\d+)?)\s*%")
_DMY = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
_YMD = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august",
         "sep sept september", "oct october", "nov november", "dec december"), 1,
    )
    for name in names.split()
}  # fmt: skip
_WORDED = re.compile(r"(?:(?P<d>\d{1,2})(?:st|nd|rd|th)?[ -](?P<m>[A-Za-z]{3,9})\.?,?[ -](?P<y>\d{4})"
                     r"|(?P<m2>[A-Za-z]{3,9})\.? (?P<d2>\d{1,2})(?:st|nd|rd|th)?,? (?P<y2>\d{4}))")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """What the cells of a column are. `said`: what was done to them, "" where nothing was."""

    name: str
    type: str
    convert: Convert
    said: str = ""
    plain: Callable[[Sequence[str]], list[Cell]] | None = None
    """Converts a column of cells that are written plainly, all at once, and raises ValueError at others."""


class NotThisKind(ValueError):
    """A cell is not what its column was taken for."""


def _integer(cell: str) -> Cell:
    if _INTEGER.fullmatch(cell):
        return int(cell)
    raise NotThisKind(cell)


def _real(cell: str) -> Cell:
    # A float has 15 digits: a longer number is a code, and would lose its last ones.
    if (
        _REAL.fullmatch(cell)
        and not _CODE.match(cell)
        and not (len(cell) > 15 and cell.lstrip("-").isdigit())
    ):
        return float(cell)
    raise NotThisKind(cell)


_MARKS = str.maketrans("", "", "\u00a0\u202f '")


def _number_of(digits: str, comma: bool) -> float | int:
    digits = digits.translate(_MARKS)
    digits = digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")
    return float(digits) if "." in digits else int(digits)


def _with_point(cell: str) -> Cell:
    if _POINT.fullmatch(cell) and not _CODE.match(cell):
        return float(cell.replace(",", ""))
    raise NotThisKind(cell)


def _with_comma(cell: str) -> Cell:
    if _COMMA.fullmatch(cell) and not _CODE.match(cell):
        return _number_of(cell, True)
    raise NotThisKind(cell)


def _money(comma: bool) -> Convert:
    pattern = _COMMA if comma else _POINT

    def convert(cell: str) -> Cell:
        found = _MONEY.fullmatch(cell)
        if found is not None:
            number = (found["number"] or found["number2"] or "").strip()
            sign = found["sign"] or found["sign2"] or ""
            if pattern.fullmatch(number):
                return _number_of(sign + number, comma)
        raise NotThisKind(cell)

    return convert


def _percent(cell: str) -> Cell:
    if found := _PERCENT.fullmatch(cell):
        return _number_of(found["number"], "," in found["number"])
    raise NotThisKind(cell)


def _date(year: str, month: str | int, day: str, time: str | None = None) -> str:
    try:
        made = date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        raise NotThisKind(f"{year}-{month}-{day}") from None
    return f"{made} {time.zfill(len(time) + (time[1:2] == ':'))}" if time else made


def _day_first(cell: str) -> Cell:
    if found := _DMY.fullmatch(cell):
        return _date(found[4], found[3], found[1], found[5])
    raise NotThisKind(cell)


def _month_first(cell: str) -> Cell:
    if found := _DMY.fullmatch(cell):
        return _date(found[4], found[1], found[3], found[5])
    raise NotThisKind(cell)


def _year_first(cell: str) -> Cell:
    if found := _YMD.fullmatch(cell):
        return _date(found[1], found[2], found[3], found[4])
    raise NotThisKind(cell)


def _worded(cell: str) -> Cell:
    found = _WORDED.fullmatch(cell)
    month = _MONTHS.get((found["m"] or found["m2"]).lower()) if found else None
    if found is None or month is None:
        raise NotThisKind(cell)
    return _date(found["y"] or found["y2"], month, found["d"] or found["d2"])


def _iso(cell: str) -> Cell:
    if _ISO.fullmatch(cell):
        return cell
    raise NotThisKind(cell)


def _text(cell: str) -> Cell:
    return cell


def _plain_integers(cells: Sequence[str]) -> list[Cell]:
    numbers = list(map(int, cells))
    if list(map(str, numbers)) != list(cells):  # a code, or written as people write numbers
        raise ValueError
    if numbers and not -(2**63) <= min(numbers) <= max(numbers) < 2**63:
        raise ValueError
    return [*numbers]


_NOT_PLAIN = re.compile(r"[^0-9.\n-]|^-?0[0-9]|[0-9]{16}", re.MULTILINE)
"""What is in no number that is written plainly; what is left and is none, `float` refuses."""


def _plain_reals(cells: Sequence[str]) -> list[Cell]:
    if _NOT_PLAIN.search("\n".join(cells)):
        raise ValueError
    return [*map(float, cells)]


INTEGER = Kind("integer", "INTEGER", _integer, plain=_plain_integers)
REAL = Kind("real", "REAL", _real, plain=_plain_reals)
TEXT = Kind("text", "TEXT", _text)
ISO = Kind("iso date", "DATE", _iso)
DAY_FIRST = Kind("day first", "DATE", _day_first, "dates, day first")
MONTH_FIRST = Kind("month first", "DATE", _month_first, "dates, month first")
KINDS = (
    INTEGER,
    REAL,
    ISO,
    Kind("grouped", "REAL", _with_point, "numbers with commas in thousands"),
    Kind("grouped comma", "REAL", _with_comma, "numbers with a decimal comma"),
    Kind("money", "REAL", _money(False), "amounts of money"),
    Kind("money comma", "REAL", _money(True), "amounts of money with a decimal comma"),
    Kind("percent", "REAL", _percent, "percentages"),
    DAY_FIRST,
    MONTH_FIRST,
    Kind("year first", "DATE", _year_first, "dates, year first"),
    Kind("worded", "DATE", _worded, "dates in words"),
)
"""In the order of preference; the first that takes every cell is taken."""


def kind_of_column(cells: Iterable[str], excluded: Sequence[str] = ()) -> Kind:
    """What all of a column's cells are, but for those that say nothing; TEXT where they are nothing in common.

    Dates whose day may be the month are taken for dates with the day first: see `both_days_and_months`.
    excluded: names of kinds that a cell further on has ruled out.
    """
    said = [cell for cell in map(str.strip, cells)]
    filled = {cell for cell in said if cell.lower() not in NOTHING}
    empty = sum(cell.lower() in NOTHING for cell in said)
    if not filled or (said and empty > MOST_NOTHING * len(said) and len(filled) < 3):
        return TEXT
    return next((kind for kind in KINDS if kind.name not in excluded and _fits(kind, filled)), TEXT)


def both_days_and_months(cells: Iterable[str]) -> bool:
    """Whether a column holds dates whose day and month cannot be told apart."""
    filled = {cell for cell in map(str.strip, cells) if cell.lower() not in NOTHING}
    return bool(filled) and _fits(DAY_FIRST, filled) and _fits(MONTH_FIRST, filled)


def _fits(kind: Kind, cells: Iterable[str]) -> bool:
    try:
        for cell in cells:
            kind.convert(cell)
    except NotThisKind:
        return False
    return True


class Converter(dict[str, Cell]):
    """Turns cells into their values, NULL for those that say nothing, and remembers the first 50,000 different ones.

    `converter[cell]` raises NotThisKind; a column is `list(map(converter.__getitem__, cells))`.
    """

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self._convert = kind.convert

    def __missing__(self, cell: str) -> Cell:
        bare = cell.strip()
        value = None if bare.lower() in NOTHING else self._convert(bare)
        if len(self) < 50_000:
            self[cell] = value
        return value


def converted(kind: Kind, converter: Converter, column: Sequence[str]) -> Sequence[Cell]:
    """The values of a column's cells. Raises NotThisKind."""
    if kind is TEXT:
        return [cell or None for cell in column] if "" in column else column
    if kind.plain is not None:
        try:
            if "" not in column:
                return kind.plain(column)
            filled = iter(kind.plain([cell for cell in column if cell]))
            return [next(filled) if cell else None for cell in column]
        except ValueError:
            pass
    return list(map(converter.__getitem__, column))
