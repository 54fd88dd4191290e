"""Tell texts that are dates: the order of day, month and year is decided by the whole column.

`03/04/2024`, `25/12/2023` → `%d/%m/%Y`, since 25 is no month; without such a value both readings are said
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product

from sqlagent.database.column_facts.durations import text_duration
from sqlagent.database.column_facts.encodings import DigitDate
from sqlagent.database.column_facts.fact import SURE, ColumnFact, Evidence, Meaning
from sqlagent.database.column_facts.mixed_dates import mixed_dates
from sqlagent.database.column_facts.name_words import DIGITS, PERIOD, speaks_of, speaks_of_time
from sqlagent.database.column_facts.written_dates import MONTHS, TextDate, pieces

ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?", re.IGNORECASE
)
_MONTH_NAME = re.compile(rf"\b(?:{'|'.join(MONTHS)})[a-z]*\b", re.IGNORECASE)
_YEAR = re.compile(r"1[0-9]\d\d|20\d\d")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?")
_START = re.compile(
    r"\d{4}:\d\d:\d\d |\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4}|"
    r"\d{1,2}(?: |-|\. )[A-Za-z]{3,9}\.?[ -]\d{4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
)
"""What a date of any of the formats begins with."""
_NUMERIC = [
    f"{a}{sep}{b}{sep}{c}"
    for sep in "/.-"
    for a, b, c in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"))
]
_WORDED = ["%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%B %d %Y", "%b %d %Y"]
_TIMES = ["", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", ", %I:%M %p", ", %H:%M"]
_CAMERA = ["%Y:%m:%d"]
"""As cameras write it, with a time behind: `2024:05:03 10:00:00`; alone it is a duration as well."""
FORMATS = [*product(_TIMES, _NUMERIC + _WORDED), *product(_TIMES[1:2], _CAMERA)]


def text_date(evidence: Evidence, values: Mapping[str, int]) -> ColumnFact | None:
    """What the texts of a column mean as dates or times, or None. values: without those that mean nothing."""
    texts = list(values)
    if not texts:
        return None
    if all(map(ISO.fullmatch, texts)):
        meaning: Meaning = "date" if set(map(len, texts)) == {10} else "datetime"
        return ColumnFact(meaning, sample=texts[len(texts) // 2])
    if len(texts) > 1 and all(map(_YEAR.fullmatch, texts)):
        return ColumnFact("year", sample=texts[len(texts) // 2])
    if found := text_duration(evidence, texts):
        return found
    if all(map(_CLOCK.fullmatch, texts)):
        return ColumnFact("time", sample=texts[len(texts) // 2])
    return _digits(evidence, texts) or _formatted(texts) or _mixed(texts)


def _digits(evidence: Evidence, texts: Sequence[str]) -> ColumnFact | None:
    if not texts[0].isdigit():
        return None
    for digits, subject in ((8, DIGITS), (14, DIGITS), (6, PERIOD)):
        encoding = DigitDate(digits, text=True)
        if encoding.decode(texts[0]) is None:
            continue
        decoded = [encoding.decode(text) for text in texts]
        if not all(date is not None and "1700" <= date[:4] <= "2100" for date in decoded):
            continue
        if speaks_of(evidence.name, subject) or speaks_of_time(evidence.name):
            meaning: Meaning = {6: "month", 8: "date", 14: "datetime"}[digits]  # type: ignore[assignment]
            return ColumnFact(meaning, encoding, 0.995, sample=decoded[len(decoded) // 2])
    return None


def _formatted(texts: Sequence[str]) -> ColumnFact | None:
    """The one format that all texts have, or those that all have."""
    if _START.match(texts[0]) is None or not 8 <= min(map(len, texts)) <= max(map(len, texts)) <= 32:
        return None
    begins = {date for date in _NUMERIC + _WORDED + _CAMERA if TextDate(date).begins(texts[0])}
    found = [
        encoding
        for time, date in FORMATS
        if date in begins and bool(time) == (":" in texts[0])
        if (encoding := TextDate(date + time)).decode(texts[0]) is not None and encoding.is_of_all(texts)
    ]
    if not found:
        return None
    if len(found) == 2 and {"%b", "%B"} <= {piece[:2] for f in found for piece in re.findall("%.", f.format)}:
        found = found[:1]  # `May` is both; `%b` names it well
    first, *others = [_fixed(encoding, texts) for encoding in found]
    dotted = first.format.startswith("%d.%m")  # nobody writes the month first between points
    certainty = 0.995 if not others or dotted else 0.5
    sample = first.decode(texts[len(texts) // 2])
    meaning: Meaning = "datetime" if first.has_time else "date"
    return ColumnFact(
        meaning, first, certainty, others=() if dotted else tuple(o.words for o in others), sample=sample
    )


_IN_DIGITS = re.compile(r"\d{1,4}([/.-])\d{1,2}\1\d{1,4}")


def _mixed(texts: Sequence[str]) -> ColumnFact | None:
    """Dates in words, or in digits where these say which is the day, among months, years and other formats."""
    if len(texts) < 2 or not any(
        _MONTH_NAME.search(text) or _IN_DIGITS.fullmatch(text) for text in texts[:8]
    ):
        return None
    digits = [text for text in texts if _IN_DIGITS.fullmatch(text) and not ISO.fullmatch(text)]
    known = _formatted(digits) if digits else None
    if digits and (known is None or known.others or known.certainty < SURE):
        return None
    format = known.encoding.format if known is not None and isinstance(known.encoding, TextDate) else ""
    return mixed_dates(texts, format)


def _fixed(encoding: TextDate, texts: Sequence[str]) -> TextDate:
    """The same, `fixed` where each field has its full width in all texts."""
    width = {"%d": 2, "%m": 2, "%Y": 4, "%b": 3, "%H": 2, "%I": 2, "%M": 2, "%S": 2, "%p": 2}
    parts = pieces(encoding.format)
    if "%B" in parts:
        return encoding
    length = sum(width.get(part, len(part)) for part in parts)
    return TextDate(encoding.format, fixed=set(map(len, texts)) == {length})
