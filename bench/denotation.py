"""Compare the rows of a statement with a set of answers, as WikiTableQuestions' own evaluator compares.

    matches(["12,467"], [(12467,)])                    a number is a number however it is written
    matches(["March 4, 2005"], [("2005-03-04",)])      so is a date
    matches(["Oslo", "Bergen"], [("bergen",), ("oslo",), ("oslo",)])

Every cell of every row is a value; values are a set, without order. Invariant: two sets are equal when they have the
same size and each wanted value is among the found ones. Texts are compared without case, accents, footnote marks and
what stands in parentheses behind them (`evaluator.py` of Pasupat and Liang 2015).
"""

from __future__ import annotations

import calendar
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence

Cell = str | int | float | bytes | None
Value = tuple[str, object]
"""A kind (number, date, text) and what it holds; equal values are equal tuples."""

DIGITS = 6
"""Decimal places to which numbers are compared."""

_ALIKE = {"'": "‘’´`", '"': "“”", "-": "‐‑‒–—−"}
_PLAIN = str.maketrans({odd: plain for plain, odds in _ALIKE.items() for odd in odds})
_FOOTNOTES = re.compile(r"((?<!^)\[[^\]]*\]|\[\d+\]|[•♦†‡*#+])*$")
_DETAILS = re.compile(r"(?<!^)( \([^)]*\))*$")
_QUOTED = re.compile(r'"([^"]*)"')
_NUMBER = re.compile(r"([-+]?)[$€£]? ?(\d+|\d{1,3}(?:,\d{3})+)?(\.\d+)?(e[-+]?\d+)? ?%?")
_MONTHS = [name.lower() for name in calendar.month_name[1:]]
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_DATES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?P<year>\d{4}|xx|xxxx)-(?P<number>\d\d?|xx)-(?P<day>\d\d?|xx)(?:[t ]00:00(?::00)?)?",
        rf"{_MONTH} (?P<day>\d\d?)(?:st|nd|rd|th)?(?:,? (?P<year>\d{{4}}))?",
        rf"(?P<day>\d\d?)(?:st|nd|rd|th)? {_MONTH}(?:,? (?P<year>\d{{4}}))?",
        rf"{_MONTH},? (?P<year>\d{{4}})",
    )
)


def matches(answer: Iterable[str], rows: Iterable[Sequence[Cell]]) -> bool:
    """Whether the cells of the rows are the answer's values."""
    return {value(text) for text in answer} == {value(cell) for row in rows for cell in row}


def value(cell: Cell) -> Value:
    """A cell or an answer's text as what it says."""
    if isinstance(cell, (int, float)):
        return _number(float(cell))
    if cell is None or isinstance(cell, bytes):
        return "other", cell
    text = normalise(cell)
    number = _NUMBER.fullmatch(text)
    if number and (number[2] or number[3]):
        digits = (number[2] or "0").replace(",", "")
        return _number(float(f"{number[1]}{digits}{number[3] or ''}{number[4] or ''}"))
    for form in _DATES:
        if found := form.fullmatch(text):
            parts = _date(found.groupdict())
            if parts is not None:
                year, month, day = parts
                return _number(float(year)) if not (month or day) and year else ("date", parts)
    return "text", text


def normalise(text: str) -> str:
    """A text without what two writers of the same thing may write differently."""
    marks = unicodedata.normalize("NFKD", text.translate(_PLAIN))
    text = "".join(c for c in marks if unicodedata.category(c) != "Mn").strip()
    while True:
        before = text
        text = _DETAILS.sub("", _FOOTNOTES.sub("", text).strip()).strip()
        if quoted := _QUOTED.fullmatch(text):
            text = quoted[1].strip()
        if text == before:
            return " ".join(text.removesuffix(".").lower().split())


def _number(number: float) -> Value:
    return "number", round(number, DIGITS) + 0.0 if math.isfinite(number) else str(number)


def _date(parts: dict[str, str | None]) -> tuple[int, int, int] | None:
    """Year, month and day, 0 for what is not said; None where it is no date."""
    month = parts.get("number")
    if name := parts.get("month"):
        found = [
            n for n, full in enumerate(_MONTHS, 1) if full.startswith(name) or (name == "sept" and n == 9)
        ]
        if not found:
            return None
        month = str(found[0])
    year, number, day = (
        int(p) if p and p.isdigit() else 0 for p in (parts.get("year"), month, parts.get("day"))
    )
    return (year, number, day) if number <= 12 and day <= 31 else None
